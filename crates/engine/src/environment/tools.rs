//! What environments are built with: `uv` if it is installed, else the `venv` module and `pip` of `python3`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use haina_core::{Code, PackagesFileKind, Refusal, both};

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

/// The same before anybody looked for the tools, for who submits a job. `path` is the server's.
pub fn check(kind: Option<PackagesFileKind>, path: &str) -> Result<(), Refusal> {
    let file = match kind {
        Some(PackagesFileKind::Pylock) => "pylock.toml",
        Some(PackagesFileKind::UvLock) => "uv.lock",
        None | Some(PackagesFileKind::Requirements | PackagesFileKind::HashedRequirements) => return Ok(()),
    };
    match programs::find_in(path, "uv") {
        Some(_) => Ok(()),
        None => {
            let why = both("uv, which installs it, is not on the server's PATH", "服务器的 PATH 上没有安装它所需的 uv");
            let hint = both(
                "Ask the operator to install uv, or lock by a requirements file with hashes, which works without it.",
                "请联系运营方安装 uv，或改用带哈希的依赖文件来锁定版本，它不需要 uv。",
            );
            let what = both(format!("the packages of {file}"), format!("{file} 中的软件包"));
            let refusal = Refusal::new(Code::EnvironmentUnavailable).with_phrase("what", what);
            Err(refusal.with_phrase("reason", why).with_hint(hint))
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_only_uv_installs_is_refused_where_there_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().display().to_string();
        for kind in [PackagesFileKind::Pylock, PackagesFileKind::UvLock] {
            assert_eq!(check(Some(kind), &path).unwrap_err().code, Code::EnvironmentUnavailable);
        }
        for kind in [None, Some(PackagesFileKind::Requirements), Some(PackagesFileKind::HashedRequirements)] {
            check(kind, &path).unwrap();
        }
        let uv = directory.path().join("uv");
        std::fs::write(&uv, "").unwrap();
        std::fs::set_permissions(&uv, std::fs::Permissions::from_mode(0o755)).unwrap();
        check(Some(PackagesFileKind::UvLock), &path).unwrap();
    }
}
