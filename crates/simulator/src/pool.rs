//! The centers that traces are replayed on.

use haina_core::center_definition::*;
use haina_core::{Bytes, CardMillis, CpuMillis, Currency, Entitlement, Money, Role, Shape};

use crate::trace::{Label, Submission, Workload};

/// The pool's name in centers that are made here.
pub const NAME: &str = "pool";

/// How jobs of a trace, which say only how many cards, are spread over nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Nodes are single cards: any free cards serve. Processors and memory do not count.
    Flat,
    /// As few nodes of so many cards as suffice, evenly.
    Nodes(u32),
}

/// A center without nodes and organizations, whose cards are free of charge.
pub fn without_nodes(name: &str) -> CenterDefinition {
    CenterDefinition {
        name: name.to_owned(),
        currency: Currency::CNY,
        card_models: vec![card_model("card")],
        pools: vec![PoolDefinition { name: NAME.to_owned() }],
        nodes: Vec::new(),
        organizations: Vec::new(),
        users: Vec::new(),
        policy: None,
        projects: Vec::new(),
        quotas: Vec::new(),
        local: Default::default(),
    }
}

/// A simulated card of this name.
pub fn card_model(name: &str) -> CardModelDefinition {
    CardModelDefinition {
        name: name.to_owned(),
        vendor: "simulated".to_owned(),
        memory: Bytes(32 << 30),
        tflops_fp16: 320,
        watts: 310,
        ring: 0,
        super_pod: 0,
        fractions: true,
        simulated: true,
        matches: None,
        price_per_card_hour: Money::zero(Currency::CNY),
    }
}

/// A pool in which any free cards serve a job.
pub fn flat(cards: u32) -> CenterDefinition {
    let node = |number| NodeDefinition {
        rack: None,
        pod: None,
        name: format!("card-{number}"),
        pool: NAME.to_owned(),
        card_model: Some("card".to_owned()),
        cards: 1,
        cpu: CpuMillis(1000),
        memory: Bytes(1 << 30),
    };
    CenterDefinition { nodes: (1..=cards).map(node).collect(), ..without_nodes("flat") }
}

/// How jobs are spread over the nodes of a center's first pool.
pub fn spread(center: &CenterDefinition) -> Spread {
    let first = center.pools.first().map(|pool| &pool.name);
    let of_first = center.nodes.iter().filter(|node| Some(&node.pool) == first);
    match of_first.map(|node| node.cards).max().unwrap_or(0) {
        0 | 1 => Spread::Flat,
        cards => Spread::Nodes(cards),
    }
}

/// All cards of a center's first pool.
pub fn cards(center: &CenterDefinition) -> u32 {
    let first = center.pools.first().map(|pool| &pool.name);
    center.nodes.iter().filter(|node| Some(&node.pool) == first).map(|node| node.cards).sum()
}

/// What a job asks for there.
pub(crate) fn shape(job: &Submission, spread: Spread) -> Shape {
    let whole = job.cards.0.div_ceil(1000);
    let (nodes, cards_per_node) = match spread {
        _ if job.cards < CardMillis::WHOLE => (1, job.cards),
        Spread::Flat => (whole, CardMillis::WHOLE),
        Spread::Nodes(of_node) => {
            let nodes = whole.div_ceil(of_node);
            (nodes, CardMillis::whole(whole.div_ceil(nodes)))
        }
    };
    let (cpu, memory) = match spread {
        Spread::Flat => Default::default(),
        Spread::Nodes(_) => (job.cpu, job.memory),
    };
    Shape {
        topology: None,
        nodes,
        tasks_per_node: 1,
        cards_per_node,
        card_model: None,
        cpu_per_node: CpuMillis(cpu.0.div_ceil(u64::from(nodes))),
        memory_per_node: Bytes(memory.0.div_ceil(u64::from(nodes))),
    }
}

/// The name that an organization or user of a trace has in the center: its own where a center takes it.
pub(crate) fn name_of(workload: &Workload, label: Label, kind: &str) -> String {
    let text = workload.text(label);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match !text.is_empty() && text.len() <= 64 && text.chars().all(plain) && !text.starts_with(['-', '.']) {
        true => text.to_owned(),
        false => format!("{kind}-{}", label.0),
    }
}

/// Adds what the jobs of a trace need, where the center lacks it: organizations without a limit of cards, and their
/// users. Money is not simulated: cards are free.
pub(crate) fn with_tenants(mut center: CenterDefinition, workload: &Workload) -> CenterDefinition {
    center.card_models.iter_mut().for_each(|model| model.price_per_card_hour = Money::zero(center.currency));
    let pairs: std::collections::BTreeSet<(Label, Label)> =
        workload.jobs.iter().map(|job| (job.organization, job.user)).collect();
    for (organization, user) in pairs {
        let name = name_of(workload, organization, "organization");
        if !center.organizations.iter().any(|known| known.name == name) {
            center.organizations.push(OrganizationDefinition {
                name: name.clone(),
                title: workload.text(organization).to_owned(),
                card_limit: None,
                entitlement: Entitlement::default(),
                opening_balance: Money::zero(center.currency),
            });
        }
        let (name, organization) = (user_name(organization, user), Some(name));
        center.users.push(UserDefinition { name, role: Role::Developer, organization });
    }
    center
}

/// The login name of a user of a trace: the same person in two organizations is two users.
pub(crate) fn user_name(organization: Label, user: Label) -> String {
    format!("trace-{}-{}", organization.0, user.0)
}
