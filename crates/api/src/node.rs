//! Nodes as they are shown.

use std::collections::BTreeMap;

use haina_core::{Card, CardReading};
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
    /// What is free of each card, by index; nothing of a card that gets no new work.
    pub cards_free: Vec<f64>,
    /// Cards that get no new work, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cards_unusable: Vec<NodeCardUnusable>,
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
    /// Its real cards, as they were last read; only where one node is asked for, and that is the machine of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub real_cards: Option<Vec<RealCard>>,
    /// What jobs on it are confined to; only where one node is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub confinement: Option<NodeConfinement>,
}

/// A card that gets no new work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeCardUnusable {
    /// Its index on the node.
    pub index: u32,
    /// Why, in its driver's words.
    pub reason: String,
}

/// A real card, as it was last read. What its driver does not say is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RealCard {
    /// Its index on the node.
    pub index: u32,
    /// Who makes it.
    pub vendor: String,
    /// What its driver calls it.
    pub model: String,
    /// What tells it from all others: a UUID, or where it is on the bus.
    pub id: String,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Bytes of memory in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub memory_used_bytes: Option<u64>,
    /// How much of the last moments it computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub utilization_percent: Option<u32>,
    /// Power that it draws.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub power_watts: Option<f64>,
    /// Its temperature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub temperature_celsius: Option<i32>,
    /// `healthy`, `degraded` or `unhealthy`; an unhealthy card gets no new work.
    pub health: String,
    /// Why it is not healthy, in its driver's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// Attempts that hold it, or parts of it, and that you may see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<String>,
}

impl RealCard {
    /// A card that nobody holds.
    pub fn of(index: u32, card: &Card, reading: &CardReading) -> RealCard {
        RealCard {
            index,
            vendor: card.vendor.clone(),
            model: card.model.clone(),
            id: card.id.clone(),
            memory_bytes: reading.memory.unwrap_or(card.memory).0,
            memory_used_bytes: reading.memory_used.map(|memory| memory.0),
            utilization_percent: reading.utilization_percent,
            power_watts: reading.power_milliwatts.map(|milliwatts| milliwatts as f64 / 1000.0),
            temperature_celsius: reading.temperature_celsius,
            health: reading.health.word().to_owned(),
            reason: reading.health.reason().map(str::to_owned),
            attempts: Vec::new(),
        }
    }
}

/// What a node keeps jobs to, and what not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeConfinement {
    /// Of `files`, `isolation`, `memory`, `cpu`, `processes`, `users` and `cards`, what is enforced.
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
