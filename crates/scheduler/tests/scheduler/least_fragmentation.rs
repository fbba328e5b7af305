//! Placement by least fragmentation: against every node judged anew, and what it is good for.

use haina_core::{Allocation, Bytes, CardSlot, CpuMillis, NodeId, NodeShare, Placement};
use haina_scheduler::{Cluster, Demand, Found, Mix, NodeState, Terms, Withheld, WithheldShare};
use proptest::prelude::*;

use crate::builders::*;

fn terms() -> Terms<'static> {
    Terms { placement: Placement::LeastFragmentation, ..Terms::default() }
}

fn find_by(cluster: &Cluster, demand: &Demand, terms: &Terms) -> Found {
    cluster.find(demand, terms, &mut cluster.fuel_for_any_find())
}

fn found_by(cluster: &Cluster, demand: &Demand) -> String {
    match find_by(cluster, demand, &terms()) {
        Found::Placed(allocation) => show(&allocation),
        other => format!("{other:?}"),
    }
}

fn with_cores(demand: Demand, cores: u64) -> Demand {
    Demand { cpu_per_node: CpuMillis(cores * 1000), ..demand }
}

#[test]
fn without_a_mix_the_place_is_the_best_fit() {
    let mut cluster = cluster([nvidia(1), nvidia(2)]);
    occupy(&mut cluster, 2, 0..5);
    assert_eq!(found_by(&cluster, &cards(1)), "2:5");
}

/// Takes a part of a card.
fn occupy_part(cluster: &mut Cluster, node: u32, index: u8, millis: u16) {
    let cards = vec![CardSlot { index, millis }];
    let share = NodeShare { node: NodeId(node), cards, cpu: CpuMillis(0), memory: Bytes(0) };
    cluster.claim(&Allocation { shares: vec![share] });
}

#[test]
fn a_part_goes_where_it_leaves_what_others_can_use() {
    let mut cluster = cluster([nvidia(1)]);
    occupy(&mut cluster, 1, 2..8);
    occupy_part(&mut cluster, 1, 0, 500);
    occupy_part(&mut cluster, 1, 1, 400);
    assert_eq!(show(&found(&cluster, &millis(300))), "1:0*300", "the best fit leaves 200");
    cluster.set_mix(&Mix::new([(millis(300), 9), (millis(500), 1)]));
    assert_eq!(found_by(&cluster, &millis(300)), "1:1*300", "300 and 500 are left, all of which is asked for");
}

#[test]
fn processors_go_where_no_cards_need_them() {
    // Both nodes have processors for another; only node 2 has no free cards left that would need them.
    let mut cluster = cluster([nvidia(1), nvidia(2)]);
    occupy(&mut cluster, 2, 0..8);
    let one_card = with_cores(cards(1), 8);
    cluster.set_mix(&Mix::new([(one_card, 9), (cores(16), 1)]));
    assert_eq!(found_by(&cluster, &cores(16)), "2:");
}

#[test]
fn what_is_promised_is_left_alone() {
    let mut cluster = cluster([nvidia(1)]);
    place(&mut cluster, &millis(500));
    cluster.set_mix(&Mix::new([(millis(500), 1)]));
    let mut withheld = Withheld::default();
    withheld.add(NodeId(1), WithheldShare { cards: 0b1, ..WithheldShare::default() });
    let beside = Terms { withheld: &withheld, ..terms() };
    assert_eq!(found_by(&cluster, &millis(500)), "1:0*500");
    let Found::Placed(allocation) = find_by(&cluster, &millis(500), &beside) else { panic!("there are other cards") };
    assert_eq!(show(&allocation), "1:1*500");
}

#[test]
fn where_cards_are_all_that_can_run_out_the_place_is_the_best_fit() {
    let mut cluster = cluster((1..=3).map(nvidia).chain((4..=6).map(ascend)));
    cluster.set_mix(&Mix::new([(with_cores(cards(1), 8), 9), (with_cores(cards(4), 32), 1)]));
    assert_eq!(*cluster.mix(), Mix::default(), "nothing is kept that makes no difference");
    for demand in [cards(1), cards(4), cards(2), cards(1), cards(8), cards(1)].map(|share| with_cores(share, 1)) {
        let found = find_by(&cluster, &demand, &terms());
        assert_eq!(found, find(&cluster, &demand));
        let Found::Placed(allocation) = found else { panic!("there are cards") };
        cluster.claim(&allocation);
    }
    cluster.set_mix(&Mix::new([(with_cores(cards(1), 9), 1)]));
    assert_ne!(*cluster.mix(), Mix::default(), "seven cards take the processors of eight");
}

#[test]
fn whole_cards_stay_in_a_ring_that_can_hold_them() {
    let in_rings = |id| haina_scheduler::NodeSpec { fractions: true, ..ascend(id) };
    let mut cluster = cluster([in_rings(1), in_rings(2)]);
    occupy(&mut cluster, 1, [0, 4]);
    occupy(&mut cluster, 2, 0..4);
    occupy(&mut cluster, 2, [4]);
    cluster.set_mix(&Mix::new([(cards(4), 1), (cards(3), 1), (millis(500), 5)]));
    // Six cards are free on node 1, but no four in one ring; three in one on either.
    assert_eq!(found_by(&cluster, &cards(4)), "1:1,2,3,5");
    assert_eq!(found_by(&cluster, &cards(3)), "2:5,6,7", "so that node 1 keeps two rings of three");
}

#[test]
fn memory_goes_where_no_cards_need_it() {
    let wide = |id| haina_scheduler::NodeSpec { memory: Bytes(512 << 30), ..nvidia(id) };
    let mut cluster = cluster([wide(1), wide(2)]);
    occupy(&mut cluster, 2, 0..8);
    let with_memory = |demand: Demand, gib: u64| Demand { memory_per_node: Bytes(gib << 30), ..demand };
    cluster.set_mix(&Mix::new([(with_memory(cards(1), 65), 9), (with_memory(cores(1), 100), 1)]));
    assert_eq!(found_by(&cluster, &with_memory(cores(1), 100)), "2:");
}

#[test]
fn of_thousands_of_shares_those_that_are_asked_for_most_decide_and_all_are_placed() {
    let mut cluster = cluster([nvidia(1)]);
    occupy(&mut cluster, 1, 2..8);
    occupy_part(&mut cluster, 1, 0, 500);
    occupy_part(&mut cluster, 1, 1, 400);
    let rare = (1..=5000u64).map(|memory| (Demand { memory_per_node: Bytes(memory), ..millis(1) }, 1));
    cluster.set_mix(&Mix::new([(millis(300), 90_000), (millis(500), 10_000)].into_iter().chain(rare)));
    assert_eq!(found_by(&cluster, &millis(300)), "1:1*300");
    let unheard_of = Demand { memory_per_node: Bytes(7), ..millis(299) };
    assert_eq!(found_by(&cluster, &unheard_of), "1:1*299", "judged as the share that is most like it");
    assert_eq!(found_by(&cluster, &millis(900)), "Blocked { nodes_free: 0 }");
}

/// Demands as few as a mix has, so that the same often come again.
fn demand() -> impl Strategy<Value = Demand> {
    let of = |millis_asked: u32, cores: u64| with_cores(millis(millis_asked), cores);
    let shares = vec![of(250, 1), of(500, 2), of(810, 3), of(1000, 8), of(2000, 16), of(4000, 20), of(0, 6)];
    (prop::sample::select(shares), prop_oneof![4 => Just(1u32), 1 => 2..4u32], prop::option::of(1..=2u32))
        .prop_map(|(share, nodes, model)| Demand { nodes, card_model: model.map(haina_core::CardModelId), ..share })
}

proptest! {
    /// A share of the mix is found by its ranking, any other by judging every node; both must find the same.
    #[test]
    fn the_ranking_finds_what_judging_every_node_finds(
        mix in prop::collection::vec((demand(), 1..100u64), 1..6),
        steps in prop::collection::vec((demand(), any::<usize>(), 0..10u32), 1..60),
    ) {
        let mut ranked = cluster((1..=3).map(nvidia).chain((4..=6).map(ascend)).chain([plain(7, 16)]));
        ranked.set_mix(&Mix::new(mix));
        let mut held: Vec<Allocation> = Vec::new();
        for (demand, position, what) in steps {
            match find_by(&ranked, &demand, &terms()) {
                Found::Placed(allocation) => {
                    prop_assert_eq!(allocation.shares.len(), demand.nodes as usize);
                    ranked.claim(&allocation);
                    held.push(allocation);
                }
                // Best fit knows no place either.
                blocked => prop_assert_eq!(blocked, find(&ranked, &demand)),
            }
            if what == 0 {
                ranked.set_state(NodeId(1 + position as u32 % 7), NodeState::Draining);
            } else if what == 1 {
                ranked.set_state(NodeId(1 + position as u32 % 7), NodeState::Available);
            } else if what < 5 && !held.is_empty() {
                ranked.release(&held.swap_remove(position % held.len()));
            }
            ranked.check();
        }
        // As memory is not scarce here, a demand for one byte more is judged like the one of the mix.
        for demand in [with_cores(millis(500), 2), with_cores(cards(1), 8), cores(6)] {
            let almost = Demand { memory_per_node: Bytes(1), ..demand };
            let shares = |found: Found| match found {
                Found::Placed(allocation) => show(&allocation),
                other => format!("{other:?}"),
            };
            prop_assert_eq!(
                shares(find_by(&ranked, &demand, &terms())),
                shares(find_by(&ranked, &almost, &terms()))
            );
        }
    }

    /// A mix that is followed by and by comes to what setting it does, whatever happens to the nodes meanwhile.
    #[test]
    fn another_mix_is_followed_by_and_by(
        first in prop::collection::vec((demand(), 1..100u64), 1..6),
        second in prop::collection::vec((demand(), 1..100u64), 1..6),
        steps in prop::collection::vec((demand(), any::<usize>(), 0..10u32, 0..3usize), 1..30),
    ) {
        let mut followed = cluster((1..=3).map(nvidia).chain((4..=6).map(ascend)).chain([plain(7, 16)]));
        followed.set_mix(&Mix::new(first));
        followed.follow_mix(Mix::new(second));
        let mut held: Vec<Allocation> = Vec::new();
        for (demand, position, what, ranked) in steps {
            if let Found::Placed(allocation) = find_by(&followed, &demand, &terms()) {
                followed.claim(&allocation);
                held.push(allocation);
            }
            if what == 0 {
                followed.set_state(NodeId(1 + position as u32 % 7), NodeState::Draining);
            } else if what == 1 {
                followed.set_state(NodeId(1 + position as u32 % 7), NodeState::Available);
            } else if what < 5 && !held.is_empty() {
                followed.release(&held.swap_remove(position % held.len()));
            }
            followed.rank_more(ranked);
            followed.check();
        }
        followed.rank_more(usize::MAX);
        followed.check();
        let mut set = followed.clone();
        set.set_mix(&followed.mix().clone());
        for demand in [millis(250), millis(500), millis(810), cards(1), cards(4), cores(6)] {
            prop_assert_eq!(find_by(&followed, &demand, &terms()), find_by(&set, &demand, &terms()));
        }
    }
}
