//! Pure money: from use to price to double-entry postings.
//!
//! Metering says how long cards were used, rating what that costs, posting who owes it to whom. The three stay apart.
//! An organization prepays; what a running attempt may cost at most is held when it starts, so that no balance can
//! fall below zero; what it did cost is posted once, when it ends.

mod account;
mod accrual;
mod agreement;
mod chain;
mod funding;
mod posting;
mod purse;
mod rating;
mod voucher;

pub use account::{Account, Ledger};
pub use accrual::Accrual;
pub use agreement::{Agreement, AgreementStage};
pub use chain::{Chain, opening_seal};
pub use funding::{Means, Paid, Payer, PayerMeans, Portion, Short, VoucherMeans, VoucherShare, settle};
pub use posting::{LedgerAccount, Posting, Transaction, TransactionKind};
pub use purse::Purse;
pub use rating::{charge, hold};
pub use voucher::{Programme, Voucher, VoucherStage};
