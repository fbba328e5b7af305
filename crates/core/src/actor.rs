//! Who asks. Every command carries its actor; what an actor may do is decided in `center::permission`.

use serde::{Deserialize, Serialize};

use crate::phrase::{Phrase, both};
use crate::{AttemptId, UserId};

/// Who a command comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The runtime itself: leadership, the passing of time, the center file.
    Center,
    /// An execution engine, which reports what happened to attempts.
    Engine,
    /// A person or program that authenticated as this user.
    User(UserId),
    /// A program of this attempt, while it has not ended, by the attempt's own token.
    Attempt(AttemptId),
}

/// What a user is to the center.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the center: everything.
    Operator,
    /// Reads everything and keeps accounts: top-ups.
    Finance,
    /// Reads everything, changes nothing.
    Auditor,
    /// Runs one organization: its members and all of its jobs.
    TenantAdmin,
    /// Works in one organization: its own jobs; sees those of its organization.
    Developer,
}

impl Role {
    /// What people call it.
    pub fn title(self) -> Phrase {
        let chinese = match self {
            Role::Operator => "运营方",
            Role::Finance => "财务人员",
            Role::Auditor => "审计人员",
            Role::TenantAdmin => "单位管理员",
            Role::Developer => "开发人员",
        };
        both(self.word(), chinese)
    }

    /// The stable word for it.
    pub fn word(self) -> &'static str {
        match self {
            Role::Operator => "operator",
            Role::Finance => "finance",
            Role::Auditor => "auditor",
            Role::TenantAdmin => "tenant_admin",
            Role::Developer => "developer",
        }
    }
}
