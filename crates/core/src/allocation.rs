//! Which cards an attempt holds, on which nodes.

use serde::{Deserialize, Serialize};

use crate::{Bytes, CardMillis, CpuMillis, NodeId};

/// A part of one card, or a whole one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardSlot {
    /// The card's index on its node, from 0.
    pub index: u8,
    /// How much of it, 1..=1000.
    pub millis: u16,
}

/// What an attempt holds on one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeShare {
    /// The node.
    pub node: NodeId,
    /// The cards, ascending by index.
    pub cards: Vec<CardSlot>,
    /// Processor share.
    pub cpu: CpuMillis,
    /// Memory.
    pub memory: Bytes,
}

impl NodeShare {
    /// The sum over its cards.
    pub fn card_millis(&self) -> CardMillis {
        CardMillis(self.cards.iter().map(|slot| u32::from(slot.millis)).sum())
    }
}

/// All that an attempt holds: a gang's shares are taken and given back together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Allocation {
    /// One share a node, in rank order.
    pub shares: Vec<NodeShare>,
}

impl Allocation {
    /// The sum over all cards.
    pub fn cards(&self) -> CardMillis {
        CardMillis(self.shares.iter().map(|share| share.card_millis().0).sum())
    }

    /// Whether two have a node in common.
    pub fn meets(&self, other: &Allocation) -> bool {
        let has = |share: &NodeShare| other.shares.binary_search_by_key(&share.node, |other| other.node).is_ok();
        self.shares.iter().any(has)
    }
}
