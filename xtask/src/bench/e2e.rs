//! `cargo xtask bench e2e`: a real `haina up` over HTTP. What each part measures stands at its function.

use std::path::Path;
use std::time::Duration;

use anyhow::bail;

use super::load::{Load, Pace};
use super::machine::Machine;
use super::measurements::{Measurements, Must, median};
use super::{history, slurm, waiting, workload};
use crate::processes::Workplace;
use crate::{steps, workspace};

/// As many clients at once as the promise names.
pub const CLIENTS: usize = 64;
/// Runs of each; their medians count.
const RUNS: usize = 3;
/// Jobs of one batch.
const BATCH: u64 = 100;
/// Elements of one array.
const ARRAY: u64 = 1000;

/// Measures something below a directory.
type Part = fn(&Path, &mut Measurements) -> anyhow::Result<()>;

/// The parts, in their order.
const PARTS: [(&str, Part); 5] = [
    ("submissions", submissions),
    ("sbatch", |place, found| slurm::measure(place, singles_per_second(found), found)),
    ("idle", waiting::idle),
    ("waiting", waiting::million),
    ("ended", history::million),
];

/// Measures everything, or the parts that are named.
///
/// # Errors
/// Where something cannot be measured; with `check`, where a promise is not kept.
pub fn run(check: bool, only: &[&str]) -> anyhow::Result<()> {
    if let Some(unknown) = only.iter().find(|name| PARTS.iter().all(|(part, _)| part != *name)) {
        bail!("`{unknown}` is no part of e2e; these are: {}", PARTS.map(|(part, _)| part).join(", "));
    }
    steps::build_haina()?;
    let place = Workplace::new("bench")?;
    let machine = Machine::look(place.path())?;
    println!("\n{machine}");
    let mut found = Measurements::new("cargo xtask bench e2e", machine);
    for (part, measure) in PARTS.iter().filter(|(part, _)| only.is_empty() || only.contains(part)) {
        steps::step(part, || measure(place.path(), &mut found))?;
    }
    found.print();
    if only.is_empty() {
        found.write(&workspace::target().join("bench/e2e.json"))?;
    }
    let missed = found.missed();
    if check && !missed.is_empty() {
        bail!("{} missed:\n{}", missed.len(), missed.join("\n"));
    }
    Ok(())
}

const SUBMISSIONS: &str = "Submissions over HTTP, durable (SQLite, synchronous full), 64 clients";
const SINGLES: &str = "single jobs";

fn singles_per_second(found: &Measurements) -> f64 {
    let single = found.measurements.iter().find(|m| m.part == SUBMISSIONS && m.what == format!("{SINGLES}: rate"));
    single.map_or(f64::NAN, |measurement| measurement.value)
}

/// Single jobs, batches and arrays, as fast as 64 clients get answers; then batches at the promised rate.
///
/// Where each client sends the next batch as soon as the last is answered, 6,400 jobs are always under way, and how long
/// one batch takes says only how high the rate is. The promise of a latency for batches is therefore measured at the
/// promised rate, from the moment at which each batch was due.
fn submissions(parent: &Path, found: &mut Measurements) -> anyhow::Result<()> {
    let home = workload::sample_center(parent, "submissions")?;
    let server = home.start(None)?;
    workload::drain_all(&mut home.client()?)?;
    let token = home.token()?;
    let load = |seconds, rate| Load {
        address: home.address,
        token: &token,
        clients: CLIENTS,
        length: Duration::from_secs(seconds),
        rate,
    };
    let most_ms = Some(Must::AtMost(50.0));
    let mut first = 0;
    let mut several = |load: Load, request: &(dyn Fn(u64) -> super::load::Request + Sync)| {
        // Numbers, and with them scripts, never repeat; the first run warms connections, caches and the file up.
        let mut runs = Vec::new();
        for run in 0..=RUNS {
            let offset = first;
            let length = if run == 0 { Duration::from_secs(2) } else { load.length };
            let pace = Load { length, ..load }.run(&|number| request(offset + number))?;
            first += 10_000_000;
            if run > 0 {
                runs.push(pace);
            }
        }
        anyhow::Ok(runs)
    };
    let of = |runs: &[Pace], number: fn(&Pace) -> f64| median(runs.iter().map(number).collect());

    let runs = several(load(10, None), &workload::single)?;
    found.add(
        SUBMISSIONS,
        format!("{SINGLES}: rate"),
        of(&runs, Pace::per_second),
        "jobs/s",
        Some(Must::AtLeast(2000.0)),
    );
    found.add(SUBMISSIONS, format!("{SINGLES}: p50"), of(&runs, Pace::p50_ms), "ms", None);
    found.add(SUBMISSIONS, format!("{SINGLES}: p99"), of(&runs, Pace::p99_ms), "ms", most_ms);

    let runs = several(load(5, None), &|number| workload::batch(number, BATCH))?;
    let rate = of(&runs, Pace::per_second) * BATCH as f64;
    found.add(SUBMISSIONS, "batches of 100: rate", rate, "jobs/s", Some(Must::AtLeast(10_000.0)));
    found.add(SUBMISSIONS, "batches of 100: p50 (6,400 jobs under way)", of(&runs, Pace::p50_ms), "ms", None);
    found.add(SUBMISSIONS, "batches of 100: p99 (6,400 jobs under way)", of(&runs, Pace::p99_ms), "ms", None);

    let runs = several(load(10, Some(10_000.0 / BATCH as f64)), &|number| workload::batch(number, BATCH))?;
    let rate = of(&runs, Pace::per_second) * BATCH as f64;
    found.add(SUBMISSIONS, "batches of 100 at 10,000 jobs/s: rate", rate, "jobs/s", None);
    found.add(SUBMISSIONS, "batches of 100 at 10,000 jobs/s: p50", of(&runs, Pace::p50_ms), "ms", None);
    found.add(SUBMISSIONS, "batches of 100 at 10,000 jobs/s: p99", of(&runs, Pace::p99_ms), "ms", most_ms);

    let runs = several(load(5, None), &|number| workload::array(number, ARRAY))?;
    let rate = of(&runs, Pace::per_second) * ARRAY as f64;
    found.add(SUBMISSIONS, "arrays of 1,000: rate", rate, "jobs/s", Some(Must::AtLeast(10_000.0)));
    found.add(SUBMISSIONS, "arrays of 1,000: p50", of(&runs, Pace::p50_ms), "ms", None);
    found.add(SUBMISSIONS, "arrays of 1,000: p99", of(&runs, Pace::p99_ms), "ms", most_ms);
    server.stop()?;
    std::fs::remove_dir_all(&home.data)?;
    Ok(())
}
