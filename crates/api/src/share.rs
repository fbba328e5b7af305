//! Who has which part of the center, and used how much of late, as it is shown.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An organization, or one of its users. Parts and factors have six decimals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Share {
    /// The organization.
    pub organization: String,
    /// The user; absent for the organization as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user: Option<String>,
    /// Its shares among those beside it: organizations, or users of one organization.
    pub weight: u32,
    /// The part of all shares beside it that these are.
    pub normalized_shares: f64,
    /// What is left of what it used: fades to half in seven days. Decimal card-hours.
    pub card_hours: String,
    /// The part of what all beside it used that this is.
    pub effective_use: f64,
    /// The part of the shares divided by the part of the use: above 1 for who had less than its due. Absent if nothing was
    /// used: such a one comes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub level_fair_share: Option<f64>,
    /// A user's place in line by past use alone, from 1, among all users of the center; who ties has the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub position: Option<u32>,
    /// A user's factor by Fair Tree: 1 for who comes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub fair_share: Option<f64>,
    /// The classic factor, 2^(-use/shares): 0.5 for who used exactly its part.
    pub classic_fair_share: f64,
}
