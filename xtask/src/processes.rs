//! Processes that this program starts and must not leave behind, also when it is interrupted.
//!
//! Every child leads a process group of its own, so that it can be ended with all that it started. Groups under way and
//! directories to remove are listed in one place; SIGINT and SIGTERM end and remove them.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, OnceLock};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

#[derive(Default)]
struct Registry {
    groups: BTreeSet<u32>,
    directories: BTreeSet<PathBuf>,
}

static REGISTRY: OnceLock<Mutex<Registry>> = OnceLock::new();

fn registry() -> std::sync::MutexGuard<'static, Registry> {
    let registry = REGISTRY.get_or_init(|| {
        // Where the handler cannot be set, an interrupted run leaves things behind; a finished one does not.
        _ = ctrlc::set_handler(interrupted);
        Mutex::default()
    });
    registry.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn interrupted() {
    let mut registry = registry();
    for group in std::mem::take(&mut registry.groups) {
        kill_group(group);
    }
    for directory in std::mem::take(&mut registry.directories) {
        kill_all_that_mention(&directory);
        _ = std::fs::remove_dir_all(&directory);
    }
    eprintln!("\nxtask: interrupted");
    std::process::exit(130);
}

fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

fn kill_group(leader: u32) {
    if let Some(pid) = pid(leader) {
        _ = kill_process_group(pid, Signal::KILL);
    }
}

/// A child with all that it started in its process group.
pub struct Group {
    child: Child,
}

impl Group {
    /// Starts `command` as the leader of a new process group.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn spawn(command: &mut Command) -> anyhow::Result<Group> {
        // Held while spawning, so that an interruption finds it listed.
        let mut registry = registry();
        let child = command.process_group(0).spawn().with_context(|| format!("cannot start {command:?}"))?;
        registry.groups.insert(child.id());
        Ok(Group { child })
    }

    /// The leader's process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How the leader ended, if it has.
    ///
    /// # Errors
    /// Where the kernel cannot say.
    pub fn try_wait(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// SIGKILL to the leader alone, at once; what it started goes on.
    pub fn kill_leader(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }

    /// SIGTERM to the leader alone.
    pub fn terminate_leader(&self) {
        if let Some(pid) = pid(self.child.id()) {
            _ = kill_process(pid, Signal::TERM);
        }
    }

    /// SIGKILL to the whole group.
    pub fn kill(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            kill_group(self.child.id());
        }
        self.kill_leader();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        registry().groups.remove(&self.child.id());
    }
}

/// A temporary directory. Dropping it ends every process that mentions it, then removes it.
pub struct Workplace {
    directory: tempfile::TempDir,
}

impl Workplace {
    /// A new one under `target/`, so that it lies on the disk that is measured, never in memory.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn new(name: &str) -> anyhow::Result<Workplace> {
        let parent = crate::workspace::target().join("tmp");
        std::fs::create_dir_all(&parent)?;
        let mut registry = registry();
        let directory = tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(&parent)?;
        registry.directories.insert(directory.path().to_owned());
        Ok(Workplace { directory })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        kill_all_that_mention(self.directory.path());
        registry().directories.remove(self.directory.path());
    }
}

/// Processes that have `directory` in their command line, environment or working directory.
pub fn that_mention(directory: &Path) -> Vec<(u32, String)> {
    let needle = directory.as_os_str().as_encoded_bytes();
    let has = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let own = std::process::id();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let read = |name: &str| std::fs::read(entry.path().join(name)).unwrap_or_default();
        let command = read("cmdline");
        let works_there = std::fs::read_link(entry.path().join("cwd")).is_ok_and(|path| path.starts_with(directory));
        if id != own && (works_there || has(&command) || has(&read("environ"))) {
            found.push((id, String::from_utf8_lossy(&command).replace('\0', " ").trim().to_owned()));
        }
    }
    found
}

fn kill_all_that_mention(directory: &Path) {
    // A supervisor may be starting a task while it is looked for: until nobody is left, but not for ever.
    for _ in 0..50 {
        let left = that_mention(directory);
        if left.is_empty() {
            return;
        }
        for (id, _) in left {
            if let Some(pid) = pid(id) {
                _ = kill_process(pid, Signal::KILL);
            }
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
