//! The available nodes of one pool and card model, indexed by what is free. Nothing here is decided; everything here
//! could be computed again from the nodes, and `Cluster::check` does so.

use std::collections::{BTreeMap, BTreeSet};

use haina_core::{Bytes, CardMillis, CardSlot, CpuMillis};

use crate::bits::NodeSet;
use crate::cluster::Totals;
use crate::domains::Domains;
use crate::fit::Profile;
use crate::node::{Node, NodeSpec};
use crate::ranking::Ranking;
use crate::table::Table;

/// What decides whether a node could ever host a share. Few nodes differ in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Capability {
    pub(crate) cards: u32,
    /// Cards of one ring.
    pub(crate) ring: u32,
    pub(crate) fractions: bool,
    pub(crate) cpu: CpuMillis,
    pub(crate) memory: Bytes,
}

impl Capability {
    pub(crate) fn of(spec: &NodeSpec) -> Capability {
        let NodeSpec { cards, fractions, cpu, memory, .. } = *spec;
        let ring = if spec.ring == 0 { cards } else { spec.ring.min(cards) };
        Capability { cards, ring, fractions, cpu, memory }
    }
}

/// A card that is given out in parts: (what is left of it, dense node number, card index).
pub(crate) type Remainder = (u16, u32, u8);

/// Nodes are named by their dense numbers, which ascend with their ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Group {
    /// How many nodes of each capability, in any state.
    pub(crate) capabilities: BTreeMap<Capability, u32>,
    pub(crate) totals: Totals,
    /// By (free cards in a ring, free cards); a node stands here once for each distinct count of its rings.
    pub(crate) by_ring: Table,
    /// By (free cards, free cards outside the fullest ring).
    pub(crate) by_free: Table,
    /// By free processors. Nodes share few values, so that the map stays small.
    pub(crate) by_cpu: BTreeMap<CpuMillis, NodeSet>,
    /// Cards that are given out in parts and have something left.
    pub(crate) remainders: BTreeSet<Remainder>,
    /// By rack and pod.
    pub(crate) domains: Domains,
    /// By waste, where the mix of the work matters.
    pub(crate) ranking: Option<Ranking>,
    /// By the waste of another mix, as far as nodes are ranked by it.
    pub(crate) renewal: Option<Ranking>,
}

impl Group {
    /// Counts and indexes a node that is new here.
    pub(crate) fn add(&mut self, number: u32, node: &Node) {
        *self.capabilities.entry(Capability::of(&node.spec)).or_default() += 1;
        self.domains.add(&node.spec);
        self.totals.installed.0 += node.spec.cards * 1000;
        self.totals.allocated.0 += node.allocated().0;
        if node.takes_work() {
            self.index(number, node);
        }
    }

    /// The node takes work from now on.
    pub(crate) fn index(&mut self, number: u32, node: &Node) {
        self.totals.available.0 += node.usable_cards() * 1000;
        self.totals.free.0 += node.left().0;
        self.insert_profile(number, node.profile());
        self.domains.enter(number, node, node.profile().free);
        self.insert_cpu(number, node.cpu_free);
        self.remainders.extend(node.remainders().map(|(card, left)| (left, number, card)));
        self.rank(number, node);
    }

    pub(crate) fn rank(&mut self, number: u32, node: &Node) {
        for ranking in self.ranking.iter_mut().chain(&mut self.renewal) {
            ranking.update(number, node);
        }
    }

    /// The node takes no more work.
    pub(crate) fn unindex(&mut self, number: u32, node: &Node) {
        self.totals.available.0 -= node.usable_cards() * 1000;
        self.totals.free.0 -= node.left().0;
        self.remove_profile(number, node.profile());
        self.domains.leave(number, node, node.profile().free);
        self.remove_cpu(number, node.cpu_free);
        for (card, left) in node.remainders() {
            self.remainders.remove(&(left, number, card));
        }
        for ranking in self.ranking.iter_mut().chain(&mut self.renewal) {
            ranking.remove(number);
        }
    }

    /// Applies `change` to a node and keeps up. Only the cards of `cards` may change.
    pub(crate) fn change(&mut self, number: u32, node: &mut Node, cards: &[CardSlot], change: impl FnOnce(&mut Node)) {
        let before = (node.profile(), node.cpu_free, node.allocated());
        let left = node.left();
        if node.takes_work() {
            for slot in cards {
                if let Some(left) = node.remainder(slot.index) {
                    self.remainders.remove(&(left, number, slot.index));
                }
            }
        }
        change(node);
        let after = (node.profile(), node.cpu_free, node.allocated());
        self.totals.allocated = CardMillis(self.totals.allocated.0 - before.2.0 + after.2.0);
        if !node.takes_work() {
            return;
        }
        self.totals.free = CardMillis(self.totals.free.0 - left.0 + node.left().0);
        if before.0 != after.0 {
            self.remove_profile(number, before.0);
            self.insert_profile(number, after.0);
            self.domains.change(node, before.0.free, after.0.free);
        }
        if before.1 != after.1 {
            self.remove_cpu(number, before.1);
            self.insert_cpu(number, after.1);
        }
        for slot in cards {
            if let Some(left) = node.remainder(slot.index) {
                self.remainders.insert((left, number, slot.index));
            }
        }
        self.rank(number, node);
    }

    /// The nodes with at least so many free processors, by them and then by number.
    pub(crate) fn with_cpu(&self, least: CpuMillis) -> impl Iterator<Item = (CpuMillis, u32)> {
        self.by_cpu.range(least..).flat_map(|(&cpu, nodes)| nodes.iter().map(move |number| (cpu, number)))
    }

    fn insert_cpu(&mut self, number: u32, cpu: CpuMillis) {
        self.by_cpu.entry(cpu).or_default().insert(number);
    }

    fn remove_cpu(&mut self, number: u32, cpu: CpuMillis) {
        let nodes = self.by_cpu.get_mut(&cpu).expect("only what is indexed is removed");
        nodes.remove(number);
        if nodes.is_empty() {
            self.by_cpu.remove(&cpu);
        }
    }

    fn insert_profile(&mut self, number: u32, profile: Profile) {
        for count in profile.ring_counts() {
            self.by_ring.insert(count, profile.free, number);
        }
        if profile.free > 0 {
            self.by_free.insert(profile.free, profile.scattered(), number);
        }
    }

    fn remove_profile(&mut self, number: u32, profile: Profile) {
        for count in profile.ring_counts() {
            self.by_ring.remove(count, profile.free, number);
        }
        if profile.free > 0 {
            self.by_free.remove(profile.free, profile.scattered(), number);
        }
    }
}
