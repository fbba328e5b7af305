//! When a waiting job will probably start. Told to people; nothing is decided by it.
//!
//! A pass goes forward in time: what runs ends, and those in line start in the order of the policy as soon as enough cards
//! are free for them, until it is the job's turn. Cards are counted by model and not looked for on nodes: that is asked of
//! the cluster once, for the job itself. Where very much runs, some of the nodes stand for all of them, and jobs that are next
//! to each other in line start together. Nobody is known who comes later and goes before it. A promised start is never
//! exceeded, whatever a pass comes to.

mod pass;
mod run_time;
mod sample;

use haina_core::{JobId, Timestamp};
use haina_scheduler::Terms;

use crate::State;
use pass::Pass;
use sample::Sample;

/// When a job will probably start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// The moment.
    pub start: Timestamp,
    /// Whether it is so far back in line that nothing more can be said than that it will not be before.
    pub is_least: bool,
}

impl State {
    /// When a job will probably start; none if it is not in line, or if what it waits for does not come by itself.
    ///
    /// Looks at some thousands of attempts at most (see `Sample`), at the classes and nodes of its pool, and a bounded number
    /// of times at jobs before its own (see `STARTS_MOST`). Nothing is decided meanwhile: up to about fifteen milliseconds
    /// (`bench scheduler`).
    pub fn estimated_start(&self, id: JobId, now: Timestamp) -> Option<Estimate> {
        let job = self.jobs.get(&id).filter(|job| job.startable().is_some())?;
        let demand = &self.view.classes[&job.class].key.demand;
        let sample = Sample::new(self, demand, now);
        let turn = Pass::new(self, &sample, id, now).until_turn()?;
        let (room, _) = self.view.cluster.earliest(&sample.scaled(demand), &Terms::default(), now, &&sample)?;
        let estimate = Estimate { start: turn.start.max(room).max(now), is_least: turn.is_least };
        match self.plan.promised(id) {
            Some(promise) if promise.start <= estimate.start => {
                Some(Estimate { start: promise.start, is_least: false })
            }
            _ => Some(estimate),
        }
    }
}
