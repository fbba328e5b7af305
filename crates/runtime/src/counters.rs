//! What is counted since this process started, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use haina_center::Fact;
use haina_core::JobState;

/// Counters since the start of the process.
#[derive(Default, Debug)]
#[expect(missing_docs, reason = "the names say what is counted")]
pub struct Counters {
    pub batches: AtomicU64,
    pub commits_failed: AtomicU64,
    pub facts: AtomicU64,
    pub refusals: AtomicU64,
    pub jobs_submitted: AtomicU64,
    pub jobs_ended: [AtomicU64; 4],
    pub attempts_placed: AtomicU64,
}

impl Counters {
    pub(crate) fn count(&self, fact: &Fact) {
        add(&self.facts, 1);
        match fact {
            Fact::JobSubmitted { .. } => add(&self.jobs_submitted, 1),
            Fact::AttemptPlaced { .. } => add(&self.attempts_placed, 1),
            Fact::JobEnded { state, .. } => add(&self.jobs_ended[Counters::slot(*state)], 1),
            _ => {}
        }
    }

    /// Where jobs that ended so are counted in `jobs_ended`.
    pub fn slot(state: JobState) -> usize {
        match state {
            JobState::Succeeded => 0,
            JobState::Failed => 1,
            JobState::Cancelled => 2,
            _ => 3,
        }
    }
}

pub(crate) fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}
