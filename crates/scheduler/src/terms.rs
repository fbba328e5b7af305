//! On which terms a place is looked for: which of the places that fit is taken, and what must be left alone.

use haina_core::policy::Placement;
use haina_core::{Bytes, CpuMillis, NodeId, NodeShare};

use crate::node::Node;

/// What a search keeps to besides the demand.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Which of the places that fit.
    pub placement: Placement,
    /// What must be left alone.
    pub withheld: &'a Withheld,
}

impl Default for Terms<'_> {
    /// Best fit, and nothing is withheld.
    fn default() -> Self {
        Terms { placement: Placement::BestFit, withheld: Withheld::none() }
    }
}

/// What must not be taken though it is free, by node: it is promised to somebody else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Withheld {
    /// By ascending node.
    nodes: Vec<(NodeId, WithheldShare)>,
}

/// What must not be taken of one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WithheldShare {
    /// Cards, as bits. A withheld card is not given out in parts either.
    pub cards: u64,
    /// Processors, of those that are free now.
    pub cpu: CpuMillis,
    /// Memory, of what is free now.
    pub memory: Bytes,
}

impl Withheld {
    /// Nothing.
    pub fn none() -> &'static Withheld {
        static NONE: Withheld = Withheld { nodes: Vec::new() };
        &NONE
    }

    /// Whether nothing is withheld.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Withholds more of a node.
    pub fn add(&mut self, node: NodeId, share: WithheldShare) {
        // Mostly they come in order.
        let place = match self.nodes.last() {
            Some((last, _)) if *last < node => Err(self.nodes.len()),
            _ => self.nodes.binary_search_by_key(&node, |(known, _)| *known),
        };
        match place {
            Ok(place) => self.nodes[place].1.add(share),
            Err(place) => self.nodes.insert(place, (node, share)),
        }
    }

    /// What is withheld of a node.
    pub fn of(&self, node: NodeId) -> WithheldShare {
        let place = self.nodes.binary_search_by_key(&node, |(known, _)| *known);
        place.map_or(WithheldShare::default(), |place| self.nodes[place].1)
    }
}

impl WithheldShare {
    /// Withholds more.
    pub fn add(&mut self, more: WithheldShare) {
        self.cards |= more.cards;
        self.cpu.0 += more.cpu.0;
        self.memory.0 += more.memory.0;
    }

    /// All that a share of an allocation takes; a card wholly, even if a part of it is promised.
    pub fn of(share: &NodeShare) -> WithheldShare {
        let cards = share.cards.iter().fold(0, |cards, slot| cards | 1 << slot.index);
        WithheldShare { cards, cpu: share.cpu, memory: share.memory }
    }
}

/// A node as a search may use it.
#[derive(Clone, Copy)]
pub(crate) struct Open<'a> {
    pub(crate) node: &'a Node,
    withheld: WithheldShare,
}

impl<'a> Open<'a> {
    pub(crate) fn new(node: &'a Node, terms: &Terms) -> Open<'a> {
        let withheld = &terms.withheld;
        let withheld = if withheld.is_empty() { WithheldShare::default() } else { withheld.of(node.spec.id) };
        Open { node, withheld }
    }

    /// All that is free.
    pub(crate) fn whole(node: &'a Node) -> Open<'a> {
        Open { node, withheld: WithheldShare::default() }
    }

    /// Cards that may be taken wholly, as bits.
    pub(crate) fn free(self) -> u64 {
        self.node.usable_free() & !self.withheld.cards
    }

    /// Those of `cards` that may be taken wholly once they are free, as bits.
    pub(crate) fn of_use(self, cards: u64) -> u64 {
        cards & !self.node.unusable & !self.withheld.cards
    }

    /// For a node with such a ring if nothing is withheld: whether one ring has so many of them.
    pub(crate) fn has_ring(self, cards: u32) -> bool {
        self.withheld.cards == 0 || self.least_sufficient_ring(cards).is_some()
    }

    /// The fewest of them in a ring that has so many.
    pub(crate) fn least_sufficient_ring(self, cards: u32) -> Option<u32> {
        self.node.profile_of(self.free()).least_sufficient_ring(cards)
    }

    /// The cards to take.
    pub(crate) fn choose_cards(self, cards: u32) -> u64 {
        self.node.choose_cards(self.free(), cards)
    }

    /// Whether some of a card may be taken.
    pub(crate) fn gives(self, card: u8) -> bool {
        self.withheld.cards >> card & 1 == 0
    }

    pub(crate) fn has(self, cpu: CpuMillis, memory: Bytes) -> bool {
        let (cpu_free, memory_free) = self.free_cpu_and_memory();
        cpu_free >= cpu && memory_free >= memory
    }

    /// Whether it has them when nobody holds anything.
    pub(crate) fn could_have(self, cpu: CpuMillis, memory: Bytes) -> bool {
        let spec = &self.node.spec;
        spec.cpu.0.saturating_sub(self.withheld.cpu.0) >= cpu.0
            && spec.memory.0.saturating_sub(self.withheld.memory.0) >= memory.0
    }

    pub(crate) fn free_cpu_and_memory(self) -> (CpuMillis, Bytes) {
        let cpu = self.node.cpu_free.0.saturating_sub(self.withheld.cpu.0);
        (CpuMillis(cpu), Bytes(self.node.memory_free.0.saturating_sub(self.withheld.memory.0)))
    }
}
