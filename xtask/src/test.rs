//! `cargo xtask test`: all tests of all crates.

use crate::steps::{cargo, run, step};

/// Runs all tests, or those whose name contains `filter`.
///
/// # Errors
/// Where one fails.
pub fn run_tests(filter: Option<&str>) -> anyhow::Result<()> {
    step("tests", || {
        let all = ["test", "--release", "--workspace", "--all-targets", "--no-fail-fast"];
        run(cargo().args(all).args(filter.map(|filter| ["--", filter]).into_iter().flatten()))
    })?;
    step("documentation tests", || {
        run(cargo().args(["test", "--release", "--workspace", "--doc", "--quiet"]).args(filter))
    })
}
