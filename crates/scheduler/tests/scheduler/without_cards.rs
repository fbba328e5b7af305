//! Demands for processors and memory alone.

use haina_core::Bytes;
use haina_scheduler::Demand;

use crate::builders::*;

fn node_of(cluster: &haina_scheduler::Cluster, demand: &Demand) -> u32 {
    found(cluster, demand).shares[0].node.0
}

#[test]
fn nodes_without_cards_are_taken_first() {
    let mut cluster = cluster([ascend(1), plain(2, 96)]);
    assert_eq!(node_of(&cluster, &cores(4)), 2);
    place(&mut cluster, &cores(94));
    assert_eq!(node_of(&cluster, &cores(4)), 1, "only two cores are left on node 2");
}

#[test]
fn the_node_with_the_fewest_sufficient_free_processors_is_taken() {
    let cluster = cluster([plain(1, 64), plain(2, 16), plain(3, 32)]);
    assert_eq!([8, 17, 33].map(|count| node_of(&cluster, &cores(count))), [2, 3, 1]);
}

#[test]
fn memory_counts_too() {
    let small = haina_scheduler::NodeSpec { memory: Bytes(8), ..plain(1, 16) };
    let cluster = cluster([small, plain(2, 32)]);
    assert_eq!(node_of(&cluster, &Demand { memory_per_node: Bytes(9), ..cores(1) }), 2);
}

#[test]
fn a_gang_may_use_nodes_of_all_kinds() {
    let cluster = cluster([ascend(1), nvidia(2), plain(3, 64)]);
    assert_eq!(show(&found(&cluster, &Demand { nodes: 3, ..cores(64) })), "1: 2: 3:");
    assert_eq!(nodes_free(&cluster, &Demand { nodes: 4, ..cores(64) }), 3);
}

#[test]
fn a_model_restricts_the_nodes_even_without_cards() {
    let cluster = cluster([plain(1, 64), nvidia(2)]);
    assert_eq!(node_of(&cluster, &Demand { card_model: Some(NVIDIA), ..cores(1) }), 2);
}

#[test]
fn a_demand_for_nothing_is_placed_somewhere() {
    assert_eq!(show(&found(&cluster([plain(1, 0)]), &cores(0))), "1:");
}
