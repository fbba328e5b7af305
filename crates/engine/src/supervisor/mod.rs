//! The supervisor: one small process for each task, which outlives the server.
//!
//! It takes its order from the task's directory, starts the process in a session of its own, copies the two outputs
//! into files, waits, and writes how it ended. It speaks to nobody and knows no center. At most one process is ever
//! started for a task: `started.json` is durable before, and whoever finds it, or the `running.json` that it becomes,
//! records a loss.
//!
//! Synchronous and small on purpose: there is one for every running task.

mod control;
mod exit;
mod launcher;
mod spawn;
mod streams;
mod watch_over;
mod words;

use std::io;
use std::path::Path;
use std::process::ExitCode;

use haina_core::{Ending, Timestamp, failpoint};

use crate::confinement::groups;
use crate::layout::TaskPaths;
use crate::records::{ExitRecord, StartedRecord, StopCause, TaskOrder};
use crate::task_state::{self, TaskLock};
use crate::variables::TOKEN;
use crate::{clock, durable};
use control::Control;
pub use control::order_stop;
use exit::Started;
pub use launcher::{PACKET, launch_supervisors};
use watch_over::{NotStarted, Supervision};

/// Supervises the task in `task_directory` to its end. Called from the main thread of a process that does nothing else:
/// the kernel kills the task's process when the thread that started it ends.
///
/// The exit code says whether the task's end is recorded or somebody else's to record (0), or not (1).
fn supervise(task_directory: &Path, token: Option<&str>) -> ExitCode {
    // A session of its own: neither a closed terminal nor a signal to the server's group reaches it.
    let _ = rustix::process::setsid();
    match run(&TaskPaths::new(task_directory), token) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("supervisor of {}: {error}", task_directory.display());
            ExitCode::FAILURE
        }
    }
}

fn run(task: &TaskPaths, token: Option<&str>) -> io::Result<()> {
    let Some(lock) = TaskLock::take(task)? else { return Ok(()) };
    if task.exit().exists() {
        return Ok(());
    }
    if task_state::may_have_run(task) {
        return task_state::settle_abandoned_locked(task, &lock, None);
    }
    let mut order: TaskOrder = durable::read(&task.order())?.ok_or(io::ErrorKind::NotFound)?;
    order.variables.extend(token.map(|token| (TOKEN.to_owned(), token.to_owned())));
    let control = Control::open(task, order.epoch)?;
    if let Some(stop) = control.stop(&mut Vec::new()) {
        return durable::write_durably(&task.exit(), &stopped_before_start(stop.cause, clock::now()));
    }
    let mut started = Started::mark(task, &StartedRecord { at: clock::now() })?;
    let end = match Supervision::start(task, &order, control, &mut started) {
        Ok(supervision) => supervision.run(),
        Err(NotStarted::Unstartable(reason)) => {
            ExitRecord::never_started(Ending::Unstartable { reason }, None, clock::now())
        }
        Err(NotStarted::Stopped(cause)) => stopped_before_start(cause, clock::now()),
    };
    if let Some(sandbox) = &order.sandbox {
        groups::remove(&sandbox.groups);
    }
    finish(started, &end)
}

fn stopped_before_start(cause: StopCause, at: Timestamp) -> ExitRecord {
    ExitRecord::never_started(Ending::Stopped, Some(cause), at)
}

fn finish(started: Started, end: &ExitRecord) -> io::Result<()> {
    failpoint::pass("before_exit_record");
    started.finish(end)?;
    failpoint::pass("after_exit_record");
    Ok(())
}
