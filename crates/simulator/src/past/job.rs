//! A job of the past, gathered from its facts.

use std::collections::BTreeMap;

use haina_center::{Fact, View};
use haina_core::{
    ArrayRequest, Condition, Ending, JobId, JobState, Milliseconds, OrganizationId, Shape, Timestamp, UserId,
};
use haina_scheduler::ClassKey;

use crate::trace::{Detail, Run};

/// What was asked, and what came of it.
pub struct PastJob {
    pub submitted: Timestamp,
    pub organization: OrganizationId,
    pub user: UserId,
    pub name: String,
    pub key: ClassKey,
    pub time_limit: Milliseconds,
    tasks_per_node: u32,
    grace: Milliseconds,
    retries: u16,
    not_before: Option<Timestamp>,
    array: Option<ArrayRequest>,
    dependencies: Vec<(JobId, Condition)>,
    /// How long it was expected to run.
    predicted: Milliseconds,
    /// By element and number.
    attempts: BTreeMap<(u32, u16), PastAttempt>,
}

/// A try.
struct PastAttempt {
    placed: Timestamp,
    started: Option<Timestamp>,
    /// When, and how; none while it runs.
    ended: Option<(Timestamp, JobState, Ending)>,
}

/// A try as it was, with its beginning.
pub struct PastRun {
    pub placed: Timestamp,
    pub holds: Milliseconds,
    run: Run,
}

impl PastRun {
    /// When it gave back its cards.
    pub fn ends(&self) -> Timestamp {
        self.placed + self.holds
    }
}

impl PastJob {
    /// From the fact that it was submitted.
    pub fn submitted(at: Timestamp, key: ClassKey, fact: &Fact) -> Option<PastJob> {
        let Fact::JobSubmitted {
            organization,
            user,
            name,
            tasks_per_node,
            time_limit,
            grace,
            retries,
            not_before,
            array,
            dependencies,
            outlook,
            ..
        } = fact
        else {
            return None;
        };
        Some(PastJob {
            submitted: at,
            organization: *organization,
            user: *user,
            name: name.clone(),
            key,
            time_limit: *time_limit,
            tasks_per_node: *tasks_per_node,
            grace: *grace,
            retries: *retries,
            not_before: *not_before,
            array: *array,
            dependencies: dependencies.clone(),
            predicted: outlook.predicted.min(*time_limit),
            attempts: BTreeMap::new(),
        })
    }

    /// Something happened to an attempt of it.
    pub fn take(&mut self, at: Timestamp, fact: &Fact) {
        match fact {
            Fact::AttemptPlaced { attempt, at: placed, .. } => {
                let entry = PastAttempt { placed: *placed, started: None, ended: None };
                self.attempts.insert((attempt.element, attempt.number), entry);
            }
            Fact::AttemptStarted { attempt, at: started } => {
                self.attempt(attempt.element, attempt.number).started = Some(*started);
            }
            Fact::AttemptEnded { attempt, state, ending, started, .. } => {
                let entry = self.attempt(attempt.element, attempt.number);
                entry.started = started.or(entry.started);
                // Cards are free for others when the center hears of the end.
                entry.ended = Some((at, *state, ending.clone()));
            }
            _ => {}
        }
    }

    fn attempt(&mut self, element: u32, number: u16) -> &mut PastAttempt {
        self.attempts.get_mut(&(element, number)).expect("an attempt is placed before anything else happens to it")
    }

    /// Whether any attempt was made.
    pub fn ever_ran(&self) -> bool {
        !self.attempts.is_empty()
    }

    /// Whether it was under way at the end.
    pub fn still_runs(&self) -> bool {
        self.attempts.values().any(|attempt| attempt.ended.is_none())
    }

    /// The elements that were started, each with its attempts; `last` is the end of what is known.
    pub fn elements(&self, last: Timestamp) -> Vec<Vec<PastRun>> {
        let mut elements: BTreeMap<u32, Vec<PastRun>> = BTreeMap::new();
        for ((element, _), attempt) in &self.attempts {
            elements.entry(*element).or_default().push(self.run(attempt, last));
        }
        elements.into_values().collect()
    }

    fn run(&self, attempt: &PastAttempt, last: Timestamp) -> PastRun {
        let placed = attempt.placed;
        let prepares = attempt.started.map(|started| started.since(placed));
        let before = prepares.unwrap_or_default();
        let holds = match &attempt.ended {
            Some((ended, ..)) => ended.since(placed),
            None => last.since(placed).max(before + self.predicted),
        };
        // What outstayed its limit by the time it took to hear of it does not do so again.
        let holds = holds.min(before + self.time_limit + self.grace).max(before).max(Milliseconds(1));
        let ending = match &attempt.ended {
            Some((_, JobState::Failed | JobState::Lost, ending)) => ending.clone(),
            // Whoever stopped it had what he wanted.
            _ => Ending::Exited { code: 0 },
        };
        PastRun { placed, holds, run: Run { prepares, holds, ending } }
    }

    /// What a trace cannot say of an element, the `number`th of those that were started.
    pub fn detail(
        &self,
        view: &View,
        begin: Timestamp,
        number: usize,
        runs: Vec<PastRun>,
        index_of: &BTreeMap<JobId, u32>,
    ) -> Detail {
        let demand = &self.key.demand;
        let made = self.attempts.keys().map(|(_, number)| *number).max().unwrap_or(1);
        let mut elements: Vec<u32> = self.attempts.keys().map(|(element, _)| *element).collect();
        elements.dedup();
        let known = |(on, condition): &(JobId, Condition)| index_of.get(on).map(|index| (*index, *condition));
        Detail {
            shape: Shape {
                nodes: demand.nodes,
                tasks_per_node: self.tasks_per_node,
                cards_per_node: demand.cards_per_node,
                card_model: demand.card_model.map(|model| view.card_models[&model].definition.name.clone()),
                cpu_per_node: demand.cpu_per_node,
                memory_per_node: demand.memory_per_node,
                topology: demand.topology,
            },
            project: self.key.project.map(|project| view.projects[&project].name.clone()),
            pool: Some(view.pools[&demand.pool].name.clone()),
            priority: self.key.priority,
            grace: self.grace,
            retries: self.retries.min(made - 1),
            not_before: self.not_before.filter(|at| *at > begin).map(|at| at.since(begin)),
            elements: if number == 0 { elements.len() as u32 } else { 0 },
            concurrency: self.array.and_then(|array| array.concurrency),
            after: self.dependencies.iter().filter_map(known).collect(),
            runs: runs.into_iter().map(|run| run.run).collect(),
        }
    }
}
