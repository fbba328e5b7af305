//! The project's own automation: `cargo xtask COMMAND`. Builds, demonstrates, checks, measures and torments Haina.

mod bench;
mod check;
mod demo;
mod http;
mod mutants;
mod ordinary_user;
mod prerequisites;
mod processes;
mod random;
mod server;
mod soak;
mod steps;
mod test;
mod workspace;

use std::process::ExitCode;

use anyhow::bail;
use bench::instructions::{self, Purpose};

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  demo [--exit]         build Haina and run the sample center's main job; --exit ends it afterwards
  demo --framework NAME   what its gang trains with: jax (the default), mindspore
  test [FILTER]         all tests, or those whose name contains FILTER
  check                 format, clippy, documentation, dependency directions, tidiness
  bench e2e [--check]   measure a real server; --check fails where a promise is not kept
  bench e2e --only PART…  only some of it
  bench local [--check] measure the local engine, supervised and sandboxed
  bench quality [--check] policies on a real trace beside published averages (HAINA_TRACES)
  bench scheduler [--check] the decision core alone, and Slurm's scheduler beside it
  bench scheduler --only PART…  only some of it
  bench scheduler --instructions [--check|--renew]  instructions of its hot paths, beside their budget
  soak kill [--short]   kill a busy center again and again, and account for everything
  soak center [SECONDS] many random histories of a whole center in virtual time
  soak scheduler [--short] random centers, each plan judged by an independent checker
  mutants [FILTER]      every seeded defect must be caught by the check of its invariant
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> anyhow::Result<()> {
    match words {
        ["demo", options @ ..] => demo::run(options),
        ["test"] => test::run_tests(None),
        ["test", filter] => test::run_tests(Some(filter)),
        ["check"] => check::run_all(),
        ["bench", "scheduler", "--instructions"] => instructions::run(Purpose::Show),
        ["bench", "scheduler", "--instructions", "--check"] => instructions::run(Purpose::Check),
        ["bench", "scheduler", "--instructions", "--renew"] => instructions::run(Purpose::Renew),
        ["bench", name] => bench::run(name, false, &[]),
        ["bench", name, "--check"] => bench::run(name, true, &[]),
        ["bench", name, "--only", parts @ ..] => bench::run(name, false, parts),
        ["soak", words @ ..] => soak::run(words),
        ["mutants"] => mutants::run(""),
        ["mutants", filter] => mutants::run(filter),
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        other => bail!("`{}` is not understood\n\n{USAGE}", other.join(" ")),
    }
}
