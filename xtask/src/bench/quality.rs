//! `cargo xtask bench quality`: how well policies order the jobs of a real trace, beside published averages and beside what
//! somebody who knew all run times would reach; and how fast that is simulated. It runs `haina simulate`, as a person would.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::machine::Machine;
use super::measurements::{Measurements, Must};
use super::packing;
use crate::processes::Workplace;
use crate::{steps, workspace};

/// What was published of the trace: average completion in seconds in one flat pool of 512 and of 768 cards.
const PUBLISHED: [(&str, [f64; 2]); 7] = [
    ("fifo", [488_880.0, 14_478.0]),
    ("fifo-skip", [132_720.0, 14_170.0]),
    ("reference-fifo", [488_880.0, 14_478.0]),
    ("reference-easy", [451_004.0, 14_286.0]),
    ("reference-fifo-skip", [132_720.0, 14_170.0]),
    ("reference-sjf", [25_284.0, 13_744.0]),
    ("reference-qssf", [24_820.0, 13_733.0]),
];
const CARDS: [&str; 2] = ["512", "768"];
/// Policies that know no run time before its end.
const WITHOUT_ORACLE: [&str; 3] = ["throughput", "fair", "reference-qssf-history"];
/// Of the published averages, in percent.
const DEVIATION_MOST: f64 = 1.0;
/// Average completion of `throughput` in 512 cards, in percent of that of who knows all run times.
const OF_ORACLE_MOST: f64 = 130.0;

/// Measures everything.
///
/// # Errors
/// Where the trace is missing or something cannot be simulated; with `check`, where a promise is not kept.
pub fn run(check: bool) -> anyhow::Result<()> {
    let traces = std::env::var_os("HAINA_TRACES")
        .context("HAINA_TRACES must name a directory with philly.csv and openb's tables")?;
    let philly = PathBuf::from(traces).join("philly.csv");
    steps::build_haina()?;
    let machine = Machine::look(Workplace::new("bench")?.path())?;
    println!("\n{machine}");
    let mut found = Measurements::new("cargo xtask bench quality", machine);
    steps::step("published averages", || published(&philly, &mut found))?;
    steps::step("without knowing run times", || without_oracle(&philly, &mut found))?;
    steps::step("packing", || packing::measure(&mut found))?;
    steps::step("estimated starts", || estimates(&philly, &mut found))?;
    steps::step("speed", || speed(&philly, &mut found))?;
    found.print();
    found.write(&workspace::target().join("bench/quality.json"))?;
    let missed = found.missed();
    ensure!(!check || missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
    Ok(())
}

/// One policy's measures.
fn simulate(trace: &Path, cards: &str, policy: &str, more: &[&str]) -> anyhow::Result<Value> {
    Ok(simulated(trace, cards, policy, more)?["measures"].clone())
}

/// All that is said of one policy.
fn simulated(trace: &Path, cards: &str, policy: &str, more: &[&str]) -> anyhow::Result<Value> {
    let mut command = Command::new(workspace::target().join("release/haina"));
    command.arg("simulate").arg("--trace").arg(trace).args(["--cards", cards, "--policy", policy, "--json"]).args(more);
    // The checker takes minutes for a schedule of the center; of a plain loop's little is looked at, at once.
    command.args(policy.starts_with("reference-").then_some("--check"));
    let document: Value = serde_json::from_str(&steps::output(&mut command)?)?;
    Ok(document["policies"][0].clone())
}

fn seconds(measures: &Value, path: &str) -> anyhow::Result<f64> {
    let value = measures.pointer(path).and_then(Value::as_f64);
    Ok(value.with_context(|| format!("haina simulate gives {path}"))? / 1000.0)
}

fn published(trace: &Path, found: &mut Measurements) -> anyhow::Result<()> {
    let part = "Published averages of the trace: completion, mean";
    for (policy, averages) in PUBLISHED {
        for (cards, published) in CARDS.into_iter().zip(averages) {
            let mean = seconds(&simulate(trace, cards, policy, &[])?, "/completion_mean_ms")?;
            found.add(part, format!("{policy}, {cards} cards (published {published:.0} s)"), mean, "s", None);
            let deviation = (mean / published - 1.0).abs() * 100.0;
            let must = Some(Must::AtMost(DEVIATION_MOST));
            found.add(part, format!("{policy}, {cards} cards: deviation"), deviation, "%", must);
        }
    }
    Ok(())
}

fn without_oracle(trace: &Path, found: &mut Measurements) -> anyhow::Result<()> {
    let part = "Policies that do not know run times";
    for cards in CARDS {
        let oracle = seconds(&simulate(trace, cards, "reference-qssf", &[])?, "/completion_mean_ms")?;
        for policy in WITHOUT_ORACLE {
            let measures = simulate(trace, cards, policy, &[])?;
            let mean = seconds(&measures, "/completion_mean_ms")?;
            found.add(part, format!("{policy}, {cards} cards: completion, mean"), mean, "s", None);
            let p99 = seconds(&measures, "/wait_ms/p99")?;
            found.add(part, format!("{policy}, {cards} cards: wait, p99"), p99, "s", None);
            let must = (policy == "throughput" && cards == "512").then_some(Must::AtMost(OF_ORACLE_MOST));
            found.add(part, format!("{policy}, {cards} cards: of who knows all"), mean / oracle * 100.0, "%", must);
        }
    }
    Ok(())
}

/// How far off the starts are that jobs are told when they are submitted.
fn estimates(trace: &Path, found: &mut Measurements) -> anyhow::Result<()> {
    let part = "Starts estimated at submission, fair, 512 cards, jobs that wait";
    let estimates = &simulated(trace, "512", "fair", &["--estimates"])?["estimates"];
    let value =
        |name: &str| estimates[name].as_f64().with_context(|| format!("haina simulate --estimates gives {name}"));
    for (what, name, of_unit, unit) in [
        ("jobs", "jobs", 1.0, ""),
        ("off, median", "off_p50_ms", 1000.0, "s"),
        ("off, P90", "off_p90_ms", 1000.0, "s"),
        ("off, part of the wait, median", "off_of_wait_p50_ppm", 10_000.0, "%"),
        ("off, part of the wait, P90", "off_of_wait_p90_ppm", 10_000.0, "%"),
        ("started later than estimated", "later_ppm", 10_000.0, "%"),
    ] {
        found.add(part, what, value(name)? / of_unit, unit, None);
    }
    Ok(())
}

fn speed(trace: &Path, found: &mut Measurements) -> anyhow::Result<()> {
    let part = "Simulation, one core";
    let generated = Path::new("generate:1000000");
    for (what, trace, cards, policy, most) in [
        ("82,247 jobs of Philly, fifo-skip", trace, "512", "fifo-skip", Some(2.0)),
        ("82,247 jobs of Philly, throughput", trace, "512", "throughput", Some(2.0)),
        ("82,247 jobs of Philly, fair", trace, "512", "fair", Some(2.0)),
        ("1,000,000 jobs made up, 1,024 cards, fifo-skip", generated, "1024", "fifo-skip", Some(30.0)),
        ("1,000,000 jobs made up, 1,024 cards, fair", generated, "1024", "fair", Some(30.0)),
    ] {
        let started = Instant::now();
        simulate(trace, cards, policy, &[])?;
        found.add(part, what, started.elapsed().as_secs_f64(), "s", most.map(Must::AtMost));
    }
    Ok(())
}
