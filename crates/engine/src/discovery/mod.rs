//! What this machine has: processors, memory and cards; and how its cards are.
//!
//! Vendors' tools and libraries are asked, and never required: a machine without them has no cards. What the tools say is
//! read by functions of text or values alone, which are tested against recorded answers.

mod ascend;
mod host;
mod network;
mod npu_smi;
mod nvidia;
mod real_node;
mod rings;

use std::path::PathBuf;

use haina_core::{CardReading, Machine};
use nvml_wrapper::Nvml;

pub use real_node::{OwnCards, RealNode, Settled, card_model_entry, settle};

/// By what the machine is asked.
pub struct Probe {
    nvml: Result<Option<Nvml>, String>,
    /// Whether NVML is asked where there is one.
    asks_nvml: bool,
    npu_smi: Option<PathBuf>,
    devices: PathBuf,
    /// Where Ascend's tools keep the addresses of its cards.
    hccn: PathBuf,
}

impl Probe {
    /// By what is installed.
    pub fn of_this_machine() -> Probe {
        let (nvml, npu_smi) = (nvidia::open(), ascend::find_program());
        let (devices, hccn) = (PathBuf::from("/dev"), PathBuf::from("/etc/hccn.conf"));
        Probe { nvml, asks_nvml: true, npu_smi, devices, hccn }
    }

    /// The same, with `npu-smi` elsewhere.
    pub fn with_npu_smi(program: PathBuf) -> Probe {
        Probe { npu_smi: Some(program), ..Probe::of_this_machine() }
    }

    /// By this program in the place of `npu-smi` alone, with device files and `hccn.conf` in this directory.
    pub fn by_npu_smi(program: PathBuf, devices: PathBuf) -> Probe {
        let hccn = devices.join("hccn.conf");
        Probe { nvml: Ok(None), asks_nvml: false, npu_smi: Some(program), devices, hccn }
    }

    /// Looks anew for what can be asked: drivers are loaded, and loaded again, while a server runs.
    pub fn open_anew(&mut self) {
        if self.asks_nvml {
            // Closed first: the library starts anew only when nobody has it open.
            self.nvml = Ok(None);
            self.nvml = nvidia::open();
        }
        self.npu_smi = self.npu_smi.take().or_else(ascend::find_program);
    }

    /// What the machine has.
    pub fn machine(&self) -> Machine {
        let mut machine = Machine { cpu: host::processors(), ..Machine::default() };
        match host::memory() {
            Ok(memory) => machine.memory = memory,
            Err(problem) => machine.problems.push(problem),
        }
        let nvidia = match &self.nvml {
            Ok(Some(nvml)) => nvidia::find(nvml, &self.devices),
            Ok(None) => Ok(nvidia::Found::default()),
            Err(problem) => Err(problem.clone()),
        };
        let ascend = self
            .npu_smi
            .as_ref()
            .map_or(Ok((Vec::new(), 0)), |program| ascend::find(program, &self.devices, &self.hccn));
        let (ascend, ring) = match ascend {
            Ok(found) => found,
            Err(problem) => {
                machine.problems.push(problem);
                (Vec::new(), 0)
            }
        };
        let nvidia = nvidia.unwrap_or_else(|problem| {
            machine.problems.push(problem);
            nvidia::Found::default()
        });
        machine.problems.extend(nvidia.problems);
        if !nvidia.cards.is_empty() {
            machine.shared_devices.extend(nvidia::shared_devices(&self.devices));
        }
        if !ascend.is_empty() {
            machine.shared_devices.extend(ascend::shared_devices(&self.devices));
        }
        // Rings are told of one kind of cards.
        machine.ring = match (nvidia.cards.is_empty(), ascend.is_empty()) {
            (false, true) => nvidia.ring,
            (true, _) => ring,
            (false, false) => 0,
        };
        machine.cards = nvidia.cards.into_iter().chain(ascend.into_iter().map(|(card, _)| card)).collect();
        machine
    }

    /// How the cards are, by id. Costs a call of the driver for each card, or one run of `npu-smi`.
    pub fn readings(&self) -> Result<Vec<(String, CardReading)>, String> {
        let mut readings = match &self.nvml {
            Ok(Some(nvml)) => nvidia::read(nvml)?,
            Ok(None) => Vec::new(),
            Err(problem) => return Err(problem.clone()),
        };
        if let Some(program) = &self.npu_smi {
            readings.extend(ascend::read(program)?);
        }
        Ok(readings)
    }
}
