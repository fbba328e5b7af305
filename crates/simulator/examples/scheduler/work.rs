//! The centers that are measured and what is asked of them. All of it is made from a seed.

use haina_core::center_definition::*;
use haina_core::{
    Bytes, CardMillis, CpuMillis, Currency, Digest, Entitlement, Force, JobRequest, Level, Milliseconds, Money, Policy,
    Quota, Role, Shape, Topology,
};
use haina_simulator::{Random, pool};

/// Nodes of one rack, and racks of one pod.
const NODES_OF_RACK: u32 = 40;
const RACKS_OF_POD: u32 = 10;
/// A node has two rings of four cards.
pub const CARDS_OF_NODE: u32 = 8;
const CARD_MODEL: &str = "card";
/// Each organization has one.
const PROJECT: &str = "project";
/// One card-hour: jobs are held for, metered and charged.
const PRICE: Money = Money { micros: 10_000_000, currency: Currency::CNY };
/// Paid in by each organization: a billion units.
const BALANCE: Money = Money { micros: 1_000_000_000_000_000, currency: Currency::CNY };

/// How large a center is.
#[derive(Clone, Copy)]
pub struct Size {
    pub nodes: u32,
    pub organizations: u32,
    pub users_of_each: u32,
}

impl Size {
    /// Twenty organizations with twenty users each.
    pub fn of(nodes: u32) -> Size {
        Size { nodes, organizations: 20, users_of_each: 20 }
    }
}

/// The center as its file would have it, under the default policy.
pub fn center(size: Size) -> CenterDefinition {
    let node = |number: u32| NodeDefinition {
        name: format!("node-{number}"),
        pool: pool::NAME.to_owned(),
        card_model: Some(CARD_MODEL.to_owned()),
        cards: CARDS_OF_NODE,
        cpu: CpuMillis(192_000),
        memory: Bytes(1 << 40),
        rack: Some(number / NODES_OF_RACK),
        pod: Some(number / (NODES_OF_RACK * RACKS_OF_POD)),
    };
    let organization = |number: u32| OrganizationDefinition {
        name: format!("organization-{number}"),
        title: format!("Organization {number}"),
        card_limit: None,
        entitlement: Entitlement::default(),
        opening_balance: BALANCE,
    };
    let user = |number: u32| UserDefinition {
        name: format!("user-{number}"),
        role: Role::Developer,
        organization: Some(format!("organization-{}", number % size.organizations)),
    };
    let project = |number: u32| ProjectDefinition {
        name: PROJECT.to_owned(),
        organization: format!("organization-{number}"),
        parent: None,
    };
    let model = CardModelDefinition { ring: 4, price_per_card_hour: PRICE, ..pool::card_model(CARD_MODEL) };
    CenterDefinition {
        card_models: vec![model],
        nodes: (0..size.nodes).map(node).collect(),
        organizations: (0..size.organizations).map(organization).collect(),
        users: (0..size.organizations * size.users_of_each).map(user).collect(),
        projects: (0..size.organizations).map(project).collect(),
        quotas: quotas(size),
        policy: Some(Policy::FAIR),
        ..pool::without_nodes("measured")
    }
}

/// What limits who may hold how much, at five levels: the center, the pool, organizations, their projects, and each user.
/// So much that the limits are looked at and never reached: what is measured is the scheduler at its busiest. Half of the
/// cards are guaranteed to organizations; all of them may be lent, or the center would not be full.
fn quotas(size: Size) -> Vec<QuotaDefinition> {
    let cards = CardMillis::whole(size.nodes * CARDS_OF_NODE);
    let limit = |times: u32| Some(CardMillis(times * cards.0));
    let guaranteed = CardMillis(cards.0 / size.organizations / 2 / 1000 * 1000);
    let center = QuotaDefinition {
        pool: None,
        organization: None,
        project: None,
        user: None,
        quota: Quota { limit: limit(5), ..Quota::default() },
    };
    let pool = QuotaDefinition {
        pool: Some(pool::NAME.to_owned()),
        quota: Quota { limit: limit(4), ..Quota::default() },
        ..center.clone()
    };
    let of_organization = |number: u32| {
        let organization = QuotaDefinition {
            organization: Some(format!("organization-{number}")),
            quota: Quota { guaranteed, limit: limit(3), lendable: None },
            ..pool.clone()
        };
        let quota = Quota { limit: limit(2), ..Quota::default() };
        let project = QuotaDefinition { project: Some(PROJECT.to_owned()), quota, ..organization.clone() };
        [organization, project]
    };
    let of_user = |number: u32| QuotaDefinition {
        organization: Some(format!("organization-{}", number % size.organizations)),
        user: Some(format!("user-{number}")),
        quota: Quota { limit: limit(1), ..Quota::default() },
        ..pool.clone()
    };
    let users = (0..size.organizations * size.users_of_each).map(of_user);
    let organizations = (0..size.organizations).flat_map(of_organization);
    [center, pool.clone()].into_iter().chain(organizations).chain(users).collect()
}

/// What kind of jobs there are.
#[derive(Clone, Copy, PartialEq)]
pub enum Work {
    /// 85 % for one card, 5 % for two, 4 % for four, 4 % for a node; 2 % gangs of whole nodes, two to so many, all numbers
    /// equally likely. Half name the card's model, half take any.
    Mixed { gang_nodes_most: u32 },
    /// Gangs of 128 cards: sixteen whole nodes, in one rack.
    RackGangs,
}

impl Work {
    /// A job of a user. Its time limit is an hour to half a day.
    pub fn job(self, random: &mut Random) -> JobRequest {
        let (nodes, cards) = match self {
            Work::RackGangs => (16, CARDS_OF_NODE),
            Work::Mixed { gang_nodes_most } => match random.below(100) {
                0..85 => (1, 1),
                85..90 => (1, 2),
                90..94 => (1, 4),
                94..98 => (1, CARDS_OF_NODE),
                _ => (2 + random.below(u64::from(gang_nodes_most) - 1) as u32, CARDS_OF_NODE),
            },
        };
        let model = random.chance(50).then(|| CARD_MODEL.to_owned());
        let topology = (self == Work::RackGangs).then_some(Topology { force: Force::Required, level: Level::Rack });
        let hours = random.pick(&[1, 2, 4, 8, 12]);
        let name = random.pick(&["train", "evaluate", "prepare", "simulate"]);
        let shape = Shape { topology, card_model: model, ..shape(nodes, cards) };
        JobRequest { name: name.to_owned(), ..job(shape, Milliseconds::from_seconds(3600 * hours)) }
    }
}

/// So many cards on each of so many nodes, with eight processors and 64 GiB for each.
pub fn shape(nodes: u32, cards: u32) -> Shape {
    Shape {
        nodes,
        tasks_per_node: 1,
        cards_per_node: CardMillis::whole(cards),
        card_model: None,
        cpu_per_node: CpuMillis(u64::from(cards) * 8000),
        memory_per_node: Bytes(u64::from(cards) << 36),
        topology: None,
    }
}

/// A plain job.
pub fn job(shape: Shape, time_limit: Milliseconds) -> JobRequest {
    JobRequest {
        name: "job".to_owned(),
        organization: None,
        project: Some(PROJECT.to_owned()),
        pool: None,
        shape,
        priority: 0,
        time_limit,
        grace: Milliseconds::from_seconds(30),
        retries: 0,
        not_before: None,
        array: None,
        dependencies: Vec::new(),
        payload: Digest::of(b"measured"),
    }
}
