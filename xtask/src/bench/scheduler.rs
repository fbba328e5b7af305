//! `cargo xtask bench scheduler`: the decision core alone, on one processor core, against its targets; and Slurm's
//! scheduler beside it, in the same run.
//!
//! The measures are made by a program of the simulator (`examples/scheduler`), one in a process of its own, five times; the
//! medians count. A decision is an attempt that got its cards, or a class of jobs that was found to have to wait for a
//! reason that is news; looks that only repeat a known reason are counted apart. The time of decisions is that of deciding,
//! with all looks and promises; beside it stands the rate with the ends and submissions between in the time too. Preemption
//! is not built, and not measured.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail, ensure};

use super::machine::Machine;
use super::measurements::{Measurements, Must, median};
use super::slurm_cycles;
use crate::processes::Workplace;
use crate::{steps, workspace};

const PARTS: [&str; 4] = ["decisions", "single", "simulation", "slurm"];
const REPEATS: usize = 5;
/// How many nodes of eight cards.
pub const SIZES: [u32; 3] = [100, 1_000, LARGEST];
/// For this many there are targets.
pub const LARGEST: u32 = 10_000;
/// What time for one decision may come to at 10,000 nodes, by that at 1,000.
const GROWTH_MOST: f64 = 2.0;

/// Medians of one measure's numbers, by name.
pub struct Numbers(BTreeMap<String, f64>);

impl Numbers {
    /// The one of this name.
    ///
    /// # Errors
    /// Where there is none.
    pub fn get(&self, name: &str) -> anyhow::Result<f64> {
        self.0.get(name).copied().with_context(|| format!("the program gives {name}"))
    }
}

/// Measures everything.
///
/// # Errors
/// Where something cannot be measured; with `check`, where a target is missed.
pub fn run(check: bool, only: &[&str]) -> anyhow::Result<()> {
    if let Some(unknown) = only.iter().find(|part| !PARTS.contains(part)) {
        bail!("`{unknown}` is no part of this benchmark: {}", PARTS.join(", "));
    }
    let wanted = |part: &str| only.is_empty() || only.contains(&part);
    build()?;
    let workplace = Workplace::new("bench")?;
    let machine = Machine::look(workplace.path())?;
    println!("\n{machine}");
    let mut found = Measurements::new("cargo xtask bench scheduler", machine);
    let mut look_us = BTreeMap::new();
    if wanted("decisions") {
        look_us = steps::step("decisions", || decisions(&mut found))?;
    }
    if wanted("single") {
        steps::step("one thing at a time", || single(&mut found))?;
    }
    if wanted("simulation") {
        steps::build_haina()?;
        steps::step("simulation", || simulation(&mut found))?;
    }
    if wanted("slurm") {
        steps::step("beside Slurm", || slurm_cycles::measure(workplace.path(), &look_us, &mut found))?;
    }
    found.print();
    found.write(&workspace::target().join("bench/scheduler.json"))?;
    let missed = found.missed();
    ensure!(!check || missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
    Ok(())
}

/// Builds the program that measures.
///
/// # Errors
/// Where it does not build.
pub fn build() -> anyhow::Result<()> {
    // As all other steps build it: nothing is compiled twice.
    let words = ["build", "--release", "--workspace", "--example", "scheduler"];
    steps::step("build the program that measures", || steps::run(steps::cargo().args(words)))
}

/// The program that measures.
pub fn program() -> std::path::PathBuf {
    workspace::target().join("release/examples/scheduler")
}

/// Runs one measure five times. A cold start is no part of it: each process warms up what it measures.
///
/// # Errors
/// Where it fails.
pub fn medians(words: &str) -> anyhow::Result<Numbers> {
    let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for _ in 0..REPEATS {
        let line = steps::output(Command::new(program()).args(words.split(' ')))?;
        let numbers: BTreeMap<String, f64> = serde_json::from_str(&line).context("what the program printed")?;
        for (name, value) in numbers {
            all.entry(name).or_default().push(value);
        }
    }
    Ok(Numbers(all.into_iter().map(|(name, values)| (name, median(values))).collect()))
}

/// Full centers of all sizes. Gives microseconds for one look at a class, by the number of nodes.
fn decisions(found: &mut Measurements) -> anyhow::Result<BTreeMap<u32, f64>> {
    let part = "Full centers, 50 ends and 50 submissions a cycle; quotas at five levels";
    let (mut decision_us, mut look_us) = (Vec::new(), BTreeMap::new());
    for nodes in SIZES {
        let numbers = medians(&of_size(nodes))?;
        decision_us.push((nodes, numbers.get("microseconds_per_decision")?));
        look_us.insert(nodes, numbers.get("microseconds_per_look")?);
        decisions_of(&format!("{nodes} nodes, 100,000 wait"), nodes == LARGEST, &numbers, part, found)?;
    }
    let numbers = medians("cycles 10000 100000 gangs 300")?;
    decisions_of("10000 nodes, 100,000 wait, gangs to 128 nodes", true, &numbers, part, found)?;
    let numbers = medians("cycles 10000 1000000 mixed 300")?;
    decisions_of("10000 nodes, 1,000,000 wait", true, &numbers, part, found)?;
    let of_cycle = Some(Must::AtMost(5.0));
    found.add(part, "the same: cycle of 100 events, p50", numbers.get("cycle_p50_ms")?, "ms", None);
    found.add(part, "the same: cycle of 100 events, p99", numbers.get("cycle_p99_ms")?, "ms", of_cycle);
    found.add(part, "the same: longest call", numbers.get("longest_call_ms")?, "ms", None);
    let memory = Some(Must::AtMost(600.0));
    found.add(part, "the same: resident memory of the whole process", numbers.get("resident_mib")?, "MiB", memory);

    let part = "Growth of the time for one decision, 100,000 wait";
    for (smaller, larger) in decision_us.iter().zip(&decision_us[1..]) {
        let growth = larger.1 / smaller.1;
        let of = format!("from {} to {} nodes", smaller.0, larger.0);
        let must = (larger.0 == LARGEST).then_some(Must::AtMost(GROWTH_MOST));
        found.add(part, of.clone(), growth, "×", must);
        found.add(part, of + ": exponent", growth.log10(), "", None);
    }
    Ok(look_us)
}

/// The measure by which sizes are compared.
pub fn of_size(nodes: u32) -> String {
    format!("cycles {nodes} 100000 mixed 300")
}

fn decisions_of(
    what: &str,
    is_promised: bool,
    numbers: &Numbers,
    part: &'static str,
    found: &mut Measurements,
) -> anyhow::Result<()> {
    let must = is_promised.then_some(Must::AtLeast(100_000.0));
    found.add(part, format!("{what}: decisions"), numbers.get("decisions_per_second")?, "1/s", must);
    let with_events = numbers.get("decisions_with_events_per_second")?;
    found.add(part, format!("{what}: with the ends and submissions between"), with_events, "1/s", None);
    let (first, again) = (numbers.get("first_blocks")?, numbers.get("retests")?);
    let decisions = first + numbers.get("placements")?;
    found.add(part, format!("{what}: of them blocks"), first / decisions * 100.0, "%", None);
    found.add(part, format!("{what}: looks that repeat, by decisions"), again / decisions * 100.0, "%", None);
    found.add(part, format!("{what}: cards in use"), numbers.get("held_permille")? / 10.0, "%", None);
    Ok(())
}

fn single(found: &mut Measurements) -> anyhow::Result<()> {
    let part = "10,000 nodes of eight cards, one thing at a time";
    let numbers = medians("cycles 10000 10000 racks 300")?;
    let must = Some(Must::AtLeast(10_000.0));
    found.add(part, "gangs of 128 cards of one rack", numbers.get("placements_per_second")?, "1/s", must);
    let numbers = medians("fractions 10000 500000")?;
    let must = Some(Must::AtLeast(50_000.0));
    let what = "parts of cards by least fragmentation (the cluster alone)";
    found.add(part, what, numbers.get("placements_per_second")?, "1/s", must);
    for (likeness, what) in [("alike", "10,000 alike"), ("different", "10,000 different")] {
        let numbers = medians(&format!("backfill 10000 10000 {likeness}"))?;
        let of = |what_of: &str| format!("backfill behind a promise, {what}: {what_of}");
        found.add(part, of("all"), numbers.get("total_ms")?, "ms", Some(Must::AtMost(200.0)));
        found.add(part, of("longest call"), numbers.get("longest_call_ms")?, "ms", Some(Must::AtMost(5.0)));
    }
    let numbers = medians("rank 10000 20")?;
    let what = "10,000 users ranked and their jobs lined up anew";
    found.add(part, what, numbers.get("median_ms")?, "ms", Some(Must::AtMost(5.0)));
    for nodes in ["500", "10000"] {
        let numbers = medians(&format!("told {nodes} 100000"))?;
        let what = format!("what a waiting job is told (why, place, likely start), {nodes} nodes, 100,000 wait");
        found.add(part, format!("{what}: longest"), numbers.get("longest_ms")?, "ms", None);
        found.add(part, what, numbers.get("median_ms")?, "ms", None);
    }
    Ok(())
}

/// `haina simulate`, as a person would.
fn simulation(found: &mut Measurements) -> anyhow::Result<()> {
    let part = "Simulation by the default policy (fair)";
    match std::env::var_os("HAINA_TRACES").map(|traces| Path::new(&traces).join("philly.csv")) {
        Some(philly) => {
            let times = (0..REPEATS).map(|_| simulate(&philly, "512")).collect::<anyhow::Result<Vec<f64>>>()?;
            found.add(part, "82,247 jobs of Philly, 512 cards", median(times), "s", Some(Must::AtMost(2.0)));
        }
        None => found.skip("Philly's trace: HAINA_TRACES must name a directory with philly.csv".to_owned()),
    }
    let seconds = simulate(Path::new("generate:1000000"), "1024")?;
    found.add(part, "1,000,000 jobs made up, 1,024 cards, once", seconds, "s", Some(Must::AtMost(30.0)));
    Ok(())
}

/// Seconds from the program's start to its end, reading and measuring included.
fn simulate(trace: &Path, cards: &str) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let mut command = Command::new(workspace::haina());
    steps::output(command.arg("simulate").arg("--trace").arg(trace).args(["--cards", cards, "--json"]))?;
    Ok(begun.elapsed().as_secs_f64())
}
