//! Pure money: from use to price to double-entry postings.
//!
//! Metering says how long cards were used, rating what that costs, posting who owes it to whom. The three stay apart.
//! An organization prepays; what a running attempt may cost at most is held when it starts, so that no balance can
//! fall below zero; what it did cost is posted once, when it ends.

mod account;
mod accrual;
mod chain;
mod posting;
mod rating;

pub use account::{Account, Ledger};
pub use accrual::Accrual;
pub use chain::{Chain, opening_seal};
pub use posting::{LedgerAccount, Posting, Transaction, TransactionKind};
pub use rating::{charge, hold};
