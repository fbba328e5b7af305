//! One pass forward in time over a pool.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::iter::Peekable;

use haina_core::{
    CardMillis, CardModelId, ClassId, JobId, Milliseconds, OrganizationId, PoolId, ProjectId, Timestamp, UserId,
    WaitReason,
};
use haina_scheduler::{Blocker, Quotas, Share, Shares, Standing};

use super::Estimate;
use super::holdings::{Held, Holdings};
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
    /// So many may start at once.
    together: u32,
    /// How many of it may start: elements of an array, and the jobs behind it that are taken together with it.
    times: u32,
    /// The last of these jobs, if it is asked for, and how many of `times` are of it.
    wanted: Option<(JobId, u32)>,
}

/// The jobs of a class, each with its user.
type Behind<'a> = Peekable<Box<dyn Iterator<Item = (UserId, JobId)> + 'a>>;

/// The jobs of one organization in the order of the policy, looked up as they are needed.
#[derive(Default)]
struct Line<'a> {
    /// Where the organization stands.
    standing: Standing,
    /// The first job of each class, with the number of its class.
    heads: BinaryHeap<Reverse<(Place, usize)>>,
    /// The jobs behind them.
    classes: Vec<Behind<'a>>,
}

/// The pool as it will be.
pub struct Pass<'a> {
    state: &'a State,
    pool: PoolId,
    now: Timestamp,
    /// The jobs that are asked for, as long as it is not their turn.
    wanted: BTreeSet<JobId>,
    turns: BTreeMap<JobId, Estimate>,
    /// What comes free at once, about: jobs with as many cards are taken together.
    step: CardMillis,
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
    /// From now on, with all jobs of the pool of the lowest priority of those that are asked for or a higher one.
    pub fn new(
        state: &'a State,
        holdings: &Holdings<'_>,
        pool: PoolId,
        wanted: BTreeSet<JobId>,
        now: Timestamp,
    ) -> Pass<'a> {
        let view = &state.view;
        let priority = wanted.iter().map(|id| view.classes[&state.jobs[id].class].key.priority).min();
        let free = view.cluster.card_models(pool).map(|model| {
            let totals = view.cluster.totals(pool, model);
            (model, u64::from(totals.available.0.saturating_sub(totals.allocated.0)))
        });
        let mut pass = Pass {
            state,
            pool,
            now,
            wanted,
            turns: BTreeMap::new(),
            step: holdings.step,
            free_millis: free.collect(),
            ends: holdings.followed.iter().copied().map(Reverse).collect(),
            lines: BTreeMap::new(),
            shares: Shares::default(),
            quotas: view.held.clone(),
            starts: 0,
            looks: 0,
        };
        for (id, share) in view.shares.iter() {
            let (entitlement, held, used) = (share.entitlement, share.held, share.used);
            *pass.shares.share(id) = Share { entitlement, held, used, users: BTreeMap::new() };
        }
        for (id, class) in &view.classes {
            if class.key.demand.pool == pool && Some(class.key.priority) >= priority {
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
        let jobs: Box<dyn Iterator<Item = (UserId, JobId)>> = Box::new(self.state.queue.line_with_users(id));
        line.classes.push(jobs.peekable());
        line.advance(self.state, line.classes.len() - 1);
    }

    /// When it is the turn of the jobs that are asked for: of those of which it comes.
    pub fn turns(mut self) -> BTreeMap<JobId, Estimate> {
        let mut passed: Vec<Candidate> = Vec::new();
        loop {
            // Who was passed goes first.
            let mut again = std::mem::take(&mut passed).into_iter();
            while !self.is_spent() && self.free_millis.values().any(|free| *free > 0) {
                let Some(mut candidate) = again.next().or_else(|| self.next()) else { break };
                let started = self.start(&mut candidate);
                if let Some((id, _)) = candidate.wanted.take_if(|(_, times)| started && candidate.times < *times) {
                    self.wanted.remove(&id);
                    self.turns.insert(id, Estimate { start: self.now, is_least: false });
                    if self.wanted.is_empty() {
                        return self.turns;
                    }
                }
                passed.extend(Some(candidate).filter(|candidate| candidate.times > 0));
            }
            if self.is_spent() {
                let least = Estimate { start: self.now, is_least: true };
                self.turns.extend(self.wanted.into_iter().map(|id| (id, least)));
                return self.turns;
            }
            passed.extend(again);
            if self.end().is_none() {
                return self.turns;
            }
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
        let line = self.lines.get_mut(&organization)?;
        let Reverse(((.., id), class)) = line.heads.pop()?;
        let job = &state.jobs[&id];
        let key = &state.view.classes[&job.class].key;
        let together = self.step.0.checked_div(cards_of(&key.demand).0).unwrap_or(1).max(1);
        let (mut times, mut last) = (job.startable_now(), (id, job.startable_now()));
        while times < together && !self.wanted.contains(&last.0) {
            let behind = &mut line.classes[class];
            let Some((_, next)) = behind.next_if(|(user, _)| *user == job.user) else { break };
            last = (next, state.jobs[&next].startable_now());
            times += last.1;
        }
        let wanted = Some(last).filter(|(last, _)| self.wanted.contains(last));
        line.advance(state, class);
        let (demand, project, user) = (&key.demand, key.project, job.user);
        let (model, cards, predicted) = (demand.card_model, cards_of(demand), job.expected(&state.view.history));
        Some(Candidate { id, organization, project, user, model, cards, predicted, together, times, wanted })
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
            let most = candidate.together.min(candidate.times).min(u32::try_from(fitting).unwrap_or(u32::MAX));
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
            // Who stands for others may stand for those of other users.
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
        let Some((_, id)) = self.classes[class].next() else { return };
        let (job, policy) = (&state.jobs[&id], &state.view.center.policy);
        let (rank, standing, due) = state.queue.turn(job.class, job.waiting(id, policy));
        self.heads.push(Reverse(((Reverse(rank), standing, due, id), class)));
    }
}
