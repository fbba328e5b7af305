//! Several nodes, all or none.

use haina_core::{Bytes, CpuMillis};
use haina_scheduler::{Demand, Found, Fuel, NodeSpec, Terms};

use crate::builders::*;

#[test]
fn a_gang_is_placed_on_different_nodes_or_not_at_all() {
    let mut cluster = cluster([ascend(1), ascend(2), ascend(3)]);
    let gang = Demand { nodes: 2, ..cards(8) };
    assert_eq!(show(&place(&mut cluster, &gang)), "1:0,1,2,3,4,5,6,7 2:0,1,2,3,4,5,6,7");
    assert_eq!(nodes_free(&cluster, &gang), 1, "one node is free, two are needed");
}

#[test]
fn ten_single_cards_as_a_gang_need_ten_nodes() {
    let cluster = cluster((1..=9).map(ascend));
    assert_eq!(nodes_free(&cluster, &Demand { nodes: 10, ..cards(1) }), 9);
}

/// volcano#4778: with two types of NPU, both must schedule.
#[test]
fn two_models_both_schedule_and_neither_blocks_the_other() {
    let mut cluster = cluster([ascend(1), nvidia(2)]);
    let of = |model| Demand { card_model: Some(model), ..cards(8) };
    assert_eq!(show(&place(&mut cluster, &of(ASCEND))), "1:0,1,2,3,4,5,6,7");
    assert_eq!(nodes_free(&cluster, &of(ASCEND)), 0);
    assert_eq!(show(&place(&mut cluster, &of(NVIDIA))), "2:0,1,2,3,4,5,6,7");
}

#[test]
fn a_gang_of_any_model_is_of_one_model() {
    let cluster = cluster([ascend(1), nvidia(2), ascend(3), nvidia(4), nvidia(5)]);
    let gang = |nodes| Demand { nodes, ..cards(8) };
    let nodes = |nodes| found(&cluster, &gang(nodes)).shares.iter().map(|share| share.node.0).collect::<Vec<_>>();
    assert_eq!(nodes(2), [1, 3], "the lower model, where both serve");
    assert_eq!(nodes(3), [2, 4, 5]);
    assert_eq!(nodes_free(&cluster, &gang(4)), 3, "five nodes are free, but at most three of one model");
}

#[test]
fn another_pool_is_not_touched() {
    let cluster = cluster([NodeSpec { pool: haina_core::PoolId(2), ..ascend(1) }]);
    assert_eq!(nodes_free(&cluster, &cards(1)), 0);
}

#[test]
fn processors_and_memory_count_on_each_node() {
    let mut cluster = cluster([ascend(1), ascend(2), ascend(3)]);
    place(&mut cluster, &Demand { cpu_per_node: CpuMillis(60_000), ..cards(1) });
    place(&mut cluster, &Demand { cpu_per_node: CpuMillis(8000), memory_per_node: Bytes(512), ..cards(2) });
    let demand = Demand { cpu_per_node: CpuMillis(8000), memory_per_node: Bytes(64), ..cards(1) };
    assert_eq!(show(&found(&cluster, &demand)), "3:0", "1 has no processors left, 2 no memory");
    assert_eq!(nodes_free(&cluster, &Demand { nodes: 2, ..demand }), 1);
}

#[test]
fn what_is_released_can_be_placed_again() {
    let mut cluster = cluster([ascend(1), ascend(2)]);
    let gang = Demand { nodes: 2, cpu_per_node: CpuMillis(64_000), memory_per_node: Bytes(512), ..cards(8) };
    let before = found(&cluster, &gang);
    for _ in 0..3 {
        let held = place(&mut cluster, &gang);
        assert_eq!(held, before);
        assert_eq!(nodes_free(&cluster, &cards(1)), 0);
        cluster.release(&held);
        cluster.check();
    }
}

#[test]
fn a_search_ends_when_its_fuel_does() {
    let cluster = cluster((1..=100).map(ascend));
    let gang = Demand { nodes: 50, ..cards(8) };
    assert_eq!(cluster.find(&gang, &Terms::default(), &mut no_fuel()), Found::OutOfFuel);
    let mut fuel = Fuel(50);
    assert_eq!(cluster.find(&gang, &Terms::default(), &mut fuel), Found::OutOfFuel);
    assert_eq!(fuel.left(), 0);
    let mut fuel = Fuel(60);
    assert!(matches!(cluster.find(&gang, &Terms::default(), &mut fuel), Found::Placed(_)));
    assert_eq!(fuel.left(), 9, "one probe for the search and one for each node");
}

#[test]
fn a_full_cluster_is_known_to_be_full_without_looking_at_its_nodes() {
    let mut cluster = cluster((1..=100).map(ascend));
    place(&mut cluster, &Demand { nodes: 100, ..cards(8) });
    let mut fuel = Fuel(1);
    assert_eq!(cluster.find(&cards(1), &Terms::default(), &mut fuel), Found::Blocked { nodes_free: 0 });
}
