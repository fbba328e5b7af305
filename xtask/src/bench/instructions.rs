//! `cargo xtask bench scheduler --instructions`: how many instructions the hot paths of the scheduler take, counted by
//! valgrind. Unlike time, the count is the same on a busy machine, so that CI can compare it with what it was:
//! xtask/budgets/scheduler.toml. It depends on the compiler, which is why the budget names one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};

use super::scheduler::{build, program};
use crate::{steps, workspace};

/// What the renewed file begins with.
const HEAD: &str = "\
# Instructions for one operation of each hot path of the scheduler; what each is stands in
# crates/simulator/examples/scheduler/instructions.rs. `cargo xtask bench scheduler --instructions --renew` writes this file.
";
const TOLERANCE_PERCENT: f64 = 5.0;

/// The budget file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    /// The compiler by which it was counted.
    compiler: String,
    /// By operation.
    instructions: BTreeMap<String, u64>,
}

/// What is to be done with the counts.
#[derive(Clone, Copy, PartialEq)]
pub enum Purpose {
    /// Show them.
    Show,
    /// Fail where they are above the budget.
    Check,
    /// Make them the budget.
    Renew,
}

/// Counts, and compares with the budget or renews it.
///
/// # Errors
/// Where nothing can be counted; where the budget is to be checked and is not kept.
pub fn run(purpose: Purpose) -> anyhow::Result<()> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        if haina_testkit::require::is_required("valgrind") {
            bail!("valgrind is required by HAINA_REQUIRE and not installed (Debian: apt-get install valgrind)");
        }
        println!("SKIPPED: valgrind is not installed (Debian: apt-get install valgrind)");
        return Ok(());
    }
    build()?;
    let compiler = steps::output(Command::new("rustc").arg("--version"))?.trim().to_owned();
    let instructions = steps::step("count instructions", count_all)?;
    if purpose == Purpose::Renew {
        let text = HEAD.to_owned() + &toml::to_string(&Budget { compiler, instructions })?;
        std::fs::write(path(), text)?;
        println!("written to {}", path().display());
        return Ok(());
    }
    let text = std::fs::read_to_string(path()).with_context(|| path().display().to_string())?;
    let budget: Budget = toml::from_str(&text).with_context(|| path().display().to_string())?;
    let complaints = compare(&budget.instructions, &instructions);
    complaints.iter().for_each(|complaint| println!("{complaint}"));
    if purpose == Purpose::Check {
        ensure!(
            complaints.is_empty(),
            "{} of {} counts are not within {TOLERANCE_PERCENT} % of xtask/budgets/scheduler.toml (counted there with {}, \
             here with {compiler}). Where a change is meant to cost or save that much, or the compiler is another: cargo xtask \
             bench scheduler --instructions --renew, and say why in the commit.",
            complaints.len(),
            instructions.len(),
            budget.compiler
        );
    }
    Ok(())
}

fn path() -> PathBuf {
    workspace::root().join("xtask/budgets/scheduler.toml")
}

fn count_all() -> anyhow::Result<BTreeMap<String, u64>> {
    let names = steps::output(Command::new(program()).arg("count"))?;
    names.split_whitespace().map(|name| Ok((name.to_owned(), count(name)?))).collect()
}

/// Instructions for each operation of one scenario.
fn count(name: &str) -> anyhow::Result<u64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"]);
    command.arg("--toggle-collect=*instructions_counted*").arg(program()).args(["count", name]);
    let output = command.output().context("valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed:\n{said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected :")).map(|(_, count)| count.trim());
    let collected: u64 = collected.and_then(|count| count.parse().ok()).context("valgrind says what it collected")?;
    let numbers: BTreeMap<String, f64> = serde_json::from_slice(&output.stdout).context("what the program printed")?;
    let operations = numbers.get("operations").copied().context("the program says how many operations")? as u64;
    ensure!(operations > 0 && collected > 0, "{name}: {collected} instructions for {operations} operations");
    let each = collected / operations;
    println!("  {name:<20} {each:>10} instructions ({operations} operations)");
    Ok(each)
}

/// A sentence for each count that is not what the budget says.
fn compare(budget: &BTreeMap<String, u64>, counted: &BTreeMap<String, u64>) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, now) in counted {
        let Some(before) = budget.get(name) else {
            complaints.push(format!("{name}: the budget does not have it"));
            continue;
        };
        let change_percent = (*now as f64 / *before as f64 - 1.0) * 100.0;
        let of = format!("{name}: {now} instructions, {before} in the budget ({change_percent:+.1} %)");
        if change_percent > TOLERANCE_PERCENT {
            complaints.push(format!("{of}: it got slower"));
        } else if change_percent < -TOLERANCE_PERCENT {
            complaints.push(format!("{of}: it got faster; tighten the budget, so that it stays so"));
        }
    }
    let gone = budget.keys().filter(|name| !counted.contains_key(*name));
    complaints.extend(gone.map(|name| format!("{name}: it is no longer counted")));
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_off_the_budget_either_way_is_said() {
        let of = |pairs: &[(&str, u64)]| pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let budget: BTreeMap<String, u64> = of(&[("slower", 1000), ("faster", 1000), ("same", 1000), ("gone", 1)]);
        let counted = of(&[("slower", 1051), ("faster", 949), ("same", 1049), ("new", 1)]);
        let complaints = compare(&budget, &counted);
        let begins = ["faster: 949", "new: the budget", "slower: 1051", "gone: it is no longer"];
        assert_eq!(complaints.len(), begins.len(), "{complaints:?}");
        for (complaint, begin) in complaints.iter().zip(begins) {
            assert!(complaint.starts_with(begin), "{complaint}");
        }
    }
}
