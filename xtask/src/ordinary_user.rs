//! What confines jobs, tried again as an ordinary user where the tests run as root, as they do in CI: an ordinary user's
//! sandbox is made in another way. What only root can enforce says so and is skipped.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::steps::{cargo, output, run};

/// Nobody's number: no files are its own.
const USER: u32 = 65534;
/// Tests of the engine.
const TESTS: [&str; 2] = ["denials", "gangs"];
const SUPERVISOR: &str = "haina-supervise";

/// Runs the tests whose name contains `filter`, or all of them.
///
/// # Errors
/// Where one fails, or the programs cannot be built.
pub fn run_tests(filter: Option<&str>) -> anyhow::Result<()> {
    if !rustix::process::geteuid().is_root() {
        println!("the tests before were run as one");
        return Ok(());
    }
    if !Command::new("setpriv").arg("--version").output().is_ok_and(|output| output.status.success()) {
        haina_testkit::require::skip("setpriv", "is not installed (Debian: apt-get install util-linux)");
        return Ok(());
    }
    // Copies: where cargo builds, another user need not be able to go.
    let directory = tempfile::tempdir()?;
    let place = directory.path();
    let home = place.join("home");
    fs::create_dir(&home)?;
    chown(&home, Some(USER), Some(USER))?;
    fs::set_permissions(place, fs::Permissions::from_mode(0o755))?;
    for (name, program) in built()? {
        fs::copy(&program, place.join(name)).with_context(|| program.display().to_string())?;
    }
    for test in TESTS {
        run(as_ordinary_user(place, &home).arg(place.join(test)).args(filter))?;
    }
    Ok(())
}

/// The tests and their supervisor, as they were built for the tests before.
fn built() -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
    let mut command = cargo();
    command.args(["test", "--release", "--workspace", "--no-run", "--message-format", "json"]);
    command.args(TESTS.iter().flat_map(|test| ["--test", test]));
    let mut found = Vec::new();
    for line in output(&mut command)?.lines() {
        let message: serde_json::Value = serde_json::from_str(line)?;
        let (name, program) = (message["target"]["name"].as_str(), message["executable"].as_str());
        let wanted = TESTS.iter().chain([&SUPERVISOR]).find(|wanted| name == Some(**wanted));
        found.extend(wanted.zip(program).map(|(name, program)| (*name, PathBuf::from(program))));
    }
    if found.len() != TESTS.len() + 1 {
        bail!("cargo built other programs than expected: {found:?}");
    }
    Ok(found)
}

fn as_ordinary_user(place: &Path, home: &Path) -> Command {
    let user = USER.to_string();
    let mut command = Command::new("setpriv");
    command.args([&format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups", "--"]);
    command.current_dir(home).env_clear().env("HOME", home).env("TMPDIR", home);
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HAINA_TEST_SUPERVISOR", place.join(SUPERVISOR));
    command.envs(std::env::var_os("HAINA_REQUIRE").map(|required| ("HAINA_REQUIRE", required)));
    command
}
