//! What the world must do after a commit. Executed at least once; idempotent by attempt and epoch.

use serde::{Deserialize, Serialize};

use crate::{Allocation, AttemptId, Digest, Milliseconds, OrganizationId};

/// An order to an engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Start an attempt's tasks.
    Launch(Launch),
    /// Stop an attempt's tasks.
    Stop(Stop),
}

/// Start all tasks of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// The attempt.
    pub attempt: AttemptId,
    /// Whose it is: decides the work directory.
    pub organization: OrganizationId,
    /// The cards and nodes it holds.
    pub allocation: Allocation,
    /// Processes on each node; ranks are node-major.
    pub tasks_per_node: u32,
    /// From the first task's start.
    pub time_limit: Milliseconds,
    /// Between SIGTERM and SIGKILL.
    pub grace: Milliseconds,
    /// What to run.
    pub payload: Digest,
}

/// Stop all tasks of an attempt: SIGTERM, grace, SIGKILL. An attempt that has not been launched yet never is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// The attempt.
    pub attempt: AttemptId,
    /// Between SIGTERM and SIGKILL.
    pub grace: Milliseconds,
}

impl Effect {
    /// The outbox key: unique per attempt and kind.
    pub fn key(&self) -> String {
        match self {
            Effect::Launch(launch) => format!("launch/{}", launch.attempt),
            Effect::Stop(stop) => format!("stop/{}", stop.attempt),
        }
    }

    /// The attempt it is about.
    pub fn attempt(&self) -> AttemptId {
        match self {
            Effect::Launch(launch) => launch.attempt,
            Effect::Stop(stop) => stop.attempt,
        }
    }
}
