//! One node: what it has, what is free of it, and the rules for taking and giving back.

use haina_core::{Bytes, CardMillis, CardModelId, CardSlot, CpuMillis, NodeId, NodeShare, PoolId};
use serde::{Deserialize, Serialize};

/// What a node has. It never changes while the node is in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSpec {
    /// The node.
    pub id: NodeId,
    /// The pool that it is sold with.
    pub pool: PoolId,
    /// The model of its cards; none if it has no cards.
    pub card_model: Option<CardModelId>,
    /// How many cards, at most 64.
    pub cards: u32,
    /// Cards in each ring: with 4, cards 0–3 and 4–7 are rings. 0 where all cards reach each other alike.
    pub ring: u32,
    /// Whether parts of a card may be given out.
    pub fractions: bool,
    /// Processors.
    pub cpu: CpuMillis,
    /// Memory.
    pub memory: Bytes,
    /// Its rack or switch, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rack: Option<u32>,
    /// Its pod of the network, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<u32>,
}

/// Whether a node takes work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// It takes new work.
    #[default]
    Available,
    /// What runs may end; nothing new starts.
    Draining,
    /// It does not answer; nothing new starts.
    Down,
}

/// A node as it is now.
#[derive(Clone, Copy, Debug)]
pub struct NodeStatus<'a> {
    /// What it has.
    pub spec: &'a NodeSpec,
    /// Whether it takes work.
    pub state: NodeState,
    /// Processors that are free.
    pub cpu_free: CpuMillis,
    /// Memory that is free.
    pub memory_free: Bytes,
    /// Cards that are held.
    pub allocated: CardMillis,
    /// Cards that get no new work, as bits.
    pub unusable: u64,
    node: &'a Node,
}

impl<'a> NodeStatus<'a> {
    /// What is free of each card, by index: 1000 for a wholly free one.
    pub fn cards_free(&self) -> impl ExactSizeIterator<Item = CardMillis> + use<'a> {
        let node = self.node;
        (0..node.spec.cards as u8).map(|card| CardMillis(1000 - u32::from(node.used(card))))
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) spec: NodeSpec,
    pub(crate) state: NodeState,
    pub(crate) cpu_free: CpuMillis,
    pub(crate) memory_free: Bytes,
    /// Cards of which nothing is held.
    pub(crate) free: u64,
    /// Cards that one holder has wholly.
    pub(crate) whole: u64,
    /// Cards that get no new work, free or not.
    pub(crate) unusable: u64,
    /// Thousandths held of each card by holders of parts; empty where cards are not given out in parts.
    pub(crate) in_parts: Vec<u16>,
}

impl NodeSpec {
    /// Its cards, as bits.
    pub(crate) fn all_cards(&self) -> u64 {
        u64::MAX.checked_shr(64 - self.cards).unwrap_or(0)
    }
}

impl Node {
    pub(crate) fn new(spec: NodeSpec) -> Node {
        assert!(spec.cards <= 64, "node {} has at most 64 cards", spec.id);
        assert!(spec.cards == 0 || spec.card_model.is_some(), "the cards of node {} have a model", spec.id);
        Node {
            state: NodeState::Available,
            cpu_free: spec.cpu,
            memory_free: spec.memory,
            free: spec.all_cards(),
            whole: 0,
            unusable: 0,
            in_parts: vec![0; if spec.fractions { spec.cards as usize } else { 0 }],
            spec,
        }
    }

    pub(crate) fn status(&self) -> NodeStatus<'_> {
        NodeStatus {
            spec: &self.spec,
            state: self.state,
            cpu_free: self.cpu_free,
            memory_free: self.memory_free,
            allocated: self.allocated(),
            unusable: self.unusable,
            node: self,
        }
    }

    pub(crate) fn allocated(&self) -> CardMillis {
        let in_parts = self.in_parts.iter().map(|&millis| u32::from(millis)).sum::<u32>();
        CardMillis(self.whole.count_ones() * 1000 + in_parts)
    }

    /// Thousandths held of a card.
    fn used(&self, card: u8) -> u16 {
        let in_parts = self.in_parts.get(usize::from(card)).copied().unwrap_or(0);
        if self.whole >> card & 1 == 1 { 1000 } else { in_parts }
    }

    /// Nodes with the same key are indexed together. Nodes without cards are so under no model, whatever they say.
    pub(crate) fn group(&self) -> (PoolId, Option<CardModelId>) {
        (self.spec.pool, self.spec.card_model.filter(|_| self.spec.cards > 0))
    }

    pub(crate) fn takes_work(&self) -> bool {
        self.state == NodeState::Available
    }

    /// Cards of which nothing is held and that may be given out, as bits.
    pub(crate) fn usable_free(&self) -> u64 {
        self.free & !self.unusable
    }

    /// Cards that may be given out, free or not.
    pub(crate) fn usable_cards(&self) -> u32 {
        self.spec.cards - self.unusable.count_ones()
    }

    /// What is left of a usable card that is given out in parts, if there is something left: 1..=999.
    pub(crate) fn remainder(&self, card: u8) -> Option<u16> {
        let used = *self.in_parts.get(usize::from(card))?;
        let is_usable = self.unusable >> card & 1 == 0;
        ((1..1000).contains(&used) && is_usable).then(|| 1000 - used)
    }

    /// All cards with a remainder.
    pub(crate) fn remainders(&self) -> impl Iterator<Item = (u8, u16)> {
        (0..self.in_parts.len() as u8).filter_map(|card| self.remainder(card).map(|left| (card, left)))
    }

    /// What is free of all usable cards.
    pub(crate) fn left(&self) -> CardMillis {
        let of_parts = self.remainders().map(|(_, left)| u32::from(left)).sum::<u32>();
        CardMillis(self.usable_free().count_ones() * 1000 + of_parts)
    }

    /// Takes a share. Panics if any of it is not free.
    pub(crate) fn claim(&mut self, share: &NodeShare) {
        let node = self.spec.id;
        assert!(self.takes_work(), "node {node} is {:?} and takes no work", self.state);
        assert!(self.cpu_free >= share.cpu, "node {node} has the processors that are claimed");
        assert!(self.memory_free >= share.memory, "node {node} has the memory that is claimed");
        self.assert_well_formed(share);
        self.cpu_free.0 -= share.cpu.0;
        self.memory_free.0 -= share.memory.0;
        for slot in &share.cards {
            let bit = 1 << slot.index;
            assert!(self.unusable & bit == 0, "card {} of node {node} may be given out", slot.index);
            if slot.millis == 1000 {
                assert!(self.free & bit != 0, "card {} of node {node} is wholly free", slot.index);
                self.whole |= bit;
            } else {
                let used = &mut self.in_parts[usize::from(slot.index)];
                assert!(self.whole & bit == 0, "card {} of node {node} is not held wholly", slot.index);
                assert!(*used + slot.millis <= 1000, "card {} of node {node} has room", slot.index);
                *used += slot.millis;
            }
            self.free &= !bit;
        }
    }

    /// Gives a share back. Panics if it was not held.
    pub(crate) fn release(&mut self, share: &NodeShare) {
        let node = self.spec.id;
        self.assert_well_formed(share);
        self.cpu_free.0 += share.cpu.0;
        self.memory_free.0 += share.memory.0;
        assert!(self.cpu_free <= self.spec.cpu, "node {node} gets back processors that were held");
        assert!(self.memory_free <= self.spec.memory, "node {node} gets back memory that was held");
        for slot in &share.cards {
            let bit = 1 << slot.index;
            let held_wholly = self.whole & bit != 0;
            assert!(held_wholly == (slot.millis == 1000), "card {} of node {node} is given back as taken", slot.index);
            if held_wholly {
                self.whole &= !bit;
            } else {
                let used = &mut self.in_parts[usize::from(slot.index)];
                assert!(*used >= slot.millis, "card {} of node {node} gets back what was held", slot.index);
                *used -= slot.millis;
            }
            if self.used(slot.index) == 0 {
                self.free |= bit;
            }
        }
    }

    /// Whole cards, or a part of one, or none; by ascending index.
    fn assert_well_formed(&self, share: &NodeShare) {
        let node = self.spec.id;
        assert!(share.cards.is_sorted_by(|a, b| a.index < b.index), "the cards of a share ascend");
        assert!(share.cards.iter().all(|slot| u32::from(slot.index) < self.spec.cards), "node {node} has the cards");
        let is_fraction = matches!(share.cards[..], [CardSlot { millis: 1..1000, .. }]);
        assert!(
            share.cards.iter().all(|slot| slot.millis == 1000) || (is_fraction && self.spec.fractions),
            "a share of node {node} has whole cards, or a part of one card where the model allows it"
        );
    }

    /// Invariants 1 and 2 of what is held here: at most 1000 of a card, by one whole holder or by parts.
    pub(crate) fn check(&self) {
        let node = self.spec.id;
        assert!(
            self.cpu_free <= self.spec.cpu && self.memory_free <= self.spec.memory,
            "node {node} is within its size"
        );
        let cards = if self.spec.fractions { self.spec.cards as usize } else { 0 };
        assert_eq!(self.in_parts.len(), cards, "node {node} gives out parts only where its model allows it");
        for (card, &used) in self.in_parts.iter().enumerate() {
            assert!(used <= 1000, "card {card} of node {node} is not given out twice");
            assert!(used == 0 || self.whole >> card & 1 == 0, "card {card} of node {node} is held wholly or in parts");
        }
        for card in 0..self.spec.cards as u8 {
            let is_free = self.free >> card & 1 == 1;
            assert_eq!(self.used(card) == 0, is_free, "card {card} of node {node} is free if nothing is held");
        }
        let all = self.spec.all_cards();
        assert_eq!((self.free | self.whole | self.unusable) & !all, 0, "node {node} gives out only cards that it has");
    }
}
