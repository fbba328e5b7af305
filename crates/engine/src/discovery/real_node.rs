//! The node that is this machine: what the center file asks of it, settled with what there is.
//!
//! What was settled once is kept in the engine's directory: a node never changes while the center has it, but machines do.
//! A card keeps its index whatever the driver calls it after a restart, and one that is gone leaves a gap.

use haina_core::center_definition::{CardModelDefinition, CenterDefinition, NodeDefinition};
use haina_core::local_definition::RealNodeDefinition;
use haina_core::{Bytes, Card, CardReading, CardSlot, Code, CpuMillis, Health, Machine, Refusal, both};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

use crate::order::visible_cards;

/// What of the memory is left to the system and the server where the center file says nothing: one part in so many.
const MEMORY_LEFT: u64 = 16;

/// The node that is this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RealNode {
    /// Its name.
    pub name: String,
    /// Processors that jobs may have.
    pub cpu: CpuMillis,
    /// Memory that jobs may have.
    pub memory: Bytes,
    /// The name of its cards' model.
    pub card_model: Option<String>,
    /// Its cards, by index. One that is gone has no device files.
    pub cards: Vec<Card>,
    /// Device files that programs of all cards need.
    pub shared_devices: Vec<PathBuf>,
}

/// What came of the center file and the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// For the engine.
    pub node: RealNode,
    /// For the core.
    pub definition: NodeDefinition,
}

/// Settles the center file's real node with the machine. `kept` is what was settled before.
///
/// # Errors
/// `unknown_cards` with the entry to add; `invalid_value` where more is asked for than there is.
pub fn settle(
    center: &CenterDefinition,
    asked: &RealNodeDefinition,
    machine: &Machine,
    kept: Option<RealNode>,
) -> Result<Settled, Refusal> {
    let kept = kept.filter(|kept| kept.name == asked.name);
    let cpu = match (asked.cpu, &kept) {
        (Some(asked), _) => at_most(asked, machine.cpu, "nodes.cpus", |cpu| format!("{}", cpu.0 as f64 / 1000.0))?,
        (None, Some(kept)) => kept.cpu,
        (None, None) => machine.cpu,
    };
    let memory = match (asked.memory, &kept) {
        (Some(asked), _) => at_most(asked, machine.memory, "nodes.memory", |memory| written(*memory))?,
        (None, Some(kept)) => kept.memory,
        (None, None) => Bytes((machine.memory.0 - machine.memory.0 / MEMORY_LEFT) >> 20 << 20),
    };
    let (card_model, cards) = match (&kept, asked.cards) {
        (_, Some(0)) => (None, Vec::new()),
        (Some(kept), cards) => (kept.card_model.clone(), refreshed(kept, machine, cards)?),
        (None, cards) => chosen(center, asked, machine, cards)?,
    };
    let card_model = card_model.filter(|_| !cards.is_empty());
    let definition = NodeDefinition {
        name: asked.name.clone(),
        pool: asked.pool.clone(),
        card_model: card_model.clone(),
        cards: cards.len() as u32,
        cpu,
        memory,
        rack: None,
        pod: None,
    };
    let (name, shared_devices) = (asked.name.clone(), machine.shared_devices.clone());
    Ok(Settled { node: RealNode { name, cpu, memory, card_model, cards, shared_devices }, definition })
}

fn at_most<T: Copy + Ord>(asked: T, has: T, field: &str, written: impl Fn(&T) -> String) -> Result<T, Refusal> {
    if asked <= has {
        return Ok(asked);
    }
    let most = written(&has);
    let rule = both(format!("at most {most}, which is what this machine has"), format!("不超过本机所有的 {most}"));
    Err(Refusal::invalid_value(field, written(&asked), rule))
}

/// The cards of a machine that is new: all of one model.
fn chosen(
    center: &CenterDefinition,
    asked: &RealNodeDefinition,
    machine: &Machine,
    cards: Option<u32>,
) -> Result<(Option<String>, Vec<Card>), Refusal> {
    let with_models: Vec<(&Card, Option<&CardModelDefinition>)> =
        machine.cards.iter().map(|card| (card, model_of(card, &center.card_models))).collect();
    let name = |model: Option<&CardModelDefinition>| model.map(|model| model.name.clone());
    let model = match &asked.card_model {
        Some(model) => Some(model.clone()),
        None => {
            if let Some((unknown, _)) = with_models.iter().find(|(_, model)| model.is_none()) {
                return Err(unknown_cards(machine, unknown));
            }
            let mut models: Vec<String> = with_models.iter().filter_map(|(_, model)| name(*model)).collect();
            models.dedup();
            if models.len() > 1 {
                let models = models.join(", ");
                let rule = both(
                    format!("given, because this machine has cards of several models: {models}"),
                    format!("必须填写，因为本机有多种型号的卡：{models}"),
                );
                return Err(Refusal::absent("nodes.card_model", rule));
            }
            models.pop()
        }
    };
    let own = with_models.iter().filter(|(_, of_card)| model.is_some() && name(*of_card) == model);
    let own: Vec<Card> = own.map(|(card, _)| (*card).clone()).collect();
    if let (Some(model), []) = (&asked.card_model, &own[..]) {
        if let Some((unknown, _)) = with_models.iter().find(|(_, model)| model.is_none()) {
            return Err(unknown_cards(machine, unknown));
        }
        let rule = both("a real card model of which this machine has cards", "本机所装卡的真实卡型号");
        return Err(Refusal::invalid_value("nodes.card_model", model, rule));
    }
    let count = at_most(cards.unwrap_or(own.len() as u32), own.len() as u32, "nodes.cards", u32::to_string)?;
    Ok((model, own.into_iter().take(count as usize).collect()))
}

/// The cards that were settled before, as they are known now.
fn refreshed(kept: &RealNode, machine: &Machine, cards: Option<u32>) -> Result<Vec<Card>, Refusal> {
    let known = kept.cards.len() as u32;
    let count = at_most(cards.unwrap_or(known), known, "nodes.cards", u32::to_string)?;
    let now = |card: &Card| {
        let gone = || Card { devices: Vec::new(), ..card.clone() };
        machine.cards.iter().find(|found| found.id == card.id).cloned().unwrap_or_else(gone)
    };
    Ok(kept.cards.iter().take(count as usize).map(now).collect())
}

/// The model of a real card: the one whose `matches` is the longest beginning of what its driver calls it, else the one
/// that is named like it.
fn model_of<'a>(card: &Card, models: &'a [CardModelDefinition]) -> Option<&'a CardModelDefinition> {
    let called = card.model.to_lowercase();
    let begins = |model: &&CardModelDefinition| {
        model.matches.as_ref().is_some_and(|begin| !begin.is_empty() && called.starts_with(&begin.to_lowercase()))
    };
    let real = || models.iter().filter(|model| !model.simulated);
    let longest = real().filter(begins).max_by_key(|model| model.matches.as_ref().map(String::len));
    longest.or_else(|| real().find(|model| model.name == name_of(&card.model)))
}

/// What its driver calls a card, as the name of a card model: `nvidia-h100-80gb-hbm3`.
fn name_of(called: &str) -> String {
    let mut name = String::new();
    for word in called.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        if !name.is_empty() {
            name.push('-');
        }
        name.push_str(&word.to_lowercase());
    }
    name
}

fn unknown_cards(machine: &Machine, card: &Card) -> Refusal {
    let count = machine.cards.iter().filter(|other| other.model == card.model).count();
    Refusal::new(Code::UnknownCards)
        .with("cards", format!("{count} × {}", card.model))
        .with("entry", card_model_entry(card, machine.ring))
}

/// The entry of the center file for cards like this one.
pub fn card_model_entry(card: &Card, ring: u32) -> String {
    let tflops = known_tflops(&card.model);
    let or_unknown = |value: u32| if value == 0 { "0    # not known to Haina".to_owned() } else { value.to_string() };
    let ring = if ring == 0 { String::new() } else { format!("ring = {ring}\n") };
    format!(
        "[[card_models]]\nname = \"{}\"\nmatches = \"{}\"\nvendor = \"{}\"\nmemory = \"{}\"\ntflops_fp16 = {}\nwatts = {}\n{ring}\
         simulated = false\nprice_per_card_hour = \"0\"\n",
        name_of(&card.model),
        card.model.replace(['"', '\\'], ""),
        card.vendor,
        written(card.memory),
        or_unknown(tflops),
        or_unknown(card.watts),
    )
}

/// FP16 rates of dense matrices on tensor cores, from the makers' data sheets; 0 for other cards.
fn known_tflops(model: &str) -> u32 {
    let known = [
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA H100", 989),
        ("NVIDIA H200", 989),
        ("NVIDIA A100", 312),
        ("NVIDIA A800", 312),
        ("NVIDIA L40S", 362),
        ("NVIDIA A10", 125),
        ("Tesla V100", 125),
        ("Tesla T4", 65),
        ("Ascend 910A", 256),
    ];
    let is_it =
        |begin: &str| model.strip_prefix(begin).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', ' ']));
    known.into_iter().find(|(begin, _)| is_it(begin)).map_or(0, |(_, tflops)| tflops)
}

/// Memory as center files have it.
fn written(memory: Bytes) -> String {
    match memory.0 {
        bytes if bytes.is_multiple_of(1 << 30) => format!("{}GiB", bytes >> 30),
        bytes => format!("{}MiB", bytes >> 20),
    }
}

/// What a task gets for the cards that its attempt holds on this node.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct OwnCards {
    /// Device files: of its cards, and those that every card needs.
    pub devices: Vec<PathBuf>,
    /// The variable by which its vendor's programs know which cards to use, and its value.
    pub visible: Option<(&'static str, String)>,
}

impl RealNode {
    /// The cards of a share. In a sandbox that shows no others (`alone`), drivers number what is there from 0; elsewhere
    /// cards have the numbers of the machine.
    pub fn own_cards(&self, slots: &[CardSlot], alone: bool) -> OwnCards {
        let cards: Vec<&Card> = slots.iter().filter_map(|slot| self.cards.get(usize::from(slot.index))).collect();
        let Some(first) = self.cards.first() else { return OwnCards::default() };
        let chips = cards.iter().flat_map(|card| &card.chips).copied();
        let numbers: Vec<String> = match alone {
            true => (0..chips.count()).map(|number| number.to_string()).collect(),
            false => chips.map(|number| number.to_string()).collect(),
        };
        let mut devices: Vec<PathBuf> = cards.iter().flat_map(|card| card.devices.iter().cloned()).collect();
        if !devices.is_empty() {
            devices.extend(self.shared_devices.iter().cloned());
        }
        OwnCards { devices, visible: visible_cards(&first.vendor).map(|name| (name, numbers.join(","))) }
    }

    /// The same node, its cards where the machine has them now. What the machine does not know is where it was.
    pub fn placed_by(&self, machine: &Machine) -> RealNode {
        let now = |card: &Card| machine.cards.iter().find(|found| found.id == card.id).unwrap_or(card).clone();
        let mut node = RealNode { cards: self.cards.iter().map(now).collect(), ..self.clone() };
        for device in &machine.shared_devices {
            if !node.shared_devices.contains(device) {
                node.shared_devices.push(device.clone());
            }
        }
        node
    }

    /// How each card is, by index, from what was read; one of which nothing was read is missing.
    pub fn readings(&self, read: &[(String, CardReading)]) -> Vec<CardReading> {
        let of_card = |card: &Card| {
            let found = read.iter().find(|(id, _)| *id == card.id).map(|(_, reading)| reading.clone());
            let unhealthy = |why: &str| CardReading::only(Health::Unhealthy(why.to_owned()));
            match found {
                None => unhealthy("its driver does not find it"),
                // Its own reason tells more.
                Some(reading) if matches!(reading.health, Health::Unhealthy(_)) => reading,
                Some(_) if card.devices.is_empty() => unhealthy("its driver does not say yet where it is"),
                Some(reading) => reading,
            }
        };
        self.cards.iter().map(of_card).collect()
    }
}

#[cfg(test)]
mod tests {
    use haina_core::{Currency, Language, Money};

    use super::*;

    fn card(model: &str, number: u32) -> Card {
        Card {
            vendor: if model.starts_with("NVIDIA") { "NVIDIA" } else { "Huawei" }.to_owned(),
            model: model.to_owned(),
            id: format!("id-{number}"),
            memory: Bytes(64 << 30),
            watts: 0,
            chips: vec![number],
            devices: vec![PathBuf::from(format!("/dev/davinci{number}"))],
            ports: Vec::new(),
        }
    }

    fn machine(cards: Vec<Card>) -> Machine {
        let shared_devices = vec![PathBuf::from("/dev/davinci_manager")];
        Machine { cpu: CpuMillis(8000), memory: Bytes(32 << 30), cards, ring: 0, shared_devices, problems: Vec::new() }
    }

    fn model(name: &str, matches: Option<&str>) -> CardModelDefinition {
        CardModelDefinition {
            name: name.to_owned(),
            vendor: "Huawei".to_owned(),
            memory: Bytes(64 << 30),
            tflops_fp16: 0,
            watts: 0,
            ring: 0,
            super_pod: 0,
            fractions: false,
            simulated: false,
            matches: matches.map(str::to_owned),
            price_per_card_hour: Money::zero(Currency::CNY),
        }
    }

    fn center(card_models: Vec<CardModelDefinition>) -> CenterDefinition {
        CenterDefinition {
            policy: None,
            name: "c".to_owned(),
            currency: Currency::CNY,
            card_models,
            pools: Vec::new(),
            nodes: Vec::new(),
            organizations: Vec::new(),
            users: Vec::new(),
            projects: Vec::new(),
            quotas: Vec::new(),
            local: Default::default(),
        }
    }

    fn asked() -> RealNodeDefinition {
        let (name, pool) = ("here".to_owned(), "main".to_owned());
        RealNodeDefinition { name, pool, card_model: None, cards: None, cpu: None, memory: None }
    }

    fn eight() -> Machine {
        machine((0..8).map(|number| card("Ascend 910B3", number)).collect())
    }

    #[test]
    fn what_is_absent_is_what_the_machine_has() {
        let center = center(vec![model("ascend-910", Some("ascend 910")), model("b3", Some("Ascend 910B"))]);
        let Settled { node, definition } = settle(&center, &asked(), &eight(), None).unwrap();
        assert_eq!((definition.card_model.as_deref(), definition.cards), (Some("b3"), 8), "the longest match counts");
        assert_eq!((definition.cpu, definition.memory), (CpuMillis(8000), Bytes(30 << 30)), "some memory is left");
        assert_eq!(node.cards.len(), 8);
        let fewer = RealNodeDefinition { cards: Some(2), cpu: Some(CpuMillis(500)), ..asked() };
        let settled = settle(&center, &fewer, &eight(), None).unwrap();
        assert_eq!((settled.node.cards.len(), settled.definition.cpu), (2, CpuMillis(500)));
    }

    #[test]
    fn more_than_the_machine_has_is_refused_in_words() {
        let center = center(vec![model("ascend-910b3", None)]);
        for (asked, field) in [
            (RealNodeDefinition { cards: Some(9), ..asked() }, "nodes.cards"),
            (RealNodeDefinition { cpu: Some(CpuMillis(8001)), ..asked() }, "nodes.cpus"),
            (RealNodeDefinition { memory: Some(Bytes(33 << 30)), ..asked() }, "nodes.memory"),
            (RealNodeDefinition { card_model: Some("h100".to_owned()), ..asked() }, "nodes.card_model"),
        ] {
            let refusal = settle(&center, &asked, &eight(), None).unwrap_err();
            assert_eq!(refusal.values["field"], field);
        }
        let nine = RealNodeDefinition { cards: Some(9), ..asked() };
        let sentence = settle(&center, &nine, &eight(), None).unwrap_err().sentence(Language::English);
        assert_eq!(sentence, "`nodes.cards` is 9, but must be at most 8, which is what this machine has.");
    }

    #[test]
    fn cards_of_no_model_are_refused_with_the_entry_to_add() {
        let simulated = CardModelDefinition { simulated: true, ..model("ascend-910b3", None) };
        let refusal = settle(&center(vec![simulated]), &asked(), &eight(), None).unwrap_err();
        assert_eq!(refusal.code, Code::UnknownCards, "a simulated model is nobody's");
        let hint = refusal.hint(Language::English);
        assert!(hint.contains("name = \"ascend-910b3\"") && hint.contains("memory = \"64GiB\""), "{hint}");
        let none = RealNodeDefinition { cards: Some(0), ..asked() };
        assert_eq!(settle(&center(vec![]), &none, &eight(), None).unwrap().definition.card_model, None);
    }

    #[test]
    fn a_machine_with_two_kinds_of_cards_needs_to_be_told_which() {
        let both = machine(vec![card("Ascend 910B3", 0), card("NVIDIA A10", 1)]);
        let center = center(vec![model("ascend-910b3", None), model("nvidia-a10", None)]);
        let refusal = settle(&center, &asked(), &both, None).unwrap_err();
        assert!(refusal.sentence(Language::English).contains("ascend-910b3, nvidia-a10"));
        let one = RealNodeDefinition { card_model: Some("nvidia-a10".to_owned()), ..asked() };
        assert_eq!(settle(&center, &one, &both, None).unwrap().node.cards, [card("NVIDIA A10", 1)]);
    }

    #[test]
    fn a_card_that_is_gone_leaves_a_gap_and_the_others_keep_their_places() {
        let center = center(vec![model("ascend-910b3", None)]);
        let before = settle(&center, &asked(), &eight(), None).unwrap();
        // The driver counts anew: what was card 4 has the device of card 3.
        let mut now = eight();
        now.cards.remove(3);
        for (number, card) in (0..).zip(&mut now.cards) {
            (card.chips, card.devices) = (vec![number], vec![PathBuf::from(format!("/dev/davinci{number}"))]);
        }
        (now.cpu, now.memory) = (CpuMillis(4000), Bytes(31 << 30));
        let after = settle(&center, &asked(), &now, Some(before.node.clone())).unwrap();
        assert_eq!(after.definition, before.definition, "the center's node is as it was");
        assert_eq!(after.node.cards[3].devices, [] as [PathBuf; 0]);
        assert_eq!((&after.node.cards[4].id[..], &after.node.cards[4].chips[..]), ("id-4", &[3][..]));
        let back = after.node.placed_by(&eight());
        assert_eq!(back.cards, before.node.cards, "when it comes back, all are where the driver has them then");
        let none = Machine { cards: Vec::new(), ..eight() };
        assert_eq!(after.node.placed_by(&none), after.node, "what the driver does not say stays");
        let read: Vec<(String, CardReading)> =
            now.cards.iter().map(|card| (card.id.clone(), CardReading::only(Health::Healthy))).collect();
        let health: Vec<&str> = after.node.readings(&read).iter().map(|reading| reading.health.word()).collect();
        assert_eq!((health[3], health[4]), ("unhealthy", "healthy"));
    }

    #[test]
    fn a_share_has_its_own_devices_and_numbers() {
        let node = settle(&center(vec![model("ascend-910b3", None)]), &asked(), &eight(), None).unwrap().node;
        let slots = [2, 5].map(|index| CardSlot { index, millis: 1000 });
        let own = node.own_cards(&slots, false);
        let devices = ["/dev/davinci2", "/dev/davinci5", "/dev/davinci_manager"].map(PathBuf::from);
        assert_eq!(own.devices, devices);
        assert_eq!(own.visible, Some(("ASCEND_RT_VISIBLE_DEVICES", "2,5".to_owned())));
        assert_eq!(node.own_cards(&slots, true).visible, Some(("ASCEND_RT_VISIBLE_DEVICES", "0,1".to_owned())));
        let none = node.own_cards(&[], true);
        assert_eq!((none.devices.len(), none.visible), (0, Some(("ASCEND_RT_VISIBLE_DEVICES", String::new()))));
    }
}
