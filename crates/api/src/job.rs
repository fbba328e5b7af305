//! Jobs as they are shown.

use std::collections::BTreeMap;

use haina_core::{JobState, PackagesFileKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::account::Amount;
use crate::agreement::PaidPart;
use crate::job_spec::Condition;
use crate::moment::Moment;
use crate::packages::PackagesFileKindWord;
use crate::waiting::WhyState;
use crate::words::{ConditionWord, JobStateWord};

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its state as a whole.
    #[schema(value_type = JobStateWord)]
    pub state: JobState,
    /// The organization that pays.
    pub organization: String,
    /// The organization's project that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub project: Option<String>,
    /// The user who submitted it.
    pub user: String,
    /// Its pool.
    pub pool: String,
    /// Nodes of one attempt.
    pub nodes: u32,
    /// Processes on each node.
    pub tasks_per_node: u32,
    /// Cards on each node.
    pub cards: f64,
    /// Cards of one attempt.
    pub cards_total: f64,
    /// The card model, if one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub card_model: Option<String>,
    /// How near to each other all of its cards are, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub topology: Option<String>,
    /// Processor cores on each node.
    pub cpus: f64,
    /// Bytes of memory on each node.
    pub memory_bytes: u64,
    /// How long an attempt may run.
    pub time_limit_seconds: f64,
    /// Between SIGTERM and SIGKILL.
    pub grace_seconds: f64,
    /// Higher goes first.
    pub priority: i32,
    /// Further attempts that may follow one that failed or was lost.
    pub retries: u16,
    /// Not started before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub not_before: Option<Moment>,
    /// The array, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub array: Option<ArraySize>,
    /// How its elements ended, once all have; a single job has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub elements: Option<Elements>,
    /// What it was to wait for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<JobAfter>,
    /// When it was accepted.
    pub submitted: Moment,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ended: Option<Moment>,
    /// The job whose end ended it, if that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cause: Option<String>,
    /// When it will probably start, by its turn; only in lists that ask for it. Absent while nothing can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub estimated_start: Option<Moment>,
    /// Whether no more is known than that it will not start before the estimated start; only in lists that ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub estimated_start_is_least: Option<bool>,
    /// Why it waits; only where one job is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub waiting: Option<WhyState>,
    /// What it runs; only where one job is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub program: Option<Program>,
    /// The exit code of its last attempt, if that exited; only where one job is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub exit_code: Option<u8>,
    /// Attempts so far; only where one job is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub attempts: Option<u64>,
    /// Card-hours that its ended attempts used; only where one job is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub card_hours: Option<String>,
    /// What its ended attempts were charged; only where one job is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub charged: Option<Amount>,
}

/// What a job would come to, if it were submitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobQuote {
    /// Its name.
    pub name: String,
    /// The organization that would pay.
    pub organization: String,
    /// Cards of one attempt.
    pub cards_total: f64,
    /// Elements of an array; 1 of any other job.
    pub elements: u32,
    /// The price of a card-hour where it would start soonest.
    pub price_per_card_hour: Amount,
    /// What one attempt costs at most: on the dearest cards that serve it, until its limit and with its whole grace.
    pub cost_most: Amount,
    /// What the account has that is neither spent nor held.
    pub available: Amount,
    /// Who would pay that most now, where that is not the account alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PaidPart>,
    /// When nodes will probably have room for it, if nobody went before it. Absent where it waits for other jobs, or nothing in
    /// service could host it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub earliest_start: Option<Moment>,
}

/// What several jobs would come to, in their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobQuotes {
    /// One for each job.
    pub quotes: Vec<JobQuote>,
}

/// A job array's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArraySize {
    /// How many elements.
    pub count: u32,
    /// How many may run at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub concurrency: Option<u32>,
}

/// How elements ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Default)]
#[expect(missing_docs, reason = "the fields are the states")]
pub struct Elements {
    pub succeeded: u32,
    pub failed: u32,
    pub cancelled: u32,
    pub lost: u32,
}

/// A job that another waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobAfter {
    /// The other job's id.
    pub job: String,
    /// What it waits for.
    #[schema(value_type = ConditionWord)]
    pub condition: Condition,
}

/// What a job runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Program {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Python requirements.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requirements: Vec<String>,
    /// What kind of file says which packages, where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<PackagesFileKindWord>)]
    pub packages_file: Option<PackagesFileKind>,
    /// The image that its programs run in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub image: Option<String>,
    /// Environment variables; only for those who may read its logs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Where it runs; the organization's own work directory if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub working_directory: Option<String>,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// A job that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubmittedJob {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its state when it was accepted: `waiting`.
    #[schema(value_type = JobStateWord)]
    pub state: JobState,
}

/// Jobs that were accepted together, in the order of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Jobs {
    /// The jobs.
    pub jobs: Vec<SubmittedJob>,
}
