//! Nodes, demands and clusters in a few words.

use haina_core::{Allocation, Bytes, CardMillis, CardModelId, CpuMillis, NodeId, PoolId};
use haina_scheduler::{Cluster, Demand, Found, Fuel, NodeSpec, Terms};

pub const POOL: PoolId = PoolId(1);
pub const ASCEND: CardModelId = CardModelId(1);
pub const NVIDIA: CardModelId = CardModelId(2);

/// Eight cards in two rings of four, 64 cores, 512 bytes of memory.
pub fn ascend(id: u32) -> NodeSpec {
    NodeSpec {
        id: NodeId(id),
        pool: POOL,
        card_model: Some(ASCEND),
        cards: 8,
        ring: 4,
        fractions: false,
        cpu: CpuMillis(64_000),
        memory: Bytes(512),
        rack: None,
        pod: None,
    }
}

/// Eight cards without rings that may be given out in parts.
pub fn nvidia(id: u32) -> NodeSpec {
    NodeSpec { card_model: Some(NVIDIA), ring: 0, fractions: true, ..ascend(id) }
}

/// No cards.
pub fn plain(id: u32, cores: u64) -> NodeSpec {
    NodeSpec { card_model: None, cards: 0, ring: 0, cpu: CpuMillis(cores * 1000), ..ascend(id) }
}

pub fn cluster(nodes: impl IntoIterator<Item = NodeSpec>) -> Cluster {
    let mut cluster = Cluster::new();
    nodes.into_iter().for_each(|spec| cluster.add_node(spec));
    cluster
}

/// So many thousandths of cards on one node, of any model, without processors or memory.
pub fn millis(cards: u32) -> Demand {
    Demand {
        pool: POOL,
        card_model: None,
        nodes: 1,
        cards_per_node: CardMillis(cards),
        cpu_per_node: CpuMillis(0),
        memory_per_node: Bytes(0),
        topology: None,
    }
}

/// So many whole cards on one node.
pub fn cards(count: u32) -> Demand {
    millis(count * 1000)
}

/// So many cores and no cards.
pub fn cores(count: u64) -> Demand {
    Demand { cpu_per_node: CpuMillis(count * 1000), ..millis(0) }
}

pub fn find(cluster: &Cluster, demand: &Demand) -> Found {
    cluster.find(demand, &Terms::default(), &mut cluster.fuel_for_any_find())
}

pub fn found(cluster: &Cluster, demand: &Demand) -> Allocation {
    match find(cluster, demand) {
        Found::Placed(allocation) => allocation,
        other => panic!("{demand:?} is placed, not {other:?}"),
    }
}

/// Finds a place and takes it.
pub fn place(cluster: &mut Cluster, demand: &Demand) -> Allocation {
    let allocation = found(cluster, demand);
    cluster.claim(&allocation);
    cluster.check();
    allocation
}

pub fn nodes_free(cluster: &Cluster, demand: &Demand) -> u32 {
    match find(cluster, demand) {
        Found::Blocked { nodes_free } => nodes_free,
        other => panic!("{demand:?} is blocked, not {other:?}"),
    }
}

/// `node:cards` of each share, as `1:0,1 2:4`; a part of a card as `1:0*500`.
pub fn show(allocation: &Allocation) -> String {
    let slots = |share: &haina_core::NodeShare| {
        let slot = |slot: &haina_core::CardSlot| match slot.millis {
            1000 => slot.index.to_string(),
            part => format!("{}*{part}", slot.index),
        };
        share.cards.iter().map(slot).collect::<Vec<_>>().join(",")
    };
    let shares = allocation.shares.iter().map(|share| format!("{}:{}", share.node, slots(share)));
    shares.collect::<Vec<_>>().join(" ")
}

/// Takes exactly these whole cards of a node.
pub fn occupy(cluster: &mut Cluster, node: u32, cards: impl IntoIterator<Item = u8>) -> Allocation {
    let cards = cards.into_iter().map(|index| haina_core::CardSlot { index, millis: 1000 }).collect();
    let share = haina_core::NodeShare { node: NodeId(node), cards, cpu: CpuMillis(0), memory: Bytes(0) };
    let allocation = Allocation { shares: vec![share] };
    cluster.claim(&allocation);
    cluster.check();
    allocation
}

pub fn no_fuel() -> Fuel {
    Fuel(0)
}
