//! What files take, and taking them away.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Bytes that a directory takes on the disk, with all below it; of what cannot be looked at, none. Links are not followed.
pub fn size(path: &Path) -> u64 {
    let Ok(found) = fs::symlink_metadata(path) else { return 0 };
    let entries = fs::read_dir(path).ok().filter(|_| found.is_dir()).into_iter().flatten();
    found.blocks() * 512 + entries.flatten().map(|entry| size(&entry.path())).sum::<u64>()
}

/// The name under which a directory waits to be removed.
const REMOVED: &str = ".removed-";

/// Takes a directory out of its place at once; [`remove_set_aside`] takes away what is in it.
pub fn set_aside(path: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    fs::rename(path, path.with_file_name(format!("{REMOVED}{name}")))
}

/// Removes what was set aside in a directory, also by a server that died over it. How many there were.
pub fn remove_set_aside(directory: &Path) -> io::Result<u64> {
    let mut count = 0;
    for path in crate::durable::list(directory)?.into_iter().filter(|path| is_set_aside(path)) {
        match fs::remove_dir_all(&path) {
            Ok(()) => count += 1,
            // The others go all the same.
            Err(error) => tracing::warn!(path = %path.display(), "it cannot be removed: {error}"),
        }
    }
    Ok(count)
}

/// Whether it waits to be removed.
pub fn is_set_aside(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(REMOVED.as_bytes()))
}
