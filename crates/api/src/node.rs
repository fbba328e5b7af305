//! Nodes as they are shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its pool.
    pub pool: String,
    /// `available`, `draining` or `down`.
    pub state: String,
    /// Why it is draining, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// The model of its cards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub card_model: Option<String>,
    /// How many cards it has.
    pub cards: u32,
    /// Of these, held by attempts.
    pub cards_allocated: f64,
    /// What is free of each card, by index.
    pub cards_free: Vec<f64>,
    /// Processor cores.
    pub cpus: f64,
    /// Processor cores that are free.
    pub cpus_free: f64,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Bytes of memory that are free.
    pub memory_free_bytes: u64,
    /// Whether its cards are simulated.
    pub simulated: bool,
    /// Attempts on it that you may see; only where one node is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub attempts: Option<Vec<String>>,
    /// What jobs on it are confined to; only where one node is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub confinement: Option<NodeConfinement>,
}

/// What a node keeps jobs to, and what not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeConfinement {
    /// Of `files`, `isolation`, `memory`, `cpu`, `processes` and `users`, what is enforced.
    pub enforced: Vec<String>,
    /// What is not, and why.
    pub not_enforced: BTreeMap<String, String>,
}

/// Why a node is taken out of service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrainRequest {
    /// For people, at most 1,000 bytes.
    #[schema(max_length = 1000)]
    pub reason: String,
}
