//! The shell around the core. One writer takes what waits in its mailbox as a batch, decides it, commits all of it in
//! one transaction, and only then answers, publishes and lets the world act. A reply means durable.
//!
//! No HTTP in here, and no rule of the center either: those are decided by `haina-center`.

mod batch;
mod cards;
mod clock;
mod counters;
mod dispatch;
mod handle;
mod machine;
mod outage;
mod readiness;
mod start;
mod writer;

pub use counters::Counters;
pub use handle::{Answer, CenterHandle, IdempotencyKey, Request};
pub use readiness::Readiness;
pub use start::{Ended, Running, StartError, StartOptions, start};
