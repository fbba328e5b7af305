//! The environment variables of a task: a few of the server's, the job's own, and who and where it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::confinement::SYSTEM;
use crate::layout::TaskPaths;
use crate::order::LaunchOrder;
use crate::{processes, rendezvous};

/// What a task inherits from the server. Everything else, the server's secrets above all, stays behind.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "LD_LIBRARY_PATH",
    "ASCEND_HOME_PATH",
    "ASCEND_OPP_PATH",
    "ASCEND_TOOLKIT_HOME",
    "CUDA_HOME",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
];

/// The same, by how the name begins: language, and where Python packages come from.
const INHERITED_PREFIXES: &[&str] = &["LC_", "PIP_", "UV_"];

/// What a task's programs show the center. Never in a file: the supervisor has it from the server.
pub const TOKEN: &str = "HAINA_TOKEN";

/// Exceptions to the prefixes.
const NEVER_INHERITED_PREFIXES: &[&str] = &["UV_PUBLISH_"];

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What tasks and environment builds inherit from this process.
pub fn inherited() -> BTreeMap<String, String> {
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    allowed(variables)
}

fn allowed(variables: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let begins = |name: &str, prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    let mut variables: BTreeMap<String, String> = variables
        .filter(|(name, _)| INHERITED.contains(&name.as_str()) || begins(name, INHERITED_PREFIXES))
        .filter(|(name, _)| !begins(name, NEVER_INHERITED_PREFIXES))
        .collect();
    variables.entry("PATH".to_owned()).or_insert_with(|| DEFAULT_PATH.to_owned());
    variables
}

/// What podman gets beside what tasks do: where it keeps images, and whom it may ask for them as whom.
const OF_PODMAN: &[&str] =
    &["XDG_RUNTIME_DIR", "REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "STORAGE_DRIVER", "STORAGE_OPTS"];

/// What podman inherits from this process.
pub fn of_podman() -> BTreeMap<String, String> {
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let is_podmans = |name: &str| OF_PODMAN.contains(&name) || name.starts_with("CONTAINERS_");
    let mut found = inherited();
    found.extend(variables.filter(|(name, _)| is_podmans(name)));
    found
}

/// What a task in an image inherits: only how the network is reached. All else is the image's.
pub fn of_image(inherited: &BTreeMap<String, String>, image: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let is_proxy = |name: &str| name.to_ascii_lowercase().ends_with("_proxy");
    let proxies = inherited.iter().filter(|(name, _)| is_proxy(name));
    let mut variables: BTreeMap<_, _> = proxies.map(|(name, value)| (name.clone(), value.clone())).collect();
    variables.insert("PATH".to_owned(), DEFAULT_PATH.to_owned());
    variables.extend(image.clone());
    variables
}

/// The mark by which a task's processes are found.
pub fn mark(task: &TaskPaths) -> (String, String) {
    (processes::MARK.to_owned(), task.directory().display().to_string())
}

/// What of it tasks get: not the names and passwords by which packages are fetched.
pub fn without_credentials(inherited: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let names = ["PASSWORD", "TOKEN", "USERNAME", "SECRET", "CREDENTIAL"];
    let is_kept = |name: &str, value: &str| {
        let host = value.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
        !host.contains('@') && !names.iter().any(|word| name.contains(word))
    };
    let kept = inherited.iter().filter(|(name, value)| is_kept(name, value));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// What is otherwise for a task in a sandbox: who it is, where it is at home, and a path with only what it sees.
pub fn confine(
    variables: &mut BTreeMap<String, String>,
    user: &str,
    home: &Path,
    python: Option<&Path>,
    seen: &[PathBuf],
) {
    be(variables, user, home);
    for name in ["TMPDIR", "XDG_CACHE_HOME"] {
        variables.remove(name);
    }
    let is_seen = |entry: &Path| {
        SYSTEM.iter().any(|system| entry.starts_with(system)) || seen.iter().any(|path| entry.starts_with(path))
    };
    let path = variables.get("PATH").map_or(DEFAULT_PATH, String::as_str);
    let mut entries: Vec<PathBuf> = python.map(Path::to_owned).into_iter().collect();
    for entry in std::env::split_paths(path).filter(|entry| is_seen(entry)) {
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    let entries: Vec<String> = entries.iter().map(|entry| entry.display().to_string()).collect();
    variables.insert("PATH".to_owned(), entries.join(":"));
}

/// Who it is, and where it is at home.
pub fn be(variables: &mut BTreeMap<String, String>, user: &str, home: &Path) {
    for name in ["USER", "LOGNAME"] {
        variables.insert(name.to_owned(), user.to_owned());
    }
    variables.insert("HOME".to_owned(), home.display().to_string());
    variables.insert("SHELL".to_owned(), "/bin/sh".to_owned());
}

/// All variables of one task. Identity comes last: no job can claim to be another, or to hold other cards.
pub fn of_task(
    inherited: &BTreeMap<String, String>,
    order: &LaunchOrder,
    rank: u32,
    task: &TaskPaths,
    meeting_place: &Path,
    environment: Option<&Path>,
) -> BTreeMap<String, String> {
    let mut variables = inherited.clone();
    variables.extend(order.payload.variables.clone());
    if let Some(environment) = environment {
        let path = variables.get("PATH").map_or(DEFAULT_PATH, String::as_str);
        let path = format!("{}:{path}", environment.join("bin").display());
        variables.insert("PATH".to_owned(), path);
        variables.insert("VIRTUAL_ENV".to_owned(), environment.display().to_string());
        variables.remove("PYTHONHOME");
    }
    variables.extend(order.identity(rank));
    if order.is_gang() {
        let meeting = rendezvous::variables(order, rank, meeting_place);
        variables.extend(meeting.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    variables.extend([mark(task)]);
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fetches_packages_is_not_the_tasks() {
        let given = [
            ("PIP_INDEX_URL", "https://li:pw@packages/simple"),
            ("UV_INDEX_OURS_PASSWORD", "pw"),
            ("PIP_CERT", "/etc/cert"),
        ];
        let inherited = given.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        assert_eq!(without_credentials(&inherited).keys().collect::<Vec<_>>(), ["PIP_CERT"]);
    }

    #[test]
    fn the_servers_secrets_stay_behind() {
        let given =
            ["HAINA_TOKEN", "HAINA_DATABASE", "AWS_SECRET_ACCESS_KEY", "UV_PUBLISH_TOKEN", "PIP_CERT", "LC_ALL"];
        let kept = allowed(given.iter().map(|name| (name.to_string(), "value".to_owned())));
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["LC_ALL", "PATH", "PIP_CERT"]);
        assert_eq!(kept["PATH"], DEFAULT_PATH);
    }
}
