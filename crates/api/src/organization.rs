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
    /// By how much it takes part where cards beyond the guarantees are divided.
    pub weight: u32,
    /// Cards that it gets before anybody gets more than is guaranteed.
    pub guaranteed: f64,
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
    /// By how much it takes part where cards beyond the guarantees are divided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000)]
    pub weight: Option<Number>,
    /// Cards that it gets before anybody gets more than is guaranteed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, minimum = 0)]
    pub guaranteed: Option<Number>,
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

    /// The weight.
    ///
    /// # Errors
    /// `invalid_value` where it is no such number.
    pub fn weight(&self) -> Result<Option<u32>, haina_core::Refusal> {
        self.weight.map(|weight| weight.weight("weight")).transpose()
    }

    /// What is guaranteed, in thousandths of cards.
    ///
    /// # Errors
    /// `invalid_value` where it is no number of cards.
    pub fn guaranteed(&self) -> Result<Option<haina_core::CardMillis>, haina_core::Refusal> {
        self.guaranteed.map(|cards| cards.card_limit("guaranteed")).transpose()
    }
}
