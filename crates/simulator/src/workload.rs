//! A small heterogeneous center and what people ask of it, good and bad.

use haina_center::{Command, State};
use haina_core::center_definition::*;
use haina_core::{
    Actor, AdjustmentId, ArrayRequest, Bytes, CardMillis, Condition, CpuMillis, Currency, Dependency, Digest, JobId,
    JobReference, JobRequest, JobTarget, Milliseconds, Money, Policy, Role, Shape, Timestamp, UnusableCard, UserId,
};

use crate::Random;

/// Two pools, two card models, a few nodes, three organizations.
pub fn center() -> CenterDefinition {
    let model = |name: &str, ring, price| CardModelDefinition {
        super_pod: 0,
        name: name.to_owned(),
        vendor: "simulated".to_owned(),
        memory: Bytes(32 << 30),
        tflops_fp16: 320,
        watts: 310,
        ring,
        fractions: ring > 0,
        simulated: true,
        matches: None,
        price_per_card_hour: Money { micros: price, currency: Currency::CNY },
    };
    let node = |name: String, pool: &str, model: Option<&str>, cards| NodeDefinition {
        name,
        pool: pool.to_owned(),
        card_model: model.map(str::to_owned),
        cards,
        cpu: CpuMillis(32_000),
        memory: Bytes(64 << 30),
        rack: None,
        pod: None,
    };
    let organization = |name: &str, limit: Option<u32>, yuan| OrganizationDefinition {
        name: name.to_owned(),
        title: name.to_owned(),
        card_limit: limit.map(CardMillis::whole),
        entitlement: Default::default(),
        opening_balance: Money::units(yuan, Currency::CNY),
    };
    let user = |name: &str, role, organization: Option<&str>| UserDefinition {
        name: name.to_owned(),
        role,
        organization: organization.map(str::to_owned),
    };
    CenterDefinition {
        projects: Vec::new(),
        quotas: Vec::new(),
        local: Default::default(),
        policy: None,
        name: "simulated".to_owned(),
        currency: Currency::CNY,
        card_models: vec![model("ascend-910", 4, 8_333_333), model("other", 0, 5_000_001)],
        pools: vec![PoolDefinition { name: "public".to_owned() }, PoolDefinition { name: "own".to_owned() }],
        nodes: (1..=4)
            .map(|n| node(format!("a{n}"), "public", Some("ascend-910"), 8))
            .chain((1..=2).map(|n| node(format!("b{n}"), "public", Some("other"), 4)))
            .chain([node("c1".to_owned(), "own", Some("other"), 2), node("d1".to_owned(), "public", None, 0)])
            .collect(),
        organizations: vec![
            organization("ocean", Some(16), 3000),
            organization("harbour", None, 800),
            organization("maker", Some(2), 5),
        ],
        users: vec![
            user("operator", Role::Operator, None),
            user("ocean-dev", Role::Developer, Some("ocean")),
            user("ocean-admin", Role::TenantAdmin, Some("ocean")),
            user("harbour-dev", Role::Developer, Some("harbour")),
            user("maker-dev", Role::Developer, Some("maker")),
            user("auditor", Role::Auditor, None),
            user("finance", Role::Finance, None),
        ],
    }
}

/// Somebody asks something.
pub fn random_command(state: &State, now: Timestamp, random: &mut Random) -> (Actor, Command) {
    let actor = Actor::User(UserId(if random.chance(90) { 1 + random.below(5) } else { 6 + random.below(2) } as u32));
    let command = match random.below(100) {
        0..62 => {
            let count = if random.chance(20) { 1 + random.below(5) } else { 1 };
            let own = matches!(actor, Actor::User(UserId(2..=5))) && !random.chance(5);
            let named = random.pick(&["ocean", "harbour", "maker"]);
            let organization = (!own).then_some(named);
            let jobs = (0..count).map(|index| job(state, organization, index, count, now, random)).collect();
            Command::Submit { jobs, known_ends: Vec::new() }
        }
        62..70 => return crate::workload_of_agreements::random_command(state, now, random),
        70..80 => Command::Cancel { target: target(state, random) },
        80..83 => {
            let cards = random.below(256);
            let unusable = (0..8).filter(|index| cards >> index & 1 == 1 && random.chance(40));
            let unusable = unusable.map(|index| UnusableCard { index, reason: "hot".to_owned() }).collect();
            let node = random.pick(&["a1", "a2", "a3", "b1", "d1", "nowhere"]).to_owned();
            return (Actor::Engine, Command::SetCards { node, unusable });
        }
        83..88 => Command::SetNode {
            node: random.pick(&["a1", "a2", "a3", "b1", "d1", "nowhere"]).to_owned(),
            draining: random.chance(45),
            reason: "maintenance".to_owned(),
        },
        88 => {
            // Most of them by one of the two who may.
            let actor = Actor::User(UserId(random.pick(&[1, 7, 7, 7, 3])));
            let amount = Money { micros: random.below(40_000_000) as i128 - 20_000_000, currency: Currency::CNY };
            let command = match random.chance(50) {
                true => Command::ProposeAdjustment {
                    organization: random.pick(&["ocean", "harbour", "maker"]).to_owned(),
                    amount,
                    reason: "a node failed".to_owned(),
                },
                false => Command::DecideAdjustment {
                    adjustment: AdjustmentId(
                        1 + random.below(u64::from(state.view().center.last_adjustment.0) + 1) as u32,
                    ),
                    approve: random.chance(80),
                },
            };
            return (actor, command);
        }
        89..92 => Command::TopUp {
            organization: random.pick(&["ocean", "harbour", "maker"]).to_owned(),
            amount: Money { micros: random.below(50_000_000) as i128 - 5_000_000, currency: Currency::CNY },
            reference: "transfer".to_owned(),
        },
        92..97 => Command::SetOrganization {
            kind: None,
            qualifications: None,
            name: random.pick(&["ocean", "harbour", "maker"]).to_owned(),
            title: None,
            card_limit: random.chance(50).then(|| CardMillis::whole(4 + random.below(20) as u32)),
            suspended: Some(random.chance(20)),
            weight: random.chance(50).then(|| random.below(5) as u32),
            guaranteed: random.chance(50).then(|| CardMillis::whole(random.below(12) as u32)),
        },
        97 if random.chance(60) => Command::SetPolicy { policy: random.pick(&Policy::NAMED).1 },
        97..99 => Command::IssueToken {
            user: random.pick(&["ocean-dev", "harbour-dev", "operator"]).to_owned(),
            digest: Digest::of(&random.bits().to_le_bytes()),
            label: String::new(),
            expires: None,
        },
        99 if random.chance(70) => {
            let definition = Box::new(repriced(random));
            return (Actor::Center, Command::Apply { definition });
        }
        _ => Command::AddUser {
            name: format!("user-{}", random.below(40)),
            role: random.pick(&[Role::Developer, Role::Operator]),
            organization: random.chance(70).then(|| "ocean".to_owned()),
        },
    };
    (actor, command)
}

/// The same center file with other prices: the operator applies it while work runs.
fn repriced(random: &mut Random) -> CenterDefinition {
    let mut definition = center();
    for model in &mut definition.card_models {
        model.price_per_card_hour.micros = random.pick(&[0, 1, 4_999_999, 5_000_001, 8_333_333, 20_000_003]);
    }
    definition
}

fn target(state: &State, random: &mut Random) -> JobTarget {
    let live: Vec<JobId> = state.jobs().map(|(id, _)| id).collect();
    let job = if live.is_empty() || random.chance(5) { JobId(random.below(500)) } else { random.pick(&live) };
    JobTarget { job, element: random.chance(40).then(|| random.below(6) as u32) }
}

fn job(
    state: &State,
    organization: Option<&str>,
    index: u64,
    count: u64,
    now: Timestamp,
    random: &mut Random,
) -> JobRequest {
    let mut cards = random.pick(&[0, 250, 500, 1000, 1000, 1000, 2000, 4000, 8000]);
    if random.chance(2) {
        cards = random.pick(&[1500, 9000]);
    }
    let newest = state.view().center.next_job.0;
    let count_of_dependencies = if random.chance(30) { 1 + random.below(2) } else { 0 };
    let mut dependency = |_| Dependency {
        on: match random.chance(50) {
            true => JobReference::Index(random.below(count + u64::from(index == 7)) as u32),
            false => JobReference::Id(JobId(newest.saturating_sub(1 + random.below(8)))),
        },
        condition: random.pick(&[Condition::Succeeded, Condition::Ended]),
    };
    let dependencies = (0..count_of_dependencies).map(&mut dependency).collect();
    JobRequest {
        name: format!("job-{index}"),
        organization: organization.map(str::to_owned),
        project: None,
        pool: if random.chance(3) { random.pick(&[Some("own"), Some("nowhere")]) } else { None }.map(str::to_owned),
        shape: Shape {
            nodes: random.pick(&[1, 1, 1, 1, 2, 3, 5]),
            tasks_per_node: 1,
            cards_per_node: CardMillis(cards),
            card_model: random.pick(&[None, None, None, None, Some("ascend-910"), Some("other")]).map(str::to_owned),
            cpu_per_node: CpuMillis(random.pick(&[500, 1000, 4000, 16_000])),
            memory_per_node: Bytes(random.pick(&[1, 4, 32]) << 30),
            topology: None,
        },
        priority: random.pick(&[0, 0, 0, 10, -10]),
        time_limit: Milliseconds::from_seconds(random.pick(&[1, 60, 600, 3600, 7200])),
        grace: Milliseconds::from_seconds(random.pick(&[0, 10, 30])),
        retries: random.pick(&[0, 0, 1, 2]),
        not_before: random.chance(15).then(|| now + Milliseconds::from_seconds(random.below(4000))),
        array: random.chance(20).then(|| ArrayRequest {
            count: 1 + random.below(8) as u32,
            concurrency: random.chance(50).then(|| 1 + random.below(3) as u32),
        }),
        dependencies,
        payload: Digest::of(b"payload"),
    }
}
