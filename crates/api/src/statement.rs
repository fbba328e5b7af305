//! Statements: what an organization used in a month, who paid, and what that made of its account.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::account::Amount;
use crate::moment::Moment;

/// A month of one organization. Work counts in the month in which it ended; months are those of China Standard Time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Statement {
    /// The organization's name.
    pub organization: String,
    /// The organization's name for people.
    pub title: String,
    /// The center's name.
    pub center: String,
    /// The month: `2026-11`.
    pub month: String,
    /// When the month begins.
    pub from: Moment,
    /// When it is over.
    pub until: Moment,
    /// When this was made.
    pub made: Moment,
    /// Whether the month is over, so that nothing is added any more.
    pub complete: bool,
    /// The prepaid account.
    pub account: StatementAccount,
    /// What the organization owes for agreements: more where something was committed, less where it was paid.
    pub owed: StatementAccount,
    /// Who paid for the work: `prepaid/N`, `agreement/N` and `voucher/N`, with what each paid.
    pub paid_by: Vec<StatementPayer>,
    /// The work, by project and user.
    pub work: Vec<StatementWork>,
    /// All of the work.
    pub total: StatementTotal,
}

/// An account over a month.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StatementAccount {
    /// What it had before.
    pub opening: Amount,
    /// What changed it, by kind: `top_up`, `charge`, `adjustment`, `commitment`, `payment`.
    pub movements: Vec<StatementMovement>,
    /// What it had after.
    pub closing: Amount,
}

/// Movements of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StatementMovement {
    /// The kind.
    pub kind: String,
    /// How many.
    pub postings: u64,
    /// What they come to.
    pub amount: Amount,
}

/// Who paid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StatementPayer {
    /// The account of the books.
    pub account: String,
    /// What it paid.
    pub amount: Amount,
}

/// Work of one user in one project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StatementWork {
    /// The project, if it was in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub project: Option<String>,
    /// Who submitted it.
    pub user: String,
    /// What it comes to.
    #[serde(flatten)]
    pub total: StatementTotal,
}

/// What work comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StatementTotal {
    /// Attempts that ended.
    pub attempts: u64,
    /// Card-hours.
    pub card_hours: String,
    /// What it cost, whoever paid.
    pub cost: Amount,
}
