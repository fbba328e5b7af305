//! How near to each other a job's cards must be. Its text is `required:rack`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a job asks of where its cards are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Topology {
    /// Whether it waits until it can have this.
    pub force: Force,
    /// All of its cards are within one of these.
    pub level: Level,
}

/// Whether nearness is worth waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Force {
    /// It is.
    Required,
    /// It is not: if no place is within one of the level, the next level is tried, and in the end any place is taken.
    Preferred,
}

/// What cards can have in common, from near to far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// A ring of one node (HCCS, NVLink).
    Ring,
    /// A node.
    Node,
    /// The nodes of one rack, or at one switch.
    Rack,
    /// The racks of one pod of the network.
    Pod,
}

impl Topology {
    /// Whether cards of different rings will not do.
    pub fn stays_in_ring(self) -> bool {
        self == Topology { force: Force::Required, level: Level::Ring }
    }
}

/// The words, which are also those of the stored form.
const FORCES: [(Force, &str); 2] = [(Force::Required, "required"), (Force::Preferred, "preferred")];
const LEVELS: [(Level, &str); 4] =
    [(Level::Ring, "ring"), (Level::Node, "node"), (Level::Rack, "rack"), (Level::Pod, "pod")];

impl FromStr for Topology {
    type Err = ();

    /// Reads `required:rack` and the like; the error says only that it is nothing like it.
    fn from_str(text: &str) -> Result<Topology, ()> {
        let (force, level) = text.split_once(':').ok_or(())?;
        let (force, _) = *FORCES.iter().find(|(_, word)| *word == force).ok_or(())?;
        let (level, _) = *LEVELS.iter().find(|(_, word)| *word == level).ok_or(())?;
        Ok(Topology { force, level })
    }
}

impl fmt::Display for Topology {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let force = FORCES.iter().find(|(force, _)| *force == self.force).map_or("", |(_, word)| word);
        let level = LEVELS.iter().find(|(level, _)| *level == self.level).map_or("", |(_, word)| word);
        write!(formatter, "{force}:{level}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topology_reads_what_it_writes() {
        for (force, _) in FORCES {
            for (level, _) in LEVELS {
                let topology = Topology { force, level };
                assert_eq!(topology.to_string().parse(), Ok(topology));
                let stored = serde_json::to_string(&topology).unwrap();
                assert!(topology.to_string().split(':').all(|word| stored.contains(word)), "{stored}");
            }
        }
        for text in ["", "rack", "required", "required:", "required:room", "rack:required", "Required:rack"] {
            assert_eq!(text.parse::<Topology>(), Err(()), "{text}");
        }
    }
}
