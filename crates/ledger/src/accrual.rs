//! What running attempts have cost so far, as one linear function of time per account.
//!
//! Kept so that nothing has to be written while attempts run: the burn rate changes only when one starts or ends.
//! All numbers are exact: millionths × milli-cards × microseconds.

use haina_core::{CardMillis, Money, Timestamp};
use serde::{Deserialize, Serialize};

/// Scaled units in one millionth: milli-cards in a card × microseconds in an hour.
const SCALE: i128 = 1000 * 3_600_000_000;

/// The linear function: `base` at `as_of`, growing by `rate` per microsecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Accrual {
    #[serde(with = "decimal")]
    base: i128,
    #[serde(with = "decimal")]
    rate: i128,
    as_of: Timestamp,
}

impl Accrual {
    /// An attempt began to accrue at `started`.
    pub fn begin(&mut self, price_per_card_hour: Money, cards: CardMillis, started: Timestamp) {
        self.move_to(started);
        let rate = rate(price_per_card_hour, cards);
        self.base += rate * i128::from(self.as_of.0 - started.0);
        self.rate += rate;
    }

    /// The attempt that began so ended; what it accrued leaves with it (its charge is posted instead).
    pub fn end(&mut self, price_per_card_hour: Money, cards: CardMillis, started: Timestamp) {
        let rate = rate(price_per_card_hour, cards);
        self.base -= rate * i128::from(self.as_of.0 - started.0);
        self.rate -= rate;
        assert!(self.rate >= 0, "more attempts ended than began");
    }

    /// Millionths accrued by `now` and not posted yet, rounded down.
    pub fn accrued_micros(&self, now: Timestamp) -> i128 {
        (self.base + self.rate * i128::from((now.0 - self.as_of.0).max(0))).max(0) / SCALE
    }

    /// Millionths per hour at which the account burns now.
    pub fn burn_micros_per_hour(&self) -> i128 {
        self.rate / 1000
    }

    /// When `balance_micros` will be used up at this rate; `None` while nothing burns.
    pub fn exhausted_at(&self, balance_micros: i128) -> Option<Timestamp> {
        let left = balance_micros.checked_mul(SCALE)?.checked_sub(self.base)?;
        let after = left.checked_div(self.rate)?;
        i64::try_from(after).ok()?.checked_add(self.as_of.0).map(Timestamp)
    }

    fn move_to(&mut self, moment: Timestamp) {
        if moment > self.as_of {
            self.base += self.rate * i128::from(moment.0 - self.as_of.0);
            self.as_of = moment;
        }
    }
}

fn rate(price_per_card_hour: Money, cards: CardMillis) -> i128 {
    price_per_card_hour.micros * i128::from(cards.0)
}

/// 128-bit integers as decimal text: JSON readers differ in what numbers they can hold.
mod decimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(value: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use haina_core::Currency;

    use super::*;

    const HOUR_US: i64 = 3_600_000_000;

    #[test]
    fn two_attempts_accrue_and_leave_exactly() {
        let price = Money::units(10, Currency::CNY);
        let mut accrual = Accrual::default();
        accrual.begin(price, CardMillis::whole(1), Timestamp(0));
        accrual.begin(price, CardMillis::whole(2), Timestamp(HOUR_US));
        assert_eq!(accrual.accrued_micros(Timestamp(2 * HOUR_US)), 40_000_000);
        assert_eq!(accrual.burn_micros_per_hour(), 30_000_000);
        accrual.end(price, CardMillis::whole(1), Timestamp(0));
        assert_eq!(accrual.accrued_micros(Timestamp(2 * HOUR_US)), 20_000_000);
        accrual.end(price, CardMillis::whole(2), Timestamp(HOUR_US));
        assert_eq!(accrual.accrued_micros(Timestamp(9 * HOUR_US)), 0);
    }

    #[test]
    fn a_balance_is_exhausted_when_its_burn_says_so() {
        let mut accrual = Accrual::default();
        assert_eq!(accrual.exhausted_at(1), None);
        accrual.begin(Money::units(10, Currency::CNY), CardMillis::whole(1), Timestamp(HOUR_US));
        assert_eq!(accrual.exhausted_at(20_000_000), Some(Timestamp(3 * HOUR_US)));
    }

    #[test]
    fn a_start_that_is_reported_late_accrues_from_its_start() {
        let price = Money::units(10, Currency::CNY);
        let mut accrual = Accrual::default();
        accrual.begin(price, CardMillis::whole(1), Timestamp(2 * HOUR_US));
        accrual.begin(price, CardMillis::whole(1), Timestamp(HOUR_US));
        assert_eq!(accrual.accrued_micros(Timestamp(2 * HOUR_US)), 10_000_000);
    }
}
