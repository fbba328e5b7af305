//! The center file of a machine that has cards, where none is given: its cards, one pool, one organization, no prices.

use haina_core::Machine;
use haina_engine::discovery::card_model_entry;

/// The file; none where the machine has no cards.
pub fn text(machine: &Machine, host: &str) -> Option<String> {
    let first = machine.cards.first()?;
    let name = name(host);
    // One node has cards of one model: those of which there are the most.
    let count = |model: &str| machine.cards.iter().filter(|card| card.model == model).count();
    let most = machine.cards.iter().fold(
        first,
        |most, card| {
            if count(&card.model) > count(&most.model) { card } else { most }
        },
    );
    let entry = card_model_entry(most, machine.ring);
    let model = entry.lines().find(|line| line.starts_with("name = ")).unwrap_or_default();
    let model = model.trim_start_matches("name = ");
    Some(format!(
        "# Written by `haina up`, which found these cards and was given no center file.\n\
         name = \"{name}\"\n\n\
         {entry}\n\
         [[pools]]\nname = \"main\"\n\n\
         [[nodes]]\nname = \"{name}\"\ndiscover = true    # processors, memory and cards are what the machine has\n\
         card_model = {model}\n\n\
         [[organizations]]\nname = \"main\"\ntitle = \"{name}\"\n"
    ))
}

/// What a machine calls itself, as names in a center are.
fn name(host: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = host.trim().chars().filter(|c| plain(*c)).take(64).collect();
    let name = name.trim_start_matches(['.', '-']);
    if name.is_empty() { "this-machine".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use haina_api::parse_center_file;
    use haina_core::{Bytes, Card, CpuMillis};
    use haina_engine::discovery::settle;

    use super::*;

    fn card(model: &str, number: u32) -> Card {
        let (vendor, id) = ("NVIDIA".to_owned(), format!("GPU-{number}"));
        let devices = vec![PathBuf::from(format!("/dev/nvidia{number}"))];
        let memory = Bytes(81_559 << 20);
        let (model, chips, ports) = (model.to_owned(), vec![number], Vec::new());
        Card { vendor, model, id, memory, watts: 700, chips, devices, ports }
    }

    #[test]
    fn a_machine_with_cards_is_a_center_of_its_own() {
        let mut cards: Vec<Card> = (0..8).map(|number| card("NVIDIA H100 80GB HBM3", number)).collect();
        cards.insert(0, card("NVIDIA A10", 9));
        let machine = Machine { cpu: CpuMillis(64_000), memory: Bytes(512 << 30), cards, ..Machine::default() };
        let file = parse_center_file(&text(&machine, "gpu server-1\n").unwrap()).unwrap();
        let asked = file.local.real_node.clone().unwrap();
        assert_eq!(asked.name, "gpuserver-1");
        let settled = settle(&file, &asked, &machine, None).unwrap();
        assert_eq!(
            (settled.definition.cards, settled.definition.card_model.as_deref()),
            (8, Some("nvidia-h100-80gb-hbm3"))
        );
        assert_eq!((file.card_models[0].tflops_fp16, file.card_models[0].watts), (989, 700));
    }

    #[test]
    fn a_machine_without_cards_is_none() {
        assert_eq!(text(&Machine::default(), "host"), None);
        assert_eq!((name(".-"), name("..a")), ("this-machine".to_owned(), "a".to_owned()));
    }
}
