//! What the runtime hands to an engine: the core's launch, with the names and the payload that the core leaves out.

use std::collections::BTreeMap;

use haina_core::{Bytes, Epoch, Launch, NodeId, NodeShare, Payload};
use serde::{Deserialize, Serialize};

use crate::engine::EngineError;

/// Start an attempt. Kept on disk as it is, so it must be complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchOrder {
    /// Of the leader that gives the order.
    pub epoch: Epoch,
    /// What the core decided.
    pub launch: Launch,
    /// What to run.
    pub payload: Payload,
    /// The organization's short name: names the default working directory.
    pub organization: String,
    /// The job's name.
    pub job_name: String,
    /// How many elements the job's array has, if it is one.
    pub array_count: Option<u32>,
    /// The nodes of the allocation, in any order.
    pub nodes: Vec<NodeDescription>,
    /// Where tasks reach the center, if they may.
    pub center_url: Option<String>,
    /// Where the first task of the gang may listen; chosen by the engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Bytes kept of each output stream of a task; [`LaunchOrder::LOG_CAP`] if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_cap: Option<Bytes>,
}

/// What an engine must know of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeDescription {
    /// The node.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// Who makes its cards, as the center file says; decides which variable makes cards visible.
    pub vendor: Option<String>,
    /// Cards that are one super pod, where its cards are of such a kind.
    #[serde(default)]
    pub super_pod: u32,
    /// Whether its cards are no simulated ones.
    #[serde(default)]
    pub real: bool,
}

impl LaunchOrder {
    /// What is kept of each output stream unless the order says otherwise: 256 MiB.
    pub const LOG_CAP: Bytes = Bytes(256 << 20);

    /// How many tasks the attempt has.
    pub fn task_count(&self) -> u32 {
        let nodes = u32::try_from(self.launch.allocation.shares.len()).unwrap_or(u32::MAX);
        nodes.saturating_mul(self.launch.tasks_per_node)
    }

    /// Whether there is anybody to find: other tasks, or several cards, for which a program may start processes itself.
    pub(crate) fn is_gang(&self) -> bool {
        let cards: usize = self.launch.allocation.shares.iter().map(|share| share.cards.len()).sum();
        self.task_count() > 1 || cards > 1
    }

    /// Refuses what could never run, or would leave the engine's directory.
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        let bad = |what: &str| Err(EngineError::BadOrder { attempt: self.launch.attempt, what: what.to_owned() });
        if self.task_count() == 0 {
            return bad("it has no task");
        }
        let organization = &self.organization;
        if organization.is_empty() || organization.starts_with('.') || organization.contains(['/', '\0']) {
            return bad("the organization's name cannot name a directory");
        }
        Ok(())
    }

    /// The name of a node of the allocation.
    pub(crate) fn node_name(&self, share: &NodeShare) -> String {
        let node = self.nodes.iter().find(|node| node.id == share.node);
        node.map_or_else(|| share.node.to_string(), |node| node.name.clone())
    }

    /// Rank `rank`'s place: node-major, so the tasks of one node are neighbours.
    pub(crate) fn place(&self, rank: u32) -> Place<'_> {
        let per_node = self.launch.tasks_per_node;
        let share = &self.launch.allocation.shares[(rank / per_node) as usize];
        Place { share, local_rank: rank % per_node }
    }

    /// The variables that tell a task who and where it is.
    pub(crate) fn identity(&self, rank: u32) -> BTreeMap<String, String> {
        let attempt = self.launch.attempt;
        let Place { share, local_rank } = self.place(rank);
        let names: Vec<String> = self.launch.allocation.shares.iter().map(|share| self.node_name(share)).collect();
        let cards: Vec<String> = share.cards.iter().map(|slot| slot.index.to_string()).collect();
        let cards = cards.join(",");
        let mut variables = BTreeMap::new();
        let mut set = |name: &str, value: String| {
            variables.insert(name.to_owned(), value);
        };
        set("HAINA_JOB_ID", attempt.job.to_string());
        set("HAINA_JOB_NAME", self.job_name.clone());
        set("HAINA_ATTEMPT", attempt.to_string());
        set("HAINA_ORGANIZATION", self.organization.clone());
        if attempt.in_array {
            set("HAINA_ARRAY_INDEX", attempt.element.to_string());
            set("HAINA_ARRAY_COUNT", self.array_count.unwrap_or(attempt.element + 1).to_string());
        }
        set("HAINA_NODE", self.node_name(share));
        set("HAINA_NODES", names.join(","));
        for prefix in ["HAINA_", ""] {
            set(&format!("{prefix}RANK"), rank.to_string());
            set(&format!("{prefix}WORLD_SIZE"), self.task_count().to_string());
            set(&format!("{prefix}LOCAL_RANK"), local_rank.to_string());
            set(&format!("{prefix}LOCAL_WORLD_SIZE"), self.launch.tasks_per_node.to_string());
        }
        set("HAINA_CARDS", cards.clone());
        if let Some(url) = &self.center_url {
            set("HAINA_URL", url.clone());
        }
        let vendor = self.nodes.iter().find(|node| node.id == share.node).and_then(|node| node.vendor.as_deref());
        if let Some(name) = vendor.and_then(visible_cards) {
            set(name, cards);
        }
        variables
    }
}

/// The variable by which a vendor's runtime learns which cards it may use. Center files are written by people: `Huawei`,
/// `Huawei Ascend` and `昇腾` are one vendor.
pub(crate) fn visible_cards(vendor: &str) -> Option<&'static str> {
    match () {
        () if is_ascend(vendor) => Some("ASCEND_RT_VISIBLE_DEVICES"),
        () if names(vendor, &["nvidia", "英伟达"]) => Some("CUDA_VISIBLE_DEVICES"),
        () => None,
    }
}

/// Whether a vendor's cards are Ascend.
pub(crate) fn is_ascend(vendor: &str) -> bool {
    names(vendor, &["huawei", "ascend", "华为", "昇腾"])
}

fn names(vendor: &str, words: &[&str]) -> bool {
    let vendor = vendor.to_lowercase();
    words.iter().any(|word| vendor.contains(word))
}

/// Where a task runs.
pub(crate) struct Place<'a> {
    /// What the attempt holds on its node; every task of the node sees all of its cards.
    pub share: &'a NodeShare,
    /// Its rank among the node's tasks.
    pub local_rank: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendors_variable_does_not_depend_on_how_it_is_written() {
        for (vendor, variable) in [
            ("Huawei", Some("ASCEND_RT_VISIBLE_DEVICES")),
            ("ascend", Some("ASCEND_RT_VISIBLE_DEVICES")),
            ("HUAWEI Ascend", Some("ASCEND_RT_VISIBLE_DEVICES")),
            ("昇腾", Some("ASCEND_RT_VISIBLE_DEVICES")),
            ("NVIDIA", Some("CUDA_VISIBLE_DEVICES")),
            ("nvidia", Some("CUDA_VISIBLE_DEVICES")),
            ("Cambricon", None),
        ] {
            assert_eq!(visible_cards(vendor), variable, "{vendor}");
        }
    }
}
