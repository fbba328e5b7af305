//! The baseline: `sbatch` against Debian's Slurm on the same machine, in the same run. Slurm does not make a job durable
//! before it answers (it saves its state every few seconds), and the work of its client is part of what a user waits for.

use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::e2e::CLIENTS;
use super::measurements::{Measurements, Must, median};
use super::slurm_center::{SlurmCenter, missing};

const PART: &str = "The same with sbatch (Debian's Slurm, no durability)";
/// 39 nodes of 8 cards, as in the sample center; none answers. `defer` is what Slurm's own guide to high throughput asks
/// for: it does not try to start each job while it is being submitted.
const NODES: &str = "SchedulerParameters=defer\n\
    NodeName=n[1-39] NodeAddr=127.0.0.1 Port=[18001-18039] CPUs=192 RealMemory=700000 Gres=npu:8 State=DOWN";
const RUNS: usize = 3;
const LENGTH: Duration = Duration::from_secs(10);

/// Measures `sbatch`, 64 in parallel and one after the other, and compares.
///
/// # Errors
/// Where Slurm is there and fails, or is not there and required.
pub fn measure(parent: &Path, haina_per_second: f64, found: &mut Measurements) -> anyhow::Result<()> {
    if let Some(why) = missing() {
        if haina_testkit::require::is_required("slurm") {
            bail!("slurm is required by HAINA_REQUIRE, but {why}");
        }
        found.skip(format!("sbatch: {why}"));
        return Ok(());
    }
    let slurm = SlurmCenter::start(parent, NODES)?;
    let script = parent.join("job.sh");
    std::fs::write(&script, "#!/bin/sh\nset -e\npython3 train.py --horizon 3\n")?;
    let one_after_the_other = rates(&slurm, &script, 1)?;
    let parallel = rates(&slurm, &script, CLIENTS)?;
    found.add(PART, "sbatch, one after the other: rate", one_after_the_other, "jobs/s", None);
    found.add(PART, "sbatch, 64 in parallel: rate", parallel, "jobs/s", None);
    found.add(
        PART,
        "Haina's single jobs ÷ 64 parallel sbatch",
        haina_per_second / parallel,
        "×",
        Some(Must::AtLeast(10.0)),
    );
    found.add(PART, "Haina's single jobs ÷ sequential sbatch", haina_per_second / one_after_the_other, "×", None);
    Ok(())
}

fn rates(slurm: &SlurmCenter, script: &Path, clients: usize) -> anyhow::Result<f64> {
    (0..RUNS).map(|_| rate(slurm, script, clients)).collect::<anyhow::Result<Vec<f64>>>().map(median)
}

fn rate(slurm: &SlurmCenter, script: &Path, clients: usize) -> anyhow::Result<f64> {
    let submitted = AtomicU64::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let client = || {
            while begun.elapsed() < LENGTH {
                let mut sbatch = slurm.command("sbatch");
                sbatch.args([
                    "--parsable",
                    "--gres=npu:1",
                    "--cpus-per-task=4",
                    "--mem=16G",
                    "--time=60",
                    "--output=/dev/null",
                ]);
                let output = sbatch.arg(script).stdin(Stdio::null()).output().context("sbatch")?;
                if !output.status.success() {
                    bail!("sbatch failed: {}", String::from_utf8_lossy(&output.stderr).trim_end());
                }
                submitted.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        };
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
        clients.into_iter().try_for_each(|client| client.join().expect("a client does not panic"))
    })?;
    Ok(submitted.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64())
}
