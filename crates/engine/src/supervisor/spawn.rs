//! Starting the task's process, confined as its order says.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal as NixSignal, sigaction};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal, setsid};

use super::words::Words;
use crate::confinement::Entry;
use crate::confinement::groups::TaskGroups;
use crate::records::TaskOrder;

/// What was started.
pub struct Spawned {
    /// The first process: the task's own, or the sandbox around it.
    pub pid: Pid,
    /// What is heard from inside the sandbox, if it is one.
    pub words: Option<Words>,
}

/// Starts the ordered program in a session and process group of its own. It dies with the supervisor.
///
/// The error says in the kernel's words why it could not be started.
pub fn spawn(order: &TaskOrder, groups: &TaskGroups, stdout: OwnedFd, stderr: OwnedFd) -> Result<Spawned, String> {
    let sandbox = order.sandbox.as_ref().filter(|sandbox| !sandbox.enter.is_empty());
    let Some(sandbox) = sandbox else { return spawn_directly(order, groups, stdout, stderr) };
    let entry = Entry {
        command: order.command.clone(),
        variables: order.variables.clone(),
        working_directory: order.working_directory.clone(),
        user: sandbox.user,
        groups: sandbox.device_groups.clone(),
        files: sandbox.files.clone(),
    };
    let entry = handed_over(&entry).map_err(|error| format!("the sandbox's order: {error}"))?;
    let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC).map_err(|error| format!("a pipe: {error}"))?;
    let words: Vec<&String> = sandbox.wrapper.iter().chain(&sandbox.enter).collect();
    let (program, options) = words.split_first().ok_or("the sandbox has no program")?;
    let mut command = Command::new(program);
    command.args(options).arg(entry.as_raw_fd().to_string()).arg(theirs.as_raw_fd().to_string());
    command.env_clear().current_dir("/").stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    prepare_in_child(&mut command, doors(groups)?, vec![entry, File::from(theirs)]);
    let child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
    // Its copies of our ends are closed with it; what the task writes is not waited for by these.
    drop(command);
    let pid = Pid::from_raw(child.id().cast_signed()).ok_or("the kernel gave no process number")?;
    Ok(Spawned { pid, words: Some(Words::from(File::from(ours))) })
}

fn spawn_directly(order: &TaskOrder, groups: &TaskGroups, stdout: OwnedFd, stderr: OwnedFd) -> Result<Spawned, String> {
    let (program, arguments) = order.command.split_first().ok_or("the command is empty")?;
    let directory = &order.working_directory;
    match std::fs::metadata(directory) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(format!("the working directory {} is not a directory", directory.display())),
        Err(error) => return Err(format!("the working directory {}: {error}", directory.display())),
    }
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(&order.variables)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr);
    prepare_in_child(&mut command, doors(groups)?, Vec::new());
    let child = command.spawn().map_err(|error| format!("{}: {error}", shortened(program)))?;
    let pid = Pid::from_raw(child.id().cast_signed()).ok_or("the kernel gave no process number")?;
    Ok(Spawned { pid, words: None })
}

fn shortened(program: &str) -> String {
    program.chars().take(200).collect()
}

/// A file without a name, in memory: environments may be larger than a pipe.
fn handed_over(entry: &Entry) -> io::Result<File> {
    let mut file = File::from(memfd_create("haina-entry", MemfdFlags::CLOEXEC)?);
    file.write_all(&serde_json::to_vec(entry)?)?;
    file.rewind()?;
    Ok(file)
}

/// Copies, because the child needs its own.
fn doors(groups: &TaskGroups) -> Result<Vec<File>, String> {
    let copies = groups.doors().iter().map(File::try_clone).collect::<io::Result<_>>();
    copies.map_err(|error| format!("the control groups: {error}"))
}

#[allow(unsafe_code)]
fn prepare_in_child(command: &mut Command, doors: Vec<File>, kept: Vec<File>) {
    let supervisor = Pid::from_raw(std::process::id().cast_signed());
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: between fork and exec only async-signal-safe calls are made: system calls, no allocation, no lock.
    unsafe {
        command.pre_exec(move || {
            setsid()?;
            set_parent_process_death_signal(Some(Signal::KILL))?;
            if getppid() != supervisor {
                // It died before the line above could take effect.
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            for door in &doors {
                (&*door).write_all(b"0")?;
            }
            for file in &kept {
                fcntl_setfd(file, FdFlags::empty())?;
            }
            if !kept.is_empty() {
                // What surrounds the task outlives a stop until the task has ended.
                sigaction(NixSignal::SIGTERM, &ignore)?;
            }
            // The supervisor blocks SIGCHLD for itself; the task shall find an empty mask.
            SigSet::empty().thread_set_mask()?;
            Ok(())
        });
    }
}

/// The last of what a file says: for reasons.
pub fn end_of(path: &std::path::Path) -> String {
    let mut text = Vec::new();
    if let Ok(mut file) = File::open(path) {
        let length = file.metadata().map_or(0, |found| found.len());
        _ = file.seek(io::SeekFrom::Start(length.saturating_sub(400)));
        _ = file.read_to_end(&mut text);
    }
    String::from_utf8_lossy(&text).trim().to_owned()
}
