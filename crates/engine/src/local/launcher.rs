//! This server's end of the process that supervisors are forked from (`supervisor::launcher`).

use std::ffi::{OsStr, OsString};
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, SocketFlags, SocketType, recvmsg,
    send, socketpair, sockopt,
};

use crate::descriptors::with_usual_limit;
use crate::supervisor::PACKET;

/// A process that takes longer to answer is replaced. What it may have started all the same holds the task's lock.
const LONGEST: Duration = Duration::from_secs(30);

/// Starts supervisors. The process behind it is started when it is first needed, and again if it has died.
pub struct Launcher {
    /// The program and its arguments.
    program: Vec<OsString>,
    process: Mutex<Option<Process>>,
}

struct Process {
    socket: OwnedFd,
    child: Child,
}

impl Launcher {
    /// `program` must call [`crate::launch_supervisors`].
    pub fn new(program: Vec<OsString>) -> Launcher {
        Launcher { program, process: Mutex::default() }
    }

    /// The program alone.
    pub fn program(&self) -> &OsStr {
        self.program.first().map(OsString::as_os_str).unwrap_or_default()
    }

    /// Starts a supervisor for the task in this directory, whose programs alone get the token; returns a handle of its process, or none if it has ended already.
    pub fn launch(&self, task_directory: &Path, token: Option<&str>) -> io::Result<Option<OwnedFd>> {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let packet = [task_directory.as_os_str().as_bytes(), token.unwrap_or_default().as_bytes()].join(&0);
        if let Some(before) = &*process {
            match before.ask(&packet) {
                Err(_) => end(process.take()),
                Ok(answered) => return answered.map_err(io::Error::other),
            }
        }
        let started = process.insert(Process::start(&self.program)?);
        let answered = started.ask(&packet).inspect_err(|_| end(process.take()))?;
        answered.map_err(io::Error::other)
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        end(self.process.get_mut().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// The supervisors go on.
fn end(process: Option<Process>) {
    if let Some(Process { socket, mut child }) = process {
        drop(socket);
        // It ends by itself when nobody can ask it any more, unless it hangs.
        _ = child.kill();
        _ = child.wait();
    }
}

impl Process {
    fn start(program: &[OsString]) -> io::Result<Process> {
        let (program, arguments) = program.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let (socket, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let mut command = Command::new(program);
        // Room for the names of the supervisors in the list of processes.
        command.args(arguments).arg(" ".repeat(PACKET / 8)).current_dir("/").env_clear();
        if let Some(plan) = std::env::var_os("HAINA_FAILPOINT") {
            command.env("HAINA_FAILPOINT", plan);
        }
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(LONGEST))?;
        with_usual_limit(&mut command);
        let child = command.stdin(theirs).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        Ok(Process { socket, child })
    }

    /// Its answer; an error where it gives none. Without a handle the supervisor has ended already, or there was no room for
    /// one: then its lock tells.
    fn ask(&self, packet: &[u8]) -> io::Result<Result<Option<OwnedFd>, String>> {
        send(self.socket.as_fd(), packet, SendFlags::NOSIGNAL)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut handles = RecvAncillaryBuffer::new(&mut space);
        let mut answer = [0; 512];
        let received = rustix::io::retry_on_intr(|| {
            recvmsg(&self.socket, &mut [IoSliceMut::new(&mut answer)], &mut handles, RecvFlags::CMSG_CLOEXEC)
        })?;
        let handle = handles.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut handles) => handles.next(),
            _ => None,
        });
        match (&answer[..received.bytes], handle) {
            (b"+", handle) => Ok(Ok(handle)),
            (b"-", _) => Ok(Ok(None)),
            ([], _) => Err(io::Error::other("the process that starts supervisors ended")),
            (said, _) => Ok(Err(String::from_utf8_lossy(said).into_owned())),
        }
    }
}
