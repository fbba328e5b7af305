//! The earliest start that can be promised is the first moment at which a plain search finds a place, everything that ends by
//! then given back. `PROPTEST_CASES` sets how many are tried.

use std::collections::BTreeSet;

use haina_core::{Allocation, Force, Level, NodeId, NodeShare, Timestamp, Topology};
use haina_scheduler::{Cluster, Demand, Found, NodeSpec, Release, Releases, Span, Terms, Withheld, WithheldShare};
use proptest::prelude::*;
use proptest::sample::select;

use crate::builders::*;

const NOW: Timestamp = Timestamp(100);

/// What is held, with when it ends.
struct Held(Vec<(Timestamp, Allocation)>);

impl Held {
    fn on(&self, node: NodeId) -> Vec<(Timestamp, &NodeShare)> {
        let shares = self.0.iter().flat_map(|(ends, held)| held.shares.iter().map(|share| (*ends, share)));
        let mut on: Vec<_> = shares.filter(|(_, share)| share.node == node).collect();
        on.sort_by_key(|(ends, _)| *ends);
        on
    }
}

impl<'a> Releases<'a> for &'a Held {
    fn span(&self, node: NodeId) -> Option<Span> {
        Span::of(self.on(node).iter().map(|(at, share)| (*at, WithheldShare::of(share))))
    }

    fn of(&self, node: NodeId) -> impl Iterator<Item = Release<impl FnOnce() -> &'a NodeShare>> {
        let on = self.on(node).into_iter();
        on.map(|(at, share)| Release { at, touched: WithheldShare::of(share), share: move || share })
    }
}

/// With rings, in parts, and without cards; in two racks.
fn spec() -> impl Strategy<Value = NodeSpec> {
    (select(vec![ascend(1), nvidia(1), plain(1, 8)]), 0..2u32)
        .prop_map(|(spec, rack)| NodeSpec { rack: Some(rack), ..spec })
}

fn demand() -> impl Strategy<Value = Demand> {
    let share = prop_oneof![
        3 => select(vec![1, 2, 4, 8]).prop_map(cards),
        2 => select(vec![200, 500, 900]).prop_map(millis),
        1 => select(vec![4, 40]).prop_map(cores),
    ];
    let topology = select(vec![None, None, Some(Level::Ring), Some(Level::Rack)]);
    (share, select(vec![None, None, Some(ASCEND), Some(NVIDIA)]), 0..5u64, 1..4u32, topology).prop_map(
        |(share, card_model, cores, nodes, level)| Demand {
            card_model: card_model.filter(|_| share.cards_per_node.0 > 0),
            cpu_per_node: haina_core::CpuMillis(share.cpu_per_node.0 + cores * 4000),
            nodes: if level == Some(Level::Ring) { 1 } else { nodes },
            topology: level
                .filter(|level| *level != Level::Ring || (1000..=4000).contains(&share.cards_per_node.0))
                .map(|level| Topology { force: Force::Required, level }),
            ..share
        },
    )
}

/// When a place is found first, whatever ends by then being given back.
fn plain_search(cluster: &Cluster, held: &Held, demand: &Demand, terms: &Terms) -> Option<Timestamp> {
    let moments: BTreeSet<Timestamp> = held.0.iter().map(|(ends, _)| *ends).chain([NOW]).collect();
    moments.into_iter().find(|moment| {
        let mut then = cluster.clone();
        held.0.iter().filter(|(ends, _)| ends <= moment).for_each(|(_, held)| then.release(held));
        matches!(then.find(demand, terms, &mut then.fuel_for_any_find()), Found::Placed(_))
    })
}

#[test]
fn a_part_of_a_node_is_promised_when_that_part_comes_free() {
    let mut cluster = cluster([ascend(1), ascend(2)]);
    let mut held = Held(Vec::new());
    // All of the first node until 112; half of the second until 105, the rest until 119.
    for (node, count, ends) in [(1, 8, 112), (2, 4, 105), (2, 4, 119)] {
        let Found::Placed(allocation) = find(&cluster, &cards(count)) else { panic!("{count} cards are free") };
        assert_eq!(allocation.shares[0].node, NodeId(node));
        cluster.claim(&allocation);
        held.0.push((Timestamp(ends), allocation));
    }
    let start = |demand: &Demand| cluster.earliest(demand, &Terms::default(), NOW, &&held).map(|(start, _)| start.0);
    assert_eq!((start(&cards(4)), start(&cards(5)), start(&cards(8))), (Some(105), Some(112), Some(112)));
}

proptest! {
    #[test]
    fn a_promised_start_is_the_first_at_which_a_place_is_found(
        specs in prop::collection::vec(spec(), 1..7),
        works in prop::collection::vec((demand(), 101..120i64), 0..40),
        unusable in prop::collection::vec((any::<prop::sample::Index>(), 0..256u64), 0..2),
        withheld in prop::collection::vec((any::<prop::sample::Index>(), 0..256u64, 0..20u64), 0..2),
        wanted in demand(),
    ) {
        let specs: Vec<NodeSpec> = (1..).zip(specs).map(|(id, spec)| NodeSpec { id: NodeId(id), ..spec }).collect();
        let mut cluster = cluster(specs.iter().cloned());
        for (index, bits) in unusable {
            let spec = index.get(&specs);
            cluster.set_unusable(spec.id, bits & ((1 << spec.cards) - 1));
        }
        let mut held = Held(Vec::new());
        for (demand, ends) in works {
            if let Found::Placed(allocation) = find(&cluster, &demand) {
                cluster.claim(&allocation);
                held.0.push((Timestamp(ends), allocation));
            }
        }
        let mut kept = Withheld::default();
        for (index, bits, cores) in withheld {
            let spec = index.get(&specs);
            let cpu = haina_core::CpuMillis(cores * 1000);
            kept.add(spec.id, WithheldShare { cards: bits & ((1 << spec.cards) - 1), cpu, ..WithheldShare::default() });
        }
        let terms = Terms { withheld: &kept, ..Terms::default() };
        let found = cluster.earliest(&wanted, &terms, NOW, &&held);
        prop_assert_eq!(found.as_ref().map(|(start, _)| *start), plain_search(&cluster, &held, &wanted, &terms));
        if let Some((start, allocation)) = found {
            held.0.iter().filter(|(ends, _)| *ends <= start).for_each(|(_, held)| cluster.release(held));
            cluster.claim(&allocation);
            cluster.check();
        }
    }
}
