//! What waits on every node of a job but the first, and starts the tasks that `srun` sends there.
//!
//! A socket in the job's meeting place. A task comes as one byte with its three streams, and its length and text as JSON; what goes
//! back is its exit code. A byte `t` asks it to end; a closed connection ends it.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufRead, BufReader, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};

use super::step::{Streams, Task, exit_code};

/// The job has ended well.
const END: u8 = b'e';
/// A task follows.
const TASK: u8 = b's';
/// The task is to end.
pub const TERMINATE: u8 = b't';

/// How long a connection may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(5);

/// Serves one node until the job ends.
pub fn serve(place: &Path, node: u32) -> io::Result<u8> {
    let directory = open(place)?;
    let listener = UnixListener::bind(address(&directory, node))?;
    for stream in listener.incoming() {
        // One that says nothing, or something else, keeps nobody else waiting for long.
        let received = stream.and_then(|stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            let mut streams = Vec::new();
            let first = receive(&stream, &mut streams)?;
            stream.set_read_timeout(None)?;
            Ok((first, stream, streams))
        });
        match received {
            Ok((Some(END), ..)) => return Ok(0),
            Ok((Some(TASK), stream, streams)) => _ = std::thread::spawn(move || attend(stream, streams)),
            Ok(_) => {}
            Err(error) => {
                eprintln!("srun: error: a connection on node {node}: {error}");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
    Ok(0)
}

/// A connection to a node's agent; tried again while `is_patient`, because that node may still be starting.
pub fn connect(place: &Path, node: u32, is_patient: impl Fn() -> bool) -> io::Result<UnixStream> {
    let directory = open(place)?;
    loop {
        match UnixStream::connect(address(&directory, node)) {
            Err(error)
                if is_patient()
                    && matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            connected => return connected,
        }
    }
}

/// Sends a task to an agent.
pub fn send(mut stream: &UnixStream, task: &Task, streams: &Streams) -> io::Result<()> {
    let handles = streams.each_ref().map(|stream| stream.as_fd());
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&handles)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    sendmsg(stream, &[IoSlice::new(&[TASK])], &mut control, SendFlags::empty())?;
    let text = serde_json::to_vec(task)?;
    stream.write_all(&(text.len() as u64).to_le_bytes())?;
    stream.write_all(&text)
}

/// Tells an agent that the job has ended well.
pub fn end(mut stream: UnixStream) -> io::Result<()> {
    stream.write_all(&[END])
}

/// The exit code that an agent sends; none where its node is gone.
pub fn outcome(stream: &UnixStream) -> Option<u8> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    line.trim().parse().ok()
}

fn open(place: &Path) -> io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(place)?;
    File::open(place)
}

/// Short, whatever the directory is called: a socket's address has 108 bytes.
fn address(directory: &File, node: u32) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/node-{node}", directory.as_raw_fd()))
}

/// The first byte, with the streams that came with it.
fn receive(stream: &UnixStream, streams: &mut Vec<OwnedFd>) -> io::Result<Option<u8>> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let got = recvmsg(stream, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(handles) = message {
            streams.extend(handles);
        }
    }
    Ok((got.bytes == 1).then_some(byte[0]))
}

fn attend(mut stream: UnixStream, streams: Vec<OwnedFd>) {
    let code = match start(&mut stream, streams) {
        Ok(child) => watch(child, &mut stream),
        Err(error) => Err(error),
    };
    let code = code.unwrap_or_else(|error| {
        eprintln!("srun: error: {error}");
        127
    });
    _ = writeln!(stream, "{code}");
}

fn start(stream: &mut UnixStream, streams: Vec<OwnedFd>) -> io::Result<Child> {
    let streams: Streams = streams.try_into().map_err(|_| io::ErrorKind::InvalidData)?;
    let mut length = [0; 8];
    stream.read_exact(&mut length)?;
    let mut text = Vec::new();
    Read::take(&mut *stream, u64::from_le_bytes(length)).read_to_end(&mut text)?;
    let task: Task = serde_json::from_slice(&text)?;
    let report = streams[2].try_clone()?;
    task.start(streams).map_err(|error| {
        let program = task.command.first().map_or("", String::as_str);
        _ = writeln!(File::from(report), "srun: error: execve(): {program}: {error}");
        error
    })
}

fn watch(mut child: Child, stream: &mut UnixStream) -> io::Result<u8> {
    let handle = handle(&child)?;
    let group = Pid::from_raw(child.id().cast_signed()).ok_or(io::ErrorKind::NotFound)?;
    loop {
        let mut sources = [PollFd::new(&handle, PollFlags::IN), PollFd::new(stream, PollFlags::IN)];
        poll(&mut sources, None)?;
        let [has_ended, is_told] = sources.each_ref().map(|source| !source.revents().is_empty());
        if has_ended {
            return reap(&mut child);
        }
        if is_told {
            let mut byte = [0];
            let signal = match stream.read(&mut byte) {
                Ok(1) if byte[0] == TERMINATE => Signal::TERM,
                _ => Signal::KILL,
            };
            self::signal(handle.as_fd(), group, signal);
            if signal == Signal::KILL {
                poll(&mut [PollFd::new(&handle, PollFlags::IN)], None)?;
                return reap(&mut child);
            }
        }
    }
}

/// A child, for waiting and for signals.
pub fn handle(child: &Child) -> io::Result<OwnedFd> {
    let pid = Pid::from_raw(child.id().cast_signed()).ok_or(io::ErrorKind::NotFound)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

/// Waits until a task's process has ended, and ends what it left behind; its exit code.
pub fn finish(child: &mut Child, handle: BorrowedFd<'_>) -> io::Result<u8> {
    while let Err(rustix::io::Errno::INTR) = poll(&mut [PollFd::from_borrowed_fd(handle, PollFlags::IN)], None) {}
    reap(child)
}

/// As long as it is not waited for, its number is its own, and its session's.
fn reap(child: &mut Child) -> io::Result<u8> {
    if let Some(group) = Pid::from_raw(child.id().cast_signed()) {
        _ = kill_process_group(group, Signal::KILL);
    }
    child.wait().map(exit_code)
}

/// Sends a signal to a task that has not been waited for: to all of its process group.
pub fn signal(handle: BorrowedFd<'_>, group: Pid, signal: Signal) {
    // One that was waited for has no handle that takes signals; its number may be another's by now.
    if pidfd_send_signal(handle, signal).is_ok() {
        _ = kill_process_group(group, signal);
    }
}

/// Removes the meeting place.
pub fn leave(place: &Path) {
    _ = fs::remove_dir_all(place);
}
