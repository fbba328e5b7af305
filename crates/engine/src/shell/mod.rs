//! A shell inside a running task: one more process in its sandbox, confined as the task is.
//!
//! The engine starts a program ([`join()`]) that enters the task's control groups and namespaces, becomes its user, gives up
//! what the task gave up, and then starts the command. Nothing runs beside a task for this, and nothing has to have been
//! prepared when it was started.

mod join;
mod relay;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use haina_core::AttemptId;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};
use tokio::io::unix::AsyncFd;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::confinement::FileRules;
use crate::confinement::groups::TaskGroup;
use crate::descriptors::with_usual_limit;
use crate::engine::EngineError;
use crate::layout::TaskPaths;
use crate::local::task::blocking;
use crate::readiness::readable;
use crate::records::TaskOrder;
use crate::variables::TOKEN;
use crate::{durable, processes, task_state};
pub use join::join;

/// How long what a task's end has ended may take to say its last.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What is to be run in a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellRequest {
    /// The program and its arguments; a shell if empty.
    #[serde(default)]
    pub command: Vec<String>,
    /// The terminal that it gets; none if absent.
    #[serde(default)]
    pub terminal: Option<Terminal>,
}

/// A terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terminal {
    /// What `TERM` says of it.
    pub kind: String,
    /// Its size.
    pub size: TerminalSize,
}

/// A terminal's size in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalSize {
    /// How wide.
    pub columns: u16,
    /// How high.
    pub rows: u16,
}

impl TerminalSize {
    fn to_bytes(self) -> [u8; 4] {
        let ([a, b], [c, d]) = (self.columns.to_be_bytes(), self.rows.to_be_bytes());
        [a, b, c, d]
    }

    fn from_bytes([a, b, c, d]: [u8; 4]) -> TerminalSize {
        TerminalSize { columns: u16::from_be_bytes([a, b]), rows: u16::from_be_bytes([c, d]) }
    }
}

/// What the joining program is told.
#[derive(Debug, Serialize, Deserialize)]
struct Joining {
    request: ShellRequest,
    /// The task's.
    order: TaskOrder,
    /// A process inside its sandbox; none where it has none.
    inside: Option<i32>,
    /// What the job's programs show the center, by its variable.
    token: BTreeMap<String, String>,
}

/// A command that runs in a task. Ends when it is dropped, because the joining program hears that, and with its task.
pub struct Shell {
    /// The joining program: its streams are the command's, its end is too, and its exit code says how.
    pub process: Child,
    control: UnixStream,
    /// The task's first process.
    task: AsyncFd<OwnedFd>,
    /// When it is ended, because its task has.
    kill: Option<Instant>,
}

impl Shell {
    /// Waits for its end; the exit code. It ends with its task: by itself where a sandbox does, else it is made to. May be
    /// asked again.
    ///
    /// # Errors
    /// Where the kernel does not say how it ended.
    pub async fn ended(&mut self) -> io::Result<u8> {
        let Shell { process, control, task, kill } = self;
        if kill.is_none() {
            tokio::select! {
                status = process.wait() => return Ok(exit_code(status?)),
                _ = task.readable() => *kill = Some(Instant::now() + LAST_WORDS),
            }
        }
        let deadline = kill.unwrap_or_else(Instant::now);
        if let Ok(status) = tokio::time::timeout_at(deadline, process.wait()).await {
            return Ok(exit_code(status?));
        }
        // It ends what it started, and itself.
        _ = control.shutdown(Shutdown::Write);
        if let Ok(status) = tokio::time::timeout(LAST_WORDS, process.wait()).await {
            return Ok(exit_code(status?));
        }
        process.start_kill()?;
        process.wait().await.map(exit_code)
    }

    /// Says that the terminal has another size.
    pub fn resize(&mut self, size: TerminalSize) {
        // If it has ended, it does not matter.
        _ = self.control.write_all(&size.to_bytes());
    }
}

/// Starts a command in a task. None where the task does not run.
pub async fn open(
    program: &OsStr,
    attempt: AttemptId,
    task: TaskPaths,
    request: ShellRequest,
    token: Option<String>,
) -> Result<Option<Shell>, EngineError> {
    let failed = |error| EngineError::io(format!("a shell in {attempt}"), error);
    let Some(found) = blocking(move || find(&task)).await.map_err(failed)? else { return Ok(None) };
    let task = readable(found.handle).map_err(failed)?;
    let token = token.map(|token| (TOKEN.to_owned(), token)).into_iter().collect();
    let joining = Joining { request, order: found.order, inside: found.inside, token };
    let (process, control) = start(program, &joining).map_err(failed)?;
    Ok(Some(Shell { process, control, task, kill: None }))
}

fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}

/// A task that runs.
struct Found {
    order: TaskOrder,
    /// Its first process.
    handle: OwnedFd,
    /// A process inside its sandbox; none where it has none.
    inside: Option<i32>,
}

fn find(task: &TaskPaths) -> io::Result<Option<Found>> {
    let (order, running) = (durable::read::<TaskOrder>(&task.order())?, task_state::running(task)?);
    let (Some(order), Some(running)) = (order, running) else { return Ok(None) };
    let lives = || running.boot == processes::boot_id() && processes::start_ticks(running.pid) == running.start_ticks;
    let handle = Pid::from_raw(running.pid).and_then(|pid| pidfd_open(pid, PidfdFlags::NONBLOCK).ok());
    let Some(handle) = handle.filter(|_| !task.exit().exists() && lives()) else { return Ok(None) };
    if order.sandbox.as_ref().is_none_or(|sandbox| sandbox.wrapper.is_empty()) {
        return Ok(Some(Found { order, handle, inside: None }));
    }
    // The sandbox program waits outside for process 1 inside. That its number is still its own is known by its parent.
    let inside = processes::children(running.pid).into_iter().find(|pid| processes::is_first_inside(*pid));
    Ok(inside.filter(|_| lives()).map(|inside| Found { order, handle, inside: Some(inside) }))
}

fn start(program: &OsStr, joining: &Joining) -> io::Result<(Child, UnixStream)> {
    let (control, theirs) = UnixStream::pair()?;
    let theirs = OwnedFd::from(theirs);
    let number = theirs.as_raw_fd();
    let mut command = std::process::Command::new(program);
    command.arg("join").arg(number.to_string()).env_clear().current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    hand_over(&mut command, theirs);
    with_usual_limit(&mut command);
    let mut command = Command::from(command);
    let process = command.spawn()?;
    // The child has its own copy.
    drop(command);
    let text = serde_json::to_vec(joining)?;
    let mut writer = &control;
    writer.write_all(&(text.len() as u32).to_be_bytes())?;
    writer.write_all(&text)?;
    // What follows are sizes; nothing comes back.
    control.shutdown(Shutdown::Read)?;
    control.set_nonblocking(true)?;
    Ok((process, control))
}

#[allow(unsafe_code)]
fn hand_over(command: &mut std::process::Command, kept: OwnedFd) {
    use std::os::unix::process::CommandExt;
    // SAFETY: between fork and exec only one system call is made: no allocation, no lock.
    unsafe {
        command.pre_exec(move || Ok(fcntl_setfd(&kept, FdFlags::empty())?));
    }
}

/// What a task gave up, for one more of its processes.
struct Rights<'a> {
    user: Option<u32>,
    /// Groups of its cards' device files.
    device_groups: &'a [u32],
    files: Option<&'a FileRules>,
    groups: &'a [TaskGroup],
}
