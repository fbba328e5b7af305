//! How the local engine runs tasks, from the `[local]` section of the center file. The core decides nothing by it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Bytes, CpuMillis, EnvironmentContent, Milliseconds};

/// The section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalDefinition {
    /// Whether tasks are kept to their own.
    pub confinement: ConfinementPolicy,
    /// Where the server runs as root: the user number of the first organization; the others follow. Tasks never run as
    /// root.
    pub first_user: u32,
    /// Processes and threads of one task at most.
    pub processes: u32,
    /// Directories that jobs see beside their own.
    pub mounts: Vec<MountDefinition>,
    /// Where Python packages come from.
    #[serde(default)]
    pub python: PythonDefinition,
    /// Where images come from.
    #[serde(default)]
    pub images: ImagesDefinition,
    /// Environments that are built before anybody asks, and never removed.
    #[serde(default)]
    pub environments: Vec<EnvironmentDefinition>,
    /// How long what is left of work is kept.
    #[serde(default)]
    pub keep: KeepDefinition,
    /// The node that is this machine itself, if the file has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub real_node: Option<RealNodeDefinition>,
}

/// The node with `discover = true`. What is absent is what the machine has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RealNodeDefinition {
    /// Unique name.
    pub name: String,
    /// Its pool's name.
    pub pool: String,
    /// Of which model its cards are; needed where the machine has cards of several.
    pub card_model: Option<String>,
    /// How many of these cards.
    pub cards: Option<u32>,
    /// Processors.
    pub cpu: Option<CpuMillis>,
    /// Memory.
    pub memory: Option<Bytes>,
}

impl Default for LocalDefinition {
    fn default() -> LocalDefinition {
        LocalDefinition {
            confinement: ConfinementPolicy::Available,
            first_user: 200_000,
            processes: 4096,
            mounts: Vec::new(),
            real_node: None,
            python: PythonDefinition::default(),
            images: ImagesDefinition::default(),
            environments: Vec::new(),
            keep: KeepDefinition::default(),
        }
    }
}

/// Where Python packages come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonDefinition {
    /// The address of the index; what the server's own variables say if absent.
    pub index: Option<String>,
    /// Further indexes.
    pub extra_indexes: Vec<String>,
    /// The file with names and passwords for them, in the form of netrc(5). Only the server reads it.
    pub credentials: Option<PathBuf>,
}

/// Where images come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImagesDefinition {
    /// Hosts, beginnings of repositories, and images that jobs may name; none if empty. See [`crate::is_image_source`].
    pub allowed: Vec<String>,
    /// The storage of podman that has the administrator's own images; that of the server's user if absent.
    pub storage: Option<PathBuf>,
}

/// An environment that the center keeps ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentDefinition {
    /// For people.
    pub name: String,
    /// What is in it.
    pub content: EnvironmentContent,
}

/// How long what is left of work is kept, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepDefinition {
    /// Environments, since somebody used them.
    pub environments: KeepRule,
    /// Attempts with their output, since they ended.
    pub attempts: KeepRule,
}

/// What is kept; without bounds everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepRule {
    /// At most so old.
    pub age: Option<Milliseconds>,
    /// At most so much together; what is oldest goes first.
    pub size: Option<Bytes>,
}

impl Default for KeepDefinition {
    fn default() -> KeepDefinition {
        let month = Milliseconds::from_seconds(30 * 24 * 3600);
        KeepDefinition {
            // They can be built again.
            environments: KeepRule { age: Some(month), size: None },
            attempts: KeepRule::default(),
        }
    }
}

/// Whether tasks are kept to their own files, memory, processors and processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfinementPolicy {
    /// Not at all.
    Off,
    /// As far as the machine can; nodes say what it cannot.
    Available,
    /// Wholly; on a machine that cannot, the center does not start.
    Required,
}

/// A directory of the machine that jobs see, at the same path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountDefinition {
    /// Absolute.
    pub path: PathBuf,
    /// Only jobs of this organization; all if absent.
    pub organization: Option<String>,
    /// Whether they may write there, as far as the file system's own permissions let them.
    pub writable: bool,
}
