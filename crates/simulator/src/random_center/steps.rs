//! What happens to a random center.

use haina_core::center_definition::{CenterDefinition, QuotaDefinition};
use haina_core::{
    ArrayRequest, Bytes, CardMillis, Condition, CpuMillis, Dependency, Digest, Force, JobReference, JobRequest, Level,
    Milliseconds, Policy, Shape, Topology,
};

use super::center::{random_policy, random_quota};
use crate::Random;

/// One thing that happens. Things are named by their places, so that a story stays one when steps are left out.
#[derive(Clone, Debug)]
pub enum Step {
    /// The operator, or the user of an organization, submits jobs. Those with `wait_ms` may not start before that has passed.
    Submit {
        /// The organization's place in the center file, if one of its own does.
        by: Option<usize>,
        /// What is asked for.
        requests: Vec<Request>,
    },
    /// The job is cancelled that was accepted so many before the last, or an element of it.
    Cancel {
        /// How many were accepted since.
        back: u64,
        /// Which element, if only one.
        element: Option<u32>,
    },
    /// A node is drained, or returns.
    SetNode {
        /// Its place in the center file.
        node: usize,
        /// Which of the two.
        draining: bool,
    },
    /// These cards of a node fail, and all others work.
    SetCards {
        /// Its place in the center file.
        node: usize,
        /// Cards, as bits.
        failed: u64,
    },
    /// An organization's limit changes, and whether it is suspended.
    SetOrganization {
        /// Its place in the center file.
        organization: usize,
        /// Cards that it may hold.
        limit: u32,
        /// Whether it is suspended.
        suspended: bool,
    },
    /// A quota is set, unless it contradicts others.
    SetQuota(QuotaDefinition),
    /// From now on another policy is in force.
    SetPolicy {
        /// Which.
        policy: Policy,
    },
    /// The center decides for as long as a little fuel lasts.
    Advance,
    /// Another process takes the lead.
    Lead,
    /// The center decides all that it can; then time passes, and it decides again whenever something happens.
    Pass {
        /// How much.
        milliseconds: u64,
    },
}

/// A job to submit.
#[derive(Clone, Debug)]
pub struct Request {
    /// As asked for, without what depends on when that is.
    pub job: JobRequest,
    /// How long it may not start.
    pub wait_ms: Option<u64>,
    /// Jobs that it waits for: how many were accepted since, and what must have become of them.
    pub after: Vec<(u64, Condition)>,
}

/// As much as keeps the center busy: more where it is larger.
pub fn random_steps(center: &CenterDefinition, random: &mut Random) -> Vec<Step> {
    let count = 20 + random.below(60 + 4 * center.nodes.len() as u64);
    (0..count).map(|index| random_step(center, index, random)).collect()
}

fn random_step(center: &CenterDefinition, index: u64, random: &mut Random) -> Step {
    let nodes = center.nodes.len() as u64;
    match random.below(100) {
        0..50 => {
            let count = if random.chance(30) { 1 + random.below(6) } else { 1 };
            let by = random.chance(40).then(|| random.below(center.organizations.len() as u64) as usize);
            let requests = (0..count).map(|place| request(center, by, index, place, random)).collect();
            Step::Submit { by, requests }
        }
        50..56 => Step::Cancel { back: random.below(12), element: random.chance(30).then(|| random.below(5) as u32) },
        56..61 => Step::SetNode { node: random.below(nodes) as usize, draining: random.chance(60) },
        61..65 => {
            let failed = if random.chance(60) { random.bits() & random.bits() & random.bits() } else { 0 };
            Step::SetCards { node: random.below(nodes) as usize, failed }
        }
        65..68 => Step::SetOrganization {
            organization: random.below(center.organizations.len() as u64) as usize,
            limit: 1 + random.below(4 * nodes) as u32,
            suspended: random.chance(25),
        },
        68..72 => Step::SetQuota(random_quota(center, random)),
        72..74 => Step::SetPolicy { policy: random_policy(random) },
        74..76 => Step::Advance,
        76..78 => Step::Lead,
        _ => Step::Pass { milliseconds: random.pick(&[0, 1, 1000, 60_000, 600_000, 3_600_000]) + random.below(1000) },
    }
}

/// Many are refused, because no place could ever be so.
fn random_topology(random: &mut Random) -> Topology {
    let force = random.pick(&[Force::Required, Force::Required, Force::Preferred]);
    Topology { force, level: random.pick(&[Level::Ring, Level::Node, Level::Rack, Level::Rack, Level::Pod]) }
}

fn request(center: &CenterDefinition, by: Option<usize>, index: u64, place: u64, random: &mut Random) -> Request {
    let any = random.below(center.organizations.len() as u64) as usize;
    let organization = &center.organizations[by.unwrap_or(any)];
    // Most ask for what some nodes could give.
    let like = &center.nodes[random.below(center.nodes.len() as u64) as usize];
    let alike = center.nodes.iter().filter(|node| node.pool == like.pool && node.card_model == like.card_model).count();
    let most_cards = if random.chance(4) { 64_000 } else { 1000 * like.cards };
    let most_nodes = if random.chance(4) { 99 } else { alike as u32 };
    let within = place > 0 && random.chance(20);
    let condition = random.pick(&[Condition::Succeeded, Condition::Ended]);
    let on = JobReference::Index(random.below(place.max(1)) as u32);
    let job = JobRequest {
        name: format!("job-{index}-{place}"),
        organization: Some(organization.name.clone()),
        project: {
            let own = center.projects.iter().filter(|project| project.organization == organization.name);
            let own: Vec<&String> = own.map(|project| &project.name).collect();
            (!own.is_empty() && random.chance(60)).then(|| random.pick(&own).clone())
        },
        pool: Some(like.pool.clone()),
        shape: Shape {
            topology: random.chance(20).then(|| random_topology(random)),
            nodes: random.pick(&[1, 1, 1, 1, 1, 2, 2, 3, 4, 8, 32]).min(most_nodes),
            tasks_per_node: 1,
            cards_per_node: CardMillis(
                random.pick(&[0, 100, 250, 500, 700, 1000, 1000, 2000, 3000, 4000, 4000, 8000, 8000]).min(most_cards),
            ),
            card_model: like.card_model.clone().filter(|_| random.chance(40)),
            cpu_per_node: CpuMillis(random.pick(&[0, 500, 1000, 4000, 16_000])),
            memory_per_node: Bytes(random.pick(&[0, 1, 4, 16]) << 30),
        },
        priority: random.pick(&[0, 0, 0, 0, 10, -10]),
        time_limit: Milliseconds::from_seconds(random.pick(&[60, 600, 600, 3600, 7200])),
        grace: Milliseconds::from_seconds(random.pick(&[0, 10, 30])),
        retries: random.pick(&[0, 0, 0, 1, 3]),
        not_before: None,
        array: random.chance(15).then(|| ArrayRequest {
            count: 1 + random.below(12) as u32,
            concurrency: random.chance(50).then(|| 1 + random.below(4) as u32),
        }),
        dependencies: within.then_some(Dependency { on, condition }).into_iter().collect(),
        payload: Digest::of(format!("{index}-{place}").as_bytes()),
    };
    Request {
        job,
        wait_ms: random.chance(10).then(|| random.below(5_000_000)),
        after: if random.chance(12) { vec![(random.below(6), condition)] } else { Vec::new() },
    }
}
