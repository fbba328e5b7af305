//! When a waiting job will probably start. Told to people; nothing is decided by it.
//!
//! A pass goes forward in time: what runs ends, and those in line start in the order of the policy as soon as enough cards
//! are free for them, until it is the job's turn. Cards are counted by model and not looked for on nodes: that is asked of
//! the cluster once, for the job itself. Nobody is known who comes later and goes before it. A promised start is never
//! exceeded, whatever a pass comes to.

mod pass;
mod run_time;

use std::collections::BTreeMap;

use haina_core::{AttemptId, JobId, NodeId, NodeShare, Timestamp};
use haina_scheduler::{Release, Releases, Terms, WithheldShare};

use crate::State;
use pass::Pass;
use run_time::likely;

/// Where more attempts run, looking at all of them would hold up decisions.
const ATTEMPTS_MOST: usize = 4_000;

/// When a job will probably start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// The moment.
    pub start: Timestamp,
    /// Whether it is so far back in line that nothing more can be said than that it will not be before.
    pub is_least: bool,
}

/// What attempts hold of each node, by when they probably end.
struct Likely<'a>(BTreeMap<NodeId, Vec<(Timestamp, &'a NodeShare)>>);

impl<'a> Releases<'a> for Likely<'a> {
    fn span(&self, node: NodeId) -> Option<(Timestamp, Timestamp)> {
        let of_node = self.0.get(&node)?;
        Some((of_node.first()?.0, of_node.last()?.0))
    }

    fn of(&self, node: NodeId) -> impl Iterator<Item = Release<impl FnOnce() -> &'a NodeShare>> {
        let of_node = self.0.get(&node).into_iter().flatten();
        of_node.map(|&(at, share)| Release { at, touched: WithheldShare::of(share), share: move || share })
    }
}

impl State {
    /// When a job will probably start; none if it is not in line, if what it waits for does not come by itself, or if more
    /// runs than is looked at and it was promised no start.
    ///
    /// Looks at all that runs, at the classes and nodes of its pool, and a bounded number of times at jobs before its own
    /// (see `STARTS_MOST`). Nothing is decided meanwhile: up to about fifteen milliseconds (`bench scheduler`).
    pub fn estimated_start(&self, id: JobId, now: Timestamp) -> Option<Estimate> {
        let job = self.jobs.get(&id).filter(|job| job.startable().is_some())?;
        if self.view.attempts.len() > ATTEMPTS_MOST {
            return self.plan.promised(id).map(|promise| Estimate { start: promise.start, is_least: false });
        }
        let key = &self.view.classes[&job.class].key;
        let turn = Pass::new(self, key.demand.pool, key.priority, now).until(id)?;
        let terms = Terms::default();
        let (room, _) = self.view.cluster.earliest(&key.demand, &terms, now, &self.likely_releases(now))?;
        let estimate = Estimate { start: turn.start.max(room).max(now), is_least: turn.is_least };
        match self.plan.promised(id) {
            Some(promise) if promise.start <= estimate.start => {
                Some(Estimate { start: promise.start, is_least: false })
            }
            _ => Some(estimate),
        }
    }

    /// What comes free, and when probably.
    fn likely_releases(&self, now: Timestamp) -> Likely<'_> {
        let mut likely: BTreeMap<NodeId, Vec<(Timestamp, &NodeShare)>> = BTreeMap::new();
        for (id, attempt) in &self.view.attempts {
            let ends = self.likely_end(*id, now);
            for share in &attempt.allocation.shares {
                likely.entry(share.node).or_default().push((ends, share));
            }
        }
        likely.values_mut().for_each(|of_node| of_node.sort_by_key(|(ends, _)| *ends));
        Likely(likely)
    }

    /// When an attempt will probably end.
    fn likely_end(&self, id: AttemptId, now: Timestamp) -> Timestamp {
        let attempt = &self.view.attempts[&id];
        let elapsed = now.since(attempt.started.unwrap_or(attempt.placed));
        let at_latest = attempt.ends(&self.jobs[&id.job]);
        (now + likely(attempt.predicted, elapsed, id.job)).min(at_latest).max(now)
    }
}
