//! The program that joins a task: enters what surrounds it, gives up what it gave up, and starts one more process.
//!
//! It has one thread, because only so may it enter a user namespace. Once it has become the task's user it can do nothing
//! that the task could not; the task sees its child only, because a process keeps the process namespace it was born in.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write, stderr, stdin, stdout};
use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};

use rustix::fs::{Uid, fchown};
use rustix::process::{
    DumpableBehavior, Pid, PidfdFlags, Signal, ioctl_tiocsctty, pidfd_open, set_dumpable_behavior,
    set_parent_process_death_signal, setsid,
};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces, set_no_new_privs};

use super::relay::{self, relay};
use super::{Joining, Rights, Terminal, TerminalSize};
use crate::confinement::{become_user, drop_capabilities, restrict};
use crate::descriptors::close_inherited;

/// Joins the task that is described on the socket whose number is handed over. The exit code is the command's; 128 and the
/// signal that ended it; 126 where it could not be started.
pub fn join(arguments: &[String]) -> ExitCode {
    let Some(number) = arguments.first().and_then(|text| text.parse().ok()).filter(|number| *number > 2) else {
        return ExitCode::from(2);
    };
    if let Err(why) = close_inherited(Some(number)) {
        eprintln!("haina: what the server has open cannot be closed: {why}");
        return ExitCode::from(126);
    }
    match run(taken(number)) {
        Ok(status) => {
            let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
            ExitCode::from(u8::try_from(code).unwrap_or(1))
        }
        Err(why) => {
            eprintln!("haina: {why}");
            ExitCode::from(126)
        }
    }
}

#[allow(unsafe_code)]
fn taken(number: RawFd) -> UnixStream {
    // SAFETY: the engine opened this descriptor for this process alone, and nothing else in it knows the number.
    let socket = UnixStream::from(unsafe { OwnedFd::from_raw_fd(number) });
    // The task shall not have it.
    _ = rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC);
    socket
}

fn run(mut control: UnixStream) -> Result<ExitStatus, String> {
    let mut length = [0; 4];
    control.read_exact(&mut length).map_err(|error| format!("the order could not be read: {error}"))?;
    let mut text = vec![0; u32::from_be_bytes(length) as usize];
    control.read_exact(&mut text).map_err(|error| format!("the order could not be read: {error}"))?;
    let joining: Joining =
        serde_json::from_slice(&text).map_err(|error| format!("the order cannot be read: {error}"))?;
    let sandbox = joining.order.sandbox.as_ref();
    let rights = Rights {
        user: sandbox.and_then(|sandbox| sandbox.user),
        device_groups: sandbox.map_or(&[], |sandbox| &sandbox.device_groups),
        files: sandbox.and_then(|sandbox| sandbox.files.as_ref()),
        groups: sandbox.map_or(&[], |sandbox| &sandbox.groups),
    };
    join_groups(&rights).map_err(|error| format!("the control groups: {error}"))?;
    if let Some(user) = rights.user {
        // Its own streams: else it could not open them by their names, such as /dev/stderr.
        for stream in [stdin().as_fd(), stdout().as_fd(), stderr().as_fd()] {
            _ = fchown(stream, Some(Uid::from_raw(user)), None);
        }
    }
    if let Some(inside) = joining.inside {
        enter_namespaces(inside).map_err(|error| format!("the sandbox could not be entered: {error}"))?;
        give_up(&rights)?;
    }
    let directory = &joining.order.working_directory;
    // The task may be of the same user: it shall not reach into this process.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|error| error.to_string())?;
    let mut words = joining.request.command.clone();
    if words.is_empty() {
        let shell = if Path::new("/bin/bash").exists() { "/bin/bash" } else { "/bin/sh" };
        words.push(shell.to_owned());
    }
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env_clear().envs(&joining.order.variables).envs(&joining.token).current_dir(directory);
    let started = |error: io::Error| format!("{}: {error}", words[0].chars().take(200).collect::<String>());
    match &joining.request.terminal {
        None => {
            prepare(&mut command, None);
            let mut child = command.spawn().map_err(started)?;
            // This process holds none of the streams open for others.
            drop(command);
            relay::without_terminal(&mut child, &control).map_err(|error| error.to_string())
        }
        Some(terminal) => {
            let (ours, mut child) = with_terminal(command, terminal).map_err(started)?;
            relay(&mut child, &ours, &mut control).map_err(|error| error.to_string())
        }
    }
}

/// Into the task's groups, which count and limit what is started from here.
fn join_groups(rights: &Rights<'_>) -> io::Result<()> {
    for group in rights.groups {
        let door = group.node.join(&group.task).join("cgroup.procs");
        OpenOptions::new().write(true).open(door)?.write_all(b"0")?;
    }
    Ok(())
}

/// All at once, so that they are all of one process.
fn enter_namespaces(inside: i32) -> io::Result<()> {
    let pid = Pid::from_raw(inside).ok_or(io::ErrorKind::NotFound)?;
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    let kinds = [
        ("user", ThreadNameSpaceType::USER),
        ("mnt", ThreadNameSpaceType::MOUNT),
        ("pid", ThreadNameSpaceType::PROCESS_ID),
        ("ipc", ThreadNameSpaceType::INTER_PROCESS_COMMUNICATION),
        ("uts", ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME),
    ];
    let mut others = ThreadNameSpaceType::empty();
    for (name, kind) in kinds {
        // One's own user namespace cannot be entered.
        if fs::read_link(format!("/proc/{inside}/ns/{name}"))? != fs::read_link(format!("/proc/self/ns/{name}"))? {
            others |= kind;
        }
    }
    Ok(move_into_thread_name_spaces(process.as_fd(), others)?)
}

/// As the program that enters a sandbox does, and the sandbox program before it.
fn give_up(rights: &Rights<'_>) -> Result<(), String> {
    match rights.user {
        Some(user) => {
            become_user(user, rights.device_groups).map_err(|error| format!("becoming user {user}: {error}"))?
        }
        None => drop_capabilities().map_err(|error| format!("giving up capabilities: {error}"))?,
    }
    set_no_new_privs(true).map_err(|error| error.to_string())?;
    if let Some(files) = rights.files {
        restrict(files).map_err(|error| format!("restricting files: {error}"))?;
    }
    Ok(())
}

/// Starts the command with a terminal of its own, whose other end is ours.
fn with_terminal(mut command: Command, terminal: &Terminal) -> io::Result<(OwnedFd, Child)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let name = ptsname(&ours, Vec::new())?;
    let options = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
    let theirs = File::from(rustix::fs::open(&name, options, rustix::fs::Mode::empty())?);
    resize(&ours, terminal.size)?;
    command.env("TERM", &terminal.kind);
    command.stdin(theirs.try_clone()?).stdout(theirs.try_clone()?).stderr(Stdio::from(theirs.try_clone()?));
    prepare(&mut command, Some(theirs.into()));
    let child = command.spawn()?;
    Ok((ours, child))
}

/// Gives a terminal its size.
pub fn resize(terminal: &OwnedFd, size: TerminalSize) -> io::Result<()> {
    let size = Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
    Ok(tcsetwinsize(terminal, size)?)
}

/// A session of its own, with its terminal; it ends with this process.
#[allow(unsafe_code)]
fn prepare(command: &mut Command, terminal: Option<OwnedFd>) {
    // SAFETY: between fork and exec only async-signal-safe calls are made: system calls, no allocation, no lock.
    unsafe {
        command.pre_exec(move || {
            setsid()?;
            if let Some(terminal) = &terminal {
                ioctl_tiocsctty(terminal)?;
            }
            Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
        });
    }
}
