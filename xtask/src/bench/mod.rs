//! `cargo xtask bench`: measurements of a real server and of policies, as a table for people and JSON for programs.

mod e2e;
mod history;
pub mod instructions;
mod load;
mod local;
mod machine;
mod measurements;
mod packing;
mod quality;
mod scheduler;
mod slurm;
mod slurm_center;
mod slurm_cycles;
mod waiting;
mod workload;

use anyhow::bail;

/// Runs a benchmark by its name.
///
/// # Errors
/// Where it cannot be run; with `check`, where a promise is not kept.
pub fn run(name: &str, check: bool, only: &[&str]) -> anyhow::Result<()> {
    match name {
        "e2e" => e2e::run(check, only),
        "local" if only.is_empty() => local::run(check),
        "quality" if only.is_empty() => quality::run(check),
        "scheduler" => scheduler::run(check, only),
        other => bail!("there is no benchmark `{other}`; there are `e2e`, `local`, `quality` and `scheduler`"),
    }
}
