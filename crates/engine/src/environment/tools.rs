//! What environments are built with: `uv` if it is installed, else the `venv` module and `pip` of `python3`.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The tools of this machine.
#[derive(Clone, Debug, Default)]
pub struct Tools {
    /// The interpreter that environments are made for.
    pub python: PathBuf,
    /// Its version, platform and path: part of what an environment is.
    pub python_description: String,
    /// The resolver, if it is installed.
    pub uv: Option<PathBuf>,
}

const DESCRIBE: &str = "import sys, sysconfig; print(sys.version.split()[0], sysconfig.get_platform(), sys.executable)";

/// Looks for them on the path. The error says what is missing and how to install it.
pub async fn find(variables: BTreeMap<String, String>) -> Result<Tools, String> {
    tokio::task::spawn_blocking(move || find_now(&variables)).await.unwrap_or_else(|error| Err(error.to_string()))
}

fn find_now(variables: &BTreeMap<String, String>) -> Result<Tools, String> {
    let path = variables.get("PATH").map_or("", String::as_str);
    let python = program(path, "python3")
        .ok_or("python3 is not on the server's PATH; on Debian: apt install python3 python3-venv")?;
    let output = Command::new(&python)
        .args(["-c", DESCRIBE])
        .env_clear()
        .envs(variables)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", python.display()))?;
    if !output.status.success() {
        return Err(format!("{}: {}", python.display(), String::from_utf8_lossy(&output.stderr).trim()));
    }
    let python_description = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(Tools { python, python_description, uv: program(path, "uv") })
}

fn program(path: &str, name: &str) -> Option<PathBuf> {
    let is_executable =
        |file: &Path| file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
    std::env::split_paths(path).map(|directory| directory.join(name)).find(|file| is_executable(file))
}
