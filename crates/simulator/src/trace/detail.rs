//! What a center's own past tells of its jobs, and a trace does not.

use haina_core::{Condition, Ending, Milliseconds, Shape};

/// Of the job of the same number in [`super::Workload::jobs`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// What each attempt holds.
    pub shape: Shape,
    /// The organization's project that it belongs to.
    pub project: Option<String>,
    /// The pool's name; the center's first if absent.
    pub pool: Option<String>,
    /// Higher goes first.
    pub priority: i32,
    /// How long it has to stop.
    pub grace: Milliseconds,
    /// Further attempts after one that failed or was lost.
    pub retries: u16,
    /// Not before so long after the beginning.
    pub not_before: Option<Milliseconds>,
    /// How many jobs from this one on were submitted together as one array; 1 for a job of its own, 0 for an element that
    /// is counted by the first.
    pub elements: u32,
    /// How many of the array may run at once.
    pub concurrency: Option<u32>,
    /// Jobs that it waits for, by number.
    pub after: Vec<(u32, Condition)>,
    /// Its attempts, of which there is at least one; further ones are like the last.
    pub runs: Vec<Run>,
}

/// An attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// From getting its cards to its first task's start; none if none ever started.
    pub prepares: Option<Milliseconds>,
    /// From getting its cards to giving them back.
    pub holds: Milliseconds,
    /// How it ended.
    pub ending: Ending,
}

impl Detail {
    /// The attempt of this number; they count from 1.
    pub fn run(&self, number: u16) -> &Run {
        &self.runs[usize::from(number).clamp(1, self.runs.len()) - 1]
    }
}
