//! An independent judge of schedules: reads a plan log and says what must not have happened. It shares no code with the
//! scheduler or the center, and looks at everything in the plainest way: every node, every card, every waiting job.
//!
//! One file a rule. A rule sees a record beside the scene as it was just before.

mod attempts;
mod capacity;
mod fit;
mod gang;
mod line;
mod near;
mod order;
mod promise;
mod quota;
mod scene;
#[cfg(test)]
mod tests;
mod violation;
mod waiting;

use crate::plan_log::{Event, Record};
use scene::Scene;
pub use violation::{Broken, Violation};

/// What a rule has to say about a record.
type Rule = fn(&Scene, &Record, &mut Vec<Broken>);

const RULES: [Rule; 7] =
    [attempts::check, capacity::check, gang::check, near::check, waiting::check, order::check, promise::check];

/// Follows a log.
#[derive(Default)]
pub struct Checker {
    scene: Scene,
    report: Report,
}

/// What a log came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What must not have happened, in the order of the log.
    pub violations: Vec<Violation>,
    /// Records read.
    pub records: usize,
    /// Jobs accepted.
    pub jobs: usize,
    /// Attempts placed.
    pub placements: usize,
    /// Of these, those of jobs that were not placed at once.
    pub waited: usize,
    /// Promises made, of which each was followed to its end.
    pub promises: usize,
    /// How often the scheduler had nothing left to decide, and every waiting job was tried on every node.
    pub settlements: usize,
}

impl Checker {
    /// Looks at the next record.
    pub fn see(&mut self, record: &Record) {
        let report = &mut self.report;
        report.records += 1;
        match record.event {
            Event::Submitted(_) => report.jobs += 1,
            Event::Placed { attempt, .. } => {
                report.placements += 1;
                let job = self.scene.jobs.get(&attempt.job);
                report.waited += usize::from(job.is_some_and(|job| job.submitted_us < record.at_us));
            }
            Event::Promised { .. } => report.promises += 1,
            Event::Settled => report.settlements += 1,
            _ => {}
        }
        let mut broken = Vec::new();
        RULES.iter().for_each(|rule| rule(&self.scene, record, &mut broken));
        let (at_us, line) = (record.at_us, report.records);
        report.violations.extend(broken.into_iter().map(|broken| Violation { at_us, line, broken }));
        self.scene.take(record);
    }

    /// The judgement.
    pub fn report(self) -> Report {
        self.report
    }
}

/// Judges a whole log.
pub fn check(records: &[Record]) -> Report {
    let mut checker = Checker::default();
    records.iter().for_each(|record| checker.see(record));
    checker.report()
}
