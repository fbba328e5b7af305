//! States of nodes, and what a reader sees.

use haina_core::{CardMillis, CpuMillis, NodeId};
use haina_scheduler::{Cluster, Demand, NodeState, Totals};

use crate::builders::*;

#[test]
fn draining_and_down_nodes_get_no_new_work_and_keep_what_they_run() {
    for state in [NodeState::Draining, NodeState::Down] {
        let mut cluster = cluster([nvidia(1)]);
        let held = place(&mut cluster, &Demand { cpu_per_node: CpuMillis(1000), ..millis(500) });
        cluster.set_state(NodeId(1), state);
        cluster.check();
        for demand in [millis(100), cards(1), cores(1)] {
            assert_eq!(nodes_free(&cluster, &demand), 0);
        }
        assert_eq!(cluster.node(NodeId(1)).unwrap().allocated, CardMillis(500));
        cluster.release(&held);
        cluster.check();
        cluster.set_state(NodeId(1), NodeState::Available);
        cluster.check();
        assert_eq!(show(&found(&cluster, &cards(8))), "1:0,1,2,3,4,5,6,7");
    }
}

#[test]
fn unusable_cards_get_no_new_work_and_keep_what_they_run() {
    let mut cluster = cluster([nvidia(1)]);
    let held = place(&mut cluster, &millis(500));
    cluster.set_unusable(NodeId(1), 0b0111);
    cluster.check();
    assert_eq!(show(&found(&cluster, &millis(100))), "1:3*100", "not beside what runs on card 0");
    assert_eq!(show(&found(&cluster, &cards(5))), "1:3,4,5,6,7");
    assert_eq!(nodes_free(&cluster, &cards(6)), 0);
    assert_eq!(cluster.totals(POOL, NVIDIA).available, CardMillis(5000));
    cluster.release(&held);
    cluster.check();
    assert_eq!(nodes_free(&cluster, &cards(6)), 0, "free, and unusable");
    cluster.set_unusable(NodeId(1), 0);
    cluster.check();
    assert_eq!(show(&found(&cluster, &cards(8))), "1:0,1,2,3,4,5,6,7");
}

#[test]
#[should_panic(expected = "card 0 of node 1 may be given out")]
fn claiming_an_unusable_card_is_a_defect() {
    let mut cluster = cluster([ascend(1)]);
    let found = found(&cluster, &cards(1));
    cluster.set_unusable(NodeId(1), 1);
    cluster.claim(&found);
}

#[test]
fn a_node_that_comes_back_still_holds_what_it_held() {
    let mut cluster = cluster([nvidia(1)]);
    place(&mut cluster, &millis(400));
    cluster.set_state(NodeId(1), NodeState::Down);
    cluster.set_state(NodeId(1), NodeState::Draining);
    cluster.set_state(NodeId(1), NodeState::Available);
    cluster.check();
    assert_eq!(nodes_free(&cluster, &cards(8)), 0);
    assert_eq!(show(&found(&cluster, &millis(600))), "1:0*600");
}

#[test]
#[should_panic(expected = "node 1 is Draining and takes no work")]
fn claiming_on_a_draining_node_is_a_defect() {
    let mut cluster = cluster([ascend(1)]);
    let found = found(&cluster, &cards(1));
    cluster.set_state(NodeId(1), NodeState::Draining);
    cluster.claim(&found);
}

#[test]
#[should_panic(expected = "card 0 of node 1 is wholly free")]
fn claiming_twice_is_a_defect() {
    let mut cluster = cluster([ascend(1)]);
    let held = place(&mut cluster, &cards(1));
    cluster.claim(&held);
}

#[test]
#[should_panic(expected = "card 0 of node 1 is given back as taken")]
fn releasing_twice_is_a_defect() {
    let mut cluster = cluster([ascend(1)]);
    let held = place(&mut cluster, &cards(1));
    cluster.release(&held);
    cluster.release(&held);
}

#[test]
#[should_panic(expected = "a gang is on different nodes")]
fn a_gang_twice_on_one_node_is_a_defect() {
    let mut cluster = cluster([ascend(1), ascend(2)]);
    let mut gang = found(&cluster, &Demand { nodes: 2, ..cards(1) });
    gang.shares[1].node = NodeId(1);
    gang.shares[1].cards[0].index = 1;
    cluster.claim(&gang);
}

#[test]
fn nodes_are_read_in_the_order_of_ids_however_they_were_added() {
    let cluster = cluster([ascend(5), nvidia(2), plain(9, 4), ascend(1)]);
    cluster.check();
    assert_eq!(cluster.nodes().map(|node| node.spec.id.0).collect::<Vec<_>>(), [1, 2, 5, 9]);
    assert_eq!(cluster.nodes().len(), 4);
    assert!(cluster.node(NodeId(3)).is_none());
}

#[test]
fn a_status_shows_what_is_free() {
    let mut cluster = cluster([nvidia(1)]);
    place(&mut cluster, &Demand { cpu_per_node: CpuMillis(4000), ..millis(250) });
    place(&mut cluster, &cards(2));
    let node = cluster.node(NodeId(1)).unwrap();
    let free: Vec<u32> = node.cards_free().map(|CardMillis(free)| free).collect();
    assert_eq!(free, [750, 0, 0, 1000, 1000, 1000, 1000, 1000]);
    assert_eq!((node.cpu_free, node.allocated), (CpuMillis(60_000), CardMillis(2250)));
}

#[test]
fn totals_tell_installed_available_and_allocated_apart() {
    let mut cluster = cluster([ascend(1), ascend(2), nvidia(3), plain(4, 8)]);
    place(&mut cluster, &Demand { card_model: Some(ASCEND), ..cards(3) });
    cluster.set_state(NodeId(1), NodeState::Draining);
    let (installed, eight, allocated) = (CardMillis(16_000), CardMillis(8000), CardMillis(3000));
    let ascends = Totals { installed, available: eight, allocated, free: eight };
    assert_eq!(cluster.totals(POOL, ASCEND), ascends);
    let nvidias = Totals { installed: eight, available: eight, allocated: CardMillis(0), free: eight };
    assert_eq!(cluster.all_totals().collect::<Vec<_>>(), [(POOL, ASCEND, ascends), (POOL, NVIDIA, nvidias)]);
    assert_eq!(Cluster::new().totals(POOL, ASCEND), Totals::default());
}
