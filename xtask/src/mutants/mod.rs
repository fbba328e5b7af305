//! `cargo xtask mutants`: is every invariant really checked? Each seeded defect of `mutants.toml` is put into a copy of
//! the crates, and the check of its invariant must fail.

mod copy;
mod trial;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::{steps, workspace};
use trial::Verdict;

/// The whole table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Arguments of `cargo test`, by name.
    pub checks: BTreeMap<String, Vec<String>>,
    /// The defects.
    pub mutant: Vec<Mutant>,
}

/// One seeded defect.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// What goes wrong, in words.
    pub name: String,
    /// The invariant of docs/ARCHITECTURE.md that it breaks.
    pub invariant: u32,
    /// The check that must fail.
    pub check: String,
    /// Which file, from the root.
    pub file: String,
    /// What is replaced; occurs exactly once.
    pub find: String,
    /// By what.
    pub replace: String,
}

/// Tries all defects whose name contains `filter`.
///
/// # Errors
/// Where the unmutated copy fails its own checks, or a defect survives or no longer applies.
pub fn run(filter: &str) -> anyhow::Result<()> {
    let started = Instant::now();
    let table = read_table()?;
    let chosen: Vec<&Mutant> = table.mutant.iter().filter(|mutant| mutant.name.contains(filter)).collect();
    let copy = copy::Copy::make(&workspace::target().join("mutants"))?;
    println!("{} seeded defects, each in a copy of the crates in {}", chosen.len(), copy.root.display());
    let chosen_checks: BTreeSet<&String> = chosen.iter().map(|mutant| &mutant.check).collect();
    steps::step("the copy without a defect passes", || {
        let checks = table.checks.iter().filter(|(name, _)| chosen_checks.contains(name));
        checks.into_iter().try_for_each(|(name, arguments)| match trial::try_out(&copy, arguments)? {
            Verdict::Passed => Ok(()),
            Verdict::Caught(how) => bail!("`{name}` fails without any defect: {how}"),
            Verdict::DoesNotCompile(output) => bail!("the copy does not compile:\n{output}"),
        })
    })?;
    let mut complaints = Vec::new();
    let mut caught: BTreeMap<u32, u32> = BTreeMap::new();
    for mutant in &chosen {
        let begun = Instant::now();
        let complaint = match attempt(&copy, &table, mutant)? {
            Ok(how) => {
                *caught.entry(mutant.invariant).or_default() += 1;
                println!(
                    "{:>3}  caught    {} ({}): {how}",
                    mutant.invariant,
                    mutant.name,
                    steps::seconds(begun.elapsed())
                );
                continue;
            }
            Err(complaint) => complaint,
        };
        println!("{:>3}  {complaint}", mutant.invariant);
        complaints.push(complaint);
    }
    let by_invariant = caught.iter().map(|(invariant, count)| format!("{invariant}: {count}"));
    println!(
        "\n{} of {} defects caught in {} (by invariant {})",
        chosen.len() - complaints.len(),
        chosen.len(),
        steps::seconds(started.elapsed()),
        by_invariant.collect::<Vec<_>>().join(", ")
    );
    if !complaints.is_empty() {
        bail!("{}", complaints.join("\n"));
    }
    Ok(())
}

fn read_table() -> anyhow::Result<Table> {
    let path = workspace::root().join("xtask/mutants.toml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    toml::from_str(&text).with_context(|| path.display().to_string())
}

/// How a defect was caught; or else the complaint about it.
fn attempt(copy: &copy::Copy, table: &Table, mutant: &Mutant) -> anyhow::Result<Result<String, String>> {
    let Some(check) = table.checks.get(&mutant.check) else {
        return Ok(Err(format!("“{}” names a check that is not known: {}", mutant.name, mutant.check)));
    };
    let Some(_applied) = copy.apply(&mutant.file, &mutant.find, &mutant.replace)? else {
        return Ok(Err(format!("“{}” no longer applies: its text is not once in {}", mutant.name, mutant.file)));
    };
    Ok(match trial::try_out(copy, check)? {
        Verdict::Caught(how) => Ok(how),
        Verdict::Passed => Err(format!("SURVIVED  “{}” in {}: `{}` passes", mutant.name, mutant.file, mutant.check)),
        Verdict::DoesNotCompile(output) => Err(format!("“{}” does not compile:\n{output}", mutant.name)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_defect_applies_to_the_sources_as_they_are() {
        let table = read_table().unwrap();
        for mutant in &table.mutant {
            let text = std::fs::read_to_string(workspace::root().join(&mutant.file)).unwrap();
            assert_eq!(text.matches(&mutant.find).count(), 1, "“{}” in {}", mutant.name, mutant.file);
            assert!(table.checks.contains_key(&mutant.check), "“{}”", mutant.name);
        }
    }

    #[test]
    fn every_invariant_that_has_code_has_a_defect() {
        let table = read_table().unwrap();
        for invariant in [1, 2, 3, 4, 5, 6, 8, 9, 10] {
            assert!(table.mutant.iter().any(|mutant| mutant.invariant == invariant), "invariant {invariant}");
        }
    }
}
