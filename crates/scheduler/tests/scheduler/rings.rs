//! Ascend 910 nodes: two HCCS rings of four cards, 0–3 and 4–7.

use crate::builders::*;

#[test]
fn one_two_and_four_cards_stay_within_one_ring() {
    for count in [1, 2, 4] {
        let mut cluster = cluster([ascend(1)]);
        occupy(&mut cluster, 1, [0]);
        let taken = found(&cluster, &cards(count));
        let rings: Vec<u8> = taken.shares[0].cards.iter().map(|slot| slot.index / 4).collect();
        assert!(rings.windows(2).all(|pair| pair[0] == pair[1]), "{count} cards: {}", show(&taken));
    }
}

#[test]
fn eight_cards_take_the_node() {
    let mut cluster = cluster([ascend(1), ascend(2)]);
    occupy(&mut cluster, 1, [7]);
    assert_eq!(show(&found(&cluster, &cards(8))), "2:0,1,2,3,4,5,6,7");
}

#[test]
fn small_demands_fill_a_broken_ring_and_keep_whole_rings_for_those_who_need_four() {
    let mut cluster = cluster([ascend(1), ascend(2)]);
    assert_eq!(show(&place(&mut cluster, &cards(1))), "1:0");
    assert_eq!(show(&place(&mut cluster, &cards(2))), "1:1,2");
    assert_eq!(show(&place(&mut cluster, &cards(4))), "1:4,5,6,7");
    assert_eq!(show(&place(&mut cluster, &cards(1))), "1:3");
    assert_eq!(show(&place(&mut cluster, &cards(4))), "2:0,1,2,3");
}

#[test]
fn a_ring_that_fits_exactly_is_taken_before_a_fuller_node_with_a_wider_ring() {
    let mut cluster = cluster([ascend(1), ascend(2)]);
    // Node 1 has 4 free cards in one ring; node 2 has 6, two of them alone in a ring.
    occupy(&mut cluster, 1, [0, 1, 2, 3]);
    occupy(&mut cluster, 2, [0, 1]);
    assert_eq!(show(&found(&cluster, &cards(2))), "2:2,3");
}

/// volcano#5751: eight free NPUs split over two HCCS rings of different nodes and of one.
#[test]
fn four_cards_go_to_a_node_with_a_whole_ring_and_only_else_to_halves_of_two_rings() {
    let mut cluster = cluster([ascend(1), ascend(2)]);
    let halves = occupy(&mut cluster, 1, [0, 1, 4, 5]);
    occupy(&mut cluster, 2, [0, 1, 2]);
    assert_eq!(show(&found(&cluster, &cards(4))), "2:4,5,6,7", "a whole ring, though node 1 would be filled exactly");
    occupy(&mut cluster, 2, [4, 5]);
    assert_eq!(show(&found(&cluster, &cards(4))), "1:2,3,6,7", "no ring has four free cards, so they are spread");
    cluster.release(&halves);
    assert_eq!(show(&found(&cluster, &cards(8))), "1:0,1,2,3,4,5,6,7");
}

#[test]
fn another_model_with_a_whole_ring_is_preferred_to_spreading() {
    let mut cluster = cluster([ascend(1), nvidia(2)]);
    occupy(&mut cluster, 1, [0, 4]);
    assert_eq!(show(&found(&cluster, &cards(4))), "2:0,1,2,3");
    occupy(&mut cluster, 2, 0..5);
    assert_eq!(show(&found(&cluster, &cards(4))), "1:1,2,3,5", "nothing else is left");
}

#[test]
fn six_cards_touch_as_few_rings_as_they_can() {
    let mut cluster = cluster([ascend(1)]);
    occupy(&mut cluster, 1, [1]);
    assert_eq!(show(&found(&cluster, &cards(6))), "1:0,2,4,5,6,7", "the full ring and two of the other");
}

#[test]
fn without_rings_the_node_with_the_fewest_free_cards_is_taken() {
    let mut cluster = cluster([nvidia(1), nvidia(2), nvidia(3)]);
    occupy(&mut cluster, 2, 0..3);
    occupy(&mut cluster, 3, 0..6);
    assert_eq!(show(&found(&cluster, &cards(2))), "3:6,7");
    assert_eq!(show(&found(&cluster, &cards(3))), "2:3,4,5");
    assert_eq!(show(&found(&cluster, &cards(6))), "1:0,1,2,3,4,5");
}
