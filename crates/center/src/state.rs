//! All that has not ended, and what is derived from it.

use std::collections::{BTreeMap, BTreeSet};

use haina_core::{AttemptId, Backfill, ClassId, Epoch, JobId, JobState, NodeId, NodeShare, Timestamp, WaitReason};
use haina_scheduler::{Blocker, ClassKey, Demand, Found, Plan, Promise, Queue, Terms};

use crate::dues::Dues;
use crate::work_mix::WorkMix;
use crate::{Job, View};

/// The state of a center: what its [`View`] shows, the jobs that have not ended, and what is derived from these by
/// `rebuild` and kept in step by `evolve`.
pub struct State {
    pub(crate) view: View,
    pub(crate) jobs: BTreeMap<JobId, Job>,

    pub(crate) queue: Queue,
    pub(crate) mix: WorkMix,
    /// Where the policy was changed, the first job that has not been put in line since.
    pub(crate) lining_up: Option<JobId>,
    pub(crate) plan: Plan,
    pub(crate) class_of_key: BTreeMap<ClassKey, ClassId>,
    pub(crate) dependents: BTreeMap<JobId, BTreeSet<JobId>>,
    pub(crate) timers: BTreeSet<(Timestamp, JobId)>,
    pub(crate) dues: Dues,
}

/// A place in line is counted up to here; further back it is only known to be further back.
pub const POSITION_MOST: u64 = 10_000;

/// Why a job waits, and where in line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Why.
    pub reason: WaitReason,
    /// Since when this is the reason, where that was noted.
    pub since: Option<Timestamp>,
    /// Jobs of its pool that go before it: those of a higher priority, then those submitted earlier; counted up to
    /// [`POSITION_MOST`]. None while it is not in line because it waits for something else than its turn.
    pub ahead: Option<u64>,
    /// When it was promised to start at the latest, if it was.
    pub starts_by: Option<Timestamp>,
}

impl Default for State {
    fn default() -> State {
        State::new()
    }
}

impl State {
    /// The state of a center that does not exist yet.
    pub fn new() -> State {
        let view = View::default();
        let queue = Queue::new(view.center.policy.order.stands_apart());
        State {
            view,
            jobs: BTreeMap::new(),
            queue,
            lining_up: None,
            plan: Plan::default(),
            class_of_key: BTreeMap::new(),
            dependents: BTreeMap::new(),
            timers: BTreeSet::new(),
            dues: Dues::default(),
            mix: WorkMix::default(),
        }
    }

    /// What can be seen at a glance.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// The leadership under which the state runs.
    pub fn epoch(&self) -> Epoch {
        self.view.center.epoch
    }

    /// The job, unless it has ended or never was.
    pub fn job(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(&id)
    }

    /// Jobs that have not ended.
    pub fn jobs(&self) -> impl ExactSizeIterator<Item = (JobId, &Job)> {
        self.jobs.iter().map(|(id, job)| (*id, job))
    }

    /// When time alone will next change something; none if only commands can.
    pub fn next_timer(&self) -> Option<Timestamp> {
        let of_jobs = self.timers.first().map(|(at, _)| *at);
        of_jobs.into_iter().chain(self.dues.first().map(|(at, _)| at)).min()
    }

    /// Whether `Advance` would find something to look at.
    pub fn has_work(&self, now: Timestamp) -> bool {
        self.lining_up.is_some() || self.next_in_line().is_some() || self.next_timer().is_some_and(|at| at <= now)
    }

    /// What an attempt holds on one of its nodes.
    pub(crate) fn share(&self, attempt: AttemptId, node: NodeId) -> &NodeShare {
        let shares = &self.view.attempts[&attempt].allocation.shares;
        shares.iter().find(|share| share.node == node).expect("an attempt is planned on nodes that it holds")
    }

    /// The job to look at next, and its class.
    pub(crate) fn next_in_line(&self) -> Option<(ClassId, JobId)> {
        match self.view.center.policy.backfill {
            Backfill::None => self.queue.next_in_strict_order(),
            Backfill::BestEffort | Backfill::Easy | Backfill::Conservative => self.queue.next(),
        }
    }

    /// What is missing for a demand that does not fit.
    fn capacity(&self, demand: &Demand) -> WaitReason {
        let cluster = &self.view.cluster;
        match cluster.find(demand, &Terms::default(), &mut cluster.fuel_for_any_find()) {
            Found::Blocked { nodes_free } => {
                let (nodes, cards_per_node) = (demand.nodes, demand.cards_per_node);
                WaitReason::Capacity { nodes, cards_per_node, nodes_free }
            }
            Found::Placed(_) | Found::OutOfFuel => WaitReason::Turn,
        }
    }

    /// When a job was promised to start at the latest, and with what.
    pub fn promise(&self, id: JobId) -> Option<&Promise> {
        self.plan.promised(id)
    }

    /// What a job is, as a whole, while it has not ended.
    pub fn job_state(&self, id: JobId) -> Option<JobState> {
        self.jobs.get(&id).map(|_| self.view.live_state(id))
    }

    /// Why a job, or what is left of it, waits; none if it has ended or nothing of it waits.
    pub fn waiting(&self, id: JobId) -> Option<Waiting> {
        let job = self.jobs.get(&id)?;
        let out_of_line = |reason| Some(Waiting { reason, since: None, ahead: None, starts_by: None });
        if job.cancelled {
            return None;
        }
        if let Some((on, _)) = job.dependencies.first() {
            return out_of_line(WaitReason::Dependency { on: *on });
        }
        if let Some(at) = job.not_before {
            return out_of_line(WaitReason::NotBefore { at });
        }
        if job.startable().is_none() {
            let cap = job.at_concurrency_cap()?;
            return out_of_line(WaitReason::Concurrency { cap });
        }
        let class = &self.view.classes[&job.class];
        let place = job.waiting(id, &self.view.center.policy);
        let ahead = self.queue.ahead(job.class, place, POSITION_MOST as usize) as u64;
        let head = self.queue.head(job.class) == Some(id);
        let of_user = self.queue.waits_for_user(job.class, job.user).then(|| self.view.quota_reason(job)).flatten();
        let (reason, since) = match (&class.reason, self.queue.blocker(job.class)) {
            _ if let Some((reason, _)) = of_user => (reason, None),
            _ if !head => (WaitReason::Turn, None),
            (Some(reason), _) => (reason.clone(), Some(class.reason_since)),
            // Another class with the same demand was looked at.
            (None, Some(Blocker::Capacity)) => (self.capacity(&class.key.demand), None),
            (None, _) => (WaitReason::Turn, None),
        };
        let starts_by = self.plan.promised(id).map(|promise| promise.start);
        Some(Waiting { reason, since, ahead: Some(ahead), starts_by })
    }
}
