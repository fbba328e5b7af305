//! After a change of policy, who waits is put in line; then due timers, then one placement, promise or block. `execute`
//! comes back until nothing is left or the fuel is spent.

use haina_core::{
    Allocation, AttemptId, Backfill, ClassId, Effect, JobId, Launch, Milliseconds, Money, NodeId, NodeShare, Timestamp,
    WaitReason,
};
use haina_ledger::Short;
use haina_scheduler::{Blocker, Found, Fuel, Promise, Release, Releases, Span, Terms, Withheld};

use super::{Blocked, Outcome, agreements, vouchers};
use crate::dues::Due;
use crate::funding::Which;
use crate::promises::promises_starts;
use crate::{Fact, State};

/// A promise is worked out again for an earlier start no sooner than this after it was made,
const PROMISE_AGE_LEAST: Milliseconds = Milliseconds::from_seconds(60);
/// nor before this part of the time until its start has passed.
const PROMISE_AGE_PART: u64 = 32;

/// To start a job takes as long as so many probes.
const PLACEMENT: u64 = 4;

/// Jobs that are looked at behind a head of line for one that fits before the promised starts.
const BACKFILL_DEPTH: usize = 10_000;

/// One step.
pub fn advance(state: &State, now: Timestamp, fuel: u64) -> Outcome {
    let mut outcome = Outcome::done(Vec::new());
    let mut fuel = Fuel(fuel);
    if let Some((end, count)) = state.next_to_line_up(fuel.left()) {
        fuel.spend(count);
        outcome.lined_up_to = Some(end);
        outcome.again = true;
    } else if let Some((_, job)) = state.timers.first().filter(|(at, _)| *at <= now) {
        outcome.facts.push(Fact::JobDue { job: *job });
        fuel.spend(1);
        outcome.again = true;
    } else if let Some((_, due)) = state.dues.first().filter(|(at, _)| *at <= now) {
        outcome.facts = match due {
            Due::Agreement(id) => agreements::due(state, id),
            Due::Voucher(id) => vouchers::due(state, id),
        };
        fuel.spend(1);
        outcome.again = true;
    } else if let Some((class, job)) = state.next_in_line() {
        fuel.spend(1);
        let mut step = Step { state, now, fuel: &mut fuel, outcome: &mut outcome };
        if let Err(OutOfFuel) = step.look_at(class, job) {
            // The search starts over with the next call's full fuel; what was probed is not kept.
            while fuel.spend(1) {}
        }
        outcome.again = true;
    }
    outcome.fuel_left = fuel.left();
    outcome
}

struct OutOfFuel;

struct Step<'a> {
    state: &'a State,
    now: Timestamp,
    fuel: &'a mut Fuel,
    outcome: &'a mut Outcome,
}

/// What attempts hold, until their limits.
struct AtTheLatest<'a>(&'a State);

impl<'a> Releases<'a> for AtTheLatest<'a> {
    fn span(&self, node: NodeId) -> Option<Span> {
        self.0.plan.span(node)
    }

    fn of(&self, node: NodeId) -> impl Iterator<Item = Release<impl FnOnce() -> &'a NodeShare>> {
        let state = self.0;
        let planned = state.plan.on(node).iter();
        planned.map(move |planned| Release {
            at: planned.ends,
            touched: planned.touched,
            share: move || state.share(planned.attempt, node),
        })
    }
}

/// What the cluster has for a job.
enum Place {
    Here(Allocation),
    /// Not enough is free.
    Full {
        nodes_free: u32,
    },
    /// Enough is free, but promised to others from this moment on.
    PromisedFrom(Timestamp),
}

impl Step<'_> {
    fn look_at(&mut self, class: ClassId, id: JobId) -> Result<(), OutOfFuel> {
        let state = self.state;
        if let Some((reason, blocker)) = self.account(id) {
            self.set_aside(class, id, reason, blocker);
            return Ok(());
        }
        let demand = &state.view.classes[&class].key.demand;
        let (reason, window) = match self.find(id, state.jobs[&id].longest())? {
            Place::Here(allocation) => {
                if let Err(reason) = self.place(class, id, allocation) {
                    self.set_aside(class, id, reason, Blocker::Account);
                }
                return Ok(());
            }
            Place::Full { nodes_free } => {
                let (nodes, cards_per_node) = (demand.nodes, demand.cards_per_node);
                (WaitReason::Capacity { nodes, cards_per_node, nodes_free }, None)
            }
            Place::PromisedFrom(start) => (WaitReason::Promised { start }, Some(start)),
        };
        if self.promise(class, id)? {
            return Ok(());
        }
        if let Some(window) = window
            && self.backfill(class, window)?
        {
            return Ok(());
        }
        self.set_aside(class, id, reason, Blocker::Capacity);
        if let Some(blocked) = &mut self.outcome.blocked {
            blocked.window = window;
        }
        Ok(())
    }

    /// What keeps a job from starting wherever it may be: whose it is, or a quota.
    fn account(&self, id: JobId) -> Option<(WaitReason, Blocker)> {
        let job = &self.state.jobs[&id];
        if self.state.view.organizations[&job.organization].suspended {
            return Some((WaitReason::Suspended, Blocker::Account));
        }
        self.state.view.quota_reason(job)
    }

    /// Where a job fits that may take so long.
    fn find(&mut self, id: JobId, longest: Milliseconds) -> Result<Place, OutOfFuel> {
        let (state, class) = (self.state, self.state.jobs[&id].class);
        let key = &state.view.classes[&class].key;
        let (pool, rank) = (key.demand.pool, state.view.rank(class));
        let mut look = |withheld: &Withheld| {
            let terms = Terms { placement: state.view.center.policy.placement, withheld };
            state.view.cluster.find(&key.demand, &terms, self.fuel)
        };
        let starts = state.plan.starts_before(pool, rank, self.now + longest, id);
        let whole = match look(Withheld::none()) {
            Found::Placed(allocation) => allocation,
            Found::Blocked { nodes_free } => return Ok(Place::Full { nodes_free }),
            Found::OutOfFuel => return Err(OutOfFuel),
        };
        let Some((first, later)) = starts.split_first() else { return Ok(Place::Here(whole)) };
        let own = self.now + longest;
        if !state.plan.binds(pool, rank, own, id, &whole) {
            return Ok(Place::Here(whole));
        }
        // Nothing is withheld from who ends before the first promised start.
        for ends in later.iter().copied().chain([own]).rev() {
            match look(&state.plan.withheld(pool, rank, ends, id)) {
                Found::Placed(allocation) if ends == own => return Ok(Place::Here(allocation)),
                Found::Placed(_) => return Ok(Place::PromisedFrom(ends)),
                Found::Blocked { .. } => {}
                Found::OutOfFuel => return Err(OutOfFuel),
            }
        }
        Ok(Place::PromisedFrom(*first))
    }

    /// Promises a start to a job that cannot start now, or to one behind it; false if there is none to promise.
    fn promise(&mut self, class: ClassId, head: JobId) -> Result<bool, OutOfFuel> {
        let (state, policy) = (self.state, &self.state.view.center.policy);
        if !promises_starts(policy.backfill) {
            return Ok(false);
        }
        let key = &state.view.classes[&class].key;
        let is_full = state.plan.count(key.demand.pool) >= usize::from(policy.promises);
        let is_due = |job: JobId| match state.plan.promised(job) {
            None => !is_full,
            Some(promise) => {
                let part = promise.start.since(promise.at).0 / PROMISE_AGE_PART;
                self.now.since(promise.at).0 >= PROMISE_AGE_LEAST.0.max(part)
            }
        };
        let due = match policy.backfill {
            Backfill::Conservative => {
                let behind = state.queue.alike(class).map(|(_, job)| job).skip_while(|job| *job != head);
                behind.take(usize::from(policy.promises)).find(|job| is_due(*job))
            }
            _ => Some(head).filter(|job| is_due(*job)),
        };
        let Some(job) = due else { return Ok(false) };
        // Every node of the pool is looked at; a few words each.
        if !self.fuel.spend(1 + state.view.cluster.nodes().len() as u64 / 8) {
            return Err(OutOfFuel);
        }
        let withheld = state.plan.promised_to_others(key.demand.pool, job);
        let terms = Terms { placement: policy.placement, withheld: &withheld };
        let Some((start, allocation)) = state.view.cluster.earliest(&key.demand, &terms, self.now, &AtTheLatest(state))
        else {
            return Ok(false);
        };
        let (pool, priority, at) = (key.demand.pool, state.view.rank(state.jobs[&job].class), self.now);
        let promise = match state.plan.promised(job) {
            // Said again, so that it is not worked out again soon.
            Some(known) if known.start <= start => Promise { at, ..known.clone() },
            _ => Promise { pool, priority, start, allocation, at },
        };
        self.outcome.facts.push(Fact::PromiseMade { job, promise });
        Ok(true)
    }

    /// Starts a job behind a head that may use what is free and the head may not: one to which it is promised, or else the
    /// first that ends before it is promised to others; false if there is none.
    fn backfill(&mut self, class: ClassId, window: Timestamp) -> Result<bool, OutOfFuel> {
        let state = self.state;
        let demand = &state.view.classes[&class].key.demand;
        let is_alike = |job: &JobId| {
            let job = &state.jobs[job];
            state.view.classes[&job.class].key.demand == *demand && job.startable().is_some()
        };
        let in_window = state.plan.promises().filter(|(_, promise)| promise.start <= window);
        let promised = in_window.map(|(job, _)| (state.jobs[&job].class, job)).filter(|(_, job)| is_alike(job));
        let mut looked_at = 0;
        let is_one_short = state.queue.shortest(class).is_some_and(|shortest| self.now + shortest <= window);
        let behind = is_one_short.then(|| state.queue.alike(class).take(BACKFILL_DEPTH));
        let mut behind = behind.into_iter().flatten().inspect(|_| looked_at += 1);
        let short =
            behind.find(|(_, job)| self.now + state.jobs[job].longest() <= window && self.account(*job).is_none());
        // Of a job that is looked at here a single number is compared.
        if !self.fuel.spend(looked_at / 16) {
            return Err(OutOfFuel);
        }
        for (class, job) in promised.chain(short) {
            if self.account(job).is_none()
                && let Place::Here(allocation) = self.find(job, state.jobs[&job].longest())?
                && self.place(class, job, allocation).is_ok()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Starts a job, unless its account does not cover it.
    fn place(&mut self, class: ClassId, id: JobId, allocation: Allocation) -> Result<(), WaitReason> {
        let (state, job) = (self.state, &self.state.jobs[&id]);
        let (element, number) = job.startable().expect("a queued job has something to start");
        let asked = allocation.cards();
        let model = allocation.shares.first().and_then(|share| state.view.nodes[&share.node].spec.card_model);
        let (price, price_version) =
            if asked.0 == 0 { (Money::zero(state.view.center.currency), 0) } else { state.view.price(model) };
        let pool = state.view.classes[&class].key.demand.pool;
        let use_most = asked.used_for(job.longest());
        let funded = state.view.fund(job.organization, (pool, price), use_most, self.now, Which::Available);
        let funded = funded.map_err(|Short { needed, available }| WaitReason::Funds {
            needed: Money { micros: needed, ..price },
            available: Money { micros: available, ..price },
        })?;
        self.fuel.spend(PLACEMENT);
        let attempt = AttemptId { job: id, in_array: job.is_array(), element, number };
        self.outcome.facts.push(Fact::AttemptPlaced {
            attempt,
            organization: job.organization,
            class,
            allocation: allocation.clone(),
            hold: funded.hold,
            price_per_card_hour: funded.price_per_card_hour,
            price_version,
            at: self.now,
            user: job.user,
            project: state.view.classes[&class].key.project,
            predicted: job.expected(&state.view.history),
            similar: job.outlook.similar,
            funding: funded.portions,
        });
        self.outcome.effects.push(Effect::Launch(Launch {
            attempt,
            organization: job.organization,
            allocation,
            tasks_per_node: job.tasks_per_node,
            time_limit: job.time_limit,
            grace: job.grace,
            payload: job.payload,
        }));
        Ok(())
    }

    fn set_aside(&mut self, class: ClassId, id: JobId, reason: WaitReason, blocker: Blocker) {
        let state = self.state;
        // Only a change of the kind of reason is news; the values of the first time stay. What holds back one user is no news
        // of the class.
        let known = state.view.classes[&class].reason.as_ref().map(WaitReason::word);
        if known != Some(reason.word()) && blocker != Blocker::User {
            self.outcome.facts.push(Fact::ClassBlocked { class, reason, at: self.now });
        }
        if blocker != Blocker::Capacity && state.plan.promised(id).is_some() {
            self.outcome.facts.push(Fact::PromiseWithdrawn { job: id });
        }
        self.outcome.blocked = Some(Blocked { class, blocker, window: None });
    }
}
