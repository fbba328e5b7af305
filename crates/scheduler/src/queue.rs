//! The line of ready jobs. Jobs of one class are alike to the scheduler, and classes of one demand are alike to the
//! cluster: what the cluster answers for one of them is its answer for all, so a demand that does not fit is set aside
//! until something changes that could help it, however many classes and jobs have it.
//!
//! The order is by priority; among equals by the standing of the organization, then of the user, then by when the job is
//! due, then by its number. Who gives the standings and the due moments makes the policy. Where standings change with all
//! that is used, nobody's jobs are moved for it but an organization and a user within it; see [`crate::peers`]. Where
//! nobody stands apart, a class or an organization may have a head start: its jobs count as due so much earlier.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use haina_core::{CardModelId, ClassId, JobId, Milliseconds, OrganizationId, PoolId, Timestamp, UserId};

use crate::class::{Class, Helpful};
use crate::due::Alike;
use crate::history::Similar;
use crate::lane::{Head, Lane, Own, PlaceInLine, Standing, Waiting};
use crate::peers::{Owner, Peers};
use crate::shapes::Shapes;
use crate::{Blocker, ClassKey, Demand};

/// Whose peers: of an organization where they stand apart, and of a rank.
pub(crate) type PeersId = (Option<OrganizationId>, Reverse<i32>);

/// The place of the first job of some peers among all: the least is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) rank: Reverse<i32>,
    pub(crate) organization: Standing,
    pub(crate) in_line: PlaceInLine,
}

/// Ready jobs in order.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Whether organizations and users stand apart. If not, all go by when they are due.
    pub(crate) apart: bool,
    pub(crate) classes: BTreeMap<ClassId, Class>,
    pub(crate) of_organization: BTreeMap<OrganizationId, BTreeSet<ClassId>>,
    organizations: BTreeMap<OrganizationId, Standing>,
    head_starts: BTreeMap<OrganizationId, Milliseconds>,
    pub(crate) users: BTreeMap<(OrganizationId, UserId), Standing>,
    pub(crate) later: BTreeMap<(OrganizationId, UserId), Milliseconds>,
    /// In which classes a user has jobs, and of what kinds.
    pub(crate) of_user: BTreeSet<(OrganizationId, UserId, Alike, ClassId)>,
    pub(crate) shapes: Shapes,
    pub(crate) peers: BTreeMap<PeersId, Peers>,
    pub(crate) order: BTreeSet<(Place, PeersId)>,
    /// Whoever goes before this place waits for something.
    pub(crate) passed: Option<Place>,
    pub(crate) waiting_for_capacity: BTreeSet<(PoolId, Helpful, Demand)>,
    pub(crate) waiting_for_account: BTreeSet<(OrganizationId, ClassId)>,
    pub(crate) waiting_for_pool: BTreeSet<ClassId>,
    pub(crate) waiting_for_user: BTreeSet<(OrganizationId, UserId, ClassId)>,
    jobs: usize,
}

impl Queue {
    /// A queue without classes. `apart` says whether organizations and users stand apart; if not, it need not be told of
    /// their standings.
    pub fn new(apart: bool) -> Queue {
        Queue {
            apart,
            classes: BTreeMap::new(),
            of_organization: BTreeMap::new(),
            organizations: BTreeMap::new(),
            head_starts: BTreeMap::new(),
            users: BTreeMap::new(),
            later: BTreeMap::new(),
            of_user: BTreeSet::new(),
            shapes: Shapes::default(),
            peers: BTreeMap::new(),
            order: BTreeSet::new(),
            passed: None,
            waiting_for_capacity: BTreeSet::new(),
            waiting_for_account: BTreeSet::new(),
            waiting_for_pool: BTreeSet::new(),
            waiting_for_user: BTreeSet::new(),
            jobs: 0,
        }
    }

    /// Adds an empty class, whose rank is its priority and that has no head start. Panics if the id is known.
    pub fn add_class(&mut self, id: ClassId, key: ClassKey) {
        let head_start = [Milliseconds(0), self.head_starts.get(&key.organization).copied().unwrap_or_default()];
        let slot = self.shapes.add(key.demand, id);
        let class =
            Class { key, slot, rank: key.priority, head_start, jobs: 0, users: BTreeSet::new(), looked_at: None };
        let known = self.classes.insert(id, class);
        assert!(known.is_none(), "class {id} is new");
        self.of_organization.entry(key.organization).or_default().insert(id);
    }

    /// From now on a class has this rank and, where nobody stands apart, this head start. Panics if it has jobs and another
    /// rank.
    pub fn set_class_standing(&mut self, id: ClassId, rank: i32, head_start: Milliseconds) {
        let class = self.class_mut(id);
        assert!(class.jobs == 0 || class.rank == rank, "class {id} gets its rank before its jobs");
        class.rank = rank;
        class.head_start[0] = head_start;
        self.head_start_changed(id);
    }

    /// Forgets a class. Panics unless it is empty.
    pub fn remove_class(&mut self, id: ClassId) {
        let class = self.classes.remove(&id).unwrap_or_else(|| panic!("class {id} is known"));
        assert!(class.jobs == 0, "class {id} is empty");
        let (organization, demand) = (class.key.organization, class.key.demand);
        let own = self.of_organization.get_mut(&organization).expect("its organization has classes");
        own.remove(&id);
        if own.is_empty() {
            self.of_organization.remove(&organization);
        }
        if self.shapes.remove(class.slot, id) {
            self.waiting_for_capacity.remove(&(demand.pool, Helpful::to(&demand), demand));
        }
    }

    /// Puts a job in line. `passed_for` tells of a job that becomes the first of those that are alike how long these are
    /// passed. A class that waits for its account is looked at again if the job becomes its head: an answer about the old
    /// head is none about the new one, whose time limit may need other funds.
    pub fn insert(&mut self, id: ClassId, waiting: Waiting, passed_for: impl FnOnce(JobId) -> Milliseconds) {
        let is_new = self.change_entry(id, waiting.user, |own| {
            let is_new = !own.turns.has(waiting.alike);
            own.turns.insert(waiting.turn(), passed_for);
            is_new
        });
        let class = self.class_mut(id);
        class.jobs += 1;
        class.users.insert(waiting.user);
        let (organization, slot) = (class.key.organization, class.slot);
        if class.jobs == 1 {
            self.class_opens_or_closes(id);
        }
        if is_new {
            self.of_user.insert((organization, waiting.user, waiting.alike, id));
        }
        self.shapes.get_mut(slot).came(waiting.longest);
        self.jobs += 1;
    }

    /// Takes a job out of line, if it is there; `passed_for` tells of the one behind it. If it was the head of a class that
    /// waits for its account, the new head is looked at.
    pub fn remove(&mut self, id: ClassId, waiting: Waiting, passed_for: impl FnOnce(JobId) -> Milliseconds) {
        if !self.contains(id, waiting) {
            return;
        }
        let (is_gone, has_others) = self.change_entry(id, waiting.user, |own| {
            own.turns.remove(waiting.turn(), passed_for);
            (!own.turns.has(waiting.alike), own.turns.len() > 0)
        });
        let class = self.class_mut(id);
        class.jobs -= 1;
        if !has_others {
            class.users.remove(&waiting.user);
        }
        let (organization, slot) = (class.key.organization, class.slot);
        if class.jobs == 0 {
            self.class_opens_or_closes(id);
            let peers = self.peers_of(id);
            if self.peers.get(&peers).is_some_and(Peers::is_empty) {
                self.peers.remove(&peers);
            }
        }
        if is_gone {
            self.of_user.remove(&(organization, waiting.user, waiting.alike, id));
        }
        if !has_others {
            self.waiting_for_user.remove(&(organization, waiting.user, id));
        }
        self.shapes.get_mut(slot).left(waiting.longest);
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
        let (first, last) = Alike::all(similar).into_inner();
        let range = (organization, user, first, ClassId(0))..=(organization, user, last, ClassId(u32::MAX));
        let classes: BTreeSet<ClassId> = self.of_user.range(range).map(|(.., class)| *class).collect();
        for id in classes {
            self.change_entry(id, user, |own| own.turns.learned(similar, &passed_for));
        }
    }

    /// From now on the organization stands there.
    pub fn set_organization_standing(&mut self, organization: OrganizationId, standing: Standing) {
        if !self.apart || self.organizations.insert(organization, standing) == Some(standing) {
            return;
        }
        for id in self.peers_of_organization(organization) {
            self.change_peers(id, |peers| peers.standing = standing);
        }
    }

    /// From now on the user stands there among those of the organization.
    pub fn set_user_standing(&mut self, organization: OrganizationId, user: UserId, standing: Standing) {
        if !self.apart || self.users.insert((organization, user), standing) == Some(standing) {
            return;
        }
        for id in self.peers_of_organization(organization) {
            self.change_peers(id, |peers| peers.change_lane(Owner::User(user), |lane| lane.set_standing(standing)));
            // Another may be the head of what waits for its account.
            let has_jobs = |class: &&ClassId| self.entry(**class, user).is_some();
            let waiting: Vec<ClassId> = self.peers[&id].waiting.iter().filter(has_jobs).copied().collect();
            waiting.into_iter().for_each(|class| self.head_changed(class, user));
        }
    }

    /// From now on all jobs of the organization have this head start, where nobody stands apart.
    pub fn set_organization_head_start(&mut self, organization: OrganizationId, head_start: Milliseconds) {
        if self.head_starts.insert(organization, head_start) == Some(head_start) {
            return;
        }
        for id in self.of_organization.get(&organization).cloned().unwrap_or_default() {
            self.class_mut(id).head_start[1] = head_start;
            self.head_start_changed(id);
        }
    }

    /// From now on the user's jobs are due so much later than those of the others of the organization.
    pub fn set_user_later(&mut self, organization: OrganizationId, user: UserId, later: Milliseconds) {
        if self.later.insert((organization, user), later) == Some(later) {
            return;
        }
        for id in self.classes_of_user(organization, user) {
            self.change_entry(id, user, |own| own.later = later);
        }
    }

    fn classes_of_user(&self, organization: OrganizationId, user: UserId) -> BTreeSet<ClassId> {
        let from = (organization, user, Alike::default(), ClassId(0));
        let own = self.of_user.range(from..).take_while(|entry| (entry.0, entry.1) == (organization, user));
        own.map(|(.., class)| *class).collect()
    }

    pub(crate) fn class(&self, id: ClassId) -> &Class {
        self.classes.get(&id).unwrap_or_else(|| panic!("class {id} is known"))
    }

    fn class_mut(&mut self, id: ClassId) -> &mut Class {
        self.classes.get_mut(&id).unwrap_or_else(|| panic!("class {id} is known"))
    }

    pub(crate) fn peers_of(&self, id: ClassId) -> PeersId {
        let class = self.class(id);
        (self.apart.then_some(class.key.organization), Reverse(class.rank))
    }

    fn peers_of_organization(&self, organization: OrganizationId) -> Vec<PeersId> {
        let own = Some(organization);
        self.peers.range((own, Reverse(i32::MAX))..=(own, Reverse(i32::MIN))).map(|(id, _)| *id).collect()
    }

    pub(crate) fn owner(&self, id: ClassId, user: UserId) -> Owner {
        if self.apart { Owner::User(user) } else { Owner::Class(id) }
    }

    /// Changes where peers stand, or one of them, and with it their place.
    fn change_peers<T>(&mut self, id: PeersId, change: impl FnOnce(&mut Peers) -> T) -> T {
        let peers = self.peers.get_mut(&id).expect("they have jobs");
        let place = |peers: &Peers| {
            let (rank, organization) = (id.1, peers.standing);
            peers.place().map(|in_line| (Place { rank, organization, in_line }, id))
        };
        let before = place(peers);
        let changed = change(peers);
        let after = place(peers);
        if before != after {
            before.map(|place| self.order.remove(&place));
            self.order.extend(after);
        }
        self.passed = None;
        changed
    }

    fn change_entry<T>(&mut self, id: ClassId, user: UserId, change: impl FnOnce(&mut Own) -> T) -> T {
        let class = self.class(id);
        let (slot, earlier, own) = (class.slot, class.earlier(), (class.key.organization, user));
        let standing = |queue: &Queue| queue.organizations.get(&own.0).copied().unwrap_or_default();
        let (peers, owner) = (self.peers_of(id), self.owner(id, user));
        if !self.peers.contains_key(&peers) {
            let standing = standing(self);
            self.peers.insert(peers, Peers::new(standing));
        }
        let standing = self.users.get(&own).copied().unwrap_or_default();
        let later = self.later.get(&own).copied().unwrap_or_default();
        let earlier = if self.apart { Milliseconds(0) } else { earlier };
        let changed = self.change_peers(peers, |peers| {
            let lane = || Lane::new(standing, earlier);
            peers.change_entry(owner, (slot, id, user), lane, || Own::new(later), change)
        });
        self.head_changed(id, user);
        changed
    }

    fn head_start_changed(&mut self, id: ClassId) {
        let (peers, earlier) = (self.peers_of(id), self.class(id).earlier());
        if !self.apart && self.peers.contains_key(&peers) {
            self.change_peers(peers, |peers| peers.change_lane(Owner::Class(id), |lane| lane.set_earlier(earlier)));
        }
    }

    /// The jobs of a user may have another place. If another is now the head of a class that waits for its account, it is
    /// looked at: what was said of the class was said of the head of then.
    fn head_changed(&mut self, id: ClassId, user: UserId) {
        let Some(before) = self.class(id).looked_at else { return };
        let place = |user: UserId| {
            let (lane, own) = self.entry(id, user)?;
            let head = own.head((self.class(id).slot, id, user))?;
            Some((lane.place_of(&head), head.job))
        };
        let known = place(before.user).filter(|(_, job)| *job == before.job);
        let is_same = match known {
            None => false,
            Some(_) if user == before.user => self.first(id).is_some_and(|head| head.job == before.job),
            Some(known) => place(user).is_none_or(|place| known < place),
        };
        if !is_same {
            self.account_returns(id);
        }
    }

    fn class_opens_or_closes(&mut self, id: ClassId) {
        let class = self.class(id);
        let (slot, is_open, waits) = (class.slot, class.is_open(), class.looked_at.is_some());
        let peers = self.peers.get_mut(&self.peers_of(id)).expect("a class has peers while it has jobs");
        peers.set_open(slot, id, is_open);
        match waits {
            true => peers.waiting.insert(id),
            false => peers.waiting.remove(&id),
        };
    }

    /// Sets a class, or all of its demand, aside until a change that could remove `blocker`. Panics if it has no head.
    pub fn block(&mut self, id: ClassId, blocker: Blocker) {
        let ready = self.first_ready();
        let head = ready.map(|(_, head)| head).filter(|head| head.class == id).or_else(|| self.first(id));
        let head = head.unwrap_or_else(|| panic!("class {id} has a head that was looked at"));
        let class = self.class(id);
        let (organization, demand, slot) = (class.key.organization, class.key.demand, class.slot);
        // Whoever goes before the first that waits for nothing waits for something.
        let passed = ready.map(|(place, _)| place);
        match blocker {
            Blocker::Capacity => {
                self.passed = passed;
                self.shapes.set_waits(slot, true);
                self.waiting_for_capacity.insert((demand.pool, Helpful::to(&demand), demand));
            }
            Blocker::Account => {
                self.set_waits(id, Some(head));
                self.waiting_for_account.insert((organization, id));
                self.passed = passed;
            }
            Blocker::Pool => {
                self.set_waits(id, Some(head));
                self.waiting_for_pool.insert(id);
                self.passed = passed;
            }
            Blocker::User => {
                self.waiting_for_user.insert((organization, head.user, id));
                self.change_entry(id, head.user, |own| own.waits = true);
            }
        }
    }

    fn set_waits(&mut self, id: ClassId, looked_at: Option<Head>) {
        self.class_mut(id).looked_at = looked_at;
        if self.class(id).jobs > 0 {
            self.class_opens_or_closes(id);
        }
        self.passed = None;
    }

    /// Something became free or available on a node of `pool` whose cards are of `card_model`; none for a node without
    /// cards. Demands are looked at again that it helps: `helps` may tell of one that the node has no room for it all the same.
    pub fn capacity_freed(&mut self, pool: PoolId, card_model: Option<CardModelId>, helps: impl Fn(&Demand) -> bool) {
        let with_cards = card_model.into_iter().flat_map(|model| [Helpful::AnyCards, Helpful::Model(model)]);
        for helpful in with_cards.chain([Helpful::AnyNode]) {
            let waiting = self.waiting_for_capacity.range((pool, helpful, Demand::least())..);
            let alike = waiting.take_while(|entry| (entry.0, entry.1) == (pool, helpful));
            let helped: Vec<Demand> =
                alike.map(|(.., demand)| demand).filter(|demand| helps(demand)).copied().collect();
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
        self.change_entry(entry.2, entry.1, |own| own.waits = false);
    }

    /// The classes that wait for a quota of their pool or of the whole center.
    pub fn waiting_for_pool(&self) -> impl Iterator<Item = (ClassId, &ClassKey)> {
        self.waiting_for_pool.iter().map(|id| (*id, &self.classes[id].key))
    }

    /// A quota of its pool does not stand against a class any more; it is looked at again.
    pub fn pool_quota_returns(&mut self, id: ClassId) {
        if self.waiting_for_pool.contains(&id) {
            self.account_returns(id);
        }
    }

    /// The quota or standing of an organization changed for the worse: those of its demands that wait for capacity are
    /// looked at again, because who cannot start for reasons of his own holds back nobody.
    pub fn account_narrowed(&mut self, organization: OrganizationId) {
        let classes = self.of_organization.get(&organization).into_iter().flatten();
        let demands: BTreeSet<Demand> = classes.map(|id| self.class(*id).key.demand).collect();
        for demand in demands {
            if self.shapes.waits(self.shapes.slot(&demand)) {
                self.capacity_returns(demand);
            }
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
            self.account_returns(id);
        }
        while let Some(&entry) = self.waiting_for_user.first() {
            self.user_returns(entry);
        }
    }

    fn capacity_returns(&mut self, demand: Demand) {
        self.waiting_for_capacity.remove(&(demand.pool, Helpful::to(&demand), demand));
        let slot = self.shapes.slot(&demand);
        self.shapes.set_waits(slot, false);
        self.shapes.get_mut(slot).window = None;
        self.passed = None;
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
        let slot = self.class(id).slot;
        self.shapes.get_mut(slot).window = window;
    }

    /// A job that would end then has come.
    pub fn short_job_came(&mut self, id: ClassId, ends: Timestamp) {
        let shape = self.shapes.get(self.class(id).slot);
        if shape.window.is_some_and(|window| ends <= window) {
            self.capacity_returns(shape.demand);
        }
    }

    fn account_returns(&mut self, id: ClassId) {
        self.waiting_for_account.remove(&(self.class(id).key.organization, id));
        self.waiting_for_pool.remove(&id);
        self.set_waits(id, None);
    }

    /// Jobs in line, blocked or not.
    pub fn len(&self) -> usize {
        self.jobs
    }

    /// Whether no job is in line.
    pub fn is_empty(&self) -> bool {
        self.jobs == 0
    }

    /// Whether a job is in the line of a class.
    pub fn contains(&self, id: ClassId, waiting: Waiting) -> bool {
        self.classes.contains_key(&id)
            && self.entry(id, waiting.user).is_some_and(|(_, own)| own.turns.contains(waiting.turn()))
    }

    /// The jobs of a user in a class, and in whose lane.
    pub(crate) fn entry(&self, id: ClassId, user: UserId) -> Option<(&Lane, &Own)> {
        let lane = self.peers.get(&self.peers_of(id))?.lane(self.owner(id, user))?;
        Some((lane, lane.entry((self.class(id).slot, id, user))?))
    }

    /// What the jobs of a class have in common; none if it is not known.
    pub fn key(&self, id: ClassId) -> Option<&ClassKey> {
        self.classes.get(&id).map(|class| &class.key)
    }
}
