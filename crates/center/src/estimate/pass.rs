//! One pass forward in time over a pool.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use haina_core::{
    CardMillis, CardModelId, ClassId, JobId, Milliseconds, OrganizationId, PoolId, ProjectId, Timestamp, UserId,
    WaitReason,
};
use haina_scheduler::{Blocker, Quotas, Share, Shares, Standing};

use super::Estimate;
use super::run_time::likely;
use crate::{State, cards_of};

/// Starts that a pass follows. Of whoever is further back it is only known that his turn is not before.
pub const STARTS_MOST: usize = 2_000;
/// Looks at jobs for one that fits, over the whole pass.
const LOOKS_MOST: usize = 100_000;

/// The least is next among the jobs of one organization.
type Place = (Reverse<i32>, Standing, Timestamp, JobId);

/// A job that may start in the pass.
struct Candidate {
    id: JobId,
    organization: OrganizationId,
    project: Option<ProjectId>,
    user: UserId,
    model: Option<CardModelId>,
    cards: CardMillis,
    predicted: Milliseconds,
    /// How many of it may start: elements of an array.
    times: u32,
}

/// The jobs of one organization in the order of the policy, looked up as they are needed.
#[derive(Default)]
struct Line<'a> {
    /// The first job of each class, with the number of its class.
    heads: BinaryHeap<Reverse<(Place, usize)>>,
    /// The jobs behind them.
    classes: Vec<Box<dyn Iterator<Item = JobId> + 'a>>,
}

/// Cards of a model that are held until then, and for whom.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    ends: Timestamp,
    model: CardModelId,
    organization: OrganizationId,
    project: Option<ProjectId>,
    user: UserId,
    cards: CardMillis,
}

/// The pool as it will be.
pub struct Pass<'a> {
    state: &'a State,
    pool: PoolId,
    now: Timestamp,
    free_millis: BTreeMap<CardModelId, u64>,
    /// The next end first.
    ends: BinaryHeap<Reverse<Held>>,
    lines: BTreeMap<OrganizationId, Line<'a>>,
    /// What organizations hold and are entitled to; nothing of their users.
    shares: Shares,
    quotas: Quotas,
    starts: usize,
    looks: usize,
}

impl<'a> Pass<'a> {
    /// From now on, with all jobs of the pool of such a priority or a higher one.
    pub fn new(state: &'a State, pool: PoolId, priority: i32, now: Timestamp) -> Pass<'a> {
        let view = &state.view;
        let free = view.cluster.card_models(pool).map(|model| {
            let totals = view.cluster.totals(pool, model);
            (model, u64::from(totals.available.0.saturating_sub(totals.allocated.0)))
        });
        let (free_millis, shares) = (free.collect(), Shares::default());
        let (ends, lines, starts, looks) = (BinaryHeap::new(), BTreeMap::new(), 0, 0);
        let quotas = view.held.clone();
        let mut pass = Pass { state, pool, now, free_millis, ends, lines, shares, quotas, starts, looks };
        for (id, share) in view.shares.iter() {
            let (entitlement, held, used) = (share.entitlement, share.held, share.used);
            *pass.shares.share(id) = Share { entitlement, held, used, users: BTreeMap::new() };
        }
        for (id, attempt) in &view.attempts {
            let Some(share) = attempt.allocation.shares.first() else { continue };
            let spec = &view.nodes[&share.node].spec;
            if let Some(model) = spec.card_model.filter(|_| spec.pool == pool) {
                let (organization, project, user) = (attempt.organization, attempt.project, attempt.user);
                let (ends, cards) = (state.likely_end(*id, now), attempt.allocation.cards());
                pass.ends.push(Reverse(Held { ends, model, organization, project, user, cards }));
            }
        }
        for (id, class) in &view.classes {
            if class.key.demand.pool == pool && class.key.priority >= priority {
                pass.enter(*id, class);
            }
        }
        pass
    }

    /// Lets the jobs of a class take part, unless their account keeps them from starting whatever ends.
    fn enter(&mut self, id: ClassId, class: &crate::Class) {
        let waits_for_account = self.state.queue.blocker(id) == Some(Blocker::Account);
        if waits_for_account && !matches!(class.reason, Some(WaitReason::Quota { .. })) {
            return;
        }
        let line = self.lines.entry(class.key.organization).or_default();
        line.classes.push(Box::new(self.state.queue.line(id)));
        line.advance(self.state, line.classes.len() - 1);
    }

    /// Until the turn of a job; none if it never comes.
    pub fn until(mut self, wanted: JobId) -> Option<Estimate> {
        let mut passed: Vec<Candidate> = Vec::new();
        loop {
            // Who was passed goes first.
            let mut again = std::mem::take(&mut passed).into_iter();
            while !self.is_spent() && self.free_millis.values().any(|free| *free > 0) {
                let Some(mut candidate) = again.next().or_else(|| self.next()) else { break };
                if self.start(&mut candidate) && candidate.id == wanted {
                    return Some(Estimate { start: self.now, is_least: false });
                }
                passed.extend(Some(candidate).filter(|candidate| candidate.times > 0));
            }
            if self.is_spent() {
                return Some(Estimate { start: self.now, is_least: true });
            }
            passed.extend(again);
            self.end()?;
        }
    }

    fn is_spent(&self) -> bool {
        self.starts >= STARTS_MOST || self.looks >= LOOKS_MOST
    }

    /// The next in line: the first of the organization that stands first.
    fn next(&mut self) -> Option<Candidate> {
        let (state, shares) = (self.state, &self.shares);
        let order = state.view.center.policy.order;
        let head = |(id, line): (&OrganizationId, &Line)| {
            let Reverse(((priority, user, due, job), _)) = *line.heads.peek()?;
            Some(((priority, shares.of_organization(order, *id), user, due, job), *id))
        };
        let (_, organization) = self.lines.iter().filter_map(head).min()?;
        let line = self.lines.get_mut(&organization)?;
        let Reverse(((.., id), class)) = line.heads.pop()?;
        line.advance(state, class);
        let job = &state.jobs[&id];
        let key = &state.view.classes[&job.class].key;
        let (demand, project, user) = (&key.demand, key.project, job.user);
        let (model, cards, predicted) = (demand.card_model, cards_of(demand), job.expected(&state.view.history));
        Some(Candidate { id, organization, project, user, model, cards, predicted, times: job.startable_now() })
    }

    /// Starts as much of a candidate as there is room for; whether anything.
    fn start(&mut self, candidate: &mut Candidate) -> bool {
        let &mut Candidate { organization, project, user, cards, .. } = candidate;
        let path = self.state.view.path(self.pool, organization, project, user);
        let before = candidate.times;
        self.looks += 1;
        while candidate.times > 0 && self.starts < STARTS_MOST {
            let serves = |(model, free): &(&CardModelId, &u64)| {
                candidate.model.is_none_or(|wanted| wanted == **model) && **free >= u64::from(cards.0)
            };
            let roomiest = self.free_millis.iter().filter(serves).max_by_key(|(_, free)| **free);
            let Some(model) = roomiest.map(|(model, _)| *model) else { break };
            let free = u32::try_from(self.free_millis.values().sum::<u64>()).unwrap_or(u32::MAX);
            if self.quotas.admits(&path, cards, CardMillis(free)).is_err() {
                break;
            }
            self.quotas.hold(&path, cards);
            *self.free_millis.entry(model).or_default() -= u64::from(cards.0);
            self.shares.share(organization).held.0 += cards.0;
            let ends = self.now + likely(candidate.predicted, Milliseconds(0), candidate.id);
            self.ends.push(Reverse(Held { ends, model, organization, project, user, cards }));
            self.starts += 1;
            candidate.times -= 1;
        }
        candidate.times < before
    }

    /// Time goes on to the next end; none if nothing runs any more.
    fn end(&mut self) -> Option<()> {
        let Reverse(first) = self.ends.peek()?;
        self.now = self.now.max(first.ends);
        while let Some(Reverse(held)) = self.ends.peek().copied()
            && held.ends <= self.now
        {
            self.ends.pop();
            *self.free_millis.entry(held.model).or_default() += u64::from(held.cards.0);
            self.shares.share(held.organization).held.0 -= held.cards.0;
            let path = self.state.view.path(self.pool, held.organization, held.project, held.user);
            self.quotas.release(&path, held.cards);
        }
        Some(())
    }
}

impl Line<'_> {
    /// Looks up the next job of a class.
    fn advance(&mut self, state: &State, class: usize) {
        let Some(id) = self.classes[class].next() else { return };
        let (job, policy) = (&state.jobs[&id], &state.view.center.policy);
        let (rank, standing, due) = state.queue.turn(job.class, job.waiting(id, policy));
        self.heads.push(Reverse(((Reverse(rank), standing, due, id), class)));
    }
}
