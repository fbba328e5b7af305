//! How the local engine runs tasks, from the `[local]` section of the center file. The core decides nothing by it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Bytes, CpuMillis, Milliseconds, PythonEnvironment};

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
    /// Which container images jobs may name.
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

/// Which container images jobs may name, and where podman keeps them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImagesDefinition {
    /// Beginnings of their names, whole parts: a registry, or with a path in it. Images of `localhost` need no entry: they
    /// are never fetched, an administrator has put them there.
    pub allowed: Vec<String>,
    /// podman's storage; its own configuration's if absent.
    pub storage: Option<PathBuf>,
}

impl ImagesDefinition {
    /// Whether jobs may name this image.
    pub fn allows(&self, image: &str) -> bool {
        let begins = |start: &str| {
            let rest = image.strip_prefix(start.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':', '@']))
        };
        image_is_local(image) || self.allowed.iter().any(|start| begins(start))
    }
}

/// Whether an image is only ever on the machine itself.
pub fn image_is_local(image: &str) -> bool {
    image.starts_with("localhost/")
}

/// An environment that the center keeps ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentDefinition {
    /// For people.
    pub name: String,
    /// What is in it.
    pub python: PythonEnvironment,
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

#[cfg(test)]
mod tests {
    use super::ImagesDefinition;

    #[test]
    fn an_image_is_allowed_by_whole_parts_of_its_name() {
        let allowed = ["registry.example", "docker.io/library/", "hub.example/ai/base"].map(str::to_owned).to_vec();
        let images = ImagesDefinition { allowed, storage: None };
        for image in ["registry.example/a", "docker.io/library/python:3.12", "hub.example/ai/base:1", "localhost/a"] {
            assert!(images.allows(image), "{image}");
        }
        for image in [
            "registry.example.org/a",
            "docker.io/libraryx/a",
            "docker.io/a",
            "hub.example/ai/bases",
            "localhost:5000/a",
        ] {
            assert!(!images.allows(image), "{image}");
        }
        assert!(!ImagesDefinition::default().allows("docker.io/library/python"));
    }
}
