//! The same with Haina's scheduler, placing by least fragmentation with the mix of the trace.

use std::collections::BTreeMap;

use haina_core::{Bytes, CardMillis, CardModelId, CpuMillis, NodeId, Placement, PoolId};
use haina_scheduler::{Cluster, Demand, Found, Mix, NodeSpec, Terms};

use super::trace::{TraceNode, TracePod};

/// Places the pods one after the other; the thousandths of cards that were given out.
pub(crate) fn run(nodes: &[TraceNode], pods: &[TracePod], arrivals: &[TracePod]) -> u64 {
    let mut cluster = Cluster::new();
    let mut models: BTreeMap<&str, u32> = BTreeMap::new();
    for (id, node) in (1..).zip(nodes) {
        let known = models.len() as u32 + 1;
        let model = *models.entry(&node.model).or_insert(known);
        cluster.add_node(NodeSpec {
            id: NodeId(id),
            pool: PoolId(1),
            card_model: (node.cards > 0).then_some(CardModelId(model)),
            cards: node.cards,
            ring: 0,
            fractions: true,
            cpu: CpuMillis(node.cpu_millis),
            memory: Bytes(node.memory_mib << 20),
            rack: None,
            pod: None,
        });
    }
    cluster.set_mix(Mix::new(pods.iter().map(|pod| (demand(pod), 1))));
    let terms = Terms { placement: Placement::LeastFragmentation, ..Terms::default() };
    let mut given_out = 0;
    for pod in arrivals {
        match cluster.find(&demand(pod), &terms, &mut cluster.fuel_for_any_find()) {
            Found::Placed(allocation) => {
                cluster.claim(&allocation);
                given_out += u64::from(pod.card_millis());
            }
            Found::Blocked { .. } => {}
            Found::OutOfFuel => unreachable!("the fuel is enough for any search"),
        }
    }
    given_out
}

fn demand(pod: &TracePod) -> Demand {
    Demand {
        pool: PoolId(1),
        card_model: None,
        nodes: 1,
        cards_per_node: CardMillis(pod.card_millis()),
        cpu_per_node: CpuMillis(pod.cpu_millis),
        memory_per_node: Bytes(pod.memory_mib << 20),
        topology: None,
    }
}
