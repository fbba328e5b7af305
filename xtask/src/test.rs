//! `cargo xtask test`: all tests of all crates.

use crate::ordinary_user;
use crate::prerequisites;
use crate::steps::{cargo, run, step};

/// Runs all tests, or those whose name contains `filter`.
///
/// # Errors
/// Where one fails.
pub fn run_tests(filter: Option<&str>) -> anyhow::Result<()> {
    prerequisites::check(prerequisites::OF_TESTS)?;
    step("tests", || run(cargo().args(["test", "--release", "--workspace", "--no-fail-fast"]).args(filter)))?;
    step("what confines jobs, as an ordinary user", || ordinary_user::run_tests(filter))
}
