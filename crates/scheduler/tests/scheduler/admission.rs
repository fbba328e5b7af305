//! Demands that no idle cluster could meet are told so at once, with the reason.

use haina_core::{Bytes, CardModelId, CpuMillis, NodeId, PoolId};
use haina_scheduler::{Cluster, Demand, NodeSpec, NodeState};

use crate::builders::*;

fn center() -> Cluster {
    cluster([ascend(1), ascend(2), nvidia(3), plain(4, 128), NodeSpec { pool: PoolId(2), ..ascend(5) }])
}

fn english(why: haina_core::Phrase) -> String {
    why.say(haina_core::Language::English).to_owned()
}

#[test]
fn an_impossible_demand_says_why() {
    let gibibytes = |count: u64| Bytes(count << 30);
    for (demand, why) in [
        (cards(9), "9 cards a node are asked for, and no node has more than 8"),
        (millis(1500), "1.5 cards a node are neither whole cards nor a part of one card"),
        (Demand { nodes: 0, ..cards(1) }, "at least one node must be asked for"),
        (Demand { nodes: 3, ..cards(8) }, "3 nodes of one card model are asked for, and it has only 2 large enough"),
        (Demand { nodes: 5, ..cores(1) }, "5 nodes are asked for, and it has only 4 large enough"),
        (
            Demand { nodes: 2, card_model: Some(NVIDIA), ..millis(500) },
            "2 nodes are asked for, and it has only 1 large enough",
        ),
        (Demand { card_model: Some(ASCEND), ..millis(500) }, "its cards are not given out in parts"),
        (Demand { card_model: Some(CardModelId(7)), ..cards(1) }, "it has no node with this card model"),
        (Demand { pool: PoolId(3), ..cards(1) }, "it has no nodes"),
        (cores(129), "129 processor cores a node are asked for, and no such node has more than 128"),
        (
            Demand { cpu_per_node: CpuMillis(64_500), ..cards(1) },
            "64.5 processor cores a node are asked for, and no such node has more than 64",
        ),
        (
            Demand { memory_per_node: gibibytes(2), ..cores(1) },
            "2 GiB of memory a node are asked for, and no such node has more than 512 bytes",
        ),
    ] {
        assert_eq!(center().could_ever_host(&demand).map_err(english), Err(why.to_owned()));
    }
    assert_eq!(
        cluster([plain(1, 1)]).could_ever_host(&cards(1)).map_err(english),
        Err("its nodes have no cards".to_owned())
    );
}

#[test]
fn a_node_must_have_everything_together() {
    let wide = NodeSpec { memory: Bytes(1), ..plain(1, 64) };
    let deep = NodeSpec { memory: Bytes(512), ..plain(2, 1) };
    let demand = Demand { memory_per_node: Bytes(512), ..cores(64) };
    let why = "no single node has the cards, processors and memory together";
    assert_eq!(cluster([wide, deep]).could_ever_host(&demand).map_err(english), Err(why.to_owned()));
}

#[test]
fn what_is_busy_drained_or_down_now_still_counts() {
    let mut center = center();
    place(&mut center, &Demand { nodes: 2, ..cards(8) });
    center.set_state(NodeId(1), NodeState::Down);
    center.set_state(NodeId(2), NodeState::Draining);
    assert_eq!(center.could_ever_host(&Demand { nodes: 2, card_model: Some(ASCEND), ..cards(8) }), Ok(()));
}

#[test]
fn what_passes_is_placed_on_an_idle_cluster() {
    for demand in [cards(1), cards(8), millis(1), Demand { nodes: 2, ..cards(8) }, Demand { nodes: 4, ..cores(64) }] {
        assert_eq!(center().could_ever_host(&demand), Ok(()));
        found(&center(), &demand);
    }
}
