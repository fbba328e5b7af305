//! `cargo xtask check`: what can be said of the sources without running them.

mod directions;
mod tidy;

use crate::steps::{cargo, run, step};

/// Everything, one step after the other; ends at the first that fails.
///
/// # Errors
/// Where a step fails.
pub fn run_all() -> anyhow::Result<()> {
    step("dependency directions", directions::check)?;
    step("tidiness", tidy::check)?;
    step("format", || run(cargo().args(["fmt", "--all", "--check"])))?;
    step("clippy", || {
        let all = ["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"];
        run(cargo().args(all))
    })?;
    step("documentation", || {
        let all = ["doc", "--release", "--workspace", "--no-deps"];
        run(cargo().args(all).env("RUSTDOCFLAGS", "-D warnings"))
    })
}
