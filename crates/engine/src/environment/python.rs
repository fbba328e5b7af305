//! The build of an environment of Python packages.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use haina_core::{Bytes, CpuMillis, Epoch, Milliseconds, NodeId, NodeShare, PackagesFileKind, PythonEnvironment};

use super::build::{LOG_CAP, TIME_LIMIT};
use super::tools::Tools;
use crate::confinement::{Confinement, Whose};
use crate::records::TaskOrder;
use crate::{durable, variables};

/// Arguments: venv, interpreter, uv, how the packages are said, and the file that says them. Everything is said in one
/// stream, so that the words keep their order.
const SCRIPT: &str = r#"
exec 2>&1
set -e
umask 022
find "$1" -mindepth 1 -delete
if [ -n "$3" ]; then
    "$3" venv --python "$2" "$1"
else
    "$2" -m venv "$1"
fi
[ -s "$5" ] || exit 0
hashes=
case "$4" in
    hashed) hashes=--require-hashes ;;
    project)
        export UV_PROJECT_ENVIRONMENT="$1"
        exec "$3" sync --frozen --no-dev --no-install-workspace --python "$1/bin/python" --project "${5%/*}" ;;
esac
if [ -n "$3" ]; then
    exec "$3" pip install --python "$1/bin/python" $hashes -r "$5"
fi
exec "$1/bin/python" -m pip install --no-input --disable-pip-version-check --progress-bar off $hashes -r "$5"
"#;

/// What a build may use at most: packages run programs of their own while they are installed, and nobody pays for it.
const CPU_MOST: CpuMillis = CpuMillis(2000);
const MEMORY_MOST: Bytes = Bytes(8 << 30);

/// The names under which the files lie that say which packages.
const FILES: [&str; 4] = ["requirements.txt", "pylock.toml", "pyproject.toml", "uv.lock"];

/// How [`SCRIPT`] is told of it, and the name of the file that it reads.
fn told(kind: Option<PackagesFileKind>) -> (&'static str, &'static str) {
    match kind {
        None | Some(PackagesFileKind::Requirements) => ("requirements", "requirements.txt"),
        Some(PackagesFileKind::HashedRequirements) => ("hashed", "requirements.txt"),
        Some(PackagesFileKind::Pylock) => ("requirements", "pylock.toml"),
        Some(PackagesFileKind::UvLock) => ("project", "uv.lock"),
    }
}

/// Where an environment's programs are.
pub fn venv(directory: &Path) -> PathBuf {
    directory.join("venv")
}

/// A build sees and writes its own environment only, as a user of its own where the server is root.
pub fn confine(order: &mut TaskOrder, directory: &Path, tools: &Tools, confinement: &Confinement) -> io::Result<()> {
    let mut read = vec![tools.python_prefix.clone()];
    read.extend(tools.uv.clone());
    // Where packages come from may be files; so may be what says so, and which certificates are trusted.
    let named = ["PIP_FIND_LINKS", "UV_FIND_LINKS", "PIP_CONFIG_FILE", "PIP_CERT", "SSL_CERT_FILE", "SSL_CERT_DIR"];
    let named = named.iter().filter_map(|name| order.variables.get(*name)).flat_map(|text| text.split([' ', ',']));
    read.extend(named.map(PathBuf::from).filter(|path| path.is_absolute()));
    if let Some(home) = order.variables.get("HOME").filter(|_| !order.variables.contains_key("PIP_CONFIG_FILE")) {
        let files = [".config/pip/pip.conf", ".pip/pip.conf"].map(|file| Path::new(home).join(file));
        if let Some(file) = files.into_iter().find(|file| file.is_file()) {
            order.variables.insert("PIP_CONFIG_FILE".to_owned(), file.display().to_string());
            read.push(file);
        }
    }
    read.extend(FILES.map(|file| directory.join(file)));
    // The build writes there and nowhere else: what lies beside it, the server reads and believes.
    let venv = venv(directory);
    durable::create_directories(&venv)?;
    // All jobs that ask for it read it.
    confinement.hand_over(&venv, None, 0o755)?;
    order.working_directory.clone_from(&venv);
    let write = vec![venv];
    let whose =
        Whose { organization: None, write, read, devices: Vec::new(), image: None, hostname: "haina", hosts: None };
    let share = NodeShare { node: NodeId(0), cards: Vec::new(), cpu: CPU_MOST, memory: MEMORY_MOST };
    let key = directory.file_name().unwrap_or_default().to_string_lossy();
    let place = format!("environment-{}", key.chars().take(16).collect::<String>());
    let sandbox = confinement.of_task(&whose, directory, Some((&share, 1)), &place, "")?;
    if sandbox.as_ref().is_some_and(|sandbox| !sandbox.enter.is_empty()) {
        let home = PathBuf::from("/tmp");
        variables::confine(&mut order.variables, "haina", &home, tools.python.parent(), &whose.read);
        // What one build keeps, another must not find changed.
        order.variables.insert("PIP_NO_CACHE_DIR".to_owned(), "1".to_owned());
        order.variables.insert("UV_NO_CACHE".to_owned(), "1".to_owned());
    }
    order.sandbox = sandbox;
    Ok(())
}

/// What the task that builds is to do, before it is confined. `packages_from` says where packages come from, where the
/// center file does.
pub fn order(
    directory: &Path,
    packages: &PythonEnvironment,
    tools: &Tools,
    inherited: &BTreeMap<String, String>,
    packages_from: &BTreeMap<String, String>,
) -> TaskOrder {
    let mut variables = inherited.clone();
    if packages_from.contains_key("PIP_INDEX_URL") {
        // What the center file says is all that is meant.
        for name in ["PIP_EXTRA_INDEX_URL", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL"] {
            variables.remove(name);
        }
    }
    variables.extend(packages_from.clone());
    // uv does not read what pip is told; one place to say where packages come from is enough.
    for (pip, uv) in [
        ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"),
        ("PIP_EXTRA_INDEX_URL", "UV_INDEX"),
        ("PIP_FIND_LINKS", "UV_FIND_LINKS"),
    ] {
        if let Some(value) = variables.get(pip).cloned() {
            variables.entry(uv.to_owned()).or_insert(value);
        }
    }
    let path = |path: &Path| path.display().to_string();
    let (how, file) = told(packages.file.as_ref().map(|file| file.kind));
    TaskOrder {
        epoch: Epoch(0),
        command: vec![
            "/bin/sh".to_owned(),
            "-c".to_owned(),
            SCRIPT.to_owned(),
            "haina-environment".to_owned(),
            path(&venv(directory)),
            path(&tools.python),
            tools.uv.as_deref().map(path).unwrap_or_default(),
            how.to_owned(),
            path(&directory.join(file)),
        ],
        variables,
        working_directory: directory.to_owned(),
        time_limit: TIME_LIMIT,
        grace: Milliseconds(0),
        log_cap: LOG_CAP,
        sandbox: None,
    }
}

/// The files that say which packages, for the build to read.
pub fn write_files(directory: &Path, packages: &PythonEnvironment) -> io::Result<()> {
    let (text, project) = match &packages.file {
        Some(file) => (file.text.clone(), file.project.as_deref()),
        None => (packages.requirements.iter().map(|line| format!("{line}\n")).collect(), None),
    };
    let (_, name) = told(packages.file.as_ref().map(|file| file.kind));
    fs::write(directory.join(name), text)?;
    project.map_or(Ok(()), |project| fs::write(directory.join("pyproject.toml"), project))
}
