//! Facts change the state; nothing else does. Cannot fail: what could be wrong was refused before.

use haina_core::{AttemptId, Backfill, JobId, JobState, NodeId, UserId};
use haina_scheduler::Demand;

use crate::dues;
use crate::{ArrayProgress, ElementCounts, Fact, Job, Progress, State};

impl State {
    /// Applies a fact.
    pub fn evolve(&mut self, fact: &Fact) {
        let mut freed: Vec<NodeId> = Vec::new();
        match fact {
            Fact::JobEnded { job, .. } => self.leave_class(*job),
            Fact::AttemptEnded { attempt, .. } => {
                freed = self.view.attempts[attempt].allocation.shares.iter().map(|share| share.node).collect();
                self.replan(*attempt, None);
            }
            Fact::AttemptStarted { attempt, at } => self.replan(*attempt, Some(*at)),
            _ => {}
        }
        self.keep_promises(fact);
        let served = match fact {
            Fact::AttemptPlaced { organization, user, .. } => Some((*organization, *user, None)),
            Fact::AttemptEnded { attempt, .. } => {
                let entry = &self.view.attempts[attempt];
                Some((entry.organization, entry.user, Some(entry.similar)))
            }
            _ => None,
        };
        let dues = dues::changed(&self.view, fact);
        let members = served.map(|(organization, ..)| self.view.shares.members(organization));
        self.view.evolve(fact);
        dues.into_iter().for_each(|due| self.dues.look_at(&self.view, due));
        freed.into_iter().for_each(|node| self.capacity_freed(node));
        if let Some((organization, user, ended)) = served {
            // First all are looked at again who waited for the account: so nobody asks whether the first of them changed.
            if ended.is_some() {
                self.queue.account_changed(organization);
            }
            self.stand(organization, user);
            if let Some(similar) = ended {
                self.learned(organization, user, similar);
                self.queue.user_changed(organization, user);
            }
            self.view.weigh_shares(&mut self.queue);
            if members != Some(self.view.shares.members(organization)) {
                self.parts_changed(organization);
            }
            if !self.view.held.is_empty() && self.view.center.policy.backfill == Backfill::None {
                self.queue.account_narrowed(organization);
                // Others may have become unable to start as well, and then hold back nobody.
                let shared = self.view.pools.keys().filter(|_| self.view.held.are_shared());
                shared.for_each(|pool| self.queue.look_again_at_pool(*pool));
            }
        }
        match fact {
            Fact::LeadershipTaken { .. } => {
                // A state that was folded from facts, a loaded and a live one go on alike.
                self.line_up_to(None);
                self.queue.unblock_all();
            }
            Fact::CardModelSet { .. } => self.queue.unblock_all(),
            Fact::QuotaSet { set, .. } => {
                self.queue.unblock_all();
                set.scope.organization.into_iter().for_each(|organization| self.parts_changed(organization));
            }
            Fact::NodeAdded { spec, .. } => {
                self.queue.capacity_freed(spec.pool, spec.card_model, |_| true);
                self.pool_quotas_freed();
                self.view.weigh_classes(&mut self.queue);
            }
            Fact::NodeSet { id, .. } | Fact::CardsSet { id, .. } => {
                // Who finds no room there now may be promised some.
                let spec = &self.view.nodes[id].spec;
                self.queue.capacity_freed(spec.pool, spec.card_model, |_| true);
                self.pool_quotas_freed();
            }
            Fact::OrganizationSet { id, .. } => {
                self.queue.account_changed(*id);
                self.queue.account_narrowed(*id);
                self.parts_changed(*id);
            }
            Fact::UserAdded { organization, .. } => organization.iter().for_each(|id| self.parts_changed(*id)),
            Fact::PolicySet { .. } => self.begin_lining_up(),
            Fact::Posted { transaction, .. } => self.queue.account_changed(transaction.organization),
            Fact::AgreementSet { id, .. } | Fact::AgreementBegun { id } | Fact::AgreementClosed { id } => {
                self.queue.account_changed(self.view.ledger.agreements[id].organization);
            }
            Fact::ClassAdded { id, key } => {
                self.class_of_key.insert(*key, *id);
                self.queue.add_class(*id, *key);
                self.view.weigh_class(&mut self.queue, *id);
            }
            Fact::AttemptPlaced { attempt, allocation, .. } => {
                let placed = &self.view.attempts[attempt];
                self.plan.begin(*attempt, allocation, placed.ends(&self.jobs[&attempt.job]), placed.run());
                begin_element(&mut self.live_job(attempt.job).progress, *attempt);
                self.refresh(attempt.job);
                // Who starts on what was kept for him leaves the rest to all.
                self.pool_quotas_freed();
            }
            Fact::JobSubmitted { .. } => self.submitted(fact),
            Fact::JobDue { job } => {
                let entry = self.live_job(*job);
                let at = entry.not_before.take().expect("only a job with a timer is due");
                self.timers.remove(&(at, *job));
                self.refresh(*job);
            }
            Fact::AttemptEnded { attempt, state, retry, .. } => self.attempt_ended(*attempt, *state, *retry),
            Fact::JobCancelled { job, .. } => {
                let entry = self.live_job(*job);
                entry.cancelled = true;
                let waiting = entry.elements_waiting();
                if let Progress::Array(array) = &mut entry.progress {
                    array.counts.add(JobState::Cancelled, waiting);
                    array.returned.clear();
                    array.skipped.clear();
                    array.next = array.request.count;
                }
                self.refresh(*job);
            }
            Fact::ElementCancelled { job, element, .. } => {
                let entry = self.live_job(*job);
                if let Progress::Array(array) = &mut entry.progress {
                    array.counts.add(JobState::Cancelled, 1);
                    if array.returned.remove(element).is_none() {
                        array.skipped.insert(*element);
                        array.pass_skipped();
                    }
                }
                self.refresh(*job);
            }
            Fact::JobEnded { job, .. } => self.job_ended(*job),
            Fact::CenterNamed { .. }
            | Fact::PoolAdded { .. }
            | Fact::ProjectAdded { .. }
            | Fact::TokenIssued { .. }
            | Fact::TokenRevoked { .. }
            | Fact::AdjustmentProposed { .. }
            | Fact::AdjustmentRejected { .. }
            | Fact::AgreementSigned { .. }
            | Fact::ProgrammeSet { .. }
            | Fact::VoucherClaimed { .. }
            | Fact::VoucherIssued { .. }
            | Fact::VoucherRejected { .. }
            | Fact::VoucherRevoked { .. }
            | Fact::VoucherClosed { .. }
            | Fact::ClassBlocked { .. }
            | Fact::PromiseMade { .. }
            | Fact::PromiseWithdrawn { .. }
            | Fact::AttemptStarted { .. }
            | Fact::AttemptStopping { .. } => {}
        }
        self.keep_mix(fact);
    }

    fn submitted(&mut self, fact: &Fact) {
        let Fact::JobSubmitted {
            id,
            organization,
            user,
            class,
            tasks_per_node,
            time_limit,
            grace,
            retries,
            not_before,
            array,
            dependencies,
            payload,
            outlook,
            ..
        } = fact
        else {
            unreachable!("called for this fact only")
        };
        let progress = match array {
            None => Progress::Single { attempts: 0, active: false },
            Some(request) => Progress::Array(Box::new(ArrayProgress::new(*request))),
        };
        let job = Job {
            organization: *organization,
            user: *user,
            class: *class,
            tasks_per_node: *tasks_per_node,
            time_limit: *time_limit,
            grace: *grace,
            retries: *retries,
            payload: *payload,
            not_before: *not_before,
            dependencies: dependencies.clone(),
            cancelled: false,
            outlook: *outlook,
            progress,
        };
        let ends = outlook.submitted + job.longest();
        self.jobs.insert(*id, job);
        self.index_job(*id);
        self.refresh(*id);
        self.queue.short_job_came(*class, ends);
    }

    /// Enters a job that has not ended into what is derived from jobs.
    pub(crate) fn index_job(&mut self, id: JobId) {
        let job = &self.jobs[&id];
        for (on, _) in &job.dependencies {
            self.dependents.entry(*on).or_default().insert(id);
        }
        if let Some(at) = job.not_before {
            self.timers.insert((at, id));
        }
    }

    fn attempt_ended(&mut self, id: AttemptId, state: JobState, retry: bool) {
        let job = self.live_job(id.job);
        match &mut job.progress {
            Progress::Single { active, .. } => *active = false,
            Progress::Array(array) => {
                let made = array.active.remove(&id.element).expect("an element with an attempt is active");
                match retry {
                    true => _ = array.returned.insert(id.element, made),
                    false => array.counts.add(state, 1),
                }
            }
        }
        // A single job that is not tried again ends by the fact that follows; it must not look startable until then.
        if retry || job.is_array() {
            self.refresh(id.job);
        }
        self.pool_quotas_freed();
    }

    /// Classes that a quota of their pool, or of the center, does not hold back any more are looked at again.
    fn pool_quotas_freed(&mut self) {
        let view = &self.view;
        let wide =
            |key| view.admits(key, UserId::default()).is_err_and(|exceeded| exceeded.scope.organization.is_none());
        let freed = self.queue.waiting_for_pool().filter(|(_, key)| !wide(key));
        for id in freed.map(|(id, _)| id).collect::<Vec<_>>() {
            self.queue.pool_quota_returns(id);
        }
    }

    /// Demands that what came free on a node could help are looked at again; so are those that are promised a start, which
    /// may now be sooner.
    fn capacity_freed(&mut self, node: NodeId) {
        let State { view, plan, jobs, queue, .. } = self;
        let spec = &view.nodes[&node].spec;
        let demand = |job: JobId| &view.classes[&jobs[&job].class].key.demand;
        let promised: Vec<&Demand> = plan.promises().map(|(job, _)| demand(job)).collect();
        let room = view.cluster.room(node);
        let helps = |demand: &Demand| room.is_some_and(|room| room.has(demand)) || promised.contains(&demand);
        queue.capacity_freed(spec.pool, spec.card_model, helps);
    }

    fn job_ended(&mut self, id: JobId) {
        let job = self.jobs.remove(&id).expect("a fact names a job that has not ended");
        if let Some(at) = job.not_before {
            self.timers.remove(&(at, id));
        }
        for (on, _) in &job.dependencies {
            if let Some(waiting) = self.dependents.get_mut(on) {
                waiting.remove(&id);
                if waiting.is_empty() {
                    self.dependents.remove(on);
                }
            }
        }
        for dependent in self.dependents.remove(&id).unwrap_or_default() {
            self.live_job(dependent).dependencies.retain(|(on, _)| *on != id);
            self.refresh(dependent);
        }
    }

    fn live_job(&mut self, id: JobId) -> &mut Job {
        self.jobs.get_mut(&id).expect("a fact names a job that has not ended")
    }
}

fn begin_element(progress: &mut Progress, attempt: AttemptId) {
    match progress {
        Progress::Single { attempts, active } => {
            *attempts = attempt.number;
            *active = true;
        }
        Progress::Array(array) => {
            array.active.insert(attempt.element, attempt.number);
            if array.returned.remove(&attempt.element).is_none() {
                array.next = attempt.element + 1;
                array.pass_skipped();
            }
        }
    }
}

impl ArrayProgress {
    fn new(request: haina_core::ArrayRequest) -> ArrayProgress {
        ArrayProgress {
            request,
            next: 0,
            returned: Default::default(),
            active: Default::default(),
            skipped: Default::default(),
            counts: ElementCounts::default(),
        }
    }

    /// Elements that were never started and are not skipped.
    pub fn remaining(&self) -> u32 {
        self.request.count - self.next - self.skipped.len() as u32
    }

    fn pass_skipped(&mut self) {
        while self.skipped.remove(&self.next) {
            self.next += 1;
        }
    }
}
