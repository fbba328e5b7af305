//! When a waiting job will probably start. Told to people; nothing is decided by it.
//!
//! A pass goes forward in time: what runs ends, and those in line start in the order of the policy as soon as enough cards
//! are free for them, until it is the job's turn. Cards are counted by model and not looked for on nodes: that is asked of
//! the cluster once, for the job itself. Where very much runs, small attempts of an organization stand for others in the
//! pass, and small jobs of a user that are next to each other in line start together. Nobody is known who comes later and
//! goes before it. A promised start is never exceeded, whatever a pass comes to.

mod holdings;
mod pass;
mod run_time;

use std::collections::{BTreeMap, BTreeSet};

use haina_core::{JobId, OrganizationId, PoolId, ProjectId, Timestamp, UserId};
use haina_scheduler::Terms;

use crate::{Job, State};
pub(crate) use holdings::Holdings;
use holdings::Own;
use pass::Pass;

/// In a list, of at most so many users all that they hold is followed.
const OWN_MOST: usize = 20;

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
    /// Looks once at all that runs in its pool, at the classes and nodes of it, and a bounded number of times at jobs before its
    /// own (see `STARTS_MOST`). Nothing is decided meanwhile: some ten milliseconds in a large center (`bench scheduler`).
    pub fn estimated_start(&self, id: JobId, now: Timestamp) -> Option<Estimate> {
        let job = self.jobs.get(&id).filter(|job| job.startable().is_some())?;
        self.not_after_promise(id, self.likely_start(id, job, now))
    }

    fn likely_start(&self, id: JobId, job: &Job, now: Timestamp) -> Option<Estimate> {
        let demand = &self.view.classes[&job.class].key.demand;
        let holdings = Holdings::new(self, demand.pool, &BTreeSet::from([self.whose(job)]), now);
        let turns = Pass::new(self, &holdings, demand.pool, BTreeSet::from([id]), now).turns();
        let Estimate { start, is_least } = *turns.get(&id)?;
        let (room, _) = self.view.cluster.earliest(demand, &Terms::default(), now, &&holdings)?;
        Some(Estimate { start: start.max(room).max(now), is_least })
    }

    fn whose(&self, job: &Job) -> (OrganizationId, Option<ProjectId>, UserId) {
        let key = &self.view.classes[&job.class].key;
        (key.organization, key.project, job.user)
    }

    /// When jobs will probably start, of those of which that is known; one pass for each of their pools. It tells when it is
    /// their turn, and not, as [`State::estimated_start`] does, when some node has room for them too.
    pub fn estimated_starts(&self, ids: &[JobId], now: Timestamp) -> BTreeMap<JobId, Estimate> {
        let mut by_pool: BTreeMap<PoolId, BTreeSet<JobId>> = BTreeMap::new();
        let mut own = Own::new();
        for (id, job) in ids.iter().filter_map(|id| Some((*id, self.jobs.get(id)?))) {
            if job.startable().is_some() {
                by_pool.entry(self.view.classes[&job.class].key.demand.pool).or_default().insert(id);
                own.insert(self.whose(job));
            }
        }
        // Of many nothing is followed more closely than of others.
        if own.len() > OWN_MOST {
            own.clear();
        }
        let in_line: Vec<JobId> = by_pool.values().flatten().copied().collect();
        let of_pool = |(pool, ids)| {
            let holdings = Holdings::new(self, pool, &own, now);
            Pass::new(self, &holdings, pool, ids, now).turns()
        };
        let turns: BTreeMap<JobId, Estimate> = by_pool.into_iter().flat_map(of_pool).collect();
        let told = |id: JobId| Some((id, self.not_after_promise(id, turns.get(&id).copied())?));
        in_line.into_iter().filter_map(told).collect()
    }

    /// Nobody is told a later start than he was promised.
    fn not_after_promise(&self, id: JobId, estimate: Option<Estimate>) -> Option<Estimate> {
        let start = self.plan.promised(id).map(|promise| promise.start);
        let is_sooner = |start: &Timestamp| estimate.is_none_or(|estimate| *start <= estimate.start);
        start.filter(is_sooner).map(|start| Estimate { start, is_least: false }).or(estimate)
    }
}
