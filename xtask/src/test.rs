//! `cargo xtask test`: all tests of all crates.

use crate::steps::{cargo, run, step};

/// Runs all tests, or those whose name contains `filter`.
///
/// # Errors
/// Where one fails.
pub fn run_tests(filter: Option<&str>) -> anyhow::Result<()> {
    step("tests", || run(cargo().args(["test", "--release", "--workspace", "--no-fail-fast"]).args(filter)))
}
