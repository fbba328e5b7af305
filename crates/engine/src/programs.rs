//! Programs on a search path.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Where programs of the system are, whatever the server's own path is.
const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program of the system.
pub fn find(name: &str) -> Option<PathBuf> {
    find_in(SYSTEM_PATH, name)
}

/// The first program of this name on a path.
pub fn find_in(path: &str, name: &str) -> Option<PathBuf> {
    let is_executable =
        |file: &Path| file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
    std::env::split_paths(path).map(|directory| directory.join(name)).find(|file| is_executable(file))
}
