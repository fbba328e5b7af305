//! NVIDIA cards, by NVIDIA's management library (NVML), which is loaded where there is one.

use std::path::{Path, PathBuf};

use haina_core::{Bytes, Card, CardReading, Health};
use nvml_wrapper::enum_wrappers::device::{EccCounter, MemoryError, TemperatureSensor};
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::struct_wrappers::device::{MemoryInfo, Utilization};
use nvml_wrapper::{Device, Nvml};

use super::rings::{self, Linked};

/// Device files that programs of every NVIDIA card need.
const SHARED: [&str; 4] = ["nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset"];

/// The library; none where there is no such library, which is no problem.
pub fn open() -> Result<Option<Nvml>, String> {
    match Nvml::init() {
        Ok(nvml) => Ok(Some(nvml)),
        Err(NvmlError::LibloadingError(_)) => Ok(None),
        // The library came with something else than a driver.
        Err(NvmlError::DriverNotLoaded | NvmlError::NotFound) => Ok(None),
        Err(error) => Err(format!("NVML: {error}")),
    }
}

/// Links that a card has at most (`NVML_NVLINK_MAX_LINKS`).
const LINKS_MOST: u32 = 18;

/// Said of a card that is divided.
const DIVIDED: &str = "it is divided by MIG, and instances are not given out";

/// What was found.
#[derive(Default)]
pub struct Found {
    /// The cards that can be given out.
    pub cards: Vec<Card>,
    /// The size of their rings.
    pub ring: u32,
    /// What is here and cannot be given out.
    pub problems: Vec<String>,
}

/// The cards of this machine.
pub fn find(nvml: &Nvml, devices: &Path) -> Result<Found, String> {
    let count = nvml.device_count().map_err(|error| format!("NVML: {error}"))?;
    let (mut found, mut links) = (Found::default(), Vec::new());
    for index in 0..count {
        let said = |error: NvmlError| format!("NVML: card {index}: {error}");
        let device = nvml.device_by_index(index).map_err(said)?;
        let card = card(&device, index, devices).map_err(said)?;
        if is_divided(&device).unwrap_or(false) {
            found.problems.push(format!("card {index} ({}, {}): {DIVIDED}", card.model, card.id));
            continue;
        }
        links.push(linked(&device).map_err(said)?);
        found.cards.push(card);
    }
    found.ring = rings::size(&rings::of_linked(&links));
    Ok(found)
}

/// Whether it is in MIG mode now. Such a card has no whole to compute with, only what an administrator made of it.
fn is_divided(device: &Device<'_>) -> Result<bool, NvmlError> {
    /// `NVML_DEVICE_MIG_ENABLE`
    const ENABLED: u32 = 1;
    device.mig_mode().map(|mode| mode.current == ENABLED)
}

/// Where its NVLinks lead that are up; a card without any says that it does not know the question.
fn linked(device: &Device<'_>) -> Result<Linked, NvmlError> {
    let own = device.pci_info()?;
    let ends =
        (0..LINKS_MOST).map(|link| device.link_wrapper_for(link)).filter(|link| matches!(link.is_active(), Ok(true)));
    let ends = ends.filter_map(|link| link.remote_pci_info().ok()).map(|end| (end.domain, end.bus, end.device));
    Ok(Linked { place: (own.domain, own.bus, own.device), ends: ends.collect() })
}

/// How the cards are, by id. A card that is lost has no id any more: it is missing here.
pub fn read(nvml: &Nvml) -> Result<Vec<(String, CardReading)>, String> {
    let count = nvml.device_count().map_err(|error| format!("NVML: {error}"))?;
    let devices = (0..count).filter_map(|index| nvml.device_by_index(index).ok());
    Ok(devices.filter_map(|device| Some((device.uuid().ok()?, answers(&device).reading()))).collect())
}

/// Those of [`SHARED`] that exist.
pub fn shared_devices(devices: &Path) -> Vec<PathBuf> {
    SHARED.iter().map(|name| devices.join(name)).filter(|path| path.exists()).collect()
}

fn card(device: &Device<'_>, index: u32, devices: &Path) -> Result<Card, NvmlError> {
    Ok(Card {
        vendor: "NVIDIA".to_owned(),
        model: device.name()?,
        id: device.uuid()?,
        memory: Bytes(device.memory_info()?.total),
        watts: device.enforced_power_limit().unwrap_or(0) / 1000,
        chips: vec![index],
        devices: vec![devices.join(format!("nvidia{}", device.minor_number()?))],
        ports: Vec::new(),
    })
}

/// What the library said of one card.
struct Answers {
    memory: Result<MemoryInfo, NvmlError>,
    utilization: Result<Utilization, NvmlError>,
    power_milliwatts: Result<u32, NvmlError>,
    temperature: Result<u32, NvmlError>,
    uncorrected_errors: Result<u64, NvmlError>,
    pages_pending: Result<bool, NvmlError>,
    is_divided: Result<bool, NvmlError>,
}

fn answers(device: &Device<'_>) -> Answers {
    Answers {
        memory: device.memory_info(),
        utilization: device.utilization_rates(),
        power_milliwatts: device.power_usage(),
        temperature: device.temperature(TemperatureSensor::Gpu),
        uncorrected_errors: device.total_ecc_errors(MemoryError::Uncorrected, EccCounter::Volatile),
        pages_pending: device.are_pages_pending_retired(),
        is_divided: is_divided(device),
    }
}

impl Answers {
    fn reading(self) -> CardReading {
        let health = self.health();
        let memory = self.memory.ok();
        CardReading {
            memory_used: memory.as_ref().map(|memory| Bytes(memory.used)),
            memory: memory.as_ref().map(|memory| Bytes(memory.total)),
            utilization_percent: self.utilization.ok().map(|utilization| utilization.gpu),
            power_milliwatts: self.power_milliwatts.ok().map(u64::from),
            temperature_celsius: self.temperature.ok().and_then(|celsius| i32::try_from(celsius).ok()),
            health,
        }
    }

    /// Questions that a card does not know, such as ECC of one without, say nothing about its health.
    fn health(&self) -> Health {
        let errors = [
            self.memory.as_ref().err(),
            self.utilization.as_ref().err(),
            self.power_milliwatts.as_ref().err(),
            self.temperature.as_ref().err(),
        ];
        let is_grave =
            |error: &&NvmlError| matches!(error, NvmlError::GpuLost | NvmlError::ResetRequired | NvmlError::IrqIssue);
        if let Some(error) = errors.into_iter().flatten().find(is_grave) {
            return Health::Unhealthy(error.to_string());
        }
        if matches!(self.is_divided, Ok(true)) {
            return Health::Unhealthy(DIVIDED.to_owned());
        }
        if matches!(self.pages_pending, Ok(true)) {
            return Health::Degraded("memory pages wait for a reset to be retired".to_owned());
        }
        match self.uncorrected_errors {
            Ok(count @ 1..) => Health::Degraded(format!("{count} uncorrected memory errors since the driver started")),
            _ => Health::Healthy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered() -> Answers {
        Answers {
            memory: Ok(MemoryInfo { free: 70 << 30, reserved: 1 << 30, total: 80 << 30, used: 9 << 30, version: 2 }),
            utilization: Ok(Utilization { gpu: 87, memory: 40 }),
            power_milliwatts: Ok(412_345),
            temperature: Ok(61),
            uncorrected_errors: Err(NvmlError::NotSupported),
            pages_pending: Err(NvmlError::NotSupported),
            is_divided: Ok(false),
        }
    }

    #[test]
    fn what_the_library_says_is_carried_over() {
        let reading = answered().reading();
        let expected = CardReading {
            memory_used: Some(Bytes(9 << 30)),
            memory: Some(Bytes(80 << 30)),
            utilization_percent: Some(87),
            power_milliwatts: Some(412_345),
            temperature_celsius: Some(61),
            health: Health::Healthy,
        };
        assert_eq!(reading, expected);
    }

    #[test]
    fn what_a_card_does_not_know_is_absent_and_no_fault() {
        let reading = Answers { power_milliwatts: Err(NvmlError::NotSupported), ..answered() }.reading();
        assert_eq!((reading.power_milliwatts, reading.health), (None, Health::Healthy));
    }

    #[test]
    fn a_lost_card_is_unhealthy_and_one_with_errors_degraded() {
        let lost = Answers { temperature: Err(NvmlError::GpuLost), ..answered() };
        assert_eq!(lost.reading().health.word(), "unhealthy");
        let errors = Answers { uncorrected_errors: Ok(3), ..answered() }.reading().health;
        assert_eq!(errors, Health::Degraded("3 uncorrected memory errors since the driver started".to_owned()));
        let divided = Answers { is_divided: Ok(true), ..answered() }.reading().health;
        assert_eq!(divided, Health::Unhealthy("it is divided by MIG, and instances are not given out".to_owned()));
        let old = Answers { is_divided: Err(NvmlError::NotSupported), ..answered() }.reading().health;
        assert_eq!(old, Health::Healthy, "cards before MIG do not know the question");
        let pending = Answers { pages_pending: Ok(true), ..answered() };
        assert_eq!(pending.reading().health.word(), "degraded");
    }
}
