//! What an agreement or a voucher has: granted = used + closed + left, of which a part is held.

use haina_core::{Currency, Money};
use serde::{Deserialize, Serialize};

/// Money for a purpose. Every part of what was granted is in exactly one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purse {
    /// All that was put in.
    pub granted: Money,
    /// What attempts cost that it paid.
    pub used: Money,
    /// What went back, or was forfeited, when its time was over or it was revoked.
    pub closed: Money,
    /// Held of what is left, for attempts that have not ended.
    pub held: Money,
}

impl Purse {
    /// With nothing in it.
    pub fn new(currency: Currency) -> Purse {
        let zero = Money::zero(currency);
        Purse { granted: zero, used: zero, closed: zero, held: zero }
    }

    /// What has neither been used nor closed: the balance of its ledger account.
    pub fn left(&self) -> Money {
        Money { micros: self.granted.micros - self.used.micros - self.closed.micros, ..self.granted }
    }

    /// What is left and not held.
    pub fn available(&self) -> Money {
        Money { micros: self.left().micros - self.held.micros, ..self.granted }
    }

    /// Holds `amount`.
    ///
    /// # Panics
    /// Where it is not available: placement must have seen that.
    pub fn take_hold(&mut self, amount: Money) {
        self.held.micros += amount.micros;
        assert!(self.available().micros >= 0, "a hold was taken that is not covered");
    }

    /// Gives a hold back.
    pub fn release_hold(&mut self, amount: Money) {
        self.held.micros -= amount.micros;
        assert!(self.held.micros >= 0, "more was released than held");
    }
}
