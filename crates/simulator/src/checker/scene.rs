//! What a log has told so far: nodes and what is held of them, organizations, jobs, promises.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan_log::{Attempt, Backfill, Event, Order, Record, Share, State, Submitted};

/// The state of affairs.
pub struct Scene {
    pub now_us: i64,
    /// Whether jobs may wait for funds.
    pub funds_limited: bool,
    pub order: Order,
    pub patience_ms: u64,
    pub backfill: Backfill,
    pub nodes: BTreeMap<u32, Node>,
    pub organizations: BTreeMap<u32, Organization>,
    /// The project that each project is a part of.
    pub projects: BTreeMap<u32, Option<u32>>,
    /// Whose each project is.
    pub project_owners: BTreeMap<u32, u32>,
    pub quotas: BTreeMap<Scope, Quota>,
    /// Jobs that have not ended.
    pub jobs: BTreeMap<u64, Job>,
    /// How the others ended.
    pub ended: BTreeMap<u64, State>,
    /// What similar jobs took: how many, and how long together.
    pub took: BTreeMap<u64, (u64, u64)>,
    /// What attempts hold.
    pub held: BTreeMap<Attempt, Held>,
    /// Promises that are neither kept nor given up.
    pub promises: BTreeMap<u64, Promise>,
}

/// Where a quota holds: each part that is given narrows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    pub pool: Option<u32>,
    pub organization: Option<u32>,
    pub project: Option<u32>,
    pub user: Option<u32>,
}

/// What a quota says, in thousandths of cards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    pub guaranteed: u32,
    pub limit: Option<u32>,
    pub lendable: Option<u32>,
}

/// A node with what is held of it.
pub struct Node {
    pub pool: u32,
    pub model: Option<u32>,
    pub ring: u8,
    pub rack: Option<u32>,
    pub pod: Option<u32>,
    pub fractions: bool,
    pub draining: bool,
    pub unusable: BTreeSet<u8>,
    /// For each card what each of its holders holds, in thousandths.
    pub holders: Vec<Vec<u16>>,
    pub cpu_millis: u64,
    pub cpu_free_millis: u64,
    pub memory_bytes: u64,
    pub memory_free_bytes: u64,
}

/// An organization with what it holds.
#[derive(Default)]
pub struct Organization {
    pub suspended: bool,
    pub weight: u32,
    pub guaranteed_millis: u32,
    pub held_millis: u64,
}

/// A job that has not ended.
pub struct Job {
    pub submitted: Submitted,
    pub submitted_us: i64,
    pub cancelled: bool,
    /// Elements that were started or given up; all others wait.
    pub elements: BTreeMap<u32, Element>,
}

/// How far an element is.
#[derive(Clone, Copy, Default)]
pub struct Element {
    /// Attempts made.
    pub made: u16,
    pub under_way: bool,
    pub done: bool,
}

/// What an attempt holds, and since when.
pub struct Held {
    pub shares: Vec<Share>,
    /// The moment of its first task's start; until that is known, of its placement.
    pub from_us: i64,
}

/// A promise with what has happened since that excuses its slipping.
pub struct Promise {
    pub start_us: i64,
    pub shares: Vec<Share>,
    pub excuse: Option<&'static str>,
}

impl Default for Scene {
    fn default() -> Scene {
        Scene {
            now_us: i64::MIN,
            funds_limited: false,
            order: Order::Fifo,
            patience_ms: 0,
            backfill: Backfill::BestEffort,
            nodes: BTreeMap::new(),
            organizations: BTreeMap::new(),
            projects: BTreeMap::new(),
            project_owners: BTreeMap::new(),
            quotas: BTreeMap::new(),
            jobs: BTreeMap::new(),
            ended: BTreeMap::new(),
            took: BTreeMap::new(),
            held: BTreeMap::new(),
            promises: BTreeMap::new(),
        }
    }
}

impl Scene {
    /// Takes note of a record. What refers to things that do not exist is passed over: a rule has complained.
    pub fn take(&mut self, record: &Record) {
        self.now_us = record.at_us;
        self.note_excuses(record);
        match &record.event {
            Event::FundsLimited => self.funds_limited = true,
            Event::PolicySet { order, backfill, patience_ms } => {
                (self.order, self.backfill, self.patience_ms) = (*order, *backfill, *patience_ms);
            }
            Event::NodeAdded { node, pool, model, cards, ring, fractions, cpu_millis, memory_bytes, rack, pod } => {
                let added = Node {
                    pool: *pool,
                    model: *model,
                    ring: *ring,
                    rack: *rack,
                    pod: *pod,
                    fractions: *fractions,
                    draining: false,
                    unusable: BTreeSet::new(),
                    holders: vec![Vec::new(); usize::from(*cards)],
                    cpu_millis: *cpu_millis,
                    cpu_free_millis: *cpu_millis,
                    memory_bytes: *memory_bytes,
                    memory_free_bytes: *memory_bytes,
                };
                self.nodes.insert(*node, added);
            }
            Event::NodeDraining { node, draining } => {
                self.nodes.get_mut(node).into_iter().for_each(|node| node.draining = *draining);
            }
            Event::CardsUnusable { node, cards } => {
                let cards: BTreeSet<u8> = cards.iter().copied().collect();
                self.nodes.get_mut(node).into_iter().for_each(|node| node.unusable = cards.clone());
            }
            Event::OrganizationSet { organization, limit_millis, suspended, weight, guaranteed_millis } => {
                let entry = self.organizations.entry(*organization).or_default();
                entry.suspended = *suspended;
                (entry.weight, entry.guaranteed_millis) = (*weight, *guaranteed_millis);
                let scope = Scope { organization: Some(*organization), ..Scope::default() };
                self.quotas.insert(scope, Quota { limit: *limit_millis, ..Quota::default() });
            }
            Event::ProjectAdded { project, organization, parent } => {
                self.projects.insert(*project, *parent);
                self.project_owners.insert(*project, *organization);
            }
            Event::QuotaSet {
                pool,
                organization,
                project,
                user,
                guaranteed_millis: guaranteed,
                limit_millis: limit,
                lendable_millis: lendable,
            } => {
                let scope = Scope { pool: *pool, organization: *organization, project: *project, user: *user };
                self.quotas.insert(scope, Quota { guaranteed: *guaranteed, limit: *limit, lendable: *lendable });
            }
            Event::Submitted(submitted) => {
                let submitted_us = record.at_us;
                let job =
                    Job { submitted: submitted.clone(), submitted_us, cancelled: false, elements: BTreeMap::new() };
                self.jobs.insert(submitted.job, job);
            }
            Event::Promised { job, start_us, shares } => {
                let promise = Promise { start_us: *start_us, shares: shares.clone(), excuse: None };
                self.promises.insert(*job, promise);
            }
            Event::PromiseWithdrawn { job } => _ = self.promises.remove(job),
            Event::Placed { attempt, shares } => self.placed(*attempt, shares),
            Event::Started { attempt, since_us } => {
                let since_us = since_us.unwrap_or(record.at_us);
                self.held.get_mut(attempt).into_iter().for_each(|held| held.from_us = since_us);
            }
            Event::Ended { attempt, retry, state, ran_ms } => {
                let ran_ms = ran_ms.filter(|_| matches!(state, State::Succeeded | State::Failed));
                ran_ms.into_iter().for_each(|ran_ms| self.learn(*attempt, ran_ms));
                self.attempt_ended(*attempt, *retry);
            }
            Event::JobCancelled { job } => {
                self.jobs.get_mut(job).into_iter().for_each(|job| job.cancelled = true);
                self.promises.remove(job);
            }
            Event::ElementCancelled { job, element } => {
                let elements = self.jobs.get_mut(job).map(|job| job.elements.entry(*element).or_default());
                elements.into_iter().for_each(|element| element.done = true);
                if self.jobs.get(job).is_some_and(|job| !job.has_waiting()) {
                    self.promises.remove(job);
                }
            }
            Event::JobEnded { job, state } => {
                self.jobs.remove(job);
                self.promises.remove(job);
                self.ended.insert(*job, *state);
            }
            Event::Settled | Event::Closed => {}
        }
    }

    fn placed(&mut self, attempt: Attempt, shares: &[Share]) {
        for share in shares {
            let Some(node) = self.nodes.get_mut(&share.node) else { continue };
            node.cpu_free_millis = node.cpu_free_millis.saturating_sub(share.cpu_millis);
            node.memory_free_bytes = node.memory_free_bytes.saturating_sub(share.memory_bytes);
            for slot in &share.cards {
                let holders = node.holders.get_mut(usize::from(slot.index));
                holders.into_iter().for_each(|holders| holders.push(slot.millis));
            }
        }
        self.promises.remove(&attempt.job);
        self.held.insert(attempt, Held { shares: shares.to_vec(), from_us: self.now_us });
        let Some(job) = self.jobs.get_mut(&attempt.job) else { return };
        let element = job.elements.entry(attempt.element).or_default();
        (element.made, element.under_way) = (attempt.number, true);
        let payer = self.organizations.entry(job.submitted.organization).or_default();
        payer.held_millis += cards_millis(shares);
    }

    fn learn(&mut self, attempt: Attempt, ran_ms: u64) {
        let Some(similar) = self.jobs.get(&attempt.job).and_then(|job| job.submitted.similar) else { return };
        let (count, took_ms) = self.took.entry(similar).or_default();
        (*count, *took_ms) = (*count + 1, *took_ms + ran_ms);
    }

    fn attempt_ended(&mut self, attempt: Attempt, retry: bool) {
        let Some(held) = self.held.remove(&attempt) else { return };
        for share in &held.shares {
            let Some(node) = self.nodes.get_mut(&share.node) else { continue };
            node.cpu_free_millis += share.cpu_millis;
            node.memory_free_bytes += share.memory_bytes;
            for slot in &share.cards {
                let Some(holders) = node.holders.get_mut(usize::from(slot.index)) else { continue };
                if let Some(position) = holders.iter().position(|millis| *millis == slot.millis) {
                    holders.swap_remove(position);
                }
            }
        }
        let Some(job) = self.jobs.get_mut(&attempt.job) else { return };
        let element = job.elements.entry(attempt.element).or_default();
        (element.under_way, element.done) = (false, !retry);
        let payer = self.organizations.entry(job.submitted.organization).or_default();
        payer.held_millis -= cards_millis(&held.shares);
    }
}

fn cards_millis(shares: &[Share]) -> u64 {
    shares.iter().flat_map(|share| &share.cards).map(|slot| u64::from(slot.millis)).sum()
}

impl Node {
    /// How much of a card may still be given out, in thousandths; nothing of one that is unusable or that a node lacks.
    pub fn left_millis(&self, card: u8) -> u16 {
        let holders = self.holders.get(usize::from(card)).filter(|_| !self.unusable.contains(&card));
        holders.map_or(0, |holders| 1000u16.saturating_sub(holders.iter().sum()))
    }

    /// Cards that may be given out whole.
    pub fn free_cards(&self) -> impl Iterator<Item = u8> {
        (0..self.holders.len() as u8).filter(|card| self.left_millis(*card) == 1000)
    }
}

impl Job {
    pub fn elements(&self) -> u32 {
        self.submitted.array.map_or(1, |array| array.count)
    }

    pub fn under_way(&self) -> usize {
        self.elements.values().filter(|element| element.under_way).count()
    }

    /// Whether some element waits to be started.
    pub fn has_waiting(&self) -> bool {
        let untouched = (self.elements.len() as u64) < u64::from(self.elements());
        untouched || self.elements.values().any(|element| !element.under_way && !element.done)
    }
}
