//! Slurm's scheduler beside Haina's: how long each takes for one job that it looks at, in a cluster whose nodes exist on
//! paper only. To Slurm they are cloud nodes that are always about to be powered up, so that slurmctld decides as it would
//! and nothing runs. What it took is what its own `sdiag` says.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::measurements::{Measurements, Must};
use super::scheduler::{LARGEST, SIZES, medians, of_size};
use super::slurm_center::{SlurmCenter, missing};
use crate::steps;

const PART: &str = "Beside Slurm: time for one job that is looked at";
/// Elements of each array; the queue has as many arrays as fill all cards twice.
const ARRAY: u32 = 10_000;
/// Slurm is watched until both of its loops have gone through the queue so often, or for so long.
const CYCLES: u64 = 3;
const LENGTH: Duration = Duration::from_secs(60);
/// How much faster Haina is to be at 10,000 nodes.
const FASTER: f64 = 1_000.0;

/// Compares at all sizes. `look_us` are microseconds for one look of Haina's by the number of nodes, where they were measured
/// in this run.
///
/// # Errors
/// Where Slurm is there and fails, or is not there and required.
pub fn measure(parent: &Path, look_us: &BTreeMap<u32, f64>, found: &mut Measurements) -> anyhow::Result<()> {
    if let Some(why) = missing() {
        if haina_testkit::require::is_required("slurm") {
            bail!("slurm is required by HAINA_REQUIRE, but {why}");
        }
        found.skip(format!("slurmctld: {why}"));
        return Ok(());
    }
    for nodes in SIZES {
        let directory = parent.join(format!("slurm-{nodes}"));
        std::fs::create_dir_all(&directory)?;
        let slurm = Cycles::watch(&directory, nodes)?;
        let haina = match look_us.get(&nodes) {
            Some(known) => *known,
            None => medians(&of_size(nodes))?.get("microseconds_per_look")?,
        };
        let of = |what: &str| format!("{nodes} nodes: {what}");
        for (loop_name, per_job) in [("main loop", slurm.main), ("backfill", slurm.backfill)] {
            match per_job {
                Some(us) => found.add(PART, of(&format!("slurmctld, {loop_name}")), us / 1000.0, "ms", None),
                None => found.skip(of(&format!("slurmctld, {loop_name}: no cycle came to its end"))),
            }
        }
        found.add(PART, of("Haina, ends and submissions included"), haina / 1000.0, "ms", None);
        let fastest = slurm.main.into_iter().chain(slurm.backfill).reduce(f64::min);
        let fastest = fastest.context("neither loop of slurmctld came to an end")?;
        let must = (nodes == LARGEST).then_some(Must::AtLeast(FASTER));
        found.add(PART, of("Slurm's faster loop ÷ Haina"), fastest / haina, "×", must);
    }
    Ok(())
}

/// Microseconds for each job that a loop looked at; none where none of its cycles came to its end.
struct Cycles {
    main: Option<f64>,
    backfill: Option<f64>,
}

impl Cycles {
    fn watch(directory: &Path, nodes: u32) -> anyhow::Result<Cycles> {
        let slurm = SlurmCenter::start(directory, &about_nodes(nodes))?;
        let script = directory.join("job.sh");
        std::fs::write(&script, "#!/bin/sh\nexit 0\n")?;
        for _ in 0..(2 * 8 * nodes).div_ceil(ARRAY) {
            let mut sbatch = slurm.command("sbatch");
            sbatch.args(["--gres=npu:1", "--cpus-per-task=4", "--mem=16G", "--time=60", "--output=/dev/null"]);
            sbatch.arg(format!("--array=0-{}", ARRAY - 1)).arg(&script).stdin(Stdio::null());
            steps::output(&mut sbatch)?;
        }
        let begun = Instant::now();
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let said = steps::output(&mut slurm.command("sdiag"))?;
            let cycles = |part| number(&said, part, "Total cycles").unwrap_or(0.0);
            let is_enough = cycles(MAIN) >= CYCLES as f64 && cycles(BACKFILL) >= CYCLES as f64;
            if is_enough || begun.elapsed() > LENGTH {
                let per_job = |part, depth| {
                    let (cycle_us, jobs) = (number(&said, part, "Mean cycle")?, number(&said, part, depth)?);
                    (jobs > 0.0).then(|| cycle_us / jobs)
                };
                return Ok(Cycles {
                    main: per_job(MAIN, "Mean depth cycle"),
                    backfill: per_job(BACKFILL, "Depth Mean"),
                });
            }
        }
    }
}

/// Cards are a generic resource, eight a node. Both loops run as often as they may and look at the whole queue, as Haina does.
fn about_nodes(nodes: u32) -> String {
    format!(
        "SchedulerParameters=defer,default_queue_depth=100000,bf_max_job_test=100000,bf_interval=3,sched_interval=3\n\
         MaxArraySize=100000\nSuspendProgram=/bin/true\nResumeProgram=/bin/true\nSuspendTime=3600\nResumeTimeout=3600\n\
         NodeName=n[1-{nodes}] CPUs=192 RealMemory=700000 Gres=npu:8 State=CLOUD"
    )
}

const MAIN: &str = "Main schedule";
const BACKFILL: &str = "Backfilling";

/// A number of one part of what `sdiag` said.
fn number(said: &str, part: &str, name: &str) -> Option<f64> {
    let of_part = said.lines().skip_while(|line| !line.starts_with(part));
    let line = of_part.filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':')).next()?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sdiag_is_read_by_its_parts() {
        let said = "Main schedule statistics (microseconds):\n\tTotal cycles: 2\n\tMean cycle:   120\n\
                    \tMean depth cycle:  3\n\nBackfilling stats\n\tTotal cycles: 1\n\tMean cycle: 900\n\tDepth Mean: 4\n";
        assert_eq!(number(said, MAIN, "Mean cycle"), Some(120.0));
        assert_eq!(number(said, BACKFILL, "Mean cycle"), Some(900.0));
        assert_eq!(number(said, BACKFILL, "Depth Mean"), Some(4.0));
        assert_eq!(number(said, BACKFILL, "Mean depth cycle"), None);
    }
}
