//! One pass forward in time over a pool.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use haina_core::{
    CardMillis, CardModelId, ClassId, JobId, Milliseconds, OrganizationId, PoolId, ProjectId, Timestamp, UserId,
    WaitReason,
};
use haina_scheduler::{Blocker, ClassKey, Quotas, Share, Shares, Standing};

use super::Estimate;
use super::run_time::likely;
use super::sample::Sample;
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
    /// How many of it may start: elements of an array, and the jobs behind it that are taken together with it.
    times: u32,
    /// How many of these, the last, are of the job that is asked for.
    of_wanted: u32,
}

/// The jobs of one organization in the order of the policy, looked up as they are needed.
#[derive(Default)]
struct Line<'a> {
    /// Where the organization stands.
    standing: Standing,
    /// The first job of each class, with the number of its class.
    heads: BinaryHeap<Reverse<(Place, usize)>>,
    /// The jobs behind them.
    classes: Vec<Box<dyn Iterator<Item = JobId> + 'a>>,
}

/// Which jobs are taken together.
#[derive(Clone, Copy)]
struct Grain {
    /// So many of a class: as many as one node of the sample stands for.
    jobs: u32,
    /// The last of its own.
    wanted: JobId,
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
    grain: Grain,
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
    /// From now on, with all jobs of the pool of the priority of `wanted` or a higher one.
    pub fn new(state: &'a State, sample: &Sample<'_>, wanted: JobId, now: Timestamp) -> Pass<'a> {
        let view = &state.view;
        let ClassKey { demand, priority, .. } = &view.classes[&state.jobs[&wanted].class].key;
        let (pool, grain) = (demand.pool, Grain { jobs: sample.weight(demand), wanted });
        let free = view.cluster.card_models(pool).map(|model| {
            let totals = view.cluster.totals(pool, model);
            (model, u64::from(totals.available.0.saturating_sub(totals.allocated.0)))
        });
        let (free_millis, shares) = (free.collect(), Shares::default());
        let (ends, lines, starts, looks) = (BinaryHeap::new(), BTreeMap::new(), 0, 0);
        let quotas = view.held.clone();
        let mut pass = Pass { state, pool, grain, now, free_millis, ends, lines, shares, quotas, starts, looks };
        for (id, share) in view.shares.iter() {
            let (entitlement, held, used) = (share.entitlement, share.held, share.used);
            *pass.shares.share(id) = Share { entitlement, held, used, users: BTreeMap::new() };
        }
        let held = sample.held(state).map(|(model, cards, held)| {
            let attempt = &view.attempts[&held.attempt];
            let (organization, project, user) = (attempt.organization, attempt.project, attempt.user);
            Reverse(Held { ends: held.ends, model, organization, project, user, cards })
        });
        pass.ends = held.collect();
        for (id, class) in &view.classes {
            if class.key.demand.pool == pool && class.key.priority >= *priority {
                pass.enter(*id, class);
            }
        }
        for (id, line) in &mut pass.lines {
            line.standing = pass.shares.of_organization(view.center.policy.order, *id);
        }
        pass
    }

    /// An organization holds more, or less; it stands elsewhere by that.
    fn hold(&mut self, organization: OrganizationId, change: impl FnOnce(u32) -> u32) {
        let share = self.shares.share(organization);
        share.held.0 = change(share.held.0);
        if let Some(line) = self.lines.get_mut(&organization) {
            line.standing = self.shares.of_organization(self.state.view.center.policy.order, organization);
        }
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

    /// Until the turn of the wanted job; none if it never comes.
    pub fn until_turn(mut self) -> Option<Estimate> {
        let mut passed: Vec<Candidate> = Vec::new();
        loop {
            // Who was passed goes first.
            let mut again = std::mem::take(&mut passed).into_iter();
            while !self.is_spent() && self.free_millis.values().any(|free| *free > 0) {
                let Some(mut candidate) = again.next().or_else(|| self.next()) else { break };
                if self.start(&mut candidate) && candidate.times < candidate.of_wanted {
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
        let state = self.state;
        let head = |(id, line): (&OrganizationId, &Line)| {
            let Reverse(((priority, user, due, job), _)) = *line.heads.peek()?;
            Some(((priority, line.standing, user, due, job), *id))
        };
        let (_, organization) = self.lines.iter().filter_map(head).min()?;
        let (line, Grain { jobs, wanted }) = (self.lines.get_mut(&organization)?, self.grain);
        let Reverse(((.., id), class)) = line.heads.pop()?;
        let job = &state.jobs[&id];
        // Those behind it are taken to be like it, without a look.
        let (each, mut taken, mut last) = (job.startable_now(), 1, id);
        while taken < jobs && last != wanted {
            let Some(next) = line.classes[class].next() else { break };
            (taken, last) = (taken + 1, next);
        }
        let (times, of_wanted) = (each.saturating_mul(taken), if last == wanted { each } else { 0 });
        line.advance(state, class);
        let key = &state.view.classes[&job.class].key;
        let (demand, project, user) = (&key.demand, key.project, job.user);
        let (model, cards, predicted) = (demand.card_model, cards_of(demand), job.expected(&state.view.history));
        Some(Candidate { id, organization, project, user, model, cards, predicted, times, of_wanted })
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
            // As many at once as are taken together, if there is room for them.
            let fitting = self.free_millis[&model].checked_div(u64::from(cards.0)).unwrap_or(u64::MAX);
            let most = self.grain.jobs.min(candidate.times).min(u32::try_from(fitting).unwrap_or(u32::MAX));
            let fewer = std::iter::successors(Some(most), |times| Some(times / 2).filter(|times| *times > 0));
            let admitted = fewer.map(|times| (times, CardMillis(cards.0 * times)));
            let mut admitted =
                admitted.filter(|(_, cards)| self.quotas.admits(&path, *cards, CardMillis(free)).is_ok());
            let Some((times, cards)) = admitted.next() else { break };
            self.quotas.hold(&path, cards);
            *self.free_millis.entry(model).or_default() -= u64::from(cards.0);
            self.hold(organization, |held| held.saturating_add(cards.0));
            let ends = self.now + likely(candidate.predicted, Milliseconds(0), candidate.id);
            self.ends.push(Reverse(Held { ends, model, organization, project, user, cards }));
            self.starts += 1;
            candidate.times -= times;
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
            // A node of the sample may stand for more than its holders hold on others.
            self.hold(held.organization, |cards| cards.saturating_sub(held.cards.0));
            let path = self.state.view.path(self.pool, held.organization, held.project, held.user);
            let counted = self.quotas.held(&path).map_or(held.cards, |counted| held.cards.min(counted));
            self.quotas.release(&path, counted);
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
