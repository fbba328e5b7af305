//! What an organization agrees to.

use serde::{Deserialize, Serialize};

use crate::{Digest, Milliseconds, Money, PoolId, Timestamp};

/// What is agreed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgreementTerms {
    /// Its name for people, such as the contract's number.
    pub title: String,
    /// What the organization commits to pay.
    pub amount: Money,
    /// Price of a card-hour, whatever the model; the prices in force where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_per_card_hour: Option<Money>,
    /// It pays for work in this pool only; in all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolId>,
    /// From when it pays.
    pub starts: Timestamp,
    /// Until when, this moment not included.
    pub ends: Timestamp,
    /// What happens to work when it is over or used up.
    pub at_end: AtEnd,
    /// What was signed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Document>,
}

/// A document that is kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Its name for people.
    pub title: String,
    /// The SHA-256 of its bytes: proves later which text it was.
    pub sha256: Digest,
}

/// What happens to work that an agreement does not pay any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtEnd {
    /// It does not start.
    Stop,
    /// The prepaid account pays the prices in force.
    OnDemand,
    /// The prepaid account pays the agreement's price for so long after its end.
    Grace(Milliseconds),
}
