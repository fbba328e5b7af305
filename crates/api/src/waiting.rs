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
}

impl WhyState {
    /// The reason in the caller's language; `ahead_most` is how far places are counted.
    pub fn of(
        reason: &WaitReason,
        since: Option<Moment>,
        ahead: Option<u64>,
        ahead_most: u64,
        starts_by: Option<Moment>,
        language: Language,
    ) -> WhyState {
        WhyState {
            code: reason.word().to_owned(),
            sentence: reason.sentence(language),
            values: values(reason),
            since,
            ahead,
            ahead_is_least: ahead.is_some_and(|ahead| ahead >= ahead_most),
            starts_by,
        }
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
