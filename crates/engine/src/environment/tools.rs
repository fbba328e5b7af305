//! What environments are built with: `uv` if it is installed, else the `venv` module and `pip` of `python3`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use haina_core::PackagesFileKind;

use crate::programs;

/// The tools of this machine.
#[derive(Clone, Debug, Default)]
pub struct Tools {
    /// The interpreter that environments are made for.
    pub python: PathBuf,
    /// Where its library is.
    pub python_prefix: PathBuf,
    /// Its version, platform and path: part of what an environment is.
    pub python_description: String,
    /// The resolver, if it is installed.
    pub uv: Option<PathBuf>,
}

impl Tools {
    /// Whether packages that are said in this way can be installed. The error says what it takes.
    pub fn can_install(&self, kind: Option<PackagesFileKind>) -> Result<(), String> {
        let file = match kind {
            Some(PackagesFileKind::Pylock) => "pylock.toml",
            Some(PackagesFileKind::UvLock) => "uv.lock",
            None | Some(PackagesFileKind::Requirements | PackagesFileKind::HashedRequirements) => return Ok(()),
        };
        match self.uv {
            Some(_) => Ok(()),
            None => Err(format!(
                "the Python environment could not be prepared: {file} is installed by uv, which is not on the server's \
                 PATH; a requirements file with hashes works without it"
            )),
        }
    }
}

const DESCRIBE: &str = "import sys, sysconfig; print(sys.base_prefix); \
                        print(sys.version.split()[0], sysconfig.get_platform(), sys.executable)";

/// Looks for them on the path. The error says what is missing and how to install it.
pub async fn find(variables: BTreeMap<String, String>) -> Result<Tools, String> {
    tokio::task::spawn_blocking(move || find_now(&variables)).await.unwrap_or_else(|error| Err(error.to_string()))
}

fn find_now(variables: &BTreeMap<String, String>) -> Result<Tools, String> {
    let path = variables.get("PATH").map_or("", String::as_str);
    let python = programs::find_in(path, "python3")
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
    let said = String::from_utf8_lossy(&output.stdout);
    let (prefix, description) = said.trim().split_once('\n').ok_or("python3 does not say what it is")?;
    // What is on the path may be a small program that looks for the interpreter, which a sandbox does not show.
    let real = PathBuf::from(description.split_whitespace().last().unwrap_or_default());
    let (python, python_prefix) = (if real.is_file() { real } else { python }, PathBuf::from(prefix));
    let python_description = description.to_owned();
    Ok(Tools { python, python_prefix, python_description, uv: programs::find_in(path, "uv") })
}
