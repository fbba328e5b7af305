//! Gangs within one rack or pod.

use haina_core::{Allocation, CardModelId, Force, Level, NodeId, Topology};
use haina_scheduler::{Cluster, Demand, Found, NodeSpec, NodeState};
use proptest::prelude::*;

use crate::builders::*;

/// Nodes of a rack, one after the other.
fn rack(first: u32, count: u32, rack: u32, pod: u32) -> impl Iterator<Item = NodeSpec> {
    (first..first + count).map(move |id| NodeSpec { rack: Some(rack), pod: Some(pod), ..ascend(id) })
}

fn gang(nodes: u32, count: u32, force: Force, level: Level) -> Demand {
    Demand { nodes, topology: Some(Topology { force, level }), ..cards(count) }
}

fn nodes_of(allocation: &Allocation) -> Vec<u32> {
    allocation.shares.iter().map(|share| share.node.0).collect()
}

fn nodes_found(cluster: &Cluster, demand: &Demand) -> Vec<u32> {
    nodes_of(&found(cluster, demand))
}

#[test]
fn a_required_rack_is_the_one_with_the_fewest_nodes_that_suffice() {
    let mut cluster = cluster(rack(1, 4, 1, 1).chain(rack(5, 3, 2, 1)));
    assert_eq!(nodes_found(&cluster, &gang(2, 8, Force::Required, Level::Rack)), [5, 6]);
    occupy(&mut cluster, 1, [0]);
    occupy(&mut cluster, 2, [0]);
    assert_eq!(nodes_found(&cluster, &gang(2, 8, Force::Required, Level::Rack)), [3, 4], "rack 2 stays whole");
    assert_eq!(nodes_found(&cluster, &gang(2, 4, Force::Required, Level::Rack)), [5, 6], "of rack 1 all four suffice");
}

#[test]
fn a_gang_waits_for_a_rack_that_it_requires_and_not_for_one_that_it_prefers() {
    let mut cluster = cluster(rack(1, 2, 1, 1).chain(rack(3, 2, 2, 1)).chain(rack(5, 2, 3, 2)));
    for node in [1, 3, 5] {
        occupy(&mut cluster, node, [0]);
    }
    assert_eq!(nodes_free(&cluster, &gang(2, 8, Force::Required, Level::Rack)), 1);
    assert_eq!(nodes_found(&cluster, &gang(2, 8, Force::Required, Level::Pod)), [2, 4]);
    assert_eq!(nodes_found(&cluster, &gang(2, 8, Force::Preferred, Level::Rack)), [2, 4], "the pod is the next level");
    assert_eq!(nodes_found(&cluster, &gang(3, 8, Force::Preferred, Level::Rack)), [2, 4, 6], "anywhere at last");
    assert_eq!(nodes_found(&cluster, &gang(2, 4, Force::Preferred, Level::Node)), [1, 2], "a rack is nearest");
}

#[test]
fn a_rack_that_drains_has_no_room() {
    let mut cluster = cluster(rack(1, 2, 1, 1).chain(rack(3, 3, 2, 1)));
    let demand = gang(2, 8, Force::Required, Level::Rack);
    cluster.set_state(NodeId(1), NodeState::Draining);
    cluster.check();
    assert_eq!(nodes_found(&cluster, &demand), [3, 4]);
    cluster.set_unusable(NodeId(3), 0b1);
    cluster.set_state(NodeId(1), NodeState::Available);
    cluster.check();
    assert_eq!(nodes_found(&cluster, &demand), [1, 2]);
}

#[test]
fn one_required_ring_is_never_halves_of_two() {
    let mut cluster = cluster([ascend(1)]);
    occupy(&mut cluster, 1, [0, 4]);
    let four = |force| gang(1, 4, force, Level::Ring);
    assert_eq!(show(&found(&cluster, &four(Force::Preferred))), "1:1,2,3,5");
    assert_eq!(nodes_free(&cluster, &four(Force::Required)), 0);
    assert_eq!(show(&found(&cluster, &gang(1, 3, Force::Required, Level::Ring))), "1:1,2,3");
}

/// kueue#4329: quota admits what topology cannot host.
#[test]
fn what_no_domain_could_ever_hold_is_refused() {
    let cluster = cluster(rack(1, 2, 1, 1).chain(rack(3, 2, 2, 1)).chain([ascend(9), ascend(10), ascend(11)]));
    let refused = |demand: &Demand| {
        cluster.could_ever_host(demand).err().map(|phrase| phrase.say(haina_core::Language::English).to_owned())
    };
    let of_rack = "3 nodes in one rack are asked for, and no rack has more than 2 large enough";
    assert_eq!(refused(&gang(3, 8, Force::Required, Level::Rack)).as_deref(), Some(of_rack));
    let of_pod = "5 nodes in one pod are asked for, and no pod has more than 4 large enough";
    assert_eq!(refused(&gang(5, 8, Force::Required, Level::Pod)).as_deref(), Some(of_pod));
    let of_ring = "5 cards within one ring are asked for, and no ring has more than 4";
    assert_eq!(refused(&gang(1, 5, Force::Required, Level::Ring)).as_deref(), Some(of_ring));
    let of_node = "several nodes are asked for, and all within one";
    assert_eq!(refused(&gang(2, 1, Force::Required, Level::Node)).as_deref(), Some(of_node));
    for hosted in [
        gang(3, 8, Force::Preferred, Level::Rack),
        gang(4, 8, Force::Required, Level::Pod),
        gang(1, 8, Force::Required, Level::Node),
        gang(7, 8, Force::Preferred, Level::Ring),
    ] {
        assert_eq!(refused(&hosted), None);
        found(&cluster, &hosted);
    }
}

/// The nodes of one domain and model, by what they were told to be.
fn domain(spec: &NodeSpec, level: Level) -> Option<(u32, Option<CardModelId>)> {
    let number = if level == Level::Rack { spec.rack } else { spec.pod };
    number.map(|number| (number, spec.card_model))
}

proptest! {
    /// Every domain is tried by hand: a gang is found exactly if one has room, and in one of those with the fewest nodes
    /// that have room.
    #[test]
    fn a_gang_is_found_in_the_smallest_domain_with_room(
        racks in prop::collection::vec((prop::option::of(1..4u32), prop::option::of(1..3u32), any::<bool>()), 2..12),
        steps in prop::collection::vec((1..5u32, 0..9u32, any::<bool>(), any::<bool>(), any::<usize>()), 1..40),
    ) {
        let specs = (1..).zip(racks).map(|(id, (rack, pod, is_ascend))| {
            let spec = if is_ascend { ascend(id) } else { nvidia(id) };
            NodeSpec { rack, pod, ..spec }
        });
        let specs: Vec<NodeSpec> = specs.collect();
        let mut cluster = cluster(specs.clone());
        let mut held: Vec<Allocation> = Vec::new();
        for (nodes, count, in_rack, gives_back, position) in steps {
            let level = if in_rack { Level::Rack } else { Level::Pod };
            let demand = if count == 0 { millis(500) } else { cards(count) };
            let required = Demand { nodes, topology: Some(Topology { force: Force::Required, level }), ..demand };
            let hosts = |spec: &&NodeSpec| {
                let mut free = cluster.node(spec.id).expect("it was added").cards_free();
                match count {
                    0 => spec.fractions && free.any(|left| left.0 >= 500),
                    _ => free.filter(|left| left.0 == 1000).count() >= count as usize,
                }
            };
            let room = |of: (u32, Option<CardModelId>)| {
                specs.iter().filter(|spec| domain(spec, level) == Some(of)).filter(hosts).count()
            };
            let able = specs.iter().filter_map(|spec| domain(spec, level)).map(room).filter(|room| *room >= nodes as usize);
            let least = able.min();
            if nodes > 1 {
                match find(&cluster, &required) {
                    Found::Placed(allocation) => {
                        prop_assert_eq!(cluster.could_ever_host(&required), Ok(()));
                        let first = domain(&specs[allocation.shares[0].node.0 as usize - 1], level).expect("in a domain");
                        for share in &allocation.shares {
                            prop_assert_eq!(domain(&specs[share.node.0 as usize - 1], level), Some(first));
                        }
                        // Models are tried one after the other; of a model it is the smallest.
                        let of_model = specs.iter().filter_map(|spec| domain(spec, level)).filter(|(_, model)| *model == first.1);
                        if count > 0 {
                            prop_assert_eq!(Some(room(first)), of_model.map(room).filter(|room| *room >= nodes as usize).min());
                        }
                    }
                    Found::Blocked { nodes_free } => {
                        prop_assert_eq!(least, None);
                        prop_assert!(nodes_free < nodes);
                    }
                    Found::OutOfFuel => prop_assert!(false, "the fuel is enough for any search"),
                }
            }
            // A preferred domain never keeps a gang from a place that it would have without.
            let preferred = Demand { topology: Some(Topology { force: Force::Preferred, level }), ..required };
            let anywhere = matches!(find(&cluster, &Demand { topology: None, ..required }), Found::Placed(_));
            match find(&cluster, &preferred) {
                Found::Placed(allocation) => {
                    prop_assert!(anywhere);
                    cluster.claim(&allocation);
                    held.push(allocation);
                }
                _ => prop_assert!(!anywhere),
            }
            if gives_back && !held.is_empty() {
                cluster.release(&held.swap_remove(position % held.len()));
            }
            cluster.check();
        }
    }
}
