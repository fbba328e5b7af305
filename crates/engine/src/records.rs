//! What the engine and a supervisor tell each other, each a JSON file in the task's directory.

use std::collections::BTreeMap;
use std::path::PathBuf;

use haina_core::{Bytes, Ending, Epoch, Milliseconds, TaskUse, Timestamp};
use serde::{Deserialize, Serialize};

use crate::confinement::Sandbox;

/// `task.json`: all that a supervisor needs to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TaskOrder {
    /// Of the leader that ordered it; a stop of an older one is ignored.
    pub epoch: Epoch,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The whole environment; nothing is inherited.
    pub variables: BTreeMap<String, String>,
    /// An absolute path that must exist.
    pub working_directory: PathBuf,
    /// From the process's start.
    pub time_limit: Milliseconds,
    /// Between SIGTERM and SIGKILL where the time limit ends it.
    pub grace: Milliseconds,
    /// Bytes kept of each output stream.
    pub log_cap: Bytes,
    /// What it is confined to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<Sandbox>,
}

/// `stop.json` of a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TaskStop {
    /// Of the leader that ordered it.
    pub epoch: Epoch,
    /// Between SIGTERM and SIGKILL.
    pub grace: Milliseconds,
    /// Why.
    pub cause: StopCause,
}

/// `stop.json` of an attempt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AttemptStop {
    /// Of the leader that ordered it.
    pub epoch: Epoch,
    /// What was ordered.
    pub stop: haina_core::Stop,
}

/// Why a task is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopCause {
    /// The center ordered it.
    Ordered,
    /// Another task of the gang ended otherwise than with success.
    Sibling,
}

/// `started.json`: from here on the process may run, so it must never be started again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StartedRecord {
    /// When this was written.
    pub at: Timestamp,
}

/// `running.json`: the process has started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunningRecord {
    /// When.
    pub at: Timestamp,
    /// The machine's boot, without which the numbers below mean nothing.
    pub boot: String,
    /// Process, process group and session number.
    pub pid: i32,
    /// The process's start in clock ticks since boot, which tells it from a later one with its number.
    pub start_ticks: u64,
}

/// `exit.json`: the task's one end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// How it ended.
    pub ending: Ending,
    /// Who stopped it, where `ending` is `stopped`.
    pub stopped_by: Option<StopCause>,
    /// When its process started, if it did.
    pub started: Option<Timestamp>,
    /// When its own process ended, if it is known; others may have been left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exited: Option<Timestamp>,
    /// When the last of its processes was gone: the start plus what the monotonic clock counted since.
    pub at: Timestamp,
    /// What all of its processes used.
    pub used: TaskUse,
    /// Processes that were left when the first one had ended, and were killed.
    pub strays: u32,
    /// What an administrator might want to know.
    pub notes: Vec<String>,
}

impl ExitRecord {
    /// The end of a task whose process never started.
    pub fn never_started(ending: Ending, stopped_by: Option<StopCause>, at: Timestamp) -> ExitRecord {
        let (used, notes) = (TaskUse::default(), Vec::new());
        ExitRecord { ending, stopped_by, started: None, exited: None, at, used, strays: 0, notes }
    }

    /// Whether it is what a gang waits for: its own exit with code 0.
    pub fn is_success(&self) -> bool {
        self.ending == Ending::Exited { code: 0 }
    }
}
