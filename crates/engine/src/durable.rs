//! Files that are there after a power failure, whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Writes `value` as JSON under a temporary name, makes it durable, and renames it into place.
pub fn write_durably(path: &Path, value: &impl Serialize) -> io::Result<()> {
    replace(path, value, true)?;
    sync_directory(path.parent().unwrap_or(path))
}

/// Writes `value` as JSON so that a reader sees all of it or nothing; it may be gone after a power failure.
pub fn write_atomically(path: &Path, value: &impl Serialize) -> io::Result<()> {
    replace(path, value, false)
}

fn replace(path: &Path, value: &impl Serialize, durable: bool) -> io::Result<()> {
    let temporary = temporary_name(path);
    let text = serde_json::to_vec(value)?;
    let written = (|| {
        let mut file = File::create(&temporary)?;
        file.write_all(&text)?;
        if durable {
            file.sync_data()?;
        }
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        // A full disk must not keep what did not fit.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Two processes may write the same file; neither may see the other's unfinished one.
fn temporary_name(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.{count}", std::process::id()))
}

/// Makes the names in a directory durable.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Creates `path` and what is missing above it, and makes the new names durable.
pub fn create_directories(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().ok_or(io::ErrorKind::NotFound)?;
    create_directories(parent)?;
    match fs::create_dir(path) {
        Ok(()) => sync_directory(parent),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Reads JSON; `None` where there is no such file.
pub fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is in a directory, by name; nothing where there is no such directory.
pub fn list(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    match fs::read_dir(path) {
        Ok(entries) => {
            for entry in entries {
                found.push(entry?.path());
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    found.sort();
    Ok(found)
}
