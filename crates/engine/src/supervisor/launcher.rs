//! The process that supervisors are forked from. It has loaded the program once for all of them: to start a program takes
//! the kernel longer than all that a supervisor does for a short task.
//!
//! Standard input is a socket of packets. Each packet is a task's directory, a zero, and the token for the task's
//! programs, if they get one; the answer is `+` with a handle of the
//! supervisor's process (pidfd), `-` if that has ended already, or what went wrong.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::ExitCode;

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::{ForkResult, fork};
use rustix::io::{Errno, dup, ioctl_fioclex};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, recv, send, sendmsg};
use rustix::process::{Pid, PidfdFlags, pidfd_open, setsid};
use rustix::stdio::{dup2_stdin, stdin};

use super::supervise;
use crate::descriptors::close_inherited;

/// Paths are shorter.
pub const PACKET: usize = 4096;

/// Forks a supervisor for each directory that the socket names, until that is closed. Call it from the main thread of a
/// process that has no other and does nothing else.
pub fn launch_supervisors() -> ExitCode {
    // A session of its own: neither a closed terminal nor a signal to the server's group reaches it.
    let _ = setsid();
    match serve() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("no supervisor can be started from here: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> io::Result<ExitCode> {
    // Tasks shall not have what the server was started with.
    close_inherited(None)?;
    let socket = dup(stdin())?;
    ioctl_fioclex(&socket)?;
    dup2_stdin(File::open("/dev/null")?)?;
    // Who is not waited for does not stay a zombie.
    handle_children(SigHandler::SigIgn)?;
    let mut packet = [0; PACKET];
    loop {
        let length = match recv(&socket, &mut packet, RecvFlags::empty()) {
            Ok((_, 0)) => return Ok(ExitCode::SUCCESS),
            Ok((_, length)) => length,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        let packet = &packet[..length];
        let end = packet.iter().position(|byte| *byte == 0).unwrap_or(length);
        let directory = Path::new(OsStr::from_bytes(&packet[..end]));
        let token =
            packet.get(end + 1..).and_then(|token| str::from_utf8(token).ok()).filter(|token| !token.is_empty());
        match fork_one() {
            Ok(ForkResult::Child) => {
                drop(socket);
                handle_children(SigHandler::SigDfl)?;
                name_this_process(directory);
                return Ok(supervise(directory, token));
            }
            Ok(ForkResult::Parent { child }) => answer(&socket, child.as_raw())?,
            Err(error) => {
                send(&socket, error.to_string().as_bytes(), SendFlags::empty())?;
            }
        }
    }
}

#[allow(unsafe_code)]
fn fork_one() -> nix::Result<ForkResult> {
    // SAFETY: this process has one thread, so that no lock can be held by another in the child.
    unsafe { fork() }
}

#[allow(unsafe_code)]
fn handle_children(handler: SigHandler) -> nix::Result<()> {
    // SAFETY: no handler of our own is installed.
    unsafe { sigaction(Signal::SIGCHLD, &SigAction::new(handler, SaFlags::empty(), SigSet::empty())) }.map(drop)
}

fn answer(socket: &OwnedFd, pid: i32) -> io::Result<()> {
    let handle = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::NONBLOCK).ok());
    let Some(handle) = handle else {
        send(socket, b"-", SendFlags::empty())?;
        return Ok(());
    };
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut handles = SendAncillaryBuffer::new(&mut space);
    let sent: [BorrowedFd<'_>; 1] = [handle.as_fd()];
    handles.push(SendAncillaryMessage::ScmRights(&sent));
    sendmsg(socket, &[io::IoSlice::new(b"+")], &mut handles, SendFlags::empty())?;
    Ok(())
}

/// Shows in the list of processes whose supervisor this is: the directory is put where the kernel keeps the arguments,
/// of which the last was made long enough. Where that is not possible, nothing is lost but the name.
fn name_this_process(directory: &Path) {
    _ = (|| -> Option<()> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        // fields[0] is field 3 of proc(5); 48 and 49 are where the arguments begin and end.
        let (begin, end): (u64, u64) = (fields.get(45)?.parse().ok()?, fields.get(46)?.parse().ok()?);
        let mut text = Vec::new();
        for word in [b"haina", b"supervise".as_slice(), directory.as_os_str().as_bytes()] {
            text.extend_from_slice(word);
            text.push(0);
        }
        text.truncate(usize::try_from(end.checked_sub(begin)?).ok()?.checked_sub(1)?);
        text.resize(usize::try_from(end - begin).ok()?, 0);
        OpenOptions::new().write(true).open("/proc/self/mem").ok()?.write_all_at(&text, begin).ok()
    })();
}
