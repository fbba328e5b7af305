//! The core's words as schemas: serialized by the core's own types, described here for the OpenAPI document.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The life of a job or of an array's element.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = JobState)]
#[expect(missing_docs, reason = "see haina_core::JobState")]
pub enum JobStateWord {
    Waiting,
    Starting,
    Running,
    Stopping,
    Succeeded,
    Failed,
    Cancelled,
    Lost,
}

/// What a user is to the center.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Role)]
#[expect(missing_docs, reason = "see haina_core::Role")]
pub enum RoleWord {
    Operator,
    Finance,
    Auditor,
    TenantAdmin,
    Developer,
}

/// What a dependency waits for.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Condition)]
#[expect(missing_docs, reason = "see haina_core::Condition")]
pub enum ConditionWord {
    Succeeded,
    Ended,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_the_cores() {
        for state in haina_core::JobState::ALL {
            let text = serde_json::to_string(&state).unwrap();
            assert!(serde_json::from_str::<JobStateWord>(&text).is_ok(), "{text}");
        }
        use haina_core::Role::*;
        for role in [Operator, Finance, Auditor, TenantAdmin, Developer] {
            let text = serde_json::to_string(&role).unwrap();
            assert!(serde_json::from_str::<RoleWord>(&text).is_ok(), "{text}");
        }
    }
}
