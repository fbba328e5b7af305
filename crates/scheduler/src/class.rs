//! Classes of jobs: what makes jobs alike, what may keep them from starting, and which changes may help.

use std::collections::BTreeSet;

use haina_core::{CardModelId, Milliseconds, OrganizationId, ProjectId, UserId};
use serde::{Deserialize, Serialize};

use crate::Demand;
use crate::lane::{Head, Slot};

/// What makes jobs alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClassKey {
    /// Whose quota and account they use.
    pub organization: OrganizationId,
    /// The project whose quotas they use too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    /// Higher goes first.
    pub priority: i32,
    /// What each of them needs.
    pub demand: Demand,
}

/// What kept the head of a class from starting, and so which change could let it start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocker {
    /// Too little is free in its pool: all classes of its demand wait.
    Capacity,
    /// Its organization's quota, funds or standing.
    Account,
    /// A quota of its pool or of the whole center.
    Pool,
    /// A quota of its user: others of its class may go on.
    User,
}

/// The freed nodes that could help a demand: one that is set aside is found again by what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Helpful {
    /// Every node of the pool: no cards are needed, of whatever model.
    AnyNode,
    /// Every node with cards.
    AnyCards,
    /// Nodes with this model.
    Model(CardModelId),
}

impl Helpful {
    pub(crate) fn to(demand: &Demand) -> Helpful {
        match (demand.cards_per_node.0, demand.card_model) {
            (0, None) => Helpful::AnyNode,
            (_, None) => Helpful::AnyCards,
            (_, Some(model)) => Helpful::Model(model),
        }
    }
}

/// Whether jobs of these demands want the same cards, or, where they want none, the same nodes.
pub(crate) fn compete(one: &Demand, other: &Demand) -> bool {
    let with_cards = |demand: &Demand| demand.cards_per_node.0 > 0;
    let same_model = match (one.card_model, other.card_model) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    one.pool == other.pool && with_cards(one) == with_cards(other) && same_model
}

/// A class in the queue.
#[derive(Clone, Debug)]
pub(crate) struct Class {
    pub(crate) key: ClassKey,
    /// The number of its demand.
    pub(crate) slot: Slot,
    /// Classes go strictly by rank.
    pub(crate) rank: i32,
    /// Its own, and that of its organization.
    pub(crate) head_start: [Milliseconds; 2],
    /// In line, also those of users who are set aside.
    pub(crate) jobs: usize,
    /// Those who have jobs in line.
    pub(crate) users: BTreeSet<UserId>,
    /// If it waits for its account, or for a quota of its pool: the first job then, of which that was said.
    pub(crate) looked_at: Option<Head>,
}

impl Class {
    /// By how much its jobs are due earlier than each for itself.
    pub(crate) fn earlier(&self) -> Milliseconds {
        self.head_start[0] + self.head_start[1]
    }

    pub(crate) fn is_open(&self) -> bool {
        self.jobs > 0 && self.looked_at.is_none()
    }
}
