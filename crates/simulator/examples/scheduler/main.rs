//! The decision core alone, on one processor core: what `cargo xtask bench scheduler` runs. One measure a run, its numbers as
//! one line of JSON.
//!
//! `cargo run --release -p haina-simulator --example scheduler -- MEASURE …`

mod center;
mod instructions;
mod measures;
mod work;

use std::process::ExitCode;

use work::Work;

const USAGE: &str = "\
cycles NODES WAITING mixed|gangs|racks CYCLES   a full center, 50 ends and 50 submissions a cycle
backfill NODES DEPTH alike|different            jobs behind a promised head
rank USERS TIMES                                everybody anew
told NODES WAITING                              what waiting jobs are told
fractions NODES PLACEMENTS                      parts of cards by least fragmentation, the cluster alone
count NAME                                      few operations, for a counter of instructions; without NAME: all names
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Some(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        None => {
            eprint!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// None where the words are not understood.
fn run(words: &[&str]) -> Option<String> {
    let numbers = match words {
        ["cycles", nodes, waiting, work, cycles] => {
            measures::cycles(nodes.parse().ok()?, waiting.parse().ok()?, work_of(work)?, cycles.parse().ok()?)
        }
        ["backfill", nodes, depth, likeness @ ("alike" | "different")] => {
            measures::backfill(nodes.parse().ok()?, depth.parse().ok()?, *likeness == "alike")
        }
        ["rank", users, times] => measures::rank(users.parse().ok()?, times.parse().ok()?),
        ["told", nodes, waiting] => measures::told(nodes.parse().ok()?, waiting.parse().ok()?),
        ["fractions", nodes, placements] => measures::fractions(nodes.parse().ok()?, placements.parse().ok()?),
        ["count"] => return Some(instructions::NAMES.join(" ")),
        ["count", name] => vec![("operations", instructions::run(name)? as f64)],
        _ => return None,
    };
    let object: serde_json::Map<_, _> =
        numbers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    Some(serde_json::Value::Object(object).to_string())
}

fn work_of(word: &str) -> Option<Work> {
    match word {
        "mixed" => Some(Work::Mixed { gang_nodes_most: 16 }),
        "gangs" => Some(Work::Mixed { gang_nodes_most: 128 }),
        "racks" => Some(Work::RackGangs),
        _ => None,
    }
}
