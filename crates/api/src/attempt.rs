//! Attempts as they are shown.

use haina_core::JobState;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::account::Amount;
use crate::moment::Moment;
use crate::words::JobStateWord;

/// One try of a job, or of one element of a job array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// `17.1`, or `17_3.1` for element 3 of an array.
    pub id: String,
    /// The job's id.
    pub job: String,
    /// The element's index, if the job is an array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub element: Option<u32>,
    /// The try, from 1.
    pub number: u16,
    /// Its state.
    #[schema(value_type = JobStateWord)]
    pub state: JobState,
    /// When it was given its cards.
    pub placed: Moment,
    /// When its first task started; metering begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub started: Option<Moment>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ended: Option<Moment>,
    /// Where it runs or ran.
    pub nodes: Vec<AttemptNode>,
    /// Whether its cards are simulated.
    pub simulated: bool,
    /// The digest of the image that its tasks run in, where they run in one and it is still known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub image_digest: Option<String>,
    /// Held of the account while it runs.
    pub hold: Amount,
    /// Price of a card-hour, fixed when it was placed.
    pub price_per_card_hour: Amount,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub end: Option<Ended>,
}

/// What an attempt holds on one node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AttemptNode {
    /// The node's name.
    pub node: String,
    /// The cards.
    pub cards: Vec<CardPart>,
    /// Processor cores.
    pub cpus: f64,
    /// Bytes of memory.
    pub memory_bytes: u64,
}

/// A card, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CardPart {
    /// The card's index on its node.
    pub index: u8,
    /// How much of it: 1 for all.
    pub part: f64,
}

/// How an attempt ended, and what it used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Ended {
    /// `exited`, `signalled`, `out_of_memory`, `timed_out`, `stopped`, `unstartable` or `lost`.
    pub how: String,
    /// The exit code, if it exited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub exit_code: Option<u8>,
    /// The signal, if one ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub signal: Option<u8>,
    /// Why it could not start, or what was seen when it was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// The first task of a gang that failed: the attempt ended as it did, and the others were ended because of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub failed_task: Option<FailedTask>,
    /// Whether another attempt was to follow.
    pub retry: bool,
    /// Processor time, user and system.
    pub cpu_seconds: f64,
    /// The largest resident set of one process, in bytes.
    pub memory_peak_bytes: u64,
    /// Bytes read from block devices.
    pub read_bytes: u64,
    /// Bytes written to block devices.
    pub written_bytes: u64,
    /// Card-hours used.
    pub card_hours: String,
    /// Charged for it.
    pub charged: Amount,
}

/// One task of a gang.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailedTask {
    /// Its rank, from 0; `task` where its output is read.
    pub rank: u32,
    /// How many tasks the gang has.
    pub tasks: u32,
    /// The name of the node where it ran.
    pub node: String,
}
