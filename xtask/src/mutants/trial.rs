//! One trial: does a check pass on the copy as it is now?

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::copy::Copy;
use crate::{processes, steps};

/// A check of a healthy copy takes seconds; one that takes so long hangs, which counts as caught.
const LONGEST: Duration = Duration::from_secs(180);

/// What a trial came to.
pub enum Verdict {
    /// The check passes.
    Passed,
    /// The check fails, and says so.
    Caught(String),
    /// There is nothing to check.
    DoesNotCompile(String),
}

/// Builds and runs a check.
///
/// # Errors
/// Where cargo cannot be started.
pub fn try_out(copy: &Copy, check: &[String]) -> anyhow::Result<Verdict> {
    let test = |no_run: bool| {
        let mut command = steps::cargo();
        command.current_dir(&copy.root).env("CARGO_TARGET_DIR", copy.root.join("target"));
        command.args(["test", "--quiet", "--release"]).args(check);
        command.args(no_run.then_some("--no-run"));
        command.stdin(Stdio::null());
        command
    };
    let built = test(true).output()?;
    if !built.status.success() {
        return Ok(Verdict::DoesNotCompile(String::from_utf8_lossy(&built.stderr).into_owned()));
    }
    let log = copy.root.join("trial.log");
    let file = std::fs::File::create(&log)?;
    let mut command = test(false);
    command.stdout(file.try_clone()?).stderr(file);
    let mut child = processes::Group::spawn(&mut command)?;
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > LONGEST {
            child.kill();
            return Ok(Verdict::Caught(format!("it does not end within {} s", LONGEST.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    if status.success() {
        return Ok(Verdict::Passed);
    }
    let said = std::fs::read_to_string(&log).unwrap_or_default();
    Ok(Verdict::Caught(first_complaint(&said)))
}

/// The first line after `panicked at`, which says what was found.
fn first_complaint(said: &str) -> String {
    let mut lines = said.lines().skip_while(|line| !line.contains("panicked at")).skip(1);
    lines.next().unwrap_or("the check fails").trim().chars().take(120).collect()
}
