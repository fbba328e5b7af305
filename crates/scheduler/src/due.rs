//! When a job is due: among the jobs of equal standing, the one that is due first is next.

use haina_core::{CardMillis, Milliseconds, Order, Policy, Timestamp};

/// For each card-second that a job is likely to use, those that came so many seconds later may pass it.
const STRETCH: u64 = 100;

/// What is known of a job when it is put in line.
#[derive(Clone, Copy, Debug)]
pub struct Outlook {
    /// When it was accepted.
    pub submitted: Timestamp,
    /// How long it is likely to run.
    pub predicted: Milliseconds,
    /// How long it may run.
    pub time_limit: Milliseconds,
    /// All cards of one attempt.
    pub cards: CardMillis,
}

impl Outlook {
    /// The moment by a policy. Where short jobs pass long ones, a job is passed for a while in proportion to what it is
    /// likely to use; beyond the policy's patience only for the geometric mean of the two. Every job has its turn.
    pub fn due(&self, policy: &Policy) -> Timestamp {
        match policy.order {
            Order::Fifo => self.submitted,
            Order::Fair | Order::FairTree | Order::Shortest => {
                // A job without cards takes a place all the same.
                let card_millis = u128::from(self.cards.0.max(100)) * u128::from(self.predicted.0);
                let stretched = card_millis * u128::from(STRETCH) / 1000;
                // A hard limit would make all that reach it equal, and the order among them that of submission.
                let passed_for = stretched.min((stretched * u128::from(policy.patience.0)).isqrt());
                self.submitted + Milliseconds(u64::try_from(passed_for).unwrap_or(u64::MAX))
            }
            Order::Deadline => self.submitted + self.time_limit,
        }
    }
}
