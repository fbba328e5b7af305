//! A scheduler of a few lines, with one bad habit at most: it tries every waiting job on every node, in the order of
//! submission, whenever something happens. If it makes promises, the first that waits is promised the earliest start at
//! which it fits for certain, and those behind it take none of that for longer.

use std::collections::BTreeMap;

use haina_simulator::plan_log::{Attempt, Backfill, Event, Order, Record, Shape, Share, Slot, State, Submitted};

use crate::scheduler::{Job, Node, Scheduler};

/// What broke a peer.
#[derive(Clone, Copy, PartialEq)]
pub enum Habit {
    /// Whoever waits blocks all behind, whatever they ask for.
    StopsAtTheFirstThatWaits,
    /// Of those that wait, the first three are looked at.
    LooksAtThree,
    /// Free cards of all nodes are one number.
    AddsUpNodes,
    /// A gang that lost a share keeps the others.
    GoesOnWithTheRest,
    /// Cards of the first node's model are known, no others.
    KnowsOneModel,
    /// A share that no ring can hold waits.
    NeverLeavesARing,
    /// The lowest free cards are taken.
    DoesNotKnowRings,
    /// A gang takes what there is and waits for the rest with it.
    StartsGangsInPart,
    /// What becomes free is not looked at.
    DoesNotLookAfterAnEnd,
    /// A job is bound to a node when it comes.
    BindsOnArrival,
    /// Whoever fits starts, whatever was promised.
    ForgetsItsPromise,
}

struct Entry {
    job: Job,
    attempts: u16,
    ended: bool,
    bound: Option<u32>,
    shares: Vec<Share>,
    placed_seconds: u64,
}

struct Promise {
    job: u64,
    start_seconds: u64,
    shares: Vec<Share>,
}

#[derive(Clone)]
struct NodeEntry {
    model: u32,
    in_service: bool,
    free: Vec<u8>,
}

type Nodes = BTreeMap<u32, NodeEntry>;

pub struct Naive {
    habit: Option<Habit>,
    now_seconds: u64,
    promises: bool,
    promise: Option<Promise>,
    nodes: Nodes,
    jobs: BTreeMap<u64, Entry>,
    log: Vec<Record>,
}

impl Naive {
    pub fn with(nodes: &[Node], habit: Option<Habit>) -> Naive {
        let mut naive = Naive {
            habit,
            now_seconds: 0,
            promises: false,
            promise: None,
            nodes: BTreeMap::new(),
            jobs: BTreeMap::new(),
            log: Vec::new(),
        };
        nodes.iter().for_each(|node| naive.add_node(*node));
        naive
    }

    pub fn promising(mut self) -> Naive {
        self.promises = true;
        self.note(Event::PolicySet { order: Order::Fifo, backfill: Backfill::Easy, patience_ms: 0 });
        self
    }

    pub fn log(self) -> Vec<Record> {
        self.log
    }

    fn has(&self, habit: Habit) -> bool {
        self.habit == Some(habit)
    }

    fn note(&mut self, event: Event) {
        self.log.push(Record { at_us: self.now_seconds as i64 * 1_000_000, event });
    }

    fn look(&mut self) {
        let waiting = self.jobs.iter().filter(|(_, entry)| !entry.ended && entry.shares.is_empty());
        let most = if self.has(Habit::LooksAtThree) { 3 } else { usize::MAX };
        let waiting: Vec<u64> = waiting.map(|(id, _)| *id).take(most).collect();
        for id in waiting {
            match self.find(&self.jobs[&id], &self.left_for(id)) {
                Some(shares) => self.place(id, shares),
                None if self.promises && self.promise.is_none() => self.promise(id),
                None if self.has(Habit::StopsAtTheFirstThatWaits) => break,
                None => {}
            }
        }
        self.note(Event::Settled);
    }

    /// What is there for a job: not what is promised to another before this one must have ended.
    fn left_for(&self, id: u64) -> Nodes {
        let mut nodes = self.nodes.clone();
        let end_seconds = self.now_seconds + self.jobs[&id].job.limit_seconds;
        let withheld = self.promise.iter().filter(|promise| promise.job != id && promise.start_seconds < end_seconds);
        for share in withheld.filter(|_| !self.has(Habit::ForgetsItsPromise)).flat_map(|promise| &promise.shares) {
            take(&mut nodes, share);
        }
        nodes
    }

    /// Lets everything that runs end at its limit, one after another, until the job fits.
    fn promise(&mut self, id: u64) {
        let mut running: Vec<(u64, &Entry)> =
            self.jobs.values().map(|entry| (entry.must_end_seconds(), entry)).collect();
        running.retain(|(_, entry)| !entry.shares.is_empty());
        running.sort_by_key(|(end, _)| *end);
        let mut nodes = self.nodes.clone();
        for (start_seconds, entry) in running {
            entry.shares.iter().for_each(|share| give_back(&mut nodes, share));
            if let Some(shares) = self.find(&self.jobs[&id], &nodes) {
                self.promise = Some(Promise { job: id, start_seconds, shares: shares.clone() });
                return self.note(Event::Promised { job: id, start_us: start_seconds as i64 * 1_000_000, shares });
            }
        }
    }

    fn find(&self, entry: &Entry, nodes: &Nodes) -> Option<Vec<Share>> {
        if self.has(Habit::AddsUpNodes) {
            return find_anywhere(nodes, entry.job.asked() as usize);
        }
        let first_model = nodes.values().next().map(|node| node.model);
        [1, 2].into_iter().filter(|model| !self.has(Habit::KnowsOneModel) || Some(*model) == first_model).find_map(
            |model| {
                let of_model = nodes.iter().filter(|(id, node)| {
                    node.in_service && node.model == model && entry.bound.is_none_or(|bound| bound == **id)
                });
                let asked = entry.job.model.is_none_or(|asked| asked == model);
                let shares = of_model.filter_map(|(id, node)| self.share(*id, node, entry.job.cards as usize));
                let shares: Vec<Share> = shares.take(entry.job.nodes as usize).collect();
                let enough = shares.len() as u32 == entry.job.nodes
                    || (self.has(Habit::StartsGangsInPart) && !shares.is_empty());
                (asked && enough).then_some(shares)
            },
        )
    }

    fn share(&self, id: u32, node: &NodeEntry, cards: usize) -> Option<Share> {
        let of_ring = |ring: u8| node.free.iter().copied().filter(move |card| card / 4 == ring);
        let ring = [0, 1].into_iter().find(|ring| of_ring(*ring).count() >= cards);
        let taken: Vec<u8> = match ring {
            _ if self.has(Habit::DoesNotKnowRings) => node.free.clone(),
            Some(ring) => of_ring(ring).collect(),
            None if self.has(Habit::NeverLeavesARing) => Vec::new(),
            None => node.free.clone(),
        };
        (taken.len() >= cards).then(|| share(id, &taken[..cards]))
    }

    fn place(&mut self, id: u64, shares: Vec<Share>) {
        shares.iter().for_each(|share| take(&mut self.nodes, share));
        self.promise = self.promise.take().filter(|promise| promise.job != id);
        let entry = self.jobs.get_mut(&id).expect("it waits");
        entry.attempts += 1;
        entry.placed_seconds = self.now_seconds;
        entry.shares = shares.clone();
        let attempt = Attempt { job: id, element: 0, number: entry.attempts };
        self.note(Event::Placed { attempt, shares });
    }

    fn release(&mut self, id: u64, state: State, retry: bool) -> Vec<Share> {
        let entry = self.jobs.get_mut(&id).expect("it runs");
        let shares = std::mem::take(&mut entry.shares);
        entry.ended = !retry;
        let attempt = Attempt { job: id, element: 0, number: entry.attempts };
        shares.iter().for_each(|share| give_back(&mut self.nodes, share));
        self.note(Event::Ended { attempt, state, retry, ran_ms: None });
        if !retry {
            self.note(Event::JobEnded { job: id, state });
        }
        shares
    }

    fn set_node(&mut self, node: u32, draining: bool) {
        self.nodes.get_mut(&node).expect("it exists").in_service = !draining;
        self.note(Event::NodeDraining { node, draining });
    }
}

impl Entry {
    fn must_end_seconds(&self) -> u64 {
        self.placed_seconds + self.job.limit_seconds
    }
}

fn take(nodes: &mut Nodes, share: &Share) {
    let node = nodes.get_mut(&share.node).expect("it was found");
    node.free.retain(|card| share.cards.iter().all(|slot| slot.index != *card));
}

fn give_back(nodes: &mut Nodes, share: &Share) {
    let node = nodes.get_mut(&share.node).expect("it was found");
    node.free.extend(share.cards.iter().map(|slot| slot.index));
    node.free.sort_unstable();
}

fn find_anywhere(nodes: &Nodes, cards: usize) -> Option<Vec<Share>> {
    let mut left = cards;
    let mut shares = Vec::new();
    for (id, node) in nodes {
        let taken = left.min(node.free.len());
        if taken > 0 {
            shares.push(share(*id, &node.free[..taken]));
            left -= taken;
        }
    }
    (left == 0).then_some(shares)
}

fn share(node: u32, cards: &[u8]) -> Share {
    let cards = cards.iter().map(|index| Slot { index: *index, millis: 1000 }).collect();
    Share { node, cards, cpu_millis: 0, memory_bytes: 0 }
}

impl Scheduler for Naive {
    fn submit(&mut self, job: Job) -> u64 {
        let id = self.jobs.len() as u64 + 1;
        let queued = |node: &u32| self.jobs.values().filter(|entry| entry.bound == Some(*node)).count();
        let bound = self.nodes.keys().copied().min_by_key(queued).filter(|_| self.has(Habit::BindsOnArrival));
        self.jobs.insert(id, Entry { job, attempts: 0, ended: false, bound, shares: Vec::new(), placed_seconds: 0 });
        let shape = Shape {
            pool: 1,
            model: job.model,
            nodes: job.nodes,
            cards_per_node_millis: 1000 * job.cards,
            cpu_per_node_millis: 0,
            memory_per_node_bytes: 0,
            within: None,
        };
        self.note(Event::Submitted(Submitted {
            job: id,
            organization: 1,
            project: None,
            user: 1,
            priority: 0,
            shape,
            limit_ms: 1000 * job.limit_seconds,
            predicted_ms: 0,
            similar: None,
            grace_ms: 0,
            retries: 1,
            not_before_us: None,
            after: Vec::new(),
            array: None,
        }));
        self.look();
        id
    }

    fn pass(&mut self, seconds: u64) {
        self.now_seconds += seconds;
        self.look();
    }

    fn end(&mut self, job: u64) {
        if self.jobs[&job].shares.is_empty() {
            return;
        }
        self.release(job, State::Succeeded, false);
        match self.has(Habit::DoesNotLookAfterAnEnd) {
            true => self.note(Event::Settled),
            false => self.look(),
        }
    }

    fn add_node(&mut self, node: Node) {
        let id = self.nodes.len() as u32 + 1;
        self.nodes.insert(id, NodeEntry { model: node.model, in_service: true, free: (0..8).collect() });
        self.note(Event::NodeAdded {
            node: id,
            pool: 1,
            model: Some(node.model),
            cards: 8,
            ring: 4,
            fractions: false,
            cpu_millis: 0,
            memory_bytes: 0,
            rack: None,
            pod: None,
        });
        self.look();
    }

    fn lose_node(&mut self, node: u32) {
        self.set_node(node, true);
        let on_it = |entry: &&Entry| entry.shares.iter().any(|share| share.node == node);
        let lost: Vec<u64> = self.jobs.iter().filter(|(_, entry)| on_it(entry)).map(|(id, _)| *id).collect();
        for id in lost {
            let mut shares = self.release(id, State::Lost, true);
            shares.retain(|share| share.node != node);
            if self.has(Habit::GoesOnWithTheRest) && !shares.is_empty() {
                self.place(id, shares);
            }
        }
        self.look();
    }

    fn node_returns(&mut self, node: u32) {
        self.set_node(node, false);
        self.look();
    }

    fn cards(&self, job: u64) -> Vec<u8> {
        self.jobs[&job].shares.iter().flat_map(|share| &share.cards).map(|slot| slot.index).collect()
    }

    fn asked(&self, job: u64) -> u32 {
        self.jobs[&job].job.asked()
    }
}
