//! What facts add to each month: what moved on each account, and what was used by whom. Sums of these are statements; the
//! store adds them up, so that a statement need not read a month's charges.

use std::collections::BTreeMap;

use haina_core::{AttemptId, Month, OrganizationId, ProjectId, Timestamp, UserId};
use haina_ledger::LedgerAccount;

use crate::{Attempt, Fact};

/// What moved on one account for one reason, of one organization in one month.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MonthAccount {
    /// Whom it concerns.
    pub organization: OrganizationId,
    /// When.
    pub month: Month,
    /// The account.
    pub account: LedgerAccount,
    /// The kind of the transactions.
    pub kind: &'static str,
}

/// Work of one user in one project, of one organization, that ended in one month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MonthUser {
    /// Whose.
    pub organization: OrganizationId,
    /// When.
    pub month: Month,
    /// In which project, if in one.
    pub project: Option<ProjectId>,
    /// Who submitted it.
    pub user: UserId,
}

/// Postings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Moved {
    /// How many.
    pub count: u64,
    /// What the account gained, or gave where negative, in millionths.
    pub micros: i128,
}

/// Work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Worked {
    /// Attempts that ended.
    pub attempts: u64,
    /// What they used, in milli-cards × milliseconds.
    pub used: u64,
    /// What that cost, in millionths.
    pub micros: i128,
}

/// What was added to months.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Months {
    /// On accounts.
    pub moved: BTreeMap<MonthAccount, Moved>,
    /// Of users.
    pub worked: BTreeMap<MonthUser, Worked>,
}

impl Months {
    /// Adds what a fact adds, which was decided at `at`. `attempt` is what the fact is about, if it is the end of one.
    pub fn take(&mut self, at: Timestamp, fact: &Fact, attempt: Option<Whose>) {
        let month = Month::of(at);
        match fact {
            Fact::Posted { transaction, .. } => {
                let (organization, kind) = (transaction.organization, transaction.kind.word());
                for posting in &transaction.postings {
                    let key = MonthAccount { organization, month, account: posting.account, kind };
                    let moved = self.moved.entry(key).or_default();
                    moved.count += 1;
                    moved.micros += posting.amount.micros;
                }
            }
            Fact::AttemptEnded { metered, charged, .. } => {
                let Some(Whose { organization, project, user }) = attempt else { return };
                let worked = self.worked.entry(MonthUser { organization, month, project, user }).or_default();
                worked.attempts += 1;
                worked.used = worked.used.saturating_add(metered.0);
                worked.micros += charged.micros;
            }
            _ => {}
        }
    }
}

/// Whose an attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whose {
    /// Who pays.
    pub organization: OrganizationId,
    /// In which project.
    pub project: Option<ProjectId>,
    /// Who submitted it.
    pub user: UserId,
}

impl Whose {
    /// Of an attempt that runs.
    pub fn of(attempt: &Attempt) -> Whose {
        Whose { organization: attempt.organization, project: attempt.project, user: attempt.user }
    }
}

/// Months from a journal alone, from its first fact on.
#[derive(Default)]
pub struct MonthsOfJournal {
    /// What came out.
    pub months: Months,
    live: BTreeMap<AttemptId, Whose>,
}

impl MonthsOfJournal {
    /// Takes the next fact.
    pub fn take(&mut self, at: Timestamp, fact: &Fact) {
        let ended = match fact {
            Fact::AttemptPlaced { attempt, organization, project, user, .. } => {
                let (organization, project, user) = (*organization, *project, *user);
                self.live.insert(*attempt, Whose { organization, project, user });
                None
            }
            Fact::AttemptEnded { attempt, .. } => self.live.remove(attempt),
            _ => None,
        };
        self.months.take(at, fact, ended);
    }
}
