//! What must be on the machine before anything is built or run. What is missing is named with what installs it.

use std::process::Command;

use anyhow::bail;

use crate::steps::step;

/// A program that is needed.
pub struct Prerequisite {
    what: &'static str,
    /// Succeeds exactly where it is there and new enough.
    probe: &'static [&'static str],
    install: &'static str,
    needed: bool,
}

const CARGO: Prerequisite =
    Prerequisite { what: "cargo", probe: &["cargo", "--version"], install: "see https://rustup.rs", needed: true };
const COMPILER: Prerequisite = Prerequisite {
    what: "a C compiler (cc)",
    probe: &["cc", "--version"],
    install: "sudo apt-get install build-essential",
    needed: true,
};
const PYTHON: Prerequisite = Prerequisite {
    what: "Python 3.11 or newer",
    probe: &["python3", "-c", "import sys; sys.exit(sys.version_info < (3, 11))"],
    install: "sudo apt-get install python3 (where that is older, put a newer one first on PATH as python3)",
    needed: true,
};
/// examples/elnino/requirements.txt names versions: these have wheels for no newer Python.
const PYTHON_OF_DEMO: Prerequisite = Prerequisite {
    what: "Python 3.11 to 3.14, for which the demo's packages are published",
    probe: &["python3", "-c", "import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))"],
    install: "sudo apt-get install python3 (where that is older or newer, put another first on PATH as python3)",
    needed: true,
};
const VENV: Prerequisite = Prerequisite {
    what: "Python's venv with pip",
    probe: &["python3", "-c", "import venv, ensurepip"],
    install: "sudo apt-get install python3-venv",
    needed: true,
};
const NODE: Prerequisite = Prerequisite {
    what: "Node 20 or newer (not used yet: the console will need it)",
    probe: &["node", "-e", "process.exit(parseInt(process.versions.node) < 20)"],
    install: "see https://nodejs.org, or sudo apt-get install nodejs where it is new enough",
    needed: false,
};

/// For tests, which run real jobs in real Python environments.
pub const OF_TESTS: &[Prerequisite] = &[CARGO, COMPILER, PYTHON, VENV];
/// For the demonstration.
pub const OF_DEMO: &[Prerequisite] = &[CARGO, COMPILER, PYTHON_OF_DEMO, VENV, NODE];

/// Names all that is missing.
///
/// # Errors
/// Where something that is needed is missing.
pub fn check(parts: &[Prerequisite]) -> anyhow::Result<()> {
    step("prerequisites", || {
        let mut missing = Vec::new();
        for part in parts.iter().filter(|part| !is_there(part.probe)) {
            println!("missing: {}\n   install it with: {}", part.what, part.install);
            if part.needed {
                missing.push(part.what);
            }
        }
        match missing.is_empty() {
            true => Ok(()),
            false => bail!("missing: {}", missing.join("; ")),
        }
    })
}

fn is_there(probe: &[&str]) -> bool {
    Command::new(probe[0]).args(&probe[1..]).output().is_ok_and(|output| output.status.success())
}
