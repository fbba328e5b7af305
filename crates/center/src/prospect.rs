//! All that a waiting job is told of itself.

use haina_core::{JobId, Timestamp};
use haina_scheduler::{ClassKey, Promise};

use crate::estimate::Estimate;
use crate::{State, Waiting};

/// How it stands with a waiting job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prospect {
    /// Why it waits, and where in line.
    pub waiting: Waiting,
    /// Whose it is, and what it asks for.
    pub key: ClassKey,
    /// Jobs that are in line for its pool.
    pub in_line: u64,
    /// What it was promised.
    pub promise: Option<Promise>,
    /// The job that ends last of those that hold what it was promised, at their limits.
    pub after: Option<JobId>,
    /// When it will probably start.
    pub estimate: Option<Estimate>,
}

impl State {
    /// All that is told of a waiting job; none if nothing of it waits.
    pub fn prospect(&self, id: JobId, now: Timestamp) -> Option<Prospect> {
        let waiting = self.waiting(id)?;
        let key = self.view.classes[&self.jobs[&id].class].key;
        let promise = self.plan.promised(id).cloned();
        Some(Prospect {
            key,
            in_line: self.queue.in_line(key.demand.pool) as u64,
            after: promise.as_ref().and_then(|promise| self.last_before(promise)),
            estimate: waiting.ahead.and_then(|_| self.estimated_start(id, now)),
            promise,
            waiting,
        })
    }

    fn last_before(&self, promise: &Promise) -> Option<JobId> {
        let shares = promise.allocation.shares.iter();
        let held = shares.flat_map(|promised| {
            let until = self.plan.ends(promised.node).take_while(|(ends, _)| *ends <= promise.start);
            until.filter(|(_, attempt)| {
                let shares = self.view.attempts[attempt].allocation.shares.iter();
                let mut slots = shares.filter(|share| share.node == promised.node).flat_map(|share| &share.cards);
                let is_promised = |index| promised.cards.iter().any(|slot| slot.index == index);
                slots.any(|slot| is_promised(slot.index))
            })
        });
        held.max().map(|(_, attempt)| attempt.job)
    }
}
