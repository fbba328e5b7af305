//! Every environment variable that the program reads, declared once.

use std::collections::BTreeMap;

/// Where a center answers: `http://127.0.0.1:7420`. Read by client commands.
pub const URL: &str = "HAINA_URL";

/// The token that client commands show.
pub const TOKEN: &str = "HAINA_TOKEN";

/// A center's data directory. `haina up` keeps everything there; client commands take the address and the operator's
/// token from it where neither `HAINA_URL` nor `HAINA_TOKEN` say otherwise.
pub const DATA: &str = "HAINA_DATA";

/// The database of `haina up`: `postgres://…`, or a path. The password in it stays out of the process list this way.
pub const DATABASE: &str = "HAINA_DATABASE";

/// The program `npu-smi`, where it is neither on the system's path nor where Ascend's driver puts it.
pub const NPU_SMI: &str = "HAINA_NPU_SMI";

/// What `haina up` logs to standard error: `warn` (the default), `info`, `haina_runtime=debug`, …
pub const LOG: &str = "HAINA_LOG";

/// Where `haina login` keeps the profile: `$XDG_CONFIG_HOME/haina`, or `~/.config/haina`.
pub const CONFIG_HOME: &str = "XDG_CONFIG_HOME";

/// The home directory.
pub const HOME: &str = "HOME";

/// What the terminal is.
pub const TERM: &str = "TERM";

/// The language of what is printed, the first that is set: Chinese where it begins with `zh`, else English.
pub const LANGUAGE: [&str; 3] = ["LC_ALL", "LC_MESSAGES", "LANG"];

/// The nodes of a job of `haina sbatch`, which `scontrol` in it is asked about.
pub const NODE_LIST: &str = "SLURM_JOB_NODELIST";

/// All variables that are text: for `haina sbatch` and what it starts, which hand them on.
pub fn all() -> BTreeMap<String, String> {
    let pairs = std::env::vars_os();
    pairs.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}

/// The value of a variable, unless it is empty or no text.
pub fn read(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
