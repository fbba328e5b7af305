//! Projects and quotas as they are shown and changed.

use haina_core::center_definition::{ProjectDefinition, QuotaDefinition};
use haina_core::{CardMillis, Quota, Refusal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::quantity::Number;

/// How many cards may be held within a scope, and how many are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QuotaState {
    /// Of what it is a quota: `center`, `pool`, `organization`, `project`, `user`.
    pub level: String,
    /// Cards of this pool only; of all pools if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub pool: Option<String>,
    /// Work of this organization only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub organization: Option<String>,
    /// Work of this project of it only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub project: Option<String>,
    /// Work of this user only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user: Option<String>,
    /// Cards that are its own before anybody borrows.
    pub guaranteed: f64,
    /// The most that may be held; no limit of its own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub limit: Option<f64>,
    /// How many of the guaranteed cards others may hold while it does not.
    pub lendable: f64,
    /// What is held.
    pub held: f64,
    /// What is held beyond the guarantee, where there is one.
    pub borrowed: f64,
}

/// Sets how many cards may be held within a scope, in the place of what held there. Each of `pool`, `organization`,
/// `project` and `user` narrows the scope; without any it is the whole center. Nothing but a scope takes a quota away.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaRequest {
    /// Cards of this pool only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Work of this organization only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Work of this project of it, and of its parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Work that this user submitted for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Cards that are its own before anybody borrows; for an organization or a project, in one pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, minimum = 0)]
    pub guaranteed: Option<Number>,
    /// The most that may be held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, minimum = 0)]
    pub limit: Option<Number>,
    /// How many of the guaranteed cards others may hold while it does not; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, minimum = 0)]
    pub lendable: Option<Number>,
}

impl QuotaRequest {
    /// As the core takes it.
    ///
    /// # Errors
    /// `invalid_value` with the field that is no number of cards.
    pub fn definition(self) -> Result<QuotaDefinition, Refusal> {
        let cards = |number: Option<Number>, field: &str| number.map(|number| number.card_limit(field)).transpose();
        let quota = Quota {
            guaranteed: cards(self.guaranteed, "guaranteed")?.unwrap_or(CardMillis(0)),
            limit: cards(self.limit, "limit")?,
            lendable: cards(self.lendable, "lendable")?,
        };
        let QuotaRequest { pool, organization, project, user, .. } = self;
        Ok(QuotaDefinition { pool, organization, project, user, quota })
    }
}

/// A project: where work of an organization happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Project {
    /// Its id.
    pub id: String,
    /// Its name, unique within its organization.
    pub name: String,
    /// Whose it is.
    pub organization: String,
    /// The project that it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub parent: Option<String>,
}

/// Adds a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectRequest {
    /// Its name, unique within its organization.
    pub name: String,
    /// The organization whose work happens in it.
    pub organization: String,
    /// The project that it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

impl ProjectRequest {
    /// As the core takes it.
    pub fn definition(self) -> ProjectDefinition {
        let ProjectRequest { name, organization, parent } = self;
        ProjectDefinition { name, organization, parent }
    }
}
