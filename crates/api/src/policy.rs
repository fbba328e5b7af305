//! How jobs are scheduled, as it is named and shown.

use haina_core::{Policy, Refusal, both};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How jobs are scheduled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyState {
    /// Its name; absent if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub policy: Option<String>,
    /// Who is next: `fifo`, `fair`, `fair_tree`, `shortest`, `deadline`.
    pub order: String,
    /// Who may pass whom: `none`, `best_effort`, `easy`, `conservative`.
    pub backfill: String,
    /// Which of the places that fit: `best_fit`, `least_fragmentation`.
    pub placement: String,
    /// The names that may be given.
    pub names: Vec<String>,
}

/// Changes how jobs are scheduled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyRequest {
    /// The policy's name.
    pub policy: String,
}

impl PolicyState {
    /// As a policy is shown.
    pub fn of(policy: &Policy) -> PolicyState {
        PolicyState {
            policy: policy.name().map(str::to_owned),
            order: word(&policy.order),
            backfill: word(&policy.backfill),
            placement: word(&policy.placement),
            names: Policy::NAMED.iter().map(|(name, _)| (*name).to_owned()).collect(),
        }
    }
}

/// The word by which a choice is stored.
fn word(choice: &impl Serialize) -> String {
    match serde_json::to_value(choice) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("a choice is stored as a word: {other:?}"),
    }
}

impl PolicyRequest {
    /// The policy.
    ///
    /// # Errors
    /// `invalid_value` where no policy has the name.
    pub fn policy(&self) -> Result<Policy, Refusal> {
        read_policy(&self.policy)
    }
}

/// The policy of a name.
///
/// # Errors
/// `invalid_value` with the names that there are.
pub fn read_policy(name: &str) -> Result<Policy, Refusal> {
    let names: Vec<String> = Policy::NAMED.iter().map(|(name, _)| format!("`{name}`")).collect();
    let names = names.join(", ");
    let rule = both(format!("one of {names}"), format!("{names} 之一"));
    Policy::named(name).ok_or_else(|| Refusal::invalid_value("policy", name, rule))
}
