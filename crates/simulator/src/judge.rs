//! Has a center judged while it decides: its facts become a plan log, which the checker reads line by line.

use haina_center::Fact;
use haina_core::Timestamp;

use crate::PlanOfFacts;
use crate::checker::{Checker, Report};

/// Follows a center.
#[derive(Default)]
pub struct Judge {
    plan: PlanOfFacts,
    checker: Checker,
}

impl Judge {
    /// Looks at facts that were decided at `now`.
    pub fn take(&mut self, now: Timestamp, facts: &[Fact]) {
        facts.iter().for_each(|fact| self.plan.take(now, fact));
        self.see();
    }

    /// The center has nothing left to decide for now.
    pub fn settled(&mut self, now: Timestamp) {
        self.plan.settled(now);
        self.see();
    }

    /// Everything has ended: the judgement.
    pub fn close(mut self, now: Timestamp) -> Report {
        let Judge { plan, checker } = &mut self;
        std::mem::take(plan).close(now).iter().for_each(|record| checker.see(record));
        self.checker.report()
    }

    fn see(&mut self) {
        self.plan.drain().iter().for_each(|record| self.checker.see(record));
    }
}
