//! Random claims, releases and faults: a place is found exactly if there is one, it is the best one, and the indexes
//! stay true. `PROPTEST_CASES` sets how many sequences are tried.

use haina_core::{Allocation, Bytes, CardMillis, CpuMillis, NodeId};
use haina_scheduler::{Cluster, Demand, Found, Fuel, NodeSpec, NodeState, Terms, Withheld, WithheldShare};
use proptest::prelude::*;
use proptest::sample::select;

use crate::builders::*;
use crate::reference::{Reference, ReferenceNode};

#[derive(Clone, Debug)]
enum Step {
    Place(Demand),
    /// With too little fuel, perhaps.
    PlaceWithin(Demand, u64),
    /// While so many cards, processors and so much memory of these nodes are withheld.
    PlaceBeside(Demand, Vec<(usize, WithheldShare)>),
    /// The one at this position, modulo how many there are.
    Release(usize),
    SetState(usize, NodeState),
    /// As many bits as the node has cards.
    SetUnusable(usize, u64),
}

/// Three models: two rings of four; no rings, in parts; rings of two, in parts. And nodes without cards.
fn spec() -> impl Strategy<Value = NodeSpec> {
    let kinds = select(vec![
        (1, 8, 4, false),
        (1, 6, 4, false),
        (2, 8, 0, true),
        (2, 1, 0, true),
        (3, 6, 2, true),
        (0, 0, 0, false),
    ]);
    (kinds, 0..3u64, 0..3u64, 1..=2u32).prop_map(|((model, cards, ring, fractions), cpu, memory, pool)| NodeSpec {
        id: NodeId(0),
        pool: haina_core::PoolId(pool),
        card_model: (model > 0).then_some(haina_core::CardModelId(model)),
        cards,
        ring,
        fractions,
        cpu: CpuMillis(4000 + cpu * 3000),
        memory: Bytes(8 + memory * 8),
        rack: None,
        pod: None,
    })
}

/// In any order of ids.
fn specs() -> impl Strategy<Value = Vec<NodeSpec>> {
    let numbered = prop::collection::vec(spec(), 1..10).prop_map(|mut specs| {
        (1..).zip(&mut specs).for_each(|(id, spec)| spec.id = NodeId(id));
        specs
    });
    numbered.prop_shuffle()
}

fn demand() -> impl Strategy<Value = Demand> {
    let cards = prop_oneof![
        4 => (1..=8u32).prop_map(|count| count * 1000),
        3 => select(vec![1, 100, 250, 333, 500, 700, 999]),
        1 => Just(0),
    ];
    let nodes = prop_oneof![3 => Just(1), 1 => 2..6u32];
    (cards, nodes, 0..4u64, 0..8u64, prop::option::of(1..=3u32), 1..=5u32).prop_map(
        |(cards, nodes, cpu, memory, model, pool)| Demand {
            pool: haina_core::PoolId(if pool == 1 { 2 } else { 1 }),
            card_model: model.map(haina_core::CardModelId),
            nodes,
            cards_per_node: CardMillis(cards),
            cpu_per_node: CpuMillis(cpu * 500),
            memory_per_node: Bytes(memory / 2),
            topology: None,
        },
    )
}

fn withheld_share() -> impl Strategy<Value = WithheldShare> {
    (0..256u64, 0..8u64, 0..8u64).prop_map(|(cards, cpu, memory)| WithheldShare {
        cards,
        cpu: CpuMillis(cpu * 1000),
        memory: Bytes(memory * 2),
    })
}

fn step() -> impl Strategy<Value = Step> {
    let state = select(vec![NodeState::Available, NodeState::Available, NodeState::Draining, NodeState::Down]);
    prop_oneof![
        8 => demand().prop_map(Step::Place),
        2 => (demand(), 0..40u64).prop_map(|(demand, fuel)| Step::PlaceWithin(demand, fuel)),
        3 => (demand(), prop::collection::vec((any::<usize>(), withheld_share()), 1..6))
            .prop_map(|(demand, withheld)| Step::PlaceBeside(demand, withheld)),
        4 => any::<usize>().prop_map(Step::Release),
        1 => (any::<usize>(), state).prop_map(|(node, state)| Step::SetState(node, state)),
        1 => (any::<usize>(), 0..256u64).prop_map(|(node, cards)| Step::SetUnusable(node, cards)),
    ]
}

/// The shape of what was found: as asked, on nodes that could host it.
fn assert_answers(reference: &mut Reference, demand: &Demand, allocation: &Allocation) {
    assert_eq!(allocation.shares.len(), demand.nodes as usize);
    assert!(allocation.shares.is_sorted_by(|a, b| a.node < b.node), "different nodes in order");
    let models: Vec<_> = allocation.shares.iter().map(|share| reference.node(share.node).model()).collect();
    assert!(demand.cards_per_node.0 == 0 || models.windows(2).all(|pair| pair[0] == pair[1]), "one model");
    for share in &allocation.shares {
        assert!(reference.node(share.node).could_host_one_share(demand));
        assert_eq!((share.cpu, share.memory), (demand.cpu_per_node, demand.memory_per_node));
        let held: u32 = share.cards.iter().map(|slot| u32::from(slot.millis)).sum();
        assert_eq!(held, demand.cards_per_node.0);
    }
}

/// The quality of what was found.
fn assert_best(reference: &mut Reference, demand: &Demand, allocation: &Allocation) {
    let hosts: Vec<ReferenceNode> =
        reference.nodes.iter().filter(|node| node.could_host_one_share(demand)).cloned().collect();
    let first = &allocation.shares[0];
    let chosen = reference.node(first.node).clone();
    match demand.cards_per_node.0 {
        0 if demand.nodes == 1 => {
            let cost = |node: &ReferenceNode| (node.spec.cards > 0, node.cpu_free(), node.spec.id);
            assert_eq!(Some(cost(&chosen)), hosts.iter().map(cost).min());
        }
        0 => {}
        millis @ 1..1000 if demand.nodes == 1 => {
            let sufficient = |left: &u16| u32::from(*left) >= millis;
            let least = hosts.iter().flat_map(ReferenceNode::remainders).filter(sufficient).min();
            let card = first.cards[0].index;
            assert_eq!(chosen.remainder(card), least.unwrap_or(1000), "the least sufficient remainder");
            if least.is_none() {
                let of_model = hosts.iter().filter(|node| node.model() == chosen.model());
                let best = of_model.map(|node| (node.least_sufficient_ring(1).unwrap(), node.free_cards())).min();
                assert_eq!(Some((chosen.ring_of(card), chosen.free_cards())), best);
            }
        }
        1..1000 => {}
        millis => {
            let count = (millis / 1000) as usize;
            // Shares that are spread over rings, in the best case of any model.
            let could = |node: &&ReferenceNode| node.least_sufficient_ring(count).is_some();
            let in_ring = |model| hosts.iter().filter(|node| node.model() == model).filter(could).count();
            let all = |model| hosts.iter().filter(|node| node.model() == model).count();
            let able = hosts.iter().map(ReferenceNode::model).filter(|model| all(*model) >= demand.nodes as usize);
            let too_wide = |model| {
                hosts.iter().any(|node| node.model() == model && node.spec.ring < millis / 1000 && node.spec.ring > 0)
            };
            let spread_least = able
                .map(|model| if too_wide(model) { 0 } else { (demand.nodes as usize).saturating_sub(in_ring(model)) })
                .min();
            let spread = allocation.shares.iter().filter(|share| {
                let node = reference.nodes.iter().find(|node| node.spec.id == share.node).unwrap();
                let ring = if node.spec.ring == 0 { 64 } else { node.spec.ring as usize };
                let in_one = share
                    .cards
                    .iter()
                    .all(|slot| usize::from(slot.index) / ring == usize::from(share.cards[0].index) / ring);
                count <= ring && !in_one
            });
            assert_eq!(Some(spread.count()), spread_least, "no more shares are spread over rings than must be");
            if demand.nodes == 1
                && let Some(ring) = chosen.least_sufficient_ring(count)
            {
                let of_model = hosts.iter().filter(|node| node.model() == chosen.model());
                let best = of_model
                    .filter_map(|node| node.least_sufficient_ring(count).map(|ring| (ring, node.free_cards())))
                    .min();
                assert_eq!(Some((ring, chosen.free_cards())), best, "the least ring, then the fullest node");
                assert!(first.cards.iter().all(|slot| chosen.ring_of(slot.index) == ring));
            }
        }
    }
}

/// A cluster that was loaded, in another order, answers like the one that lived.
fn assert_history_does_not_matter(cluster: &Cluster, held: &[Allocation], demands: &[Demand]) {
    let mut loaded = Cluster::new();
    let status: Vec<_> = cluster.nodes().collect();
    status.iter().rev().for_each(|node| loaded.add_node(node.spec.clone()));
    held.iter().rev().for_each(|allocation| loaded.claim(allocation));
    status.iter().for_each(|node| loaded.set_state(node.spec.id, node.state));
    status.iter().for_each(|node| loaded.set_unusable(node.spec.id, node.unusable));
    loaded.check();
    for demand in demands {
        assert_eq!(find(&loaded, demand), find(cluster, demand));
    }
}

proptest! {
    #[test]
    fn a_place_is_found_exactly_if_there_is_one_and_it_is_the_best(specs in specs(), steps in prop::collection::vec(step(), 1..80)) {
        let mut cluster = Cluster::new();
        let mut reference = Reference::default();
        for spec in &specs {
            cluster.add_node(spec.clone());
            reference.add(spec.clone());
        }
        cluster.check();
        let mut held: Vec<Allocation> = Vec::new();
        let mut demands = Vec::new();
        for step in steps {
            match step {
                Step::Place(demand) => {
                    demands.push(demand);
                    let nodes_free = reference.nodes_free(&demand);
                    match find(&cluster, &demand) {
                        Found::Placed(allocation) => {
                            prop_assert!(nodes_free >= demand.nodes as usize);
                            prop_assert_eq!(cluster.could_ever_host(&demand), Ok(()));
                            assert_answers(&mut reference, &demand, &allocation);
                            assert_best(&mut reference, &demand, &allocation);
                            cluster.claim(&allocation);
                            reference.claim(&allocation);
                            held.push(allocation);
                        }
                        Found::Blocked { nodes_free: told } => {
                            prop_assert!(nodes_free < demand.nodes as usize, "there is a place for {:?}", demand);
                            prop_assert_eq!(told as usize, nodes_free);
                        }
                        Found::OutOfFuel => prop_assert!(false, "the fuel is enough for any search"),
                    }
                }
                Step::PlaceWithin(demand, fuel) => match cluster.find(&demand, &Terms::default(), &mut Fuel(fuel)) {
                    Found::Placed(allocation) => {
                        assert_answers(&mut reference, &demand, &allocation);
                        cluster.claim(&allocation);
                        reference.claim(&allocation);
                        held.push(allocation);
                    }
                    Found::Blocked { nodes_free } => prop_assert_eq!(nodes_free as usize, reference.nodes_free(&demand)),
                    Found::OutOfFuel => {}
                },
                Step::PlaceBeside(demand, shares) => {
                    let mut withheld = Withheld::default();
                    for (node, share) in shares {
                        let spec = &specs[node % specs.len()];
                        withheld.add(spec.id, WithheldShare { cards: share.cards & ((1 << spec.cards) - 1), ..share });
                    }
                    let terms = Terms { withheld: &withheld, ..Terms::default() };
                    // To withhold is as if somebody else held it already.
                    let mut without = reference.clone();
                    without.nodes.iter_mut().for_each(|node| node.withhold(withheld.of(node.spec.id)));
                    let nodes_free = without.nodes_free(&demand);
                    match cluster.find(&demand, &terms, &mut cluster.fuel_for_any_find()) {
                        Found::Placed(allocation) => {
                            for share in &allocation.shares {
                                prop_assert_eq!(WithheldShare::of(share).cards & withheld.of(share.node).cards, 0);
                            }
                            assert_answers(&mut without, &demand, &allocation);
                            cluster.claim(&allocation);
                            reference.claim(&allocation);
                            held.push(allocation);
                        }
                        Found::Blocked { nodes_free: told } => {
                            prop_assert!(nodes_free < demand.nodes as usize, "there is a place for {:?}", demand);
                            prop_assert_eq!(told as usize, nodes_free);
                        }
                        Found::OutOfFuel => prop_assert!(false, "the fuel is enough for any search"),
                    }
                }
                Step::Release(_) if held.is_empty() => {}
                Step::Release(position) => {
                    let allocation = held.swap_remove(position % held.len());
                    cluster.release(&allocation);
                    reference.release(&allocation);
                }
                Step::SetState(node, state) => {
                    let id = specs[node % specs.len()].id;
                    cluster.set_state(id, state);
                    reference.node(id).state = state;
                }
                Step::SetUnusable(node, cards) => {
                    let spec = &specs[node % specs.len()];
                    let cards = cards & ((1 << spec.cards) - 1);
                    cluster.set_unusable(spec.id, cards);
                    reference.node(spec.id).unusable = cards;
                }
            }
            cluster.check();
            reference.assert_no_card_is_given_out_twice();
        }
        assert_history_does_not_matter(&cluster, &held, &demands);
        for allocation in &held {
            cluster.release(allocation);
        }
        cluster.check();
        for demand in demands {
            for id in specs.iter().map(|spec| spec.id) {
                cluster.set_state(id, NodeState::Available);
                cluster.set_unusable(id, 0);
            }
            let placed = matches!(find(&cluster, &demand), Found::Placed(_));
            prop_assert_eq!(placed, cluster.could_ever_host(&demand).is_ok(), "admission tells the truth of {:?}", demand);
        }
    }
}
