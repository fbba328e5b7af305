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
}
