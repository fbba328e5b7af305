//! Jobs are accepted, all of a submission or none.

use haina_core::both;
use std::collections::BTreeMap;

use haina_core::{
    CardMillis, ClassId, Code, Condition, Dependency, JobId, JobReference, JobRequest, JobState, Milliseconds, Money,
    OrganizationId, PoolId, Refusal, UserId,
};
use haina_ledger::Short;
use haina_scheduler::{ClassKey, Demand, Similar};

use super::apply::prices;
use super::{Outcome, acting, cards_of};
use crate::funding::Which;
use crate::permission::{Owner, Subject, forbidden, require};
use crate::{Action, Fact, Input, JobOutlook, KnownEnd, Reply, State};

/// The most jobs of one submission; an array counts as one.
const JOBS_MOST: usize = 10_000;

/// Accepts all jobs, or refuses with the first that cannot be.
pub fn submit(state: &State, input: &Input, jobs: &[JobRequest], known_ends: &[KnownEnd]) -> Result<Outcome, Refusal> {
    if jobs.is_empty() || jobs.len() > JOBS_MOST {
        let count = jobs.len();
        let rule = both(format!("1 to {JOBS_MOST} jobs"), format!("1 到 {JOBS_MOST} 个作业"));
        let value = both(format!("{count} jobs"), format!("{count} 个作业"));
        return Err(Refusal::invalid_value("jobs", "", rule).with_phrase("value", value));
    }
    check_cycles(jobs)?;
    let mut submission =
        Submission { state, input, jobs, known_ends, facts: Vec::with_capacity(jobs.len()), classes: BTreeMap::new() };
    for (index, request) in jobs.iter().enumerate() {
        submission.accept(index, request).map_err(|refusal| {
            if jobs.len() == 1 { refusal } else { refusal.with("job_index", index).with("job_name", &request.name) }
        })?;
    }
    let ids = (0..jobs.len()).map(|index| submission.id(index)).collect();
    Ok(Outcome::replied(submission.facts, Reply::Submitted(ids)))
}

struct Submission<'a> {
    state: &'a State,
    input: &'a Input,
    jobs: &'a [JobRequest],
    known_ends: &'a [KnownEnd],
    facts: Vec<Fact>,
    /// Classes that this submission adds.
    classes: BTreeMap<ClassKey, ClassId>,
}

impl Submission<'_> {
    fn id(&self, index: usize) -> JobId {
        JobId(self.state.view.center.next_job.0 + index as u64)
    }

    fn accept(&mut self, index: usize, request: &JobRequest) -> Result<(), Refusal> {
        check_ranges(request)?;
        let (user, organization) = self.payer(request)?;
        let class = self.admit(request, organization, user)?;
        let dependencies = self.dependencies(request, organization)?;
        let shape = &request.shape;
        let cards = CardMillis(shape.cards_per_node.0.saturating_mul(shape.nodes));
        let similar = Similar::of(organization, user, &request.name, cards);
        let predicted = self.state.view.history.predict(similar, cards, request.time_limit);
        let outlook = JobOutlook { submitted: self.input.now, predicted, similar };
        self.facts.push(Fact::JobSubmitted {
            id: self.id(index),
            name: request.name.clone(),
            organization,
            user,
            class,
            tasks_per_node: request.shape.tasks_per_node,
            time_limit: request.time_limit,
            grace: request.grace,
            retries: request.retries,
            not_before: request.not_before.filter(|at| *at > self.input.now),
            array: request.array,
            dependencies,
            payload: request.payload,
            outlook,
        });
        Ok(())
    }

    /// Who asks, and which organization pays.
    fn payer(&self, request: &JobRequest) -> Result<(UserId, OrganizationId), Refusal> {
        let Some(subject) = acting(self.state, self.input)? else {
            return Err(Refusal::new(Code::Forbidden)
                .with_phrase("role", both("center", "计算中心"))
                .with_phrase("action", both("submit jobs", "提交作业")));
        };
        let Subject::User { id, organization: own, .. } = subject else {
            return Err(forbidden(subject, Action::SubmitJob));
        };
        let organization = match (&request.organization, own) {
            (None, Some(own)) => own,
            (None, None) => {
                let rule = both("given, because you belong to no organization", "您不属于任何单位，必须填写");
                return Err(Refusal::absent("organization", rule));
            }
            (Some(name), own) => {
                let named = self.state.view.organization_of_name.get(name).copied();
                match named {
                    Some(named) if own.is_none_or(|own| own == named) => named,
                    _ => return Err(Refusal::not_found(haina_core::Kind::Organization, name)),
                }
            }
        };
        let owner = Owner { organization: Some(organization), user: Some(id), job: None };
        require(subject, Action::SubmitJob, owner)?;
        let payer = &self.state.view.organizations[&organization];
        if payer.suspended {
            return Err(Refusal::new(Code::Suspended).with("name", &payer.name));
        }
        Ok((id, organization))
    }

    /// The class, after what could never be hosted, allowed or paid was refused.
    fn admit(&mut self, request: &JobRequest, organization: OrganizationId, user: UserId) -> Result<ClassId, Refusal> {
        let state = self.state;
        let demand = self.demand(request)?;
        if let Err(detail) = state.view.cluster.could_ever_host(&demand) {
            let pool = &state.view.pools[&demand.pool].name;
            return Err(Refusal::new(Code::ImpossibleRequest).with("pool", pool).with_phrase("detail", detail));
        }
        let payer = &state.view.organizations[&organization];
        let project = match &request.project {
            None => None,
            Some(name) => {
                let known = state.view.project_of_name.get(&(organization, name.clone()));
                Some(*known.ok_or_else(|| Refusal::not_found(haina_core::Kind::Project, name))?)
            }
        };
        let key = ClassKey { organization, project, priority: request.priority, demand };
        let asked = cards_of(&demand);
        let lowest = state.view.held.lowest_limit(&state.view.quota_path(&key, user));
        if let Some((scope, limit)) = lowest.filter(|(_, limit)| asked > *limit) {
            return Err(Refusal::new(Code::QuotaExceeded)
                .with("asked", haina_core::reason::show_cards(asked))
                .with("limit", haina_core::reason::show_cards(limit))
                .with("level", scope.level().word())
                .with_phrase("holder", state.view.holder(&scope)));
        }
        let (price, _) = prices(state, demand.pool, demand.card_model, asked);
        let use_most = asked.used_for(request.time_limit + request.grace);
        let funded = state.view.fund(organization, (demand.pool, price), use_most, self.input.now, Which::Whole);
        funded.map_err(|Short { needed, available }| {
            let refusal = Refusal::new(Code::InsufficientFunds)
                .with("needed", Money { micros: needed, ..price })
                .with("available", Money { micros: available, ..price })
                .with("organization", &payer.name);
            match state.view.is_stopped(organization, demand.pool, self.input.now) {
                true => refusal.with_hint(both(
                    "An agreement of {organization} says that work stops where it does not pay any more: a new agreement, \
                     or an amendment of what happens at its end, lets it go on.",
                    "{organization} 的合同约定其不再支付时停止作业；签署新合同或变更到期约定后可继续。",
                )),
                false => refusal,
            }
        })?;
        if let Some(class) = state.class_of_key.get(&key).or_else(|| self.classes.get(&key)) {
            return Ok(*class);
        }
        let id = ClassId(state.view.center.next_class.0 + self.classes.len() as u32);
        self.classes.insert(key, id);
        self.facts.push(Fact::ClassAdded { id, key });
        Ok(id)
    }

    fn demand(&self, request: &JobRequest) -> Result<Demand, Refusal> {
        let pool: PoolId = match &request.pool {
            None => *self.state.view.pools.keys().next().ok_or_else(|| {
                Refusal::not_found(haina_core::Kind::Pool, "").with_phrase("name", both("at all", "（一个也没有）"))
            })?,
            Some(name) => *self
                .state
                .view
                .pool_of_name
                .get(name)
                .ok_or_else(|| Refusal::not_found(haina_core::Kind::Pool, name))?,
        };
        let card_model = match &request.shape.card_model {
            None => None,
            Some(name) => {
                let known = self.state.view.card_model_of_name.get(name);
                Some(*known.ok_or_else(|| Refusal::not_found(haina_core::Kind::CardModel, name))?)
            }
        };
        Ok(Demand {
            pool,
            card_model,
            nodes: request.shape.nodes,
            cards_per_node: request.shape.cards_per_node,
            cpu_per_node: request.shape.cpu_per_node,
            memory_per_node: request.shape.memory_per_node,
            topology: request.shape.topology,
        })
    }

    /// Dependencies on jobs that have not ended. One that can no longer be met is refused.
    fn dependencies(
        &self,
        request: &JobRequest,
        organization: OrganizationId,
    ) -> Result<Vec<(JobId, Condition)>, Refusal> {
        let mut open = BTreeMap::new();
        for Dependency { on, condition } in &request.dependencies {
            let (job, ended) = match on {
                JobReference::Index(index) if (*index as usize) < self.jobs.len() => (self.id(*index as usize), None),
                JobReference::Index(index) => return Err(Refusal::not_found(haina_core::Kind::JobOfSubmission, index)),
                JobReference::Id(id) => {
                    let known = self.known(*id).filter(|(owner, _)| *owner == organization);
                    (*id, known.ok_or_else(|| Refusal::not_found(haina_core::Kind::Job, id))?.1)
                }
            };
            match ended {
                None => {
                    let entry = open.entry(job).or_insert(*condition);
                    if *condition == Condition::Succeeded {
                        *entry = Condition::Succeeded;
                    }
                }
                Some(JobState::Succeeded) => {}
                Some(_) if *condition == Condition::Ended => {}
                Some(state) => {
                    return Err(Refusal::new(Code::DependencyUnsatisfiable)
                        .with("job", job)
                        .with_phrase("state", state.phrase()));
                }
            }
        }
        Ok(open.into_iter().collect())
    }

    /// Whose a job is, and how it has ended if it has.
    fn known(&self, id: JobId) -> Option<(OrganizationId, Option<JobState>)> {
        if let Some(job) = self.state.jobs.get(&id) {
            return Some((job.organization, None));
        }
        let end = self.known_ends.iter().find(|end| end.job == id)?;
        Some((end.organization, Some(end.state)))
    }
}

fn check_ranges(request: &JobRequest) -> Result<(), Refusal> {
    let within = |field: &str, value: u64, least: u64, most: u64| match (least..=most).contains(&value) {
        true => Ok(()),
        false => Err(Refusal::invalid_value(
            field,
            value,
            both(format!("between {least} and {most}"), format!("{least} 到 {most} 之间")),
        )),
    };
    let shape = &request.shape;
    let name_ok = !request.name.is_empty() && request.name.len() <= 128 && !request.name.contains(char::is_control);
    if !name_ok {
        return Err(Refusal::invalid_value(
            "name",
            &request.name,
            both("1 to 128 bytes without control characters", "1 到 128 字节，不含控制字符"),
        ));
    }
    within("nodes", shape.nodes.into(), 1, 4096)?;
    within("tasks_per_node", shape.tasks_per_node.into(), 1, 256)?;
    let cards = shape.cards_per_node.0;
    if cards > 64_000 || (cards > 1000 && !cards.is_multiple_of(1000)) {
        let shown = haina_core::reason::show_cards(shape.cards_per_node);
        return Err(Refusal::invalid_value(
            "cards",
            shown,
            both("a whole number up to 64, or a fraction below 1", "不超过 64 的整数，或小于 1 的小数"),
        ));
    }
    within("cpus", shape.cpu_per_node.0.div_ceil(1000), 0, 65_536)?;
    within("memory", shape.memory_per_node.0, 0, 1 << 50)?;
    let day_ms = 24 * 3_600_000;
    let Milliseconds(limit) = request.time_limit;
    if !(1000..=30 * day_ms).contains(&limit) {
        return Err(Refusal::invalid_value(
            "time_limit",
            format!("{limit} ms"),
            both("between 1 second and 30 days", "1 秒到 30 天之间"),
        ));
    }
    if request.grace.0 > day_ms / 24 {
        return Err(Refusal::invalid_value(
            "grace",
            format!("{} ms", request.grace.0),
            both("at most 1 hour", "不超过 1 小时"),
        ));
    }
    if !(-1000..=1000).contains(&request.priority) {
        return Err(Refusal::invalid_value(
            "priority",
            request.priority,
            both("between -1000 and 1000", "-1000 到 1000 之间"),
        ));
    }
    within("retries", request.retries.into(), 0, 100)?;
    within("dependencies", request.dependencies.len() as u64, 0, 256)?;
    if let Some(array) = request.array {
        within("array.count", array.count.into(), 1, 1_000_000)?;
        within("array.concurrency", array.concurrency.unwrap_or(1).into(), 1, 1_000_000)?;
    }
    Ok(())
}

/// Refuses jobs of one submission that wait for each other in a circle.
fn check_cycles(jobs: &[JobRequest]) -> Result<(), Refusal> {
    let upstream = |index: usize| {
        jobs[index].dependencies.iter().filter_map(|dependency| match dependency.on {
            JobReference::Index(on) if (on as usize) < jobs.len() => Some(on as usize),
            _ => None,
        })
    };
    let mut waits_for: Vec<usize> = (0..jobs.len()).map(|index| upstream(index).count()).collect();
    let mut downstream = vec![Vec::new(); jobs.len()];
    for index in 0..jobs.len() {
        upstream(index).for_each(|on| downstream[on].push(index));
    }
    let mut free: Vec<usize> = (0..jobs.len()).filter(|index| waits_for[*index] == 0).collect();
    let mut freed = 0;
    while let Some(index) = free.pop() {
        freed += 1;
        for dependent in &downstream[index] {
            waits_for[*dependent] -= 1;
            if waits_for[*dependent] == 0 {
                free.push(*dependent);
            }
        }
    }
    if freed == jobs.len() {
        return Ok(());
    }
    let circle: Vec<_> = (0..jobs.len()).filter(|index| waits_for[*index] > 0).map(|i| jobs[i].name.as_str()).collect();
    Err(Refusal::new(Code::DependencyCycle).with("jobs", circle.join(", ")))
}
