//! Organizations as they are shown and changed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::quantity::Number;

/// A legal body or person that is served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Organization {
    /// Its id.
    pub id: String,
    /// Its unique short name.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// Cards that it may hold at once; no limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub card_limit: Option<f64>,
    /// Whether it may not start work.
    pub suspended: bool,
}

/// Adds an organization, or changes what is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationRequest {
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Cards that it may hold at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, minimum = 0)]
    pub card_limit: Option<Number>,
    /// Whether it may not start work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<bool>,
}

impl OrganizationRequest {
    /// The limit in thousandths of cards.
    ///
    /// # Errors
    /// `invalid_value` where it is no number of cards.
    pub fn card_limit(&self) -> Result<Option<haina_core::CardMillis>, haina_core::Refusal> {
        self.card_limit.map(|limit| limit.card_limit("card_limit")).transpose()
    }
}
