//! The same with Haina: its scheduler alone, placing by least fragmentation with the mix of the trace; and the center as
//! it serves, which has only seen what came so far.

use std::collections::BTreeMap;

use haina_center::{Command, Fact, Input, Reply, State, execute_without_rows};
use haina_core::center_definition::*;
use haina_core::{
    Actor, Bytes, CardMillis, CardModelId, CpuMillis, Currency, Digest, Entitlement, Epoch, JobRequest, Milliseconds,
    Money, NodeId, Placement, Policy, PoolId, Role, Shape, Timestamp, UserId,
};
use haina_scheduler::{Cluster, Demand, Found, Mix, NodeSpec, Terms};

use super::trace::{TraceNode, TracePod};
use crate::pool;

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
    cluster.set_mix(&Mix::new(pods.iter().map(|pod| (demand(pod), 1))));
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

/// When all of it happens: nothing ends.
const NOW: Timestamp = Timestamp(1_000_000_000_000);

/// A center of these nodes gets the pods as jobs, one after the other, and starts what it can each time; the thousandths
/// of cards that it gave out.
///
/// Panics if a job waits though it would fit.
pub(crate) fn run_center(policy: Policy, nodes: &[TraceNode], arrivals: &[TracePod]) -> u64 {
    let mut state = State::new();
    let send = |state: &mut State, actor, command| {
        let executed = execute_without_rows(state, &Input { actor, command, now: NOW, fuel: 1 << 32 });
        assert!(!executed.more, "the fuel is enough");
        let reply = executed.reply.expect("nothing is refused");
        (reply, executed.facts)
    };
    send(&mut state, Actor::Center, Command::Lead { epoch: Epoch(1) });
    send(&mut state, Actor::Center, Command::Apply { definition: Box::new(center(policy, nodes)) });
    let mut given_out = 0;
    for pod in arrivals {
        let submit = Command::Submit { jobs: vec![job(pod)], known_ends: Vec::new() };
        let (reply, _) = send(&mut state, Actor::User(UserId(1)), submit);
        let Reply::Submitted(ids) = reply else { unreachable!("a submission is answered with ids") };
        let (_, facts) = send(&mut state, Actor::Center, Command::Advance);
        let is_placed = |fact: &Fact| matches!(fact, Fact::AttemptPlaced { .. });
        let placed = facts.iter().filter(|fact| is_placed(fact)).count();
        let cluster = &state.view().cluster;
        let fits = placed == 0 && {
            let demand = state.view().classes[&state.job(ids[0]).expect("it has not ended").class].key.demand;
            matches!(
                cluster.find(&demand, &Terms::default(), &mut cluster.fuel_for_any_find()),
                Found::Placed(_) | Found::OutOfFuel
            )
        };
        assert!(!fits, "what fits is placed when it comes");
        given_out += placed as u64 * u64::from(pod.card_millis());
    }
    given_out
}

fn center(policy: Policy, nodes: &[TraceNode]) -> CenterDefinition {
    let models: std::collections::BTreeSet<&str> = nodes.iter().map(|node| &*node.model).collect();
    let node = |(number, node): (usize, &TraceNode)| NodeDefinition {
        name: format!("node-{number}"),
        pool: pool::NAME.to_owned(),
        card_model: (node.cards > 0).then(|| node.model.clone()),
        cards: node.cards,
        cpu: CpuMillis(node.cpu_millis),
        memory: Bytes(node.memory_mib << 20),
        rack: None,
        pod: None,
    };
    CenterDefinition {
        card_models: models.into_iter().map(pool::card_model).collect(),
        nodes: nodes.iter().enumerate().map(node).collect(),
        organizations: vec![OrganizationDefinition {
            name: "all".to_owned(),
            title: String::new(),
            card_limit: None,
            entitlement: Entitlement::default(),
            opening_balance: Money::zero(Currency::CNY),
        }],
        users: vec![UserDefinition {
            name: "everybody".to_owned(),
            role: Role::Developer,
            organization: Some("all".to_owned()),
        }],
        policy: Some(policy),
        ..pool::without_nodes("packed")
    }
}

fn job(pod: &TracePod) -> JobRequest {
    JobRequest {
        name: "pod".to_owned(),
        organization: None,
        project: None,
        pool: None,
        shape: Shape {
            card_model: None,
            nodes: 1,
            tasks_per_node: 1,
            cards_per_node: CardMillis(pod.card_millis()),
            cpu_per_node: CpuMillis(pod.cpu_millis),
            memory_per_node: Bytes(pod.memory_mib << 20),
            topology: None,
        },
        priority: 0,
        time_limit: Milliseconds::from_seconds(86_400),
        grace: Milliseconds(0),
        retries: 0,
        not_before: None,
        array: None,
        dependencies: Vec::new(),
        payload: Digest::of(b"packed"),
    }
}
