//! What a user asks for, resolved no further than the user wrote it: names stay names until `center` decides.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ImageReference;
use crate::{Bytes, CardMillis, CpuMillis, Digest, JobId, Milliseconds, Phrase, Timestamp, Topology, both};

/// The life of a job or of an array's element, in the words of the command-line contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Accepted, holds nothing.
    Waiting,
    /// Holds cards; its environment is prepared and its tasks are launched. Free of charge.
    Starting,
    /// At least one task was reported as started.
    Running,
    /// Told to stop, not ended yet.
    Stopping,
    /// Every task ended with exit code 0.
    Succeeded,
    /// A task ended otherwise, ran past its limit, or its environment could not be prepared.
    Failed,
    /// Stopped because somebody asked.
    Cancelled,
    /// The center lost track of it: its node or supervisor died.
    Lost,
}

impl JobState {
    /// All states, in the order of a life.
    pub const ALL: [JobState; 8] = [
        JobState::Waiting,
        JobState::Starting,
        JobState::Running,
        JobState::Stopping,
        JobState::Succeeded,
        JobState::Failed,
        JobState::Cancelled,
        JobState::Lost,
    ];

    /// The stable word for it.
    pub fn word(self) -> &'static str {
        match self {
            JobState::Waiting => "waiting",
            JobState::Starting => "starting",
            JobState::Running => "running",
            JobState::Stopping => "stopping",
            JobState::Succeeded => "succeeded",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
            JobState::Lost => "lost",
        }
    }

    /// The word within a sentence.
    pub fn phrase(self) -> Phrase {
        let chinese = match self {
            JobState::Waiting => "等待中",
            JobState::Starting => "启动中",
            JobState::Running => "运行中",
            JobState::Stopping => "停止中",
            JobState::Succeeded => "成功",
            JobState::Failed => "失败",
            JobState::Cancelled => "已取消",
            JobState::Lost => "丢失",
        };
        both(self.word(), chinese)
    }

    /// The state with this word.
    pub fn from_word(word: &str) -> Option<JobState> {
        JobState::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether nothing more will happen.
    pub fn is_ended(self) -> bool {
        matches!(self, JobState::Succeeded | JobState::Failed | JobState::Cancelled | JobState::Lost)
    }
}

/// What one attempt of a job holds while it runs. Equal on each of its nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// How many nodes, all or none.
    pub nodes: u32,
    /// How many processes on each node.
    pub tasks_per_node: u32,
    /// Cards on each node: a multiple of 1000, or less than 1000 for a fraction of one card. 0 for none.
    pub cards_per_node: CardMillis,
    /// The card model's name; any model of the pool if absent.
    pub card_model: Option<String>,
    /// Processor share on each node.
    pub cpu_per_node: CpuMillis,
    /// Memory on each node.
    pub memory_per_node: Bytes,
    /// How near to each other all of it must be; anywhere if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topology: Option<Topology>,
}

/// A job array: elements 0..count of one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrayRequest {
    /// How many elements.
    pub count: u32,
    /// How many may run at once; no cap if absent.
    pub concurrency: Option<u32>,
}

/// What a dependency waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// The other job succeeded. If it ends otherwise, the dependent job is cancelled.
    Succeeded,
    /// The other job ended, in whatever way.
    Ended,
}

/// Names another job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobReference {
    /// A job that was accepted before.
    Id(JobId),
    /// A job of the same submission, by its index in it.
    Index(u32),
}

/// One job waits for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The other job.
    pub on: JobReference,
    /// What must have happened to it.
    pub condition: Condition,
}

/// A job as asked for: what the core needs to decide. Its script and environment travel beside it, as [`Payload`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRequest {
    /// A name for people.
    pub name: String,
    /// The organization that pays; the actor's own if absent.
    pub organization: Option<String>,
    /// The organization's project that it belongs to; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The pool; the center's first if absent.
    pub pool: Option<String>,
    /// What each attempt holds.
    pub shape: Shape,
    /// Higher goes first; -1000..=1000.
    pub priority: i32,
    /// How long an attempt may run from its first task's start.
    pub time_limit: Milliseconds,
    /// How long a stopped task has between SIGTERM and SIGKILL.
    pub grace: Milliseconds,
    /// How many further attempts may follow one that failed or was lost.
    pub retries: u16,
    /// Not started before this moment.
    pub not_before: Option<Timestamp>,
    /// The array, if it is one.
    pub array: Option<ArrayRequest>,
    /// What it waits for.
    pub dependencies: Vec<Dependency>,
    /// The digest of its payload.
    pub payload: Digest,
}

/// What the engine needs and the core does not look at. Stored once per content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// The program and its arguments. A script is `["/bin/sh", "-c", TEXT]` by the time it is here.
    pub command: Vec<String>,
    /// Python packages, if the job needs an environment of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<PythonEnvironment>,
    /// The image whose files its programs see in the place of the machine's own; never beside `python`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageReference>,
    /// Environment variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// An absolute path; the organization's own work directory if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
    /// Labels for people and programs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// Python packages that a job's programs need.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PythonEnvironment {
    /// Requirement specifiers as pip reads them, one each.
    #[serde(default)]
    pub requirements: Vec<String>,
    /// The text of a file that says it instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PackagesFile>,
}

/// A file that says which packages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PackagesFile {
    /// How it is to be read.
    pub kind: PackagesFileKind,
    /// What is in it.
    pub text: String,
    /// The `pyproject.toml` that a `uv.lock` belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
}

/// How a file says which packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackagesFileKind {
    /// A requirements file of pip.
    Requirements,
    /// The same, every package pinned and with its hashes.
    HashedRequirements,
    /// `pylock.toml`; see PEP 751.
    Pylock,
    /// `uv.lock`.
    UvLock,
}

/// What is prepared before a job's programs start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentContent {
    /// Python packages.
    Python(PythonEnvironment),
    /// An image.
    Image(ImageReference),
}

impl Payload {
    /// What its environment is made of, if it asks for one.
    pub fn environment(&self) -> Option<EnvironmentContent> {
        let image = self.image.clone().map(EnvironmentContent::Image);
        image.or_else(|| self.python.clone().map(EnvironmentContent::Python))
    }

    /// The canonical bytes, which are stored, and their digest.
    pub fn encode(&self) -> (Digest, String) {
        let text = serde_json::to_string(self).expect("a payload is plain data");
        (Digest::of(text.as_bytes()), text)
    }
}
