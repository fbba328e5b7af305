//! `cargo xtask demo`: from a clone to a running center with one command.

use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use crate::{prerequisites, steps, workspace};

/// Checks, builds, runs with the options of `haina demo`, which decides what succeeded.
///
/// # Errors
/// Where something is missing, does not build, or the demonstration fails.
pub fn run(options: &[&str]) -> anyhow::Result<()> {
    prerequisites::check(prerequisites::OF_DEMO)?;
    steps::build_haina()?;
    println!();
    let mut demo = Command::new(workspace::haina());
    let mut demo = demo.current_dir(workspace::root()).arg("demo").args(options).spawn()?;
    let child = Pid::from_child(&demo);
    // What an interrupt means is for `haina demo` to say: it hears of it from the terminal or from here, and this waits.
    ctrlc::set_handler(move || _ = kill_process(child, Signal::TERM))?;
    let status = demo.wait()?;
    // Its own words have said what failed.
    std::process::exit(status.code().unwrap_or(1));
}
