//! When a job is due: among the jobs of equal standing, the one that is due first is next.

use std::ops::RangeInclusive;

use haina_core::{CardMillis, JobId, Milliseconds, Order, Policy, Timestamp, UserId};

use crate::history::Similar;
use crate::lane::Waiting;

/// For each card-second that a job is likely to use, those that came so many seconds later may pass it.
const STRETCH: u64 = 100;

/// Jobs that are due together, as long after their submission: of similar ones, those with a limit of the same magnitude.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Alike {
    similar: Similar,
    /// The binary logarithm of the time limit: who states a shorter limit need not wait for his longer jobs.
    magnitude: u8,
}

impl Alike {
    /// Those of a job.
    pub fn of(similar: Similar, time_limit: Milliseconds) -> Alike {
        Alike { similar, magnitude: time_limit.0.checked_ilog2().unwrap_or(0) as u8 }
    }

    /// All that are similar.
    pub(crate) fn all(similar: Similar) -> RangeInclusive<Alike> {
        Alike { similar, magnitude: 0 }..=Alike { similar, magnitude: u8::MAX }
    }
}

/// What is known of a job when it is put in line.
#[derive(Clone, Copy, Debug)]
pub struct Outlook {
    /// Which it is.
    pub job: JobId,
    /// Whose it is.
    pub user: UserId,
    /// When it was accepted.
    pub submitted: Timestamp,
    /// How long it may run.
    pub time_limit: Milliseconds,
    /// How long it may hold what it gets.
    pub longest: Milliseconds,
    /// The jobs that are like it.
    pub similar: Similar,
}

impl Outlook {
    /// How it waits by a policy. Jobs are due in the order in which they came, unless [`passed_for`] says more.
    pub fn waiting(&self, policy: &Policy) -> Waiting {
        let (alike, came) = match policy.order {
            // By points: what a job has beside its age is a head start of its class, its organization and its user.
            Order::Fifo | Order::Multifactor(_) => (Alike::default(), self.submitted),
            Order::Fair | Order::FairTree | Order::Shortest => {
                (Alike::of(self.similar, self.time_limit), self.submitted)
            }
            Order::Deadline => (Alike::default(), self.submitted + self.time_limit),
        };
        Waiting { job: self.job, user: self.user, alike, came, longest: self.longest }
    }
}

/// For how long those that come later may pass a job of so many cards that is likely to run so long. Where short jobs
/// pass long ones, that is in proportion to what it is likely to use; beyond the policy's patience only the geometric
/// mean of the two. Every job has its turn.
pub fn passed_for(policy: &Policy, cards: CardMillis, expected: Milliseconds) -> Milliseconds {
    match policy.order {
        Order::Fifo | Order::Deadline | Order::Multifactor(_) => Milliseconds(0),
        Order::Fair | Order::FairTree | Order::Shortest => {
            // A job without cards takes a place all the same.
            let card_millis = u128::from(cards.0.max(100)) * u128::from(expected.0);
            let stretched = card_millis * u128::from(STRETCH) / 1000;
            // A hard limit would make all that reach it equal, and the order among them that of submission.
            let passed_for = stretched.min((stretched * u128::from(policy.patience.0)).isqrt());
            Milliseconds(u64::try_from(passed_for).unwrap_or(u64::MAX))
        }
    }
}
