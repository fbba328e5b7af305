//! Facts as rows of the store's tables: what has a table of its own because people look it up after it has ended.

use std::collections::{BTreeMap, BTreeSet};

use haina_core::{
    AttemptId, CardMillis, Digest, Ending, FailedTask, JobId, JobState, OrganizationId, TaskUse, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};

use crate::{Attempt, ElementCounts, EntityKey, Fact, Months, State, Whose};

/// Changes of rows that a batch of facts leads to. Ids and moments are columns; `body` is JSON.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// New jobs.
    pub jobs_added: Vec<JobRow>,
    /// New states of jobs, by id; the last of the batch.
    pub jobs_changed: BTreeMap<JobId, JobChange>,
    /// Attempts as they are now; the last of the batch.
    pub attempts: BTreeMap<AttemptId, AttemptRow>,
    /// Small things that are, or no longer are.
    pub small: BTreeMap<EntityKey, Option<String>>,
    /// What is added to months.
    pub months: Months,
}

/// A job as people look it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// Its id.
    pub id: JobId,
    /// Who pays.
    pub organization: OrganizationId,
    /// Who asked.
    pub user: UserId,
    /// Its name.
    pub name: String,
    /// Cards of one attempt.
    pub cards: CardMillis,
    /// Elements, if it is an array.
    pub elements: Option<u32>,
    /// When it was accepted.
    pub submitted: Timestamp,
    /// What to run.
    pub payload: Digest,
    /// What was accepted: [`JobDetail`] as JSON.
    pub detail: String,
}

/// What was accepted, for people; resolved ids, as the core took it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobDetail {
    /// What is alike in its class: pool, shape, priority.
    pub key: haina_scheduler::ClassKey,
    /// The rest of the accepted job.
    pub job: Fact,
}

/// What changes of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobChange {
    /// Its state as a whole.
    pub state: JobState,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How its elements ended, once it has ended.
    pub counts: Option<ElementCounts>,
    /// The job whose end ended it, if that is why.
    pub cause: Option<JobId>,
    /// The stored form for loading; empty once it has ended.
    pub body: String,
}

/// An attempt as people look it up: [`AttemptEnd`] is its `end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    /// `starting`, `running`, `stopping`, or how it ended.
    pub state: JobState,
    /// When it was given its cards.
    pub placed: Timestamp,
    /// When its first task started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The exit code, if it exited.
    pub exit_code: Option<u8>,
    /// What was charged, in millionths, once it has ended.
    pub charged_micros: Option<i64>,
    /// What it used, in milli-cards × milliseconds, once it has ended.
    pub metered: Option<u64>,
    /// [`AttemptEnd`] as JSON once it has ended; else empty.
    pub end: String,
    /// The stored form for loading; as it last was.
    pub body: String,
}

/// How an attempt ended, in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptEnd {
    /// How.
    pub ending: Ending,
    /// What its tasks used.
    pub used: TaskUse,
    /// Whether its element waited for another attempt.
    pub retry: bool,
    /// The first task of a gang that failed, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_task: Option<FailedTask>,
}

/// Collects rows while a batch is executed: told of each fact just before the state evolves by it.
#[derive(Default)]
pub struct RowCollector {
    touched: BTreeSet<EntityKey>,
    jobs_added: Vec<JobRow>,
    jobs_ended: BTreeMap<JobId, JobChange>,
    attempts_ended: BTreeMap<AttemptId, AttemptRow>,
    months: Months,
}

impl RowCollector {
    /// Notes what `fact`, decided at `now`, is about to change.
    pub fn note(&mut self, state: &State, now: Timestamp, fact: &Fact) {
        State::touched(fact, state, &mut self.touched);
        let ended = match fact {
            Fact::AttemptEnded { attempt, .. } => state.view.attempts.get(attempt).map(Whose::of),
            _ => None,
        };
        self.months.take(now, fact, ended);
        match fact {
            Fact::JobSubmitted { id, name, organization, user, class, array, payload, .. } => {
                let key = state.view.classes[class].key;
                self.jobs_added.push(JobRow {
                    id: *id,
                    organization: *organization,
                    user: *user,
                    name: name.clone(),
                    cards: crate::decide::cards_of(&key.demand),
                    elements: array.map(|array| array.count),
                    submitted: now,
                    payload: *payload,
                    detail: json(&JobDetail { key, job: fact.clone() }),
                });
            }
            Fact::JobEnded { job, state: outcome, counts, cause, at, .. } => {
                let change = JobChange {
                    state: *outcome,
                    ended: Some(*at),
                    counts: Some(*counts),
                    cause: *cause,
                    body: String::new(),
                };
                self.jobs_ended.insert(*job, change);
            }
            Fact::AttemptEnded {
                attempt,
                state: outcome,
                ending,
                started,
                ended,
                used,
                metered,
                charged,
                retry,
                failed_task,
            } => {
                let entry = &state.view.attempts[attempt];
                let row = AttemptRow {
                    state: *outcome,
                    placed: entry.placed,
                    started: *started,
                    ended: Some(*ended),
                    exit_code: match ending {
                        Ending::Exited { code } => Some(*code),
                        _ => None,
                    },
                    charged_micros: Some(i64::try_from(charged.micros).expect("one charge is within a billion units")),
                    metered: Some(metered.0),
                    end: json(&AttemptEnd {
                        ending: ending.clone(),
                        used: *used,
                        retry: *retry,
                        failed_task: *failed_task,
                    }),
                    body: json(entry),
                };
                self.attempts_ended.insert(*attempt, row);
            }
            _ => {}
        }
    }

    /// The rows, once all facts of the batch have been applied to `state`.
    pub fn finish(self, state: &State) -> Rows {
        let mut rows = Rows {
            jobs_added: self.jobs_added,
            jobs_changed: self.jobs_ended,
            attempts: self.attempts_ended,
            months: self.months,
            ..Rows::default()
        };
        for key in self.touched {
            match key {
                EntityKey::Job(id) => {
                    if let Some(job) = state.jobs.get(&id) {
                        let body = json(job);
                        let job_state = state.job_state(id).expect("the job has not ended");
                        let change = JobChange { state: job_state, ended: None, counts: None, cause: None, body };
                        rows.jobs_changed.insert(id, change);
                    }
                }
                EntityKey::Attempt(id) => {
                    if let Some(attempt) = state.view.attempts.get(&id) {
                        rows.attempts.insert(id, live_row(attempt));
                    }
                }
                small => _ = rows.small.insert(small, state.encode(small)),
            }
        }
        rows
    }
}

fn live_row(attempt: &Attempt) -> AttemptRow {
    let state = match attempt {
        Attempt { stopping: true, .. } => JobState::Stopping,
        Attempt { started: Some(_), .. } => JobState::Running,
        _ => JobState::Starting,
    };
    AttemptRow {
        state,
        placed: attempt.placed,
        started: attempt.started,
        ended: None,
        exit_code: None,
        charged_micros: None,
        metered: None,
        end: String::new(),
        body: json(attempt),
    }
}

fn json<T: Serialize>(thing: &T) -> String {
    serde_json::to_string(thing).expect("what is stored is plain data")
}
