//! A center's own past, from its facts: what was asked of it, on what, how long everything ran, and when it did.
//!
//! Only what came from outside is taken over into a what-if: submissions with their demands, limits and dependencies, and
//! how long each attempt took and how it ended. Nodes, projects, quotas and guarantees are those of the last moment, from the
//! first moment on (quotas of single users are left out): nodes that were drained or cards that failed in between serve all the time.

mod job;

use std::collections::BTreeMap;

use haina_center::{Fact, Project, ScopedQuota, View};
use haina_core::center_definition::*;
use haina_core::{CardMillis, JobId, Milliseconds, Money, Policy, Quota, Refusal, Timestamp, both};

use crate::replay::{Schedule, Span};
use crate::trace::{Builder, Complaint, Detail, Submission, Workload};
use job::PastJob;

/// What was, ready to be played again.
pub struct Past {
    /// The center as it is at the end, with all of its nodes.
    pub center: CenterDefinition,
    /// The policy at the end.
    pub policy: Policy,
    /// What was asked of it.
    pub workload: Workload,
    /// What became of that.
    pub schedule: Schedule,
}

/// Takes in facts, from the first one on.
#[derive(Default)]
pub struct PastReader {
    view: View,
    jobs: BTreeMap<JobId, PastJob>,
    last: Timestamp,
}

impl PastReader {
    /// The next fact, decided at `at`.
    pub fn take(&mut self, at: Timestamp, fact: &Fact) {
        self.last = self.last.max(at);
        match fact {
            Fact::JobSubmitted { id, class, .. } => {
                let key = self.view.classes[class].key;
                self.jobs.extend(PastJob::submitted(at, key, fact).map(|job| (*id, job)));
            }
            Fact::AttemptPlaced { attempt, .. }
            | Fact::AttemptStarted { attempt, .. }
            | Fact::AttemptEnded { attempt, .. } => {
                self.jobs.get_mut(&attempt.job).expect("attempts are of jobs that were submitted").take(at, fact);
            }
            _ => {}
        }
        self.view.evolve(fact);
    }

    /// All of it.
    ///
    /// # Errors
    /// Where nothing ever ran.
    pub fn finish(self) -> Result<Past, Refusal> {
        let begin = self.jobs.values().find(|job| job.ever_ran()).map(|job| job.submitted);
        let Some(begin) = begin else {
            let rule = both("a journal in which at least one job ran", "至少有一个作业运行过的日志");
            return Err(Refusal::invalid_value("from-journal", &self.view.center.name, rule));
        };
        let mut builder = Builder::default();
        let (mut details, mut spans, mut index_of) = (Vec::new(), Vec::new(), BTreeMap::new());
        for (id, job) in &self.jobs {
            let number = id.0 as usize;
            if !job.ever_ran() {
                builder.complain(Complaint::NeverStarted, number);
                continue;
            }
            if job.still_runs() {
                builder.complain(Complaint::StillRan, number);
            }
            let first = spans.len() as u32;
            index_of.insert(*id, first);
            let view = &self.view;
            let organization = builder.label(&view.organizations[&job.organization].name);
            let (user, name) = (builder.label(&view.users[&job.user].name), builder.label(&job.name));
            let at = job.submitted.since(begin);
            for (element, runs) in job.elements(self.last).into_iter().enumerate() {
                let demand = &job.key.demand;
                let nodes = u64::from(demand.nodes);
                builder.job(Submission {
                    at,
                    run: runs.iter().fold(Milliseconds(0), |sum, run| sum + run.holds),
                    limit: Some(job.time_limit),
                    cards: haina_center::cards_of(demand),
                    cpu: haina_core::CpuMillis(demand.cpu_per_node.0 * nodes),
                    memory: haina_core::Bytes(demand.memory_per_node.0 * nodes),
                    organization,
                    user,
                    name,
                });
                let (start, end) = (runs[0].placed.since(begin), runs[runs.len() - 1].ends().since(begin));
                spans.push(Some(Span { start, end }));
                details.push(job.detail(view, begin, element, runs, &index_of));
            }
        }
        let mut workload = builder.unsorted();
        workload.details = details;
        let policy = self.view.center.policy;
        Ok(Past { center: center(&self.view), policy, workload, schedule: Schedule { spans, ..Schedule::default() } })
    }
}

/// The center as a file would describe it, free of charge.
fn center(view: &View) -> CenterDefinition {
    let currency = view.center.currency;
    let node = |node: &haina_center::Node| NodeDefinition {
        name: node.name.clone(),
        pool: view.pools[&node.spec.pool].name.clone(),
        card_model: node.spec.card_model.map(|model| view.card_models[&model].definition.name.clone()),
        cards: node.spec.cards,
        cpu: node.spec.cpu,
        memory: node.spec.memory,
        rack: node.spec.rack,
        pod: node.spec.pod,
    };
    let organization = |organization: &haina_center::Organization| OrganizationDefinition {
        name: organization.name.clone(),
        title: organization.title.clone(),
        card_limit: organization.card_limit,
        entitlement: organization.entitlement,
        opening_balance: Money::zero(currency),
    };
    CenterDefinition {
        projects: view.projects.values().map(|project| definition(view, project)).collect(),
        quotas: view.quotas.values().filter_map(|set| quota(view, set)).collect(),
        name: view.center.name.clone(),
        currency,
        card_models: view.card_models.values().map(|model| model.definition.clone()).collect(),
        pools: view.pools.values().map(|pool| PoolDefinition { name: pool.name.clone() }).collect(),
        nodes: view.nodes.values().map(node).collect(),
        organizations: view.organizations.values().map(organization).collect(),
        users: Vec::new(),
        policy: None,
        local: Default::default(),
    }
}

fn definition(view: &View, project: &Project) -> ProjectDefinition {
    let parent = project.lineage.iter().rev().nth(1);
    ProjectDefinition {
        name: project.name.clone(),
        organization: view.organizations[&project.organization].name.clone(),
        parent: parent.map(|parent| view.projects[parent].name.clone()),
    }
}

/// A quota as a file would say it; none of a user's, because jobs are replayed by others.
fn quota(view: &View, set: &ScopedQuota) -> Option<QuotaDefinition> {
    let ScopedQuota { scope, quota } = set;
    (scope.user.is_none() && !quota.is_plain()).then(|| QuotaDefinition {
        pool: scope.pool.map(|pool| view.pools[&pool].name.clone()),
        organization: scope.organization.map(|organization| view.organizations[&organization].name.clone()),
        project: scope.project.map(|project| view.projects[&project].name.clone()),
        user: None,
        quota: *quota,
    })
}

/// So many nodes: those that there are, in their order, as often as it takes. Where a pool has fewer cards then, what is
/// guaranteed in it is less in proportion.
pub fn with_nodes(mut center: CenterDefinition, count: u32) -> CenterDefinition {
    let cards_then = cards_of_pools(&center);
    let known = std::mem::take(&mut center.nodes);
    let again = |number: usize| {
        let node = &known[number % known.len()];
        let name = match number / known.len() {
            0 => node.name.clone(),
            round => format!("{}.{}", node.name, round + 1),
        };
        NodeDefinition { name, ..node.clone() }
    };
    center.nodes = (0..count as usize).filter(|_| !known.is_empty()).map(again).collect();
    let cards_now = cards_of_pools(&center);
    for QuotaDefinition { pool, quota, .. } in &mut center.quotas {
        let Some(pool) = pool else { continue };
        let cards = |of: &BTreeMap<String, u32>| of.get(pool).copied().unwrap_or(0);
        *quota = in_proportion(*quota, cards(&cards_now), cards(&cards_then));
    }
    center
}

fn cards_of_pools(center: &CenterDefinition) -> BTreeMap<String, u32> {
    let mut cards = BTreeMap::new();
    center.nodes.iter().for_each(|node| *cards.entry(node.pool.clone()).or_default() += node.cards);
    cards
}

/// Rounded down, what is kept apart from what is lent: sums stay within what they were within.
fn in_proportion(quota: Quota, now: u32, then: u32) -> Quota {
    let scaled = |cards: CardMillis| match now < then {
        true => CardMillis((u64::from(cards.0) * u64::from(now) / u64::from(then)) as u32),
        false => cards,
    };
    let (guaranteed, kept) = (scaled(quota.guaranteed), scaled(quota.kept()));
    let lendable = quota.lendable.map(|_| CardMillis(guaranteed.0 - kept.0));
    Quota { guaranteed, lendable, ..quota }
}

impl Detail {
    /// The same job where only cards count, and any serve.
    pub fn anywhere(&mut self) {
        (self.project, self.pool) = (None, None);
        self.shape.card_model = None;
    }

    /// The same job of an organization on another center: projects, pools and card models that it does not know are not
    /// asked for.
    pub fn fit_into(&mut self, center: &CenterDefinition, organization: &str) {
        let is_known = |name: &String| {
            center.projects.iter().any(|known| known.organization == organization && known.name == *name)
        };
        self.project.take_if(|project| !is_known(project));
        self.pool.take_if(|pool| !center.pools.iter().any(|known| known.name == *pool));
        self.shape.card_model.take_if(|model| !center.card_models.iter().any(|known| known.name == *model));
    }
}
