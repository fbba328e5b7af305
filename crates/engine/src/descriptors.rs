//! Which open files, and how many, a process may have.

use std::fs;
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::OnceLock;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What this process was allowed before it allowed itself more.
static LIMIT: OnceLock<Rlimit> = OnceLock::new();

/// Makes this process one that has many files, sockets and processes at hand, and hands on none that it did not open
/// itself: every file that it was started with is closed in the programs that it starts, but the three standard streams.
/// Call it first.
///
/// # Errors
/// Where the kernel does not list the open files.
#[allow(unsafe_code)]
pub fn prepare_server() -> io::Result<()> {
    for number in inherited()? {
        // SAFETY: only a flag of it is set, while it is open: nothing else runs yet that could close it.
        let file = unsafe { BorrowedFd::borrow_raw(number) };
        // What was only open for the list itself is not any more.
        _ = fcntl_setfd(file, FdFlags::CLOEXEC);
    }
    let before = getrlimit(Resource::Nofile);
    LIMIT.get_or_init(|| before);
    // More is better; without, there are fewer tasks and connections at a time.
    _ = setrlimit(Resource::Nofile, Rlimit { current: before.maximum, maximum: before.maximum });
    Ok(())
}

/// Gives what this starts the limit that the server was started with: programs of old fear large numbers.
#[allow(unsafe_code)]
pub fn with_usual_limit(command: &mut Command) {
    if let Some(limit) = LIMIT.get().copied() {
        // SAFETY: between fork and exec only one system call is made: no allocation, no lock.
        unsafe {
            command.pre_exec(move || Ok(setrlimit(Resource::Nofile, limit)?));
        }
    }
}

/// Closes whatever this process was started with beside its standard streams and `kept`.
///
/// # Errors
/// Where the kernel does not list the open files.
#[allow(unsafe_code)]
pub fn close_inherited(kept: Option<RawFd>) -> io::Result<()> {
    for number in inherited()?.into_iter().filter(|number| Some(*number) != kept) {
        // What was only open for the list itself is not any more.
        if fs::symlink_metadata(format!("/proc/self/fd/{number}")).is_ok() {
            // SAFETY: nothing in this process has opened it, and nothing knows its number.
            drop(unsafe { OwnedFd::from_raw_fd(number) });
        }
    }
    Ok(())
}

fn inherited() -> io::Result<Vec<RawFd>> {
    let entries = fs::read_dir("/proc/self/fd")?;
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Ok(numbers.filter(|number| *number > 2).collect())
}
