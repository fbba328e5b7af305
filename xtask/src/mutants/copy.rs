//! A copy of the crates, in which defects may be put.
//!
//! It has a target directory of its own: cargo takes a crate of two workspaces that lie alike for the same, and would hand
//! what was built of a defective copy to whoever builds the original next.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::workspace;

/// The copy.
pub struct Copy {
    /// Its root. It and what is built in it are kept between runs.
    pub root: PathBuf,
}

/// A defect in place; dropping it puts the original back.
pub struct Applied {
    path: PathBuf,
    original: String,
}

impl Copy {
    /// Makes or refreshes the copy. Files that are as they were keep their times, so that little is built again.
    ///
    /// # Errors
    /// Where files cannot be read or written.
    pub fn make(root: &Path) -> anyhow::Result<Copy> {
        let source = workspace::root();
        let manifest = std::fs::read_to_string(source.join("Cargo.toml"))?;
        write_changed(&root.join("Cargo.toml"), manifest_of_copy(&manifest)?.as_bytes())?;
        let lock = root.join("Cargo.lock");
        if !lock.exists() {
            write_changed(&lock, &std::fs::read(source.join("Cargo.lock"))?)?;
        }
        mirror(&source.join("crates"), &root.join("crates"))?;
        Ok(Copy { root: root.to_owned() })
    }

    /// Replaces `find`; none unless it occurs exactly once.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn apply(&self, file: &str, find: &str, replace: &str) -> anyhow::Result<Option<Applied>> {
        let path = self.root.join(file);
        let Ok(original) = std::fs::read_to_string(&path) else { return Ok(None) };
        if original.matches(find).count() != 1 {
            return Ok(None);
        }
        std::fs::write(&path, original.replacen(find, replace, 1))?;
        Ok(Some(Applied { path, original }))
    }
}

impl Drop for Applied {
    fn drop(&mut self) {
        // The next run of `make` would put it right, too.
        _ = std::fs::write(&self.path, &self.original);
    }
}

/// The same manifest without this program, and optimized less: compiling is most of the time of a trial.
fn manifest_of_copy(manifest: &str) -> anyhow::Result<String> {
    let mut table: toml::Table = manifest.parse()?;
    let workspace = table.get_mut("workspace").and_then(|value| value.as_table_mut()).context("a workspace")?;
    let members = toml::Value::String("crates/*".to_owned());
    workspace.insert("members".to_owned(), toml::Value::Array(vec![members]));
    let profile = table.get_mut("profile").and_then(|profile| profile.get_mut("release"));
    let Some(profile) = profile.and_then(|value| value.as_table_mut()) else { bail!("no release profile") };
    profile.insert("opt-level".to_owned(), toml::Value::Integer(1));
    profile.insert("debug".to_owned(), toml::Value::Boolean(false));
    Ok(toml::to_string(&table)?)
}

/// Brings `to` in line with `from`, removing what is no longer there.
fn mirror(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(to)? {
        let entry = entry?;
        if !from.join(entry.file_name()).exists() {
            match entry.file_type()?.is_dir() {
                true => std::fs::remove_dir_all(entry.path())?,
                false => std::fs::remove_file(entry.path())?,
            }
        }
    }
    for entry in std::fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => mirror(&entry.path(), &target)?,
            false => write_changed(&target, &std::fs::read(entry.path())?)?,
        }
    }
    Ok(())
}

fn write_changed(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    if std::fs::read(path).is_ok_and(|existing| existing == content) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(path, content).with_context(|| path.display().to_string())
}
