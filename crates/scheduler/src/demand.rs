//! What a job asks of the cluster, and how long the cluster may look for it.

use haina_core::{Bytes, CardMillis, CardModelId, CpuMillis, PoolId, Topology};
use serde::{Deserialize, Serialize};

/// What one attempt needs: the same share on each of `nodes` different nodes, all or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Demand {
    /// The pool whose nodes may be used.
    pub pool: PoolId,
    /// The model that every node must have. If absent any model serves, one and the same for all cards of a gang.
    pub card_model: Option<CardModelId>,
    /// How many nodes, at least 1.
    pub nodes: u32,
    /// Cards on each node: a multiple of 1000 for whole cards, less for a part of one card, 0 for none.
    pub cards_per_node: CardMillis,
    /// Processor share on each node.
    pub cpu_per_node: CpuMillis,
    /// Memory on each node.
    pub memory_per_node: Bytes,
    /// How near to each other all of it must be; anywhere if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topology: Option<Topology>,
}

/// The cards of one share, told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CardDemand {
    /// No cards.
    None,
    /// A part of one card, in thousandths: 1..=999.
    Fraction(u16),
    /// So many whole cards, at least 1.
    Whole(u32),
}

impl Demand {
    /// Not after any other.
    pub(crate) fn least() -> Demand {
        Demand {
            pool: PoolId(0),
            card_model: None,
            nodes: 0,
            cards_per_node: CardMillis(0),
            cpu_per_node: CpuMillis(0),
            memory_per_node: Bytes(0),
            topology: None,
        }
    }

    /// The cards of one share; none if the number is neither whole cards nor a part of one.
    pub(crate) fn cards(&self) -> Option<CardDemand> {
        match self.cards_per_node.0 {
            0 => Some(CardDemand::None),
            millis @ 1..=999 => Some(CardDemand::Fraction(millis as u16)),
            millis if millis.is_multiple_of(1000) => Some(CardDemand::Whole(millis / 1000)),
            _ => None,
        }
    }
}

/// How many probes are left. A probe looks at one node or card; counting them instead of time keeps a replay exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fuel(pub u64);

impl Fuel {
    /// Takes `probes`; false if there were fewer, and then none is left.
    pub fn spend(&mut self, probes: u64) -> bool {
        let enough = self.0 >= probes;
        self.0 = self.0.saturating_sub(probes);
        enough
    }

    /// Probes left.
    pub fn left(&self) -> u64 {
        self.0
    }
}
