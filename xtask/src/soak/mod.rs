//! `cargo xtask soak`: the long forms of the randomized tests.

mod kill;

use anyhow::{Context, bail};

use crate::{prerequisites, steps};

/// Runs a soak by its name.
///
/// # Errors
/// Where it cannot be run, or finds something.
pub fn run(words: &[&str]) -> anyhow::Result<()> {
    prerequisites::check(prerequisites::OF_TESTS)?;
    match words {
        ["kill"] => kill::run(false),
        ["kill", "--short"] => kill::run(true),
        ["center"] => center(300),
        ["center", seconds] => center(seconds.parse().context("seconds")?),
        ["scheduler"] => scheduler(10_000),
        ["scheduler", "--short"] => scheduler(3_000),
        _ => bail!("there are `soak kill [--short]`, `soak center [SECONDS]` and `soak scheduler [--short]`"),
    }
}

/// Random histories of a whole center in virtual time: about 60 a second on one core.
fn center(seconds: u64) -> anyhow::Result<()> {
    let seeds = (seconds * 60).to_string();
    let arguments = ["test", "--release", "--quiet", "-p", "haina-simulator", "--", "--nocapture"];
    steps::run(steps::cargo().args(arguments).env("HAINA_SOAK_SEEDS", seeds))
}

/// Random centers whose plans an independent checker judges. A seed that fails is shrunk to the fewest steps.
fn scheduler(centers: u64) -> anyhow::Result<()> {
    let arguments = ["test", "--release", "--quiet", "-p", "haina-simulator", "--test", "random_centers", "--"];
    let command = &mut steps::cargo();
    steps::run(command.args(arguments).arg("--nocapture").env("HAINA_SOAK_CENTERS", centers.to_string()))
}
