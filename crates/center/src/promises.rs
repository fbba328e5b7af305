//! Promised starts: made for blocked heads of line, kept by all who come after, void when their ground is gone.

use haina_core::{AttemptId, Backfill, JobId, Timestamp};
use haina_scheduler::{Promise, Run};

use crate::{Fact, State};

impl State {
    /// The jobs whose promises a fact makes, keeps or voids: the very job starts, ends or can no longer start; a node of
    /// the promise is out of service; what it waits for takes longer, because its limit counts from a later start; a job of
    /// a higher priority takes it; or another policy promises nothing, or ranks it elsewhere.
    pub(crate) fn promises_touched(&self, fact: &Fact) -> Vec<JobId> {
        let own = |job: &JobId| vec![*job];
        match fact {
            Fact::PromiseMade { job, .. }
            | Fact::PromiseWithdrawn { job }
            | Fact::JobCancelled { job, .. }
            | Fact::JobEnded { job, .. } => own(job),
            Fact::ElementCancelled { job, .. } if self.jobs[job].elements_waiting() <= 1 => own(job),
            Fact::AttemptPlaced { attempt, class, allocation, at, .. } => {
                let rank = self.view.rank(*class);
                let ends = *at + self.jobs[&attempt.job].longest();
                let taken = |promise: &Promise| {
                    promise.priority < rank && promise.start < ends && promise.allocation.meets(allocation)
                };
                let taken = self.plan.promises().filter(|(_, promise)| taken(promise)).map(|(job, _)| job);
                taken.chain(own(&attempt.job)).collect()
            }
            Fact::AttemptStarted { attempt: id, at } => {
                let (attempt, job) = (&self.view.attempts[id], &self.jobs[&id.job]);
                let (known, ends) = (attempt.ends(job), *at + job.longest());
                let relied = |promise: &Promise| {
                    (known..ends).contains(&promise.start) && promise.allocation.meets(&attempt.allocation)
                };
                self.plan.promises().filter(|(_, promise)| relied(promise)).map(|(job, _)| job).collect()
            }
            Fact::NodeSet { id, draining: true, .. } | Fact::CardsSet { id, .. } => self.plan.on_node(*id),
            Fact::PolicySet { policy } => {
                let rank = |job: &JobId| self.view.rank_by(policy, self.jobs[job].class);
                let stays =
                    |job: &JobId, promise: &Promise| promises_starts(policy.backfill) && promise.priority == rank(job);
                self.plan.promises().filter(|(job, promise)| !stays(job, promise)).map(|(job, _)| job).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Makes or voids promises as a fact says.
    pub(crate) fn keep_promises(&mut self, fact: &Fact) {
        let made = match fact {
            Fact::PromiseMade { job, promise } => Some((*job, promise)),
            _ => None,
        };
        for job in self.promises_touched(fact) {
            let known = self.plan.withdraw(job);
            let stays = made.map(|(_, promise)| &promise.allocation);
            if let Some(void) = known.filter(|known| stays != Some(&known.allocation)) {
                self.queue.look_again_at_pool(void.pool);
            }
        }
        if let Some((job, promise)) = made {
            self.plan.promise(job, promise.clone());
        }
    }

    /// The attempt ends at another moment at the latest, having started; or it has ended.
    pub(crate) fn replan(&mut self, id: AttemptId, started: Option<Timestamp>) {
        let (attempt, job) = (&self.view.attempts[&id], &self.jobs[&id.job]);
        if started.is_some_and(|started| started + job.longest() == attempt.ends(job)) {
            return;
        }
        self.plan.end(id, &attempt.allocation, attempt.ends(job));
        if let Some(started) = started {
            let run = Run { since: started, ..attempt.run() };
            self.plan.begin(id, &attempt.allocation, started + job.longest(), run);
        }
    }
}

/// Whether blocked heads of line are promised a start.
pub fn promises_starts(backfill: Backfill) -> bool {
    match backfill {
        Backfill::Easy | Backfill::Conservative => true,
        Backfill::None | Backfill::BestEffort => false,
    }
}
