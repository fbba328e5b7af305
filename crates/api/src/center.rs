//! The center at a glance.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::account::Amount;
use crate::moment::Moment;

/// The center.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Center {
    /// Its name for people.
    pub name: String,
    /// The version of the program.
    pub version: String,
    /// Its one currency.
    pub currency: String,
    /// Its time.
    pub now: Moment,
    /// The position of the last committed fact.
    pub position: String,
    /// How many nodes it has.
    pub nodes: u64,
    /// Jobs that have not ended.
    pub jobs: u64,
    /// Attempts under way.
    pub attempts: u64,
    /// Its pools; the first is the default.
    pub pools: Vec<Pool>,
    /// Its kinds of cards.
    pub card_models: Vec<CardModel>,
}

/// Nodes that are sold together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Cards on all of its nodes.
    pub cards_installed: f64,
    /// Cards on nodes that take work.
    pub cards_available: f64,
    /// Cards that are held.
    pub cards_allocated: f64,
}

/// A kind of card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CardModel {
    /// Its name.
    pub name: String,
    /// Who makes it.
    pub vendor: String,
    /// Bytes of memory of one card.
    pub memory_bytes: u64,
    /// FP16 rate in TFLOPS.
    pub tflops_fp16: u32,
    /// Rated power in watts.
    pub watts: u32,
    /// Cards per ring on a node; 0 where there are none.
    pub ring: u32,
    /// Whether parts of a card may be given out.
    pub fractions: bool,
    /// Whether the cards are simulated.
    pub simulated: bool,
    /// Price of one card-hour.
    pub price_per_card_hour: Amount,
}

/// Whether the center can take work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Whether it can.
    pub ready: bool,
    /// What is not as it should be, also where it is ready.
    pub reasons: Vec<String>,
}
