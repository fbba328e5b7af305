//! `cargo xtask demo`: from a clone to a running center with one command.

use std::process::Command;

use anyhow::bail;

use crate::{steps, workspace};

/// A program that the demonstration needs.
struct Prerequisite {
    what: &'static str,
    /// Succeeds exactly where it is there and new enough.
    probe: &'static [&'static str],
    install: &'static str,
    needed: bool,
}

const PREREQUISITES: &[Prerequisite] = &[
    Prerequisite { what: "cargo", probe: &["cargo", "--version"], install: "see https://rustup.rs", needed: true },
    Prerequisite {
        what: "a C compiler (cc)",
        probe: &["cc", "--version"],
        install: "sudo apt-get install build-essential",
        needed: true,
    },
    Prerequisite {
        what: "Python 3.11 or newer",
        probe: &["python3", "-c", "import sys; sys.exit(sys.version_info < (3, 11))"],
        install: "sudo apt-get install python3",
        needed: true,
    },
    Prerequisite {
        what: "Python's venv with pip",
        probe: &["python3", "-c", "import venv, ensurepip"],
        install: "sudo apt-get install python3-venv",
        needed: true,
    },
    Prerequisite {
        what: "Node 20 or newer (not used yet: the console will need it)",
        probe: &["node", "-e", "process.exit(parseInt(process.versions.node) < 20)"],
        install: "see https://nodejs.org, or sudo apt-get install nodejs where it is new enough",
        needed: false,
    },
];

/// Checks, builds, runs. `haina demo` decides what succeeded.
///
/// # Errors
/// Where something is missing, does not build, or the demonstration fails.
pub fn run(exit: bool) -> anyhow::Result<()> {
    steps::step("prerequisites", || {
        let mut missing = Vec::new();
        for part in PREREQUISITES.iter().filter(|part| !is_there(part.probe)) {
            println!("missing: {}\n   install it with: {}", part.what, part.install);
            if part.needed {
                missing.push(part.what);
            }
        }
        match missing.is_empty() {
            true => Ok(()),
            false => bail!("missing: {}", missing.join(", ")),
        }
    })?;
    steps::build_haina()?;
    println!();
    let mut demo = Command::new(workspace::haina());
    demo.current_dir(workspace::root()).arg("demo").args(exit.then_some("--exit"));
    let status = demo.status()?;
    // Its own words have said what failed.
    std::process::exit(status.code().unwrap_or(1));
}

fn is_there(probe: &[&str]) -> bool {
    Command::new(probe[0]).args(&probe[1..]).output().is_ok_and(|output| output.status.success())
}
