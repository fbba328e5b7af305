//! What an engine tells the core about an attempt. Reports may come twice and late; the core takes each once.

use serde::{Deserialize, Serialize};

use crate::{AttemptId, Bytes, Milliseconds, NodeId, Timestamp};

/// Something that happened to an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// Its first task has started; metering begins.
    Started {
        /// The attempt.
        attempt: AttemptId,
        /// When, by the engine's clock.
        at: Timestamp,
    },
    /// All of its tasks have ended, or it will never run.
    Ended {
        /// The attempt.
        attempt: AttemptId,
        /// When its first task started, if one did: a report of the start may have been missed.
        started: Option<Timestamp>,
        /// When its last task ended, by the engine's clock.
        at: Timestamp,
        /// How.
        ending: Ending,
        /// What its tasks used together.
        used: TaskUse,
        /// The task of a gang that ended so first, if it was one task's end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failed_task: Option<FailedTask>,
    },
}

impl Report {
    /// The attempt it is about.
    pub fn attempt(&self) -> AttemptId {
        match self {
            Report::Started { attempt, .. } | Report::Ended { attempt, .. } => *attempt,
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Its tasks exited by themselves; the first code that is not 0, else 0.
    Exited {
        /// The exit code, 0..=255.
        code: u8,
    },
    /// A task was ended by a signal that nobody here sent.
    Signalled {
        /// The signal's number.
        signal: u8,
    },
    /// It needed more memory than it had asked for, and the kernel ended it.
    OutOfMemory,
    /// It ran past its time limit and was stopped.
    TimedOut,
    /// It was stopped as ordered.
    Stopped,
    /// Its environment could not be prepared, or its program could not be started.
    Unstartable {
        /// Why, in the resolver's or the kernel's words; at most 2,000 characters.
        reason: String,
    },
    /// Its supervisor died or its machine restarted: what became of the tasks is not known, but none is left.
    Lost {
        /// What was seen.
        reason: String,
    },
}

/// The first task of a gang that failed: what it ended with is how the attempt ended, and the others were ended because of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedTask {
    /// Its rank, from 0.
    pub rank: u32,
    /// How many tasks the gang has.
    pub tasks: u32,
    /// Where it ran.
    pub node: NodeId,
}

/// Resources that tasks used, from the kernel's own accounting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct TaskUse {
    /// Processor time, user and system.
    pub cpu: Milliseconds,
    /// The largest resident set of one process.
    pub memory_peak: Bytes,
    /// Read from block devices.
    pub read: Bytes,
    /// Written to block devices.
    pub written: Bytes,
}
