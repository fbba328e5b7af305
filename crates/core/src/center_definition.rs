//! A center as its file describes it. Read from TOML by `api`; applied by the core as one command.

use serde::{Deserialize, Serialize};

use crate::local_definition::LocalDefinition;
use crate::{Bytes, CardMillis, Currency, Entitlement, Money, Policy, Quota, Role};

/// The whole center file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CenterDefinition {
    /// A name for people.
    pub name: String,
    /// The one currency of the center.
    pub currency: Currency,
    /// The kinds of cards, with their prices.
    pub card_models: Vec<CardModelDefinition>,
    /// The pools; the first is the default.
    pub pools: Vec<PoolDefinition>,
    /// The nodes.
    pub nodes: Vec<NodeDefinition>,
    /// The organizations that are served from the start.
    pub organizations: Vec<OrganizationDefinition>,
    /// The users that exist from the start.
    pub users: Vec<UserDefinition>,
    /// The projects that exist from the start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<ProjectDefinition>,
    /// The quotas that hold from the start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quotas: Vec<QuotaDefinition>,
    /// How jobs are scheduled, from the next start of the center on; as it was if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// How this machine runs tasks; nothing is decided by it.
    #[serde(default)]
    pub local: LocalDefinition,
}

/// A kind of card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardModelDefinition {
    /// Unique name, as in job files: `ascend-910`.
    pub name: String,
    /// Who makes it.
    pub vendor: String,
    /// Memory of one card.
    pub memory: Bytes,
    /// FP16 rate in TFLOPS.
    pub tflops_fp16: u32,
    /// Rated power in watts.
    pub watts: u32,
    /// Cards per ring (HCCS, NVLink) on a node; 0 where there are none.
    pub ring: u32,
    /// Cards that are one super pod (Atlas A3), numbered through it; 0 where there are none. Rank tables say it.
    #[serde(default, skip_serializing_if = "is_none")]
    pub super_pod: u32,
    /// Whether parts of a card may be given out.
    pub fractions: bool,
    /// Whether the cards are simulated; shown wherever they are.
    pub simulated: bool,
    /// How the names that drivers give to such cards begin; real cards are of this model by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
    /// Price of one card-hour.
    pub price_per_card_hour: Money,
}

/// A set of nodes sold together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolDefinition {
    /// Unique name.
    pub name: String,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeDefinition {
    /// Unique name.
    pub name: String,
    /// Its pool's name.
    pub pool: String,
    /// Its cards' model; none if it has no cards.
    pub card_model: Option<String>,
    /// How many cards, at most 64.
    pub cards: u32,
    /// Cores in thousandths.
    pub cpu: crate::CpuMillis,
    /// Memory.
    pub memory: Bytes,
    /// The number of its rack or switch, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rack: Option<u32>,
    /// The number of its pod of the network, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<u32>,
}

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationDefinition {
    /// Unique short name, as in job files.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// Cards that it may hold at once; no limit if absent.
    pub card_limit: Option<CardMillis>,
    /// What it is entitled to when others compete with it.
    #[serde(default, skip_serializing_if = "Entitlement::is_plain")]
    pub entitlement: Entitlement,
    /// Paid in when the organization is first registered; never again.
    pub opening_balance: Money,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserDefinition {
    /// Unique login name.
    pub name: String,
    /// What the user is to the center.
    pub role: Role,
    /// Its organization's name; none for those who serve the center itself.
    pub organization: Option<String>,
}

/// A project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectDefinition {
    /// Its name, unique within its organization.
    pub name: String,
    /// The name of the organization whose work happens in it.
    pub organization: String,
    /// The project that it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

/// How many cards may be held within a scope: each name that is given narrows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaDefinition {
    /// Cards of this pool only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Work of this organization only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Work of this project of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Work of this user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// How many.
    #[serde(flatten)]
    pub quota: Quota,
}

/// Centers of before super pods keep their encoding.
fn is_none(cards: &u32) -> bool {
    *cards == 0
}
