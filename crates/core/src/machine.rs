//! What a machine has, as it was found, and how its cards are.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Bytes, CpuMillis};

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Machine {
    /// Processors that this process may use.
    pub cpu: CpuMillis,
    /// Memory that this process may use.
    pub memory: Bytes,
    /// Its cards, in the order of their vendors' tools.
    pub cards: Vec<Card>,
    /// Cards in each ring, where they are in rings of one size one after the other; else 0.
    pub ring: u32,
    /// Device files that the programs of all cards need.
    pub shared_devices: Vec<PathBuf>,
    /// What could not be found out, and why.
    pub problems: Vec<String>,
}

/// One accelerator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Who makes it: `NVIDIA` or `Huawei`.
    pub vendor: String,
    /// What its vendor's tool calls it: `NVIDIA H100 80GB HBM3`, `Ascend 910B3`.
    pub model: String,
    /// Tells it from all others, also after a restart: a UUID, or where it is on the bus.
    pub id: String,
    /// Its memory.
    pub memory: Bytes,
    /// The most power that it is set to draw, in watts; 0 where that is not known.
    pub watts: u32,
    /// The numbers by which its vendor's programs know its chips. Most cards have one; an Ascend 910C has two.
    pub chips: Vec<u32>,
    /// Its device files.
    pub devices: Vec<PathBuf>,
    /// Where its chips are in the network of cards, one for each; empty where that is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<ChipPort>,
}

/// A chip in the network of cards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChipPort {
    /// The number of its device file.
    pub device: u32,
    /// The address of its network port: `192.168.100.101`.
    pub address: String,
    /// Its place in a super pod, if it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub super_pod: Option<SuperPodPlace>,
}

/// A chip's place in a super pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuperPodPlace {
    /// The super pod's number.
    pub pod: u32,
    /// The chip's number, which no other of the pod has.
    pub device: u32,
}

/// How a card is at a moment. What its driver does not say is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardReading {
    /// Memory in use.
    pub memory_used: Option<Bytes>,
    /// All of its memory.
    pub memory: Option<Bytes>,
    /// How much of the last moments it computed, in percent.
    pub utilization_percent: Option<u32>,
    /// Power that it draws, in milliwatts.
    pub power_milliwatts: Option<u64>,
    /// Temperature, in degrees Celsius.
    pub temperature_celsius: Option<i32>,
    /// Whether it is fit for work.
    pub health: Health,
}

impl CardReading {
    /// Of a card of which only this much is known.
    pub fn only(health: Health) -> CardReading {
        CardReading {
            memory_used: None,
            memory: None,
            utilization_percent: None,
            power_milliwatts: None,
            temperature_celsius: None,
            health,
        }
    }
}

/// A card of a node that gets no new work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnusableCard {
    /// Its index on the node.
    pub index: u8,
    /// Why, in the words of its driver.
    pub reason: String,
}

/// Whether a card is fit for work. Reasons are in the words of its driver.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It is.
    Healthy,
    /// It works, but somebody should look at it.
    Degraded(String),
    /// It gets no new work.
    Unhealthy(String),
}

impl Health {
    /// The stable word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Health::Healthy => "healthy",
            Health::Degraded(_) => "degraded",
            Health::Unhealthy(_) => "unhealthy",
        }
    }

    /// Why it is not healthy.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Health::Healthy => None,
            Health::Degraded(reason) | Health::Unhealthy(reason) => Some(reason),
        }
    }
}
