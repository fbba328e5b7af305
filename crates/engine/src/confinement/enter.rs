//! The program that enters a sandbox: gives up what the task shall not have, starts it, and says how it ended.
//!
//! Inside bwrap(1) it is process 1: it reaps whatever the task leaves behind, and when it ends, the kernel ends all that
//! is left. It speaks to the supervisor through a pipe, one JSON line for each [`Word`]: only so is the exit status
//! exact, because bwrap itself makes a number out of a signal.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use haina_core::Timestamp;
use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use rustix::process::{DumpableBehavior, WaitOptions, WaitStatus, set_dumpable_behavior, wait};
use serde::{Deserialize, Serialize};

use super::sandbox::FileRules;
use crate::clock;

/// What is to be started, read from the first descriptor that is handed over.
#[derive(Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Its whole environment.
    pub variables: BTreeMap<String, String>,
    /// Where it starts.
    pub working_directory: PathBuf,
    /// User and group number that it gets, if another.
    pub user: Option<u32>,
    /// Further groups that it gets.
    #[serde(default)]
    pub groups: Vec<u32>,
    /// What of the file system it may touch.
    pub files: Option<FileRules>,
}

/// What is said to the supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// The task's process runs, since this moment.
    Started(Timestamp),
    /// It does not, and never will.
    Unstartable(String),
    /// It has ended.
    Ended {
        /// How.
        status: Status,
        /// Whether it left processes behind.
        left: bool,
    },
}

/// How a process ended; see wait(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
}

impl Status {
    /// What the kernel says of a process that has ended; none if it says neither.
    pub fn of(status: WaitStatus) -> Option<Status> {
        let exited = status.exit_status().map(Status::Exited);
        exited.or_else(|| status.terminating_signal().map(Status::Signalled))
    }
}

/// Starts what `arguments` hand over: the numbers of a descriptor that says what, and of a pipe to answer on.
/// Returns when no child is left.
pub fn enter(arguments: &[String]) -> ExitCode {
    let numbers: Vec<RawFd> = arguments.iter().filter_map(|text| text.parse().ok()).collect();
    let &[entry, pipe] = &numbers[..] else { return ExitCode::from(2) };
    if entry == pipe || entry < 3 || pipe < 3 {
        return ExitCode::from(2);
    }
    let (entry, mut pipe) = (taken(entry), taken(pipe));
    match start(entry) {
        Ok((child, at)) => {
            say(&mut pipe, &Word::Started(at));
            reap_all(child, &mut pipe);
            ExitCode::SUCCESS
        }
        Err(reason) => {
            say(&mut pipe, &Word::Unstartable(reason));
            ExitCode::FAILURE
        }
    }
}

#[allow(unsafe_code)]
fn taken(number: RawFd) -> File {
    // SAFETY: the supervisor opened this descriptor for this process alone, and nothing else in it knows the number.
    let file = File::from(unsafe { OwnedFd::from_raw_fd(number) });
    // The task shall not have it.
    _ = rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::CLOEXEC);
    file
}

fn say(pipe: &mut File, word: &Word) {
    if let Ok(mut line) = serde_json::to_vec(word) {
        line.push(b'\n');
        // Without a supervisor there is nobody to tell, and this process is about to be killed.
        _ = pipe.write_all(&line);
    }
}

/// The task's process, and when it was started.
fn start(mut entry: File) -> Result<(i32, Timestamp), String> {
    let mut text = Vec::new();
    entry.read_to_end(&mut text).map_err(|error| format!("the order could not be read: {error}"))?;
    let entry: Entry = serde_json::from_slice(&text).map_err(|error| format!("the order cannot be read: {error}"))?;
    let (program, arguments) = entry.command.split_first().ok_or("the command is empty")?;
    if let Some(user) = entry.user {
        become_user(user, &entry.groups).map_err(|error| format!("becoming user {user}: {error}"))?;
    }
    if let Some(files) = &entry.files {
        restrict(files).map_err(|error| format!("restricting files: {error}"))?;
    }
    let directory = &entry.working_directory;
    match std::fs::metadata(directory) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(format!("the working directory {} is not a directory", directory.display())),
        Err(error) => return Err(not_seen(directory, &error)),
    }
    // The task may be of the same user: it shall not reach the pipe through /proc and speak for this process.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(&entry.variables).current_dir(directory).stdin(Stdio::null());
    heed_signals_again().map_err(|error| error.to_string())?;
    let at = clock::now();
    let child = command.spawn().map_err(|error| {
        let program: String = program.chars().take(200).collect();
        format!("{program}: {error}")
    })?;
    Ok((child.id().cast_signed(), at))
}

fn not_seen(directory: &Path, error: &io::Error) -> String {
    format!(
        "the working directory {}: {error} (jobs see their organization's own directory and what the center file's \
         [[local.mounts]] name)",
        directory.display()
    )
}

/// For good: the numbers of root are gone, and with them its capabilities.
pub fn become_user(user: u32, groups: &[u32]) -> nix::Result<()> {
    use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
    let groups: Vec<Gid> = groups.iter().map(|group| Gid::from_raw(*group)).collect();
    setgroups(&groups)?;
    setresgid(gid, gid, gid)?;
    setresuid(uid, uid, uid)
}

/// For good, also for what is started from here.
pub fn drop_capabilities() -> rustix::io::Result<()> {
    use rustix::thread::{CapabilitySet, CapabilitySets, remove_capability_from_bounding_set, set_capabilities};
    for number in 0..64 {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
            // The kernel knows fewer.
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            Err(error) => return Err(error),
        }
    }
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
}

/// Paths that are not there are left out: nobody can touch them either.
pub fn restrict(files: &FileRules) -> Result<(), landlock::RulesetError> {
    let abi = ABI::V3;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .create()?;
    let all = files.read.iter().map(|path| (path, AccessFs::from_read(abi)));
    let all = all.chain(files.write.iter().map(|path| (path, AccessFs::from_all(abi))));
    for (path, access) in all {
        if let Ok(opened) = PathFd::new(path) {
            // Of a file only what files have.
            let access = if path.is_dir() { access } else { access & AccessFs::from_file(abi) };
            rules = rules.add_rule(PathBeneath::new(opened, access))?;
        }
    }
    rules.restrict_self().map(drop)
}

/// The sandbox program ignores SIGTERM, which is for the task. This one need not: of process 1 the kernel keeps all
/// signals that it has no handler for. What it has by default, the task has too.
#[allow(unsafe_code)]
fn heed_signals_again() -> nix::Result<()> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: no handler is installed.
    unsafe { sigaction(Signal::SIGTERM, &default) }?;
    SigSet::empty().thread_set_mask()
}

fn reap_all(child: i32, pipe: &mut File) {
    let mut ended = None;
    loop {
        // Once the task has ended, all that has ended with it is reaped before anything is said.
        let options = if ended.is_some() { WaitOptions::NOHANG } else { WaitOptions::empty() };
        match wait(options) {
            Ok(Some((pid, status))) if pid.as_raw_nonzero().get() == child => ended = Status::of(status),
            Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
            Ok(None) | Err(_) => break,
        }
    }
    let Some(status) = ended else { return };
    let mut left = !matches!(wait(WaitOptions::NOHANG), Err(rustix::io::Errno::CHILD));
    say(pipe, &Word::Ended { status, left });
    while left {
        left = !matches!(wait(WaitOptions::empty()), Err(rustix::io::Errno::CHILD));
    }
}
