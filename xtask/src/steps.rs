//! Steps that a person watches: a heading, what the tool says, how long it took.

use std::ffi::OsStr;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::workspace;

/// The cargo that runs this.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace::root());
    command
}

/// Runs a step with its heading and its time.
///
/// # Errors
/// Where the step fails.
pub fn step<T>(title: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    println!("\n── {title}");
    let started = Instant::now();
    let result = work().with_context(|| title.to_owned());
    let outcome = if result.is_ok() { "done" } else { "FAILED" };
    println!("── {title}: {outcome} in {}", seconds(started.elapsed()));
    result
}

/// Runs a program to its end, its output going where ours goes.
///
/// # Errors
/// Where it cannot be started or fails.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", words(command)))?;
    if !status.success() {
        bail!("{} failed: {status}", words(command));
    }
    Ok(())
}

/// Runs a program to its end and takes what it printed.
///
/// # Errors
/// Where it cannot be started or fails; then with what it said.
pub fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("cannot start {}", words(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{} failed: {}\n{}", words(command), output.status, said.trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Builds the `haina` binary.
///
/// # Errors
/// Where it does not build.
pub fn build_haina() -> anyhow::Result<()> {
    step("build haina (cargo build --release -p haina)", || run(cargo().args(["build", "--release", "-p", "haina"])))
}

/// A length of time for people.
pub fn seconds(length: Duration) -> String {
    match length.as_secs() {
        0..60 => format!("{:.1} s", length.as_secs_f64()),
        whole => format!("{} min {} s", whole / 60, whole % 60),
    }
}

fn words(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
