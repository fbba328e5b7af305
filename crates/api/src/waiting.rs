//! Why a job waits, as it is shown.

use std::collections::BTreeMap;

use haina_core::{JobState, Language, WaitReason};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::moment::Moment;
use crate::words::JobStateWord;

/// Why a job is where it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Why {
    /// The job's id.
    pub id: String,
    /// Its state.
    #[schema(value_type = JobStateWord)]
    pub state: JobState,
    /// A plain sentence, whatever the state.
    pub sentence: String,
    /// Why it, or what is left of it, waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub waiting: Option<WhyState>,
}

/// Why a job waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WhyState {
    /// A stable word: `turn`, `capacity`, `promised`, `quota`, `funds`, `suspended`, `dependency`, `not_before`, `concurrency`.
    pub code: String,
    /// A plain sentence with the values.
    pub sentence: String,
    /// The values by name.
    pub values: BTreeMap<String, String>,
    /// Since when this is the reason, where that was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub since: Option<Moment>,
    /// Jobs of its pool that go before it; absent while it is not in line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ahead: Option<u64>,
    /// Whether there may be more ahead than were counted.
    pub ahead_is_least: bool,
    /// When it was promised to start at the latest; absent if it was promised nothing yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub starts_by: Option<Moment>,
    /// Jobs that are in line for its pool, itself among them; absent while it is not in line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub in_line: Option<u64>,
    /// What it asks for.
    pub demand: WaitingDemand,
    /// What it was promised, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub promised: Option<PromisedStart>,
    /// When it will probably start: no promise, and never after one. Absent while nothing can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub estimated_start: Option<Moment>,
    /// Whether no more is known than that it will not start before the estimated start.
    #[serde(default)]
    pub estimated_start_is_least: bool,
    /// What its organization holds and may hold.
    pub organization: OrganizationCards,
}

/// What a waiting job asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WaitingDemand {
    /// The pool.
    pub pool: String,
    /// How many nodes.
    pub nodes: u32,
    /// Cards on each.
    pub cards: f64,
    /// The card model, if one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub card_model: Option<String>,
}

/// What a waiting job was promised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PromisedStart {
    /// It starts then at the latest.
    pub start: Moment,
    /// On these nodes, if not on others before.
    pub nodes: Vec<String>,
    /// The job whose end there comes last, at its time limit; absent where nothing has to end, or the caller may not see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub after: Option<String>,
}

/// How many cards an organization holds and may hold, in all pools.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OrganizationCards {
    /// The organization.
    pub name: String,
    /// Cards that it holds.
    pub held: f64,
    /// Cards that are guaranteed to it.
    pub guaranteed: f64,
    /// The most that it may hold; absent where there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub limit: Option<f64>,
}

impl WhyState {
    /// The code, the sentence in the caller's language, and the values of a reason.
    pub fn reason(reason: &WaitReason, language: Language) -> (String, String, BTreeMap<String, String>) {
        (reason.word().to_owned(), reason.sentence(language), values(reason))
    }
}

fn values(reason: &WaitReason) -> BTreeMap<String, String> {
    use haina_core::reason::show_cards as cards;
    let pairs: Vec<(&str, String)> = match reason {
        WaitReason::Turn | WaitReason::Suspended => Vec::new(),
        WaitReason::Capacity { nodes, cards_per_node, nodes_free } => vec![
            ("nodes", nodes.to_string()),
            ("cards", cards(*cards_per_node)),
            ("nodes_free", nodes_free.to_string()),
        ],
        WaitReason::Promised { start } => vec![("start", Moment(*start).to_string())],
        WaitReason::Quota { limit, held, asked, level, in_pool: _, kept } => vec![
            ("limit", cards(*limit)),
            ("held", cards(*held)),
            ("asked", cards(*asked)),
            ("kept", cards(*kept)),
            ("level", level.word().to_owned()),
        ],
        WaitReason::Funds { needed, available } => {
            vec![("needed", needed.to_string()), ("available", available.to_string())]
        }
        WaitReason::Dependency { on } => vec![("on", on.to_string())],
        WaitReason::NotBefore { at } => vec![("at", Moment(*at).to_string())],
        WaitReason::Concurrency { cap } => vec![("cap", cap.to_string())],
    };
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
