//! What a random center has.

use haina_core::center_definition::*;
use haina_core::{Bytes, CardMillis, CpuMillis, Currency, Entitlement, Money, Placement, Policy, Quota, Role};

use crate::Random;

/// One or two pools; up to three card models, with and without rings and parts; up to 60 nodes, most of them in racks and
/// pods; up to four
/// organizations, most of them with a limit, and some with projects. User 1 is the operator; user n + 1 belongs to organization n.
pub fn random_center(random: &mut Random) -> CenterDefinition {
    let models: Vec<CardModelDefinition> = (1..=1 + random.below(3)).map(|index| model(index, random)).collect();
    let pools = ["public", "own"].into_iter().take(1 + random.below(2) as usize);
    let pools: Vec<PoolDefinition> = pools.map(|name| PoolDefinition { name: name.to_owned() }).collect();
    let most = random.pick(&[2, 5, 12, 60]);
    let mut nodes: Vec<NodeDefinition> =
        (1..=1 + random.below(most)).map(|index| node(index, &models, &pools, random)).collect();
    let nodes_of_rack = 1 + random.below(6) as usize;
    for (index, node) in nodes.iter_mut().enumerate().filter(|_| random.chance(90)) {
        let rack = (index / nodes_of_rack) as u32;
        (node.rack, node.pod) = (Some(rack), Some(rack / 2));
    }
    let cards: u32 = nodes.iter().map(|node| node.cards).sum();
    let organizations: Vec<OrganizationDefinition> = (1..=1 + random.below(4))
        .map(|index| OrganizationDefinition {
            name: format!("organization-{index}"),
            title: String::new(),
            card_limit: random.chance(60).then(|| CardMillis::whole(1 + random.below(u64::from(cards) + 1) as u32)),
            entitlement: Entitlement {
                weight: 1 + random.below(4) as u32,
                guaranteed: CardMillis::whole(random.pick(&[0, 0, 1, 3, 8])),
            },
            opening_balance: Money::zero(Currency::CNY),
        })
        .collect();
    let user = |organization: &OrganizationDefinition| UserDefinition {
        name: format!("user-of-{}", organization.name),
        role: Role::Developer,
        organization: Some(organization.name.clone()),
    };
    let operator = UserDefinition { name: "operator".to_owned(), role: Role::Operator, organization: None };
    CenterDefinition {
        projects: random_projects(&organizations, random),
        quotas: Vec::new(),
        local: Default::default(),
        policy: Some(random_policy(random)),
        name: "random".to_owned(),
        currency: Currency::CNY,
        card_models: models,
        pools,
        nodes,
        users: std::iter::once(operator).chain(organizations.iter().map(user)).collect(),
        organizations,
    }
}

/// Up to three projects of an organization, of which some are parts of others.
fn random_projects(organizations: &[OrganizationDefinition], random: &mut Random) -> Vec<ProjectDefinition> {
    let mut projects = Vec::new();
    for organization in organizations {
        for index in 1..=random.below(4) {
            let parent = (index > 1 && random.chance(60)).then(|| format!("project-{}", 1 + random.below(index - 1)));
            let (name, organization) = (format!("project-{index}"), organization.name.clone());
            projects.push(ProjectDefinition { name, organization, parent });
        }
    }
    projects
}

/// Now and then one of the two who submit for an organization.
fn random_user(organization: &str, random: &mut Random) -> Option<String> {
    let user = if random.chance(50) { "operator".to_owned() } else { format!("user-of-{organization}") };
    random.chance(25).then_some(user)
}

/// A quota at any level; many are refused, because they contradict others.
pub fn random_quota(center: &CenterDefinition, random: &mut Random) -> QuotaDefinition {
    let cards: u32 = center.nodes.iter().map(|node| node.cards).sum();
    let some = |random: &mut Random, most: u32| CardMillis::whole(random.below(u64::from(most) + 1) as u32);
    let pool = random.chance(70).then(|| center.pools[random.below(center.pools.len() as u64) as usize].name.clone());
    let organization = &center.organizations[random.below(center.organizations.len() as u64) as usize].name;
    let organization = random.chance(80).then(|| organization.clone());
    let own: Vec<_> =
        center.projects.iter().filter(|project| Some(&project.organization) == organization.as_ref()).collect();
    let project = (!own.is_empty() && random.chance(50)).then(|| random.pick(&own).name.clone());
    let user = organization.as_ref().and_then(|organization| random_user(organization, random));
    let guards = pool.is_some() && organization.is_some() && user.is_none();
    let guaranteed = if guards && random.chance(60) { some(random, cards / 2) } else { CardMillis(0) };
    let lendable = (guaranteed.0 > 0 && random.chance(70)).then(|| some(random, guaranteed.0 / 1000));
    let more = random.chance(60).then(|| some(random, cards));
    let limit = more.map(|more| CardMillis(guaranteed.0 + more.0));
    QuotaDefinition { pool, organization, project, user, quota: Quota { guaranteed, limit, lendable } }
}

/// A policy of a name, with more promises or fewer, and now and then with the other placement.
pub fn random_policy(random: &mut Random) -> Policy {
    let promises = random.pick(&[1, 1, 4, 8]);
    let placement = random.pick(&[Placement::LeastFragmentation, Placement::LeastFragmentation, Placement::BestFit]);
    Policy { promises, placement, ..random.pick(&Policy::NAMED).1 }
}

fn model(index: u64, random: &mut Random) -> CardModelDefinition {
    CardModelDefinition {
        super_pod: 0,
        name: format!("model-{index}"),
        vendor: "simulated".to_owned(),
        memory: Bytes(32 << 30),
        tflops_fp16: 320,
        watts: 310,
        ring: random.pick(&[0, 0, 2, 4, 8]),
        fractions: random.chance(60),
        simulated: true,
        matches: None,
        price_per_card_hour: Money::zero(Currency::CNY),
    }
}

fn node(index: u64, models: &[CardModelDefinition], pools: &[PoolDefinition], random: &mut Random) -> NodeDefinition {
    let cards = random.pick(&[0, 1, 4, 6, 8, 8, 8, 16]);
    let model = &models[random.below(models.len() as u64) as usize];
    NodeDefinition {
        rack: None,
        pod: None,
        name: format!("node-{index}"),
        pool: pools[if random.chance(80) { 0 } else { pools.len() - 1 }].name.clone(),
        card_model: (cards > 0).then(|| model.name.clone()),
        cards,
        cpu: CpuMillis(1000 * random.pick(&[8, 32, 64])),
        memory: Bytes(random.pick(&[16, 64, 256]) << 30),
    }
}
