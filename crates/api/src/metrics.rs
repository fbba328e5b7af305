//! What a job used over time, as it is shown.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::moment::Moment;

/// What an attempt of a job used over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobMetrics {
    /// The job's id.
    pub job: String,
    /// The attempt: `17.1`, or `17_3.1` for element 3 of an array. Absent where there is none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub attempt: Option<String>,
    /// When its first task started; points count from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub started: Option<Moment>,
    /// Where it runs or ran; none where it ran for less than a few seconds.
    pub nodes: Vec<NodeMetrics>,
}

/// What an attempt used on one node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeMetrics {
    /// The node's name.
    pub node: String,
    /// Processor cores that it holds there.
    pub cpus: f64,
    /// Bytes of memory that it holds there.
    pub memory_bytes: u64,
    /// How long a point is; the last may be shorter. Doubles as the attempt goes on, so that points stay few.
    pub interval_seconds: f64,
    /// Its use, oldest first.
    pub points: Vec<MetricsPoint>,
    /// The cards that it holds there; none where they are simulated: nothing is read of those.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cards: Vec<CardMetrics>,
}

/// Use over a length of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MetricsPoint {
    /// Where it begins, since the start.
    pub offset_seconds: f64,
    /// How long it is.
    pub seconds: f64,
    /// Processor cores in use, on average.
    pub cpus: f64,
    /// The most of a reading.
    pub cpus_peak: f64,
    /// Bytes of memory held, on average.
    pub memory_bytes: u64,
    /// The most of a reading.
    pub memory_peak_bytes: u64,
}

/// What was read of a card while an attempt held it: of the whole card, also where the attempt holds a part of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CardMetrics {
    /// Its index on the node.
    pub index: u32,
    /// How much of it the attempt holds.
    pub held: f64,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// How much it computed on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub utilization_percent: Option<f64>,
    /// What it drew while its power was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub energy_joules: Option<f64>,
    /// How long a point is; the last may be shorter, and one in which nobody read the card longer.
    pub interval_seconds: f64,
    /// What was read, oldest first.
    pub points: Vec<CardMetricsPoint>,
}

/// A card over a length of time. What nobody read, or its driver does not say, is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CardMetricsPoint {
    /// Where it begins, since the start.
    pub offset_seconds: f64,
    /// How long it is.
    pub seconds: f64,
    /// How much it computed, on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub utilization_percent: Option<f64>,
    /// The most of a reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub utilization_percent_peak: Option<f64>,
    /// Bytes of memory in use, on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub memory_bytes: Option<u64>,
    /// The most of a reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub memory_peak_bytes: Option<u64>,
    /// Power, on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub power_watts: Option<f64>,
    /// The most of a reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub power_watts_peak: Option<f64>,
    /// Temperature, on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub temperature_celsius: Option<f64>,
    /// The most of a reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub temperature_celsius_peak: Option<f64>,
    /// `healthy`, `degraded` or `unhealthy`: the worst of its readings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub health: Option<String>,
}
