//! Parts of cards. Memory of a part is hard: it is part of the thousandths, which never exceed a card.

use haina_core::CardMillis;
use haina_scheduler::Demand;

use crate::builders::*;

#[test]
fn parts_share_a_card_until_it_is_full() {
    let mut cluster = cluster([nvidia(1)]);
    assert_eq!(show(&place(&mut cluster, &millis(500))), "1:0*500");
    assert_eq!(show(&place(&mut cluster, &millis(300))), "1:0*300");
    assert_eq!(show(&place(&mut cluster, &millis(300))), "1:1*300", "a part never spans cards");
    assert_eq!(show(&place(&mut cluster, &millis(200))), "1:0*200");
    let free: Vec<u32> = cluster.node(ascend(1).id).unwrap().cards_free().map(|CardMillis(free)| free).collect();
    assert_eq!(free, [0, 700, 1000, 1000, 1000, 1000, 1000, 1000]);
}

#[test]
fn the_smallest_sufficient_remainder_of_the_pool_is_taken() {
    let mut cluster = cluster([nvidia(1), nvidia(2)]);
    let first = place(&mut cluster, &millis(600));
    assert_eq!(show(&first), "1:0*600");
    occupy(&mut cluster, 1, 1..8);
    assert_eq!(show(&place(&mut cluster, &millis(700))), "2:0*700");
    assert_eq!(show(&found(&cluster, &millis(250))), "2:0*250", "300 are left there, 400 on node 1");
    assert_eq!(show(&found(&cluster, &millis(350))), "1:0*350");
    assert_eq!(show(&found(&cluster, &millis(450))), "2:1*450", "a free card of the node with the fewest");
}

#[test]
fn the_smallest_sufficient_remainder_counts_over_all_models() {
    let other = |id| haina_scheduler::NodeSpec { fractions: true, ring: 0, ..ascend(id) };
    let mut cluster = cluster([other(1), nvidia(2)]);
    place(&mut cluster, &Demand { card_model: Some(ASCEND), ..millis(500) });
    place(&mut cluster, &Demand { card_model: Some(NVIDIA), ..millis(800) });
    assert_eq!(show(&found(&cluster, &millis(200))), "2:0*200");
    assert_eq!(show(&found(&cluster, &millis(400))), "1:0*400");
}

#[test]
fn parts_and_whole_cards_never_mix_on_a_card() {
    let mut cluster = cluster([nvidia(1)]);
    let part = place(&mut cluster, &millis(1));
    assert_eq!(show(&place(&mut cluster, &cards(7))), "1:1,2,3,4,5,6,7");
    assert_eq!(nodes_free(&cluster, &cards(1)), 0, "a card that is used in parts is not free");
    assert_eq!(show(&found(&cluster, &millis(999))), "1:0*999");
    cluster.release(&part);
    cluster.check();
    assert_eq!(show(&found(&cluster, &cards(1))), "1:0", "it is whole again when the last part is given back");
}

#[test]
fn two_parts_that_fill_a_card_are_given_back_one_by_one() {
    let mut cluster = cluster([nvidia(1)]);
    let half = place(&mut cluster, &millis(500));
    let other_half = place(&mut cluster, &millis(500));
    cluster.release(&half);
    cluster.check();
    assert_eq!(show(&found(&cluster, &millis(400))), "1:0*400");
    cluster.release(&other_half);
    cluster.check();
    assert_eq!(show(&found(&cluster, &cards(8))), "1:0,1,2,3,4,5,6,7");
}

#[test]
fn only_models_that_allow_it_are_given_out_in_parts() {
    let cluster = cluster([ascend(1), nvidia(2)]);
    assert_eq!(show(&found(&cluster, &millis(500))), "2:0*500");
    assert_eq!(nodes_free(&cluster, &Demand { card_model: Some(ASCEND), ..millis(500) }), 0);
}

#[test]
fn a_gang_of_parts_is_on_different_nodes() {
    let mut cluster = cluster([nvidia(1), nvidia(2), nvidia(3)]);
    place(&mut cluster, &millis(500));
    place(&mut cluster, &millis(600));
    let gang = Demand { nodes: 3, ..millis(300) };
    assert_eq!(show(&found(&cluster, &gang)), "1:1*300 2:0*300 3:0*300");
    assert_eq!(nodes_free(&cluster, &Demand { nodes: 4, ..millis(300) }), 3);
}

#[test]
#[should_panic(expected = "card 0 of node 1 is wholly free")]
fn claiming_a_card_wholly_that_is_used_in_parts_is_a_defect() {
    let mut cluster = cluster([nvidia(1)]);
    place(&mut cluster, &millis(500));
    occupy(&mut cluster, 1, [0]);
}
