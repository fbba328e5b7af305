//! Ascend cards: `npu-smi` run, and its answers put together.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use haina_core::{Bytes, Card, CardReading, Health};

use super::network::{self, Network};
use super::npu_smi::{self, ChipLine};
use super::rings;
use crate::programs;

/// A driver in trouble may never answer.
const ANSWER_MOST: Duration = Duration::from_secs(20);

/// Where the driver's installer puts its tools and libraries.
const DRIVER: &str = "/usr/local/Ascend/driver";

/// Device files that programs of every Ascend card need.
const SHARED: [&str; 3] = ["davinci_manager", "devmm_svm", "hisi_hdc"];

/// `npu-smi`, where it is.
pub fn find_program() -> Option<PathBuf> {
    programs::find("npu-smi").or_else(|| programs::find_in(&format!("{DRIVER}/tools"), "npu-smi"))
}

/// The cards of this machine with how they are, and the size of their rings.
pub fn find(program: &Path, devices: &Path, hccn: &Path) -> Result<(Vec<(Card, CardReading)>, u32), String> {
    let chips = npu_smi::chips(&answer(program, &["info"])?)?;
    // Older drivers do not know these questions; then the table of chips says enough.
    let logic_ids = answer(program, &["info", "-m"]).map(|text| npu_smi::logic_ids(&text)).unwrap_or_default();
    let topology = answer(program, &["info", "-t", "topo"]).unwrap_or_default();
    let cards = cards(&chips, &logic_ids, &network(program, &chips, hccn), devices);
    let ring = ring_size(&cards, &topology);
    Ok((cards, ring))
}

/// Where the chips are in the network of cards, if their ports have addresses.
fn network(program: &Path, chips: &[ChipLine], hccn: &Path) -> Network {
    let addresses = network::addresses(&std::fs::read_to_string(hccn).unwrap_or_default());
    let mut network = Network { addresses, ..Network::default() };
    let asked = if network.addresses.is_empty() { &[] } else { chips };
    for chip in asked {
        let (board, number) = (chip.npu.to_string(), chip.chip.to_string());
        let said = answer(program, &["info", "-t", "spod-info", "-i", &board, "-c", &number]);
        // Machines that are in no super pod are not asked once more for every chip.
        let Some(place) = said.ok().and_then(|text| network::super_pod_place(&text)) else { break };
        network.places.insert((chip.npu, chip.chip), place);
    }
    network
}

/// How the cards are, by id.
pub fn read(program: &Path) -> Result<Vec<(String, CardReading)>, String> {
    let chips = npu_smi::chips(&answer(program, &["info"])?)?;
    Ok(boards(&chips).map(|board| (id(board), reading(board))).collect())
}

/// Those of [`SHARED`] that exist.
pub fn shared_devices(devices: &Path) -> Vec<PathBuf> {
    SHARED.iter().map(|name| devices.join(name)).filter(|path| path.exists()).collect()
}

/// The cards of a table of chips: one for each board, whatever its chips.
pub fn cards(
    chips: &[ChipLine],
    logic_ids: &[(u32, u32, u32)],
    network: &Network,
    devices: &Path,
) -> Vec<(Card, CardReading)> {
    let mut seen = 0;
    boards(chips)
        .map(|board| {
            let mut card = Card {
                vendor: "Huawei".to_owned(),
                model: model(&board[0].name),
                id: id(board),
                memory: sum(board, |chip| chip.memory).unwrap_or_default(),
                watts: 0,
                chips: Vec::new(),
                devices: Vec::new(),
                ports: Vec::new(),
            };
            for chip in board {
                let known = logic_ids.iter().find(|(npu, number, _)| (*npu, *number) == (chip.npu, chip.chip));
                let logic_id = known.map(|(_, _, logic_id)| *logic_id).or(chip.device).unwrap_or(seen);
                card.chips.push(logic_id);
                let device = chip.device.unwrap_or(logic_id);
                card.devices.push(devices.join(format!("davinci{device}")));
                card.ports.extend(network.port(device, (chip.npu, chip.chip)));
                seen += 1;
            }
            if card.ports.len() != board.len() {
                card.ports.clear();
            }
            (card, reading(board))
        })
        .collect()
}

/// The size of the cards' rings. Drivers before `-t topo` were of the first 910, whose eight cards are two rings.
pub fn ring_size(cards: &[(Card, CardReading)], topology: &str) -> u32 {
    let rings = rings::of_chips(topology);
    if rings.is_empty() {
        let is_first_910 = |card: &Card| matches!(&card.model[..], "Ascend 910A" | "Ascend 910ProA" | "Ascend 910ProB");
        return if cards.len() == 8 && cards.iter().all(|(card, _)| is_first_910(card)) { 4 } else { 0 };
    }
    let of_card = |card: &Card| card.chips.first().and_then(|chip| rings.get(chip)).copied();
    let rings: Option<Vec<u32>> = cards.iter().map(|(card, _)| of_card(card)).collect();
    rings.map_or(0, |rings| rings::size(&rings))
}

fn boards(chips: &[ChipLine]) -> impl Iterator<Item = &[ChipLine]> {
    chips.chunk_by(|one, next| one.npu == next.npu)
}

/// `910B3` and `Ascend910` as people say it.
fn model(name: &str) -> String {
    format!("Ascend {}", name.trim_start_matches("Ascend").trim())
}

fn id(board: &[ChipLine]) -> String {
    format!("pci-{}", board[0].bus.to_lowercase())
}

fn sum(board: &[ChipLine], value: impl Fn(&ChipLine) -> Option<Bytes>) -> Option<Bytes> {
    let values: Vec<u64> = board.iter().filter_map(|chip| Some(value(chip)?.0)).collect();
    (!values.is_empty()).then(|| Bytes(values.iter().sum()))
}

/// A card is as its chips are together, and as fit as its worst.
fn reading(board: &[ChipLine]) -> CardReading {
    let loads: Vec<u32> = board.iter().filter_map(|chip| chip.utilization_percent).collect();
    let powers: Vec<u64> = board.iter().filter_map(|chip| chip.power_milliwatts).collect();
    CardReading {
        memory_used: sum(board, |chip| chip.memory_used),
        memory: sum(board, |chip| chip.memory),
        utilization_percent: loads.iter().sum::<u32>().checked_div(loads.len() as u32),
        power_milliwatts: (!powers.is_empty()).then(|| powers.iter().sum()),
        temperature_celsius: board.iter().filter_map(|chip| chip.temperature_celsius).max(),
        health: board.iter().map(|chip| npu_smi::health(&chip.health)).max().unwrap_or(Health::Healthy),
    }
}

fn answer(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let said = |what: String| format!("{} {}: {what}", program.display(), arguments.join(" "));
    let libraries: Vec<String> = ["", "/common", "/driver"].map(|below| format!("{DRIVER}/lib64{below}")).into();
    let mut child = Command::new(program)
        .args(arguments)
        .env("LD_LIBRARY_PATH", libraries.join(":"))
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| said(error.to_string()))?;
    let pipes = (child.stdout.take(), child.stderr.take());
    // Both at once, or a program that fills one pipe while the other is read never ends.
    let readers = (std::thread::spawn(move || all_of(pipes.0)), std::thread::spawn(move || all_of(pipes.1)));
    let began = Instant::now();
    let status = loop {
        match child.try_wait().map_err(|error| said(error.to_string()))? {
            Some(status) => break status,
            None if began.elapsed() < ANSWER_MOST => std::thread::sleep(Duration::from_millis(20)),
            None => {
                _ = child.kill();
                // It may hang in the driver, where no signal reaches it: nobody waits for it.
                std::thread::spawn(move || child.wait());
                return Err(said(format!("no answer within {} s", ANSWER_MOST.as_secs())));
            }
        }
    };
    let (text, complaint) = (readers.0.join().unwrap_or_default(), readers.1.join().unwrap_or_default());
    match status.success() {
        true => Ok(text),
        false => Err(said([text.trim(), complaint.trim(), &status.to_string()].join(" ").trim().to_owned())),
    }
}

fn all_of(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use haina_core::{ChipPort, SuperPodPlace};

    use super::*;

    /// A recorded answer; tests/fixtures/npu-smi/README.md says where its shape is from.
    fn recorded(name: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/npu-smi").join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn found(info: &str, map: Option<&str>) -> Vec<(Card, CardReading)> {
        let chips = npu_smi::chips(&recorded(info)).unwrap();
        let logic_ids = map.map(|map| npu_smi::logic_ids(&recorded(map))).unwrap_or_default();
        cards(&chips, &logic_ids, &Network::default(), Path::new("/dev"))
    }

    fn devices(card: &Card) -> Vec<&str> {
        card.devices.iter().filter_map(|path| path.to_str()).collect()
    }

    #[test]
    fn eight_910a_are_two_rings() {
        let cards = found("info-910a.txt", None);
        assert_eq!(cards.len(), 8);
        let (card, reading) = &cards[7];
        assert_eq!(
            (&card.model[..], card.memory, devices(card)),
            ("Ascend 910A", Bytes(32 << 30), vec!["/dev/davinci7"])
        );
        assert_eq!(reading.memory_used, Some(Bytes(70 << 20)), "high-bandwidth memory, not the other");
        assert_eq!(ring_size(&cards, &recorded("topo-910a.txt")), 4);
        assert_eq!(ring_size(&cards, ""), 4, "also by a driver that does not say");
        assert_eq!(ring_size(&cards[..4], ""), 0);
    }

    #[test]
    fn a_busy_910b_is_read_and_its_processes_are_no_cards() {
        let cards = found("info-910b3-busy.txt", Some("map-910b3.txt"));
        assert_eq!(cards.len(), 2);
        let expected = CardReading {
            memory_used: Some(Bytes(41_697 << 20)),
            memory: Some(Bytes(64 << 30)),
            utilization_percent: Some(87),
            power_milliwatts: Some(290_400),
            temperature_celsius: Some(52),
            health: Health::Healthy,
        };
        assert_eq!(cards[0].1, expected);
        assert_eq!((&cards[0].0.model[..], &cards[0].0.id[..]), ("Ascend 910B3", "pci-0000:c1:00.0"));
        let rings = |topology| ring_size(&found("info-910a.txt", None), &recorded(topology));
        assert_eq!((rings("topo-910b.txt"), rings("topo-pcie.txt")), (0, 0), "all alike");
    }

    #[test]
    fn a_910c_is_one_card_of_two_chips() {
        let cards = found("info-910c.txt", None);
        assert_eq!(cards.len(), 2);
        let (card, reading) = &cards[1];
        assert_eq!((&card.chips[..], devices(card)), (&[2, 3][..], vec!["/dev/davinci2", "/dev/davinci3"]));
        assert_eq!((&card.model[..], card.memory), ("Ascend 910", Bytes(128 << 30)));
        assert_eq!((reading.power_milliwatts, reading.temperature_celsius), (Some(186_300), Some(36)));
        assert_eq!(cards[0].1.utilization_percent, Some(30), "of both chips");
        assert_eq!(card.ports, [], "its addresses are not known");
        assert_eq!(ring_size(&cards, &recorded("topo-910c.txt")), 0);
    }

    #[test]
    fn chips_of_a_super_pod_have_an_address_and_a_place_each() {
        let chips = npu_smi::chips(&recorded("info-910c.txt")).unwrap();
        let addresses = network::addresses(&recorded("hccn.conf"));
        let place = network::super_pod_place(&recorded("spod-910c.txt")).unwrap();
        assert_eq!(place, SuperPodPlace { pod: 0, device: 16_777_216 });
        let places = chips.iter().map(|chip| ((chip.npu, chip.chip), place)).collect();
        let mut network = Network { addresses, places };
        let found = cards(&chips, &[], &network, Path::new("/dev"));
        let ports: Vec<&ChipPort> = found.iter().flat_map(|(card, _)| &card.ports).collect();
        assert_eq!(ports.iter().map(|port| port.device).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!((&ports[3].address[..], ports[3].super_pod), ("192.168.103.100", Some(place)));
        network.addresses.remove(&3);
        let found = cards(&chips, &[], &network, Path::new("/dev"));
        assert_eq!((found[0].0.ports.len(), found[1].0.ports.len()), (2, 0), "half a card's ports are none");
    }

    #[test]
    fn boards_of_310p_have_numbers_that_are_not_those_of_their_devices() {
        let cards = found("info-310p3.txt", Some("map-310p3.txt"));
        let [(_, first), (second, _)] = &cards[..] else { panic!("{cards:?}") };
        assert_eq!((&second.chips[..], devices(second)), (&[1][..], vec!["/dev/davinci1"]));
        assert_eq!((second.memory, first.memory_used), (Bytes(21_534 << 20), Some(Bytes(994 << 20))));
        assert_eq!(cards[1].1.power_milliwatts, None, "what it does not know is absent");
    }

    #[test]
    fn cards_with_alarms_are_degraded_or_unhealthy() {
        let health: Vec<Health> =
            found("info-910b3-alarms.txt", None).into_iter().map(|(_, reading)| reading.health).collect();
        let words: Vec<&str> = health.iter().map(Health::word).collect();
        assert_eq!(words, ["healthy", "degraded", "unhealthy", "unhealthy"]);
        assert_eq!(health[3].reason(), Some("npu-smi says Critical"));
    }
}
