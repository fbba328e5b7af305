//! `haina node discover`: what this machine has, without any center.

use std::path::PathBuf;

use haina_api::RealCard;
use haina_core::{Card, CardReading, Health, Machine};
use haina_engine::discovery::{Probe, card_model_entry};
use serde_json::json;

use crate::environment;
use crate::language::say;
use crate::print::{self, Format, line};
use crate::table::Table;

/// By what this machine is asked.
pub fn probe() -> Probe {
    match environment::read(environment::NPU_SMI) {
        Some(program) => Probe::with_npu_smi(PathBuf::from(program)),
        None => Probe::of_this_machine(),
    }
}

/// Runs the command.
pub fn run(format: Format) -> anyhow::Result<u8> {
    let probe = probe();
    let mut machine = probe.machine();
    let readings = probe.readings().unwrap_or_else(|problem| {
        machine.problems.push(problem);
        Vec::new()
    });
    machine.problems.dedup();
    let unread = || CardReading::only(Health::Unhealthy("it could not be read".to_owned()));
    let reading = |card: &Card| {
        readings.iter().find(|(id, _)| *id == card.id).map_or_else(unread, |(_, reading)| reading.clone())
    };
    let cards: Vec<RealCard> =
        (0..).zip(&machine.cards).map(|(index, card)| RealCard::of(index, card, &reading(card))).collect();
    match format.json {
        true => print_json(&machine, &cards),
        false => print(&machine, &cards),
    }
    Ok(0)
}

fn print_json(machine: &Machine, cards: &[RealCard]) {
    let cards = machine.cards.iter().zip(cards).map(|(card, seen)| {
        let mut value = serde_json::to_value(seen).expect("a card is plain data");
        value["devices"] = json!(card.devices);
        value
    });
    print::json(&json!({
        "cpus": machine.cpu.0 as f64 / 1000.0,
        "memory_bytes": machine.memory.0,
        "ring": machine.ring,
        "cards": cards.collect::<Vec<_>>(),
        "shared_devices": machine.shared_devices,
        "problems": machine.problems,
    }));
}

fn print(machine: &Machine, cards: &[RealCard]) {
    line(say("Processors", "处理器"), machine.cpu.0 as f64 / 1000.0);
    line(say("Memory", "内存"), print::bytes(machine.memory.0));
    line(say("Cards", "卡"), cards.len());
    if machine.ring > 0 {
        line(say("Rings of", "每环卡数"), machine.ring);
    }
    for problem in &machine.problems {
        line(say("Problem", "问题"), problem);
    }
    if cards.is_empty() {
        return;
    }
    println!();
    print_cards(cards);
    println!("\n{}\n", say("For the center file:", "可写入中心文件："));
    for (number, card) in machine.cards.iter().enumerate() {
        if machine.cards[..number].iter().all(|other| other.model != card.model) {
            println!("{}", card_model_entry(card, machine.ring));
        }
    }
    println!("[[nodes]]\nname = \"this-machine\"\ndiscover = true");
}

/// Cards, one a line.
pub fn print_cards(cards: &[RealCard]) {
    let mut table = Table::new(say(
        ["CARD", "MODEL", "HEALTH", "MEMORY", "USED", "LOAD", "POWER", "TEMPERATURE", "HELD BY", "REASON"],
        ["卡", "型号", "健康", "内存", "已用", "利用率", "功耗", "温度", "占用者", "原因"],
    ))
    .expendable([7, 6, 3, 4, 9]);
    let or_unknown = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    for card in cards {
        table.row([
            card.index.to_string(),
            card.model.clone(),
            card.health.clone(),
            print::bytes(card.memory_bytes),
            or_unknown(card.memory_used_bytes.map(print::bytes)),
            or_unknown(card.utilization_percent.map(|percent| format!("{percent}%"))),
            or_unknown(card.power_watts.map(|watts| format!("{watts:.0} W"))),
            or_unknown(card.temperature_celsius.map(|celsius| format!("{celsius} °C"))),
            card.attempts.join(", "),
            card.reason.clone().unwrap_or_default(),
        ]);
    }
    table.print();
}
