//! The line of ready jobs. Jobs of one class are alike to the scheduler, and classes of one demand are alike to the
//! cluster: what the cluster answers for one of them is its answer for all, so a demand that does not fit is set aside
//! until something changes that could help it, however many classes and jobs have it.
//!
//! The order is by priority; among equals by the standing of the organization, then of the user, then by when the job is
//! due, then by its number. Who gives the standings and the due moments makes the policy. A class or an organization may
//! have a head start: its jobs count as due so much earlier.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use haina_core::{CardModelId, ClassId, JobId, Milliseconds, OrganizationId, PoolId, ProjectId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::Demand;
use crate::history::Similar;
use crate::line::{Line, Standing, Waiting};

/// What makes jobs alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClassKey {
    /// Whose quota and account they use.
    pub organization: OrganizationId,
    /// The project whose quotas they use too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    /// Higher goes first.
    pub priority: i32,
    /// What each of them needs.
    pub demand: Demand,
}

/// What kept the head of a class from starting, and so which change could let it start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocker {
    /// Too little is free in its pool: all classes of its demand wait.
    Capacity,
    /// Its organization's quota, funds or standing.
    Account,
    /// A quota of its pool or of the whole center.
    Pool,
    /// A quota of its user: others of its class may go on.
    User,
}

/// The freed nodes that could help a demand: one that is set aside is found again by what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Helpful {
    /// Every node of the pool: no cards are needed, of whatever model.
    AnyNode,
    /// Every node with cards.
    AnyCards,
    /// Nodes with this model.
    Model(CardModelId),
}

/// The place of a class among all: the least is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    rank: Reverse<i32>,
    organization: Standing,
    user: Standing,
    due: Timestamp,
    job: JobId,
    class: ClassId,
}

#[derive(Clone, Debug)]
struct Class {
    key: ClassKey,
    /// Classes go strictly by rank.
    rank: i32,
    /// Its own, and that of its organization.
    head_start: [Milliseconds; 2],
    standing: Standing,
    line: Line,
    /// Whether it waits for its account, or for a quota of its pool.
    waits: bool,
}

/// All classes of one demand.
#[derive(Clone, Debug, Default, PartialEq)]
struct Shape {
    classes: u32,
    /// How many jobs may hold what they get for so long, whatever their classes wait for.
    lengths: BTreeMap<Milliseconds, usize>,
    /// Of the classes that have jobs and do not wait for their accounts.
    places: BTreeSet<Place>,
    /// Whether it waits for capacity.
    waits: bool,
    /// While it waits: a job that ends by then would fit all the same, because what is free is promised only from then on.
    window: Option<Timestamp>,
}

/// Ready jobs in order.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    classes: BTreeMap<ClassId, Class>,
    of_organization: BTreeMap<OrganizationId, BTreeSet<ClassId>>,
    organizations: BTreeMap<OrganizationId, Standing>,
    head_starts: BTreeMap<OrganizationId, Milliseconds>,
    users: BTreeMap<(OrganizationId, UserId), Standing>,
    later: BTreeMap<(OrganizationId, UserId), Milliseconds>,
    /// In whose lines a user has jobs.
    of_user: BTreeMap<(OrganizationId, UserId), BTreeSet<ClassId>>,
    shapes: BTreeMap<Demand, Shape>,
    /// The first place of each demand that does not wait for capacity.
    ready: BTreeSet<Place>,
    /// The first place of each demand that does.
    aside: BTreeSet<Place>,
    waiting_for_capacity: BTreeSet<(PoolId, Helpful, Demand)>,
    waiting_for_account: BTreeSet<(OrganizationId, ClassId)>,
    waiting_for_pool: BTreeSet<ClassId>,
    waiting_for_user: BTreeSet<(OrganizationId, UserId, ClassId)>,
    jobs: usize,
}

impl Class {
    fn place(&self, id: ClassId) -> Option<Place> {
        let (user, due, job) = self.line.head().filter(|_| !self.waits)?;
        let (rank, organization) = (Reverse(self.rank), self.standing);
        Some(Place { rank, organization, user, due: due - self.earlier(), job, class: id })
    }

    /// By how much its jobs are due earlier than in its line.
    fn earlier(&self) -> Milliseconds {
        self.head_start[0] + self.head_start[1]
    }
}

fn helpful(demand: &Demand) -> Helpful {
    match (demand.cards_per_node.0, demand.card_model) {
        (0, None) => Helpful::AnyNode,
        (_, None) => Helpful::AnyCards,
        (_, Some(model)) => Helpful::Model(model),
    }
}

/// Whether jobs of these demands want the same cards, or, where they want none, the same nodes.
fn compete(one: &Demand, other: &Demand) -> bool {
    let with_cards = |demand: &Demand| demand.cards_per_node.0 > 0;
    let same_model = match (one.card_model, other.card_model) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    one.pool == other.pool && with_cards(one) == with_cards(other) && same_model
}

impl Queue {
    /// A queue without classes.
    pub fn new() -> Queue {
        Queue::default()
    }

    /// Adds an empty class, whose rank is its priority and that has no head start. Panics if the id is known.
    pub fn add_class(&mut self, id: ClassId, key: ClassKey) {
        let standing = self.organizations.get(&key.organization).copied().unwrap_or_default();
        let head_start = [Milliseconds(0), self.head_starts.get(&key.organization).copied().unwrap_or_default()];
        let class = Class { key, rank: key.priority, head_start, standing, line: Line::default(), waits: false };
        let known = self.classes.insert(id, class);
        assert!(known.is_none(), "class {id} is new");
        self.of_organization.entry(key.organization).or_default().insert(id);
        self.shapes.entry(key.demand).or_default().classes += 1;
    }

    /// From now on a class has this rank and head start.
    pub fn set_class_standing(&mut self, id: ClassId, rank: i32, head_start: Milliseconds) {
        self.change_class(id, |class| (class.rank, class.head_start[0]) = (rank, head_start));
    }

    /// Forgets a class. Panics unless it is empty.
    pub fn remove_class(&mut self, id: ClassId) {
        let class = self.classes.remove(&id).unwrap_or_else(|| panic!("class {id} is known"));
        assert!(class.line.len() == 0, "class {id} is empty");
        let (organization, demand) = (class.key.organization, class.key.demand);
        let own = self.of_organization.get_mut(&organization).expect("its organization has classes");
        own.remove(&id);
        if own.is_empty() {
            self.of_organization.remove(&organization);
        }
        let shape = self.shapes.get_mut(&demand).expect("its demand is known");
        shape.classes -= 1;
        if shape.classes == 0 {
            self.shapes.remove(&demand);
            self.waiting_for_capacity.remove(&(demand.pool, helpful(&demand), demand));
        }
    }

    /// Puts a job in line. `passed_for` tells of a job that becomes the first of those that are alike how long these are
    /// passed. A class that waits for its account is looked at again if the job becomes its head: an answer about the old
    /// head is none about the new one, whose time limit may need other funds.
    pub fn insert(&mut self, id: ClassId, waiting: Waiting, passed_for: impl FnOnce(JobId) -> Milliseconds) {
        let own = (self.class(id).key.organization, waiting.user);
        let standing = self.users.get(&own).copied().unwrap_or_default();
        let later = self.later.get(&own).copied().unwrap_or_default();
        self.change_class(id, |class| class.line.insert(waiting, (standing, later), passed_for));
        self.of_user.entry(own).or_default().insert(id);
        *self.shape_of(id).lengths.entry(waiting.longest).or_default() += 1;
        self.jobs += 1;
    }

    /// Takes a job out of line; `passed_for` tells of the one behind it. If it was the head of a class that waits for its
    /// account, the new head is looked at.
    pub fn remove(&mut self, id: ClassId, waiting: Waiting, passed_for: impl FnOnce(JobId) -> Milliseconds) {
        self.change_class(id, |class| class.line.remove(waiting, passed_for));
        let lengths = &mut self.shape_of(id).lengths;
        let alike = lengths.get_mut(&waiting.longest).expect("the length of each job is counted");
        *alike -= 1;
        if *alike == 0 {
            lengths.remove(&waiting.longest);
        }
        let class = self.class(id);
        let own = (class.key.organization, waiting.user);
        if !class.line.has(waiting.user)
            && let Some(classes) = self.of_user.get_mut(&own)
        {
            classes.remove(&id);
            if classes.is_empty() {
                self.of_user.remove(&own);
            }
        }
        if !self.class(id).line.has(waiting.user) {
            self.waiting_for_user.remove(&(own.0, own.1, id));
        }
        self.jobs -= 1;
    }

    /// More is known of how long some jobs of a user take; `passed_for` tells it of the first of those that are alike. All
    /// of them move.
    pub fn learned(
        &mut self,
        organization: OrganizationId,
        user: UserId,
        similar: Similar,
        passed_for: impl Fn(JobId) -> Milliseconds,
    ) {
        for id in self.of_user.get(&(organization, user)).cloned().unwrap_or_default() {
            self.change_class(id, |class| class.line.learned(user, similar, &passed_for));
        }
    }

    /// From now on the organization stands there.
    pub fn set_organization_standing(&mut self, organization: OrganizationId, standing: Standing) {
        if self.organizations.insert(organization, standing) == Some(standing) {
            return;
        }
        for id in self.of_organization.get(&organization).cloned().unwrap_or_default() {
            self.change_class(id, |class| class.standing = standing);
        }
    }

    /// From now on the user stands there among those of the organization.
    pub fn set_user_standing(&mut self, organization: OrganizationId, user: UserId, standing: Standing) {
        if self.users.insert((organization, user), standing) == Some(standing) {
            return;
        }
        for id in self.of_user.get(&(organization, user)).cloned().unwrap_or_default() {
            self.change_class(id, |class| class.line.set_standing(user, standing));
        }
    }

    /// From now on all jobs of the organization have this head start.
    pub fn set_organization_head_start(&mut self, organization: OrganizationId, head_start: Milliseconds) {
        if self.head_starts.insert(organization, head_start) == Some(head_start) {
            return;
        }
        for id in self.of_organization.get(&organization).cloned().unwrap_or_default() {
            self.change_class(id, |class| class.head_start[1] = head_start);
        }
    }

    /// From now on the user's jobs are due so much later than those of the others of the organization.
    pub fn set_user_later(&mut self, organization: OrganizationId, user: UserId, later: Milliseconds) {
        if self.later.insert((organization, user), later) == Some(later) {
            return;
        }
        for id in self.of_user.get(&(organization, user)).cloned().unwrap_or_default() {
            self.change_class(id, |class| class.line.set_later(user, later));
        }
    }

    fn class(&self, id: ClassId) -> &Class {
        self.classes.get(&id).unwrap_or_else(|| panic!("class {id} is known"))
    }

    fn shape_of(&mut self, id: ClassId) -> &mut Shape {
        let demand = self.class(id).key.demand;
        self.shapes.get_mut(&demand).expect("the demand of a class is known")
    }

    fn change_class(&mut self, id: ClassId, change: impl FnOnce(&mut Class)) {
        let class = self.classes.get_mut(&id).unwrap_or_else(|| panic!("class {id} is known"));
        let (before, head) = (class.place(id), class.line.head().map(|(_, _, job)| job));
        change(class);
        if class.waits && class.line.head().map(|(_, _, job)| job) != head {
            class.waits = false;
            self.waiting_for_account.remove(&(class.key.organization, id));
            self.waiting_for_pool.remove(&id);
        }
        let (after, demand) = (class.place(id), class.key.demand);
        if before != after {
            self.change_shape(&demand, |shape| {
                before.map(|place| shape.places.remove(&place));
                shape.places.extend(after);
            });
        }
    }

    fn change_shape(&mut self, demand: &Demand, change: impl FnOnce(&mut Shape)) {
        let shape = self.shapes.get_mut(demand).expect("the demand of a class is known");
        let (before, waited) = (shape.places.first().copied(), shape.waits);
        change(shape);
        let (after, waits) = (shape.places.first().copied(), shape.waits);
        if before == after && waited == waits {
            return;
        }
        let (left, entered) = match (waited, waits) {
            (false, false) => (&mut self.ready, None),
            (true, true) => (&mut self.aside, None),
            (false, true) => (&mut self.ready, Some(&mut self.aside)),
            (true, false) => (&mut self.aside, Some(&mut self.ready)),
        };
        before.map(|place| left.remove(&place));
        entered.unwrap_or(left).extend(after);
    }

    /// The job to look at next: the first of those whose class waits for nothing.
    pub fn next(&self) -> Option<(ClassId, JobId)> {
        self.ready.first().map(|place| (place.class, place.job))
    }

    /// The job to look at next where nobody may pass one before it that waits for the same cards.
    pub fn next_in_strict_order(&self) -> Option<(ClassId, JobId)> {
        let demand = |place: &Place| &self.classes[&place.class].key.demand;
        let mut aside = self.aside.iter().peekable();
        // Who is held back holds back others in turn.
        let mut held_back: Vec<&Demand> = Vec::new();
        for place in &self.ready {
            while let Some(before) = aside.next_if(|before| *before < place) {
                held_back.push(demand(before));
            }
            let own = demand(place);
            if !held_back.iter().any(|before| compete(before, own)) {
                return Some((place.class, place.job));
            }
            held_back.push(own);
        }
        None
    }

    /// Sets a class, or all of its demand, aside until a change that could remove `blocker`. Panics if it is empty.
    pub fn block(&mut self, id: ClassId, blocker: Blocker) {
        let class = self.class(id);
        assert!(class.line.len() > 0, "class {id} has a head that was looked at");
        let (organization, demand) = (class.key.organization, class.key.demand);
        match blocker {
            Blocker::Capacity => {
                self.change_shape(&demand, |shape| shape.waits = true);
                self.waiting_for_capacity.insert((demand.pool, helpful(&demand), demand));
            }
            Blocker::Account => {
                self.change_class(id, |class| class.waits = true);
                self.waiting_for_account.insert((organization, id));
            }
            Blocker::Pool => {
                self.change_class(id, |class| class.waits = true);
                self.waiting_for_pool.insert(id);
            }
            Blocker::User => {
                let user = self.class(id).line.first_user().expect("the head that was looked at is somebody's");
                self.change_class(id, |class| class.line.set_aside(user, true));
                self.waiting_for_user.insert((organization, user, id));
            }
        }
    }

    /// Something became free or available on a node of `pool` whose cards are of `card_model`; none for a node without
    /// cards. Demands are looked at again that it helps: `helps` may tell of one that the node has no room for it all the same.
    pub fn capacity_freed(&mut self, pool: PoolId, card_model: Option<CardModelId>, helps: impl Fn(&Demand) -> bool) {
        let with_cards = card_model.into_iter().flat_map(|model| [Helpful::AnyCards, Helpful::Model(model)]);
        for helpful in with_cards.chain([Helpful::AnyNode]) {
            let waiting = self.waiting_for_capacity.range((pool, helpful, Demand::least())..);
            let alike = waiting.take_while(|entry| (entry.0, entry.1) == (pool, helpful));
            let helped: Vec<Demand> = alike.map(|(.., demand)| *demand).filter(&helps).collect();
            helped.into_iter().for_each(|demand| self.capacity_returns(demand));
        }
    }

    /// The quota, funds or standing of an organization changed for the better; its classes are looked at again.
    pub fn account_changed(&mut self, organization: OrganizationId) {
        let range = (organization, ClassId(0))..=(organization, ClassId(u32::MAX));
        while let Some(&(_, id)) = self.waiting_for_account.range(range.clone()).next() {
            self.account_returns(id);
        }
    }

    /// A quota of a user changed for the better, or it holds less; its jobs are looked at again.
    pub fn user_changed(&mut self, organization: OrganizationId, user: UserId) {
        let range = (organization, user, ClassId(0))..=(organization, user, ClassId(u32::MAX));
        while let Some(&entry) = self.waiting_for_user.range(range.clone()).next() {
            self.user_returns(entry);
        }
    }

    fn user_returns(&mut self, entry: (OrganizationId, UserId, ClassId)) {
        self.waiting_for_user.remove(&entry);
        self.change_class(entry.2, |class| class.line.set_aside(entry.1, false));
    }

    /// Whether a user's jobs of a class wait for a quota of that user.
    pub fn waits_for_user(&self, id: ClassId, user: UserId) -> bool {
        self.classes.get(&id).is_some_and(|class| class.line.is_aside(user))
    }

    /// The classes that wait for a quota of their pool or of the whole center.
    pub fn waiting_for_pool(&self) -> impl Iterator<Item = (ClassId, &ClassKey)> {
        self.waiting_for_pool.iter().map(|id| (*id, &self.classes[id].key))
    }

    /// A quota of its pool does not stand against a class any more; it is looked at again.
    pub fn pool_quota_returns(&mut self, id: ClassId) {
        if self.waiting_for_pool.remove(&id) {
            self.change_class(id, |class| class.waits = false);
        }
    }

    /// The quota or standing of an organization changed for the worse: those of its demands that wait for capacity are
    /// looked at again, because who cannot start for reasons of his own holds back nobody.
    pub fn account_narrowed(&mut self, organization: OrganizationId) {
        let classes = self.of_organization.get(&organization).into_iter().flatten();
        let demands: BTreeSet<Demand> = classes.map(|id| self.classes[id].key.demand).collect();
        for demand in demands.into_iter().filter(|demand| self.shapes[demand].waits).collect::<Vec<_>>() {
            self.capacity_returns(demand);
        }
    }

    /// All classes are looked at again.
    pub fn unblock_all(&mut self) {
        while let Some(&(.., demand)) = self.waiting_for_capacity.first() {
            self.capacity_returns(demand);
        }
        while let Some(&(_, id)) = self.waiting_for_account.first() {
            self.account_returns(id);
        }
        while let Some(&id) = self.waiting_for_pool.first() {
            self.pool_quota_returns(id);
        }
        while let Some(&entry) = self.waiting_for_user.first() {
            self.user_returns(entry);
        }
    }

    fn capacity_returns(&mut self, demand: Demand) {
        self.waiting_for_capacity.remove(&(demand.pool, helpful(&demand), demand));
        self.change_shape(&demand, |shape| (shape.waits, shape.window) = (false, None));
    }

    /// What was promised in a pool is free for others, or who waits there may hold back nobody any more: all its demands are
    /// looked at again.
    pub fn look_again_at_pool(&mut self, pool: PoolId) {
        let first = (pool, Helpful::AnyNode, Demand::least());
        let of_pool = self.waiting_for_capacity.range(first..).take_while(|(other, ..)| *other == pool);
        for demand in of_pool.map(|(.., demand)| *demand).collect::<Vec<_>>() {
            self.capacity_returns(demand);
        }
    }

    /// A demand waits, but a job of it that ends by `window` would fit: one that comes is looked at.
    pub fn set_window(&mut self, id: ClassId, window: Option<Timestamp>) {
        self.shape_of(id).window = window;
    }

    /// The least time for which one of the jobs with the demand of a class may hold what it gets.
    pub fn shortest(&self, id: ClassId) -> Option<Milliseconds> {
        self.shapes[&self.class(id).key.demand].lengths.first_key_value().map(|(longest, _)| *longest)
    }

    /// A job that would end then has come.
    pub fn short_job_came(&mut self, id: ClassId, ends: Timestamp) {
        let demand = self.class(id).key.demand;
        if self.shapes[&demand].window.is_some_and(|window| ends <= window) {
            self.capacity_returns(demand);
        }
    }

    /// The jobs with the demand of a class whose classes do not wait for their accounts, first to last.
    pub fn alike(&self, id: ClassId) -> impl Iterator<Item = (ClassId, JobId)> {
        let places = self.shapes[&self.class(id).key.demand].places.iter();
        places.flat_map(|place| self.classes[&place.class].line.iter().map(|job| (place.class, job)))
    }

    fn account_returns(&mut self, id: ClassId) {
        self.waiting_for_account.remove(&(self.class(id).key.organization, id));
        self.change_class(id, |class| class.waits = false);
    }

    /// Jobs in line, blocked or not.
    pub fn len(&self) -> usize {
        self.jobs
    }

    /// Jobs in line for one pool. Looks at all classes.
    pub fn in_line(&self, pool: PoolId) -> usize {
        self.classes.values().filter(|class| class.key.demand.pool == pool).map(|class| class.line.len()).sum()
    }

    /// Whether no job is in line.
    pub fn is_empty(&self) -> bool {
        self.jobs == 0
    }

    /// Whether a job is in the line of a class.
    pub fn contains(&self, id: ClassId, waiting: Waiting) -> bool {
        self.classes.get(&id).is_some_and(|class| class.line.contains(waiting))
    }

    /// What a class waits for; none if it waits for nothing but its turn, or is not known.
    pub fn blocker(&self, id: ClassId) -> Option<Blocker> {
        let class = self.classes.get(&id)?;
        match (class.waits, self.shapes[&class.key.demand].waits && class.line.head().is_some()) {
            (true, _) if self.waiting_for_pool.contains(&id) => Some(Blocker::Pool),
            (true, _) => Some(Blocker::Account),
            (false, true) => Some(Blocker::Capacity),
            (false, false) => None,
        }
    }

    /// What the jobs of a class have in common; none if it is not known.
    pub fn key(&self, id: ClassId) -> Option<&ClassKey> {
        self.classes.get(&id).map(|class| &class.key)
    }

    /// The jobs of a class in line, first to last; those of users who are set aside come after all others.
    pub fn line(&self, id: ClassId) -> impl Iterator<Item = JobId> {
        self.classes.get(&id).into_iter().flat_map(|class| class.line.iter().chain(class.line.iter_aside()))
    }

    /// What the place of a job that is in line comes from, among those of its organization: its rank, the higher the better,
    /// where its user stands, and when it is due.
    pub fn turn(&self, id: ClassId, waiting: Waiting) -> (i32, Standing, Timestamp) {
        let own = self.class(id);
        let of_user = (own.key.organization, waiting.user);
        let later = self.later.get(&of_user).copied().unwrap_or_default();
        let due = own.line.due(waiting) + later - own.earlier();
        (own.rank, self.users.get(&of_user).copied().unwrap_or_default(), due)
    }

    /// Jobs of the same pool that go before one that is in line, counted up to `most`. Looks at all classes.
    pub fn ahead(&self, id: ClassId, waiting: Waiting, most: usize) -> usize {
        let own = self.class(id);
        let (_, user, due) = self.turn(id, waiting);
        let rank = |class: &Class| (Reverse(class.rank), class.standing);
        let mut ahead = 0;
        for class in self.classes.values().filter(|class| class.key.demand.pool == own.key.demand.pool) {
            ahead += match rank(class).cmp(&rank(own)) {
                std::cmp::Ordering::Less => class.line.len(),
                std::cmp::Ordering::Equal => class.line.count_before((user, due + class.earlier(), waiting.job), most),
                std::cmp::Ordering::Greater => 0,
            };
            if ahead >= most {
                return most;
            }
        }
        ahead
    }

    /// Computes every index from scratch and panics unless it equals the one that was kept.
    pub fn check(&self) {
        let mut fresh = Queue::new();
        for (&id, class) in &self.classes {
            class.line.check();
            assert!(!class.waits || class.line.len() > 0, "class {id} waits with a head");
            fresh.jobs += class.line.len();
            let shape = fresh.shapes.entry(class.key.demand).or_default();
            shape.classes += 1;
            shape.places.extend(class.place(id));
            fresh.of_organization.entry(class.key.organization).or_default().insert(id);
            for user in class.line.users() {
                fresh.of_user.entry((class.key.organization, user)).or_default().insert(id);
                if class.line.is_aside(user) {
                    fresh.waiting_for_user.insert((class.key.organization, user, id));
                }
            }
            match class.waits {
                true if self.waiting_for_pool.contains(&id) => _ = fresh.waiting_for_pool.insert(id),
                true => _ = fresh.waiting_for_account.insert((class.key.organization, id)),
                false => {}
            }
        }
        for (demand, shape) in &mut fresh.shapes {
            let kept = &self.shapes[demand];
            let of_demand = self.classes.values().filter(|class| class.key.demand == *demand);
            let jobs: usize = of_demand.map(|class| class.line.len()).sum();
            assert_eq!(kept.lengths.values().sum::<usize>(), jobs, "the length of each job is counted");
            shape.lengths = kept.lengths.clone();
            (shape.waits, shape.window) = (kept.waits, kept.window);
            assert!(shape.waits || shape.window.is_none(), "who does not wait needs no window");
            if shape.waits {
                fresh.waiting_for_capacity.insert((demand.pool, helpful(demand), *demand));
            }
            let first = shape.places.first().copied();
            if shape.waits { &mut fresh.aside } else { &mut fresh.ready }.extend(first);
        }
        assert_eq!(self.jobs, fresh.jobs);
        assert_eq!(self.of_organization, fresh.of_organization);
        assert_eq!(self.of_user, fresh.of_user);
        assert_eq!(self.shapes, fresh.shapes);
        assert_eq!(self.ready, fresh.ready);
        assert_eq!(self.aside, fresh.aside);
        assert_eq!(self.waiting_for_capacity, fresh.waiting_for_capacity);
        assert_eq!(self.waiting_for_account, fresh.waiting_for_account);
        assert_eq!(self.waiting_for_pool, fresh.waiting_for_pool);
        assert_eq!(self.waiting_for_user, fresh.waiting_for_user);
    }
}
