//! The line of ready jobs. Jobs of one class are alike to the scheduler, so the answer for the first of them is the
//! answer for all: a class that cannot start is set aside until something changes that could help it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use haina_core::{CardModelId, ClassId, JobId, OrganizationId, PoolId};
use serde::{Deserialize, Serialize};

use crate::Demand;

/// What makes jobs alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClassKey {
    /// Whose quota and account they use.
    pub organization: OrganizationId,
    /// Higher goes first.
    pub priority: i32,
    /// What each of them needs.
    pub demand: Demand,
}

/// What kept the head of a class from starting, and so which change could let it start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocker {
    /// Too little is free in its pool.
    Capacity,
    /// Its organization's quota, funds or standing.
    Account,
}

/// The freed nodes that could help a class: a blocked class is found again by what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Helpful {
    /// Every node of the pool: no cards are needed, of whatever model.
    AnyNode,
    /// Every node with cards.
    AnyCards,
    /// Nodes with this model.
    Model(CardModelId),
}

/// The place of a class among the unblocked: the least is next.
type Place = (Reverse<i32>, JobId, ClassId);

#[derive(Clone, Debug)]
struct Class {
    key: ClassKey,
    line: BTreeSet<JobId>,
    blocked: Option<Blocker>,
}

/// Ready jobs in order: highest priority first, then the lowest job, which was submitted first.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    classes: BTreeMap<ClassId, Class>,
    /// The unblocked classes that have jobs.
    ready: BTreeSet<Place>,
    waiting_for_capacity: BTreeSet<(PoolId, Helpful, ClassId)>,
    waiting_for_account: BTreeSet<(OrganizationId, ClassId)>,
    jobs: usize,
}

impl Class {
    fn head(&self) -> Option<JobId> {
        self.line.first().copied()
    }

    fn place(&self, id: ClassId) -> Option<Place> {
        self.head().map(|head| (Reverse(self.key.priority), head, id))
    }

    fn helpful(&self) -> Helpful {
        match (self.key.demand.cards_per_node.0, self.key.demand.card_model) {
            (0, None) => Helpful::AnyNode,
            (_, None) => Helpful::AnyCards,
            (_, Some(model)) => Helpful::Model(model),
        }
    }
}

impl Queue {
    /// A queue without classes.
    pub fn new() -> Queue {
        Queue::default()
    }

    /// Adds an empty class. Panics if the id is known.
    pub fn add_class(&mut self, id: ClassId, key: ClassKey) {
        let known = self.classes.insert(id, Class { key, line: BTreeSet::new(), blocked: None });
        assert!(known.is_none(), "class {id} is new");
    }

    /// Forgets a class. Panics unless it is empty.
    pub fn remove_class(&mut self, id: ClassId) {
        let class = self.classes.remove(&id).unwrap_or_else(|| panic!("class {id} is known"));
        assert!(class.line.is_empty(), "class {id} is empty");
    }

    /// Puts a job in line. A blocked class stays blocked unless the job becomes its head: an answer about the old head
    /// is none about the new one, whose time limit may need other funds.
    pub fn insert(&mut self, id: ClassId, job: JobId) {
        self.change_line(id, |line| assert!(line.insert(job), "job {job} is not in line yet"));
        self.jobs += 1;
    }

    /// Takes a job out of line. If it was the head of a blocked class, the class is unblocked for its new head.
    pub fn remove(&mut self, id: ClassId, job: JobId) {
        self.change_line(id, |line| assert!(line.remove(&job), "job {job} is in line"));
        self.jobs -= 1;
    }

    fn change_line(&mut self, id: ClassId, change: impl FnOnce(&mut BTreeSet<JobId>)) {
        let class = self.classes.get_mut(&id).unwrap_or_else(|| panic!("class {id} is known"));
        let before = class.place(id);
        change(&mut class.line);
        let after = class.place(id);
        if before == after {
            return;
        }
        if class.blocked.is_some() {
            return self.unblock(id);
        }
        before.map(|place| self.ready.remove(&place));
        self.ready.extend(after);
    }

    /// The job to look at next: of the unblocked classes that have jobs, the head of the highest priority, then the
    /// one that was submitted first.
    pub fn next(&self) -> Option<(ClassId, JobId)> {
        self.ready.first().map(|&(_, job, id)| (id, job))
    }

    /// Sets a class aside until a change that could remove `blocker`, or until its head changes. Panics if it is empty.
    pub fn block(&mut self, id: ClassId, blocker: Blocker) {
        self.unblock(id);
        let class = self.classes.get_mut(&id).expect("unblock knows it");
        let place = class.place(id).unwrap_or_else(|| panic!("class {id} has a head that was looked at"));
        class.blocked = Some(blocker);
        self.ready.remove(&place);
        match blocker {
            Blocker::Capacity => self.waiting_for_capacity.insert((class.key.demand.pool, class.helpful(), id)),
            Blocker::Account => self.waiting_for_account.insert((class.key.organization, id)),
        };
    }

    /// Something became free or available on a node of `pool` whose cards are of `card_model`; none for a node without
    /// cards. Classes that it could help are looked at again.
    pub fn capacity_freed(&mut self, pool: PoolId, card_model: Option<CardModelId>) {
        let with_cards = card_model.into_iter().flat_map(|model| [Helpful::AnyCards, Helpful::Model(model)]);
        for helpful in with_cards.chain([Helpful::AnyNode]) {
            let range = (pool, helpful, ClassId(0))..=(pool, helpful, ClassId(u32::MAX));
            while let Some(&(_, _, id)) = self.waiting_for_capacity.range(range.clone()).next() {
                self.unblock(id);
            }
        }
    }

    /// The quota, funds or standing of an organization changed for the better; its classes are looked at again.
    pub fn account_changed(&mut self, organization: OrganizationId) {
        let range = (organization, ClassId(0))..=(organization, ClassId(u32::MAX));
        while let Some(&(_, id)) = self.waiting_for_account.range(range.clone()).next() {
            self.unblock(id);
        }
    }

    /// All classes are looked at again.
    pub fn unblock_all(&mut self) {
        while let Some(&(_, _, id)) = self.waiting_for_capacity.first() {
            self.unblock(id);
        }
        while let Some(&(_, id)) = self.waiting_for_account.first() {
            self.unblock(id);
        }
    }

    fn unblock(&mut self, id: ClassId) {
        let class = self.classes.get_mut(&id).unwrap_or_else(|| panic!("class {id} is known"));
        match class.blocked.take() {
            None => return,
            Some(Blocker::Capacity) => self.waiting_for_capacity.remove(&(class.key.demand.pool, class.helpful(), id)),
            Some(Blocker::Account) => self.waiting_for_account.remove(&(class.key.organization, id)),
        };
        self.ready.extend(class.place(id));
    }

    /// Jobs in line, blocked or not.
    pub fn len(&self) -> usize {
        self.jobs
    }

    /// Whether no job is in line.
    pub fn is_empty(&self) -> bool {
        self.jobs == 0
    }

    /// Jobs of a class in line; 0 if it is not known.
    pub fn class_len(&self, id: ClassId) -> usize {
        self.classes.get(&id).map_or(0, |class| class.line.len())
    }

    /// Whether a job is in the line of a class.
    pub fn contains(&self, id: ClassId, job: JobId) -> bool {
        self.classes.get(&id).is_some_and(|class| class.line.contains(&job))
    }

    /// Whether a class is set aside; false if it is not known.
    pub fn is_blocked(&self, id: ClassId) -> bool {
        self.blocker(id).is_some()
    }

    /// What a class waits for; none if it is not blocked or not known.
    pub fn blocker(&self, id: ClassId) -> Option<Blocker> {
        self.classes.get(&id).and_then(|class| class.blocked)
    }

    /// What the jobs of a class have in common; none if it is not known.
    pub fn key(&self, id: ClassId) -> Option<&ClassKey> {
        self.classes.get(&id).map(|class| &class.key)
    }

    /// All classes, by ascending id.
    pub fn classes(&self) -> impl Iterator<Item = (ClassId, &ClassKey)> {
        self.classes.iter().map(|(id, class)| (*id, &class.key))
    }

    /// The jobs of a class in line, first to last.
    pub fn line(&self, id: ClassId) -> impl Iterator<Item = JobId> {
        self.classes.get(&id).into_iter().flat_map(|class| class.line.iter().copied())
    }

    /// Computes every index from scratch and panics unless it equals the one that was kept.
    pub fn check(&self) {
        let mut fresh = Queue::new();
        for (&id, class) in &self.classes {
            assert!(class.blocked.is_none() || !class.line.is_empty(), "blocked class {id} has a head");
            fresh.jobs += class.line.len();
            match class.blocked {
                None => fresh.ready.extend(class.place(id)),
                Some(Blocker::Capacity) => {
                    fresh.waiting_for_capacity.insert((class.key.demand.pool, class.helpful(), id));
                }
                Some(Blocker::Account) => {
                    fresh.waiting_for_account.insert((class.key.organization, id));
                }
            }
        }
        assert_eq!(self.jobs, fresh.jobs);
        assert_eq!(self.ready, fresh.ready);
        assert_eq!(self.waiting_for_capacity, fresh.waiting_for_capacity);
        assert_eq!(self.waiting_for_account, fresh.waiting_for_account);
    }
}
