//! What a task's files say about it, and how its end is written when no supervisor is there to write it.
//!
//! The lock decides who may speak: its holder alone starts the process and writes the end. A supervisor holds it as long
//! as it lives, so a free lock with a start and without an end means that the supervisor died.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::time::Duration;

use haina_core::{Ending, Timestamp};

use crate::confinement::groups;
use crate::layout::TaskPaths;
use crate::logs::LogStream;
use crate::records::{ExitRecord, RunningRecord, StartedRecord, TaskOrder};
use crate::{clock, durable, processes};

/// A task, as its files say.
#[derive(Debug)]
pub enum TaskState {
    /// No process was started, and no supervisor is there.
    Unstarted,
    /// A supervisor is there that has not started its process yet, or is writing down how it ended.
    Supervised,
    /// Its process has started at this moment.
    Running(Timestamp),
    /// It has ended.
    Ended(Box<ExitRecord>),
    /// Its process may have started, but its supervisor died.
    Abandoned,
}

/// Reads a task's files.
pub fn examine(task: &TaskPaths) -> io::Result<TaskState> {
    if let Some(end) = durable::read(&task.exit())? {
        return Ok(TaskState::Ended(end));
    }
    if is_supervised(task)? {
        return Ok(running(task)?.map_or(TaskState::Supervised, |running| TaskState::Running(running.at)));
    }
    // The end may have been written since the first look; the lock is given back only after it.
    if let Some(end) = durable::read(&task.exit())? {
        return Ok(TaskState::Ended(end));
    }
    Ok(if may_have_run(task) { TaskState::Abandoned } else { TaskState::Unstarted })
}

/// Since when a task's process runs and which it is; none where the file is not there, or says the end already and is
/// about to be renamed.
pub fn running(task: &TaskPaths) -> io::Result<Option<RunningRecord>> {
    durable::read(&task.running()).or_else(|error| match error.kind() {
        io::ErrorKind::InvalidData => Ok(None),
        _ => Err(error),
    })
}

/// Whether its process was started, or was about to be, and no end is known.
pub fn may_have_run(task: &TaskPaths) -> bool {
    // In this order: the first becomes the second.
    task.started().exists() || task.running().exists()
}

/// Whether somebody holds the lock. The look itself holds it for a moment, for which [`TaskLock::take`] is patient.
fn is_supervised(task: &TaskPaths) -> io::Result<bool> {
    match File::open(task.lock()) {
        Ok(file) => match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The right to start a task's process and to write its end. Given back when dropped, or when its holder dies.
pub struct TaskLock(#[expect(dead_code, reason = "held, not read")] File);

impl TaskLock {
    /// Takes it; `None` if somebody else has it.
    pub fn take(task: &TaskPaths) -> io::Result<Option<TaskLock>> {
        // Opened for writing, so that the kernel tells whoever watches the directory when the holder is gone.
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(task.lock())?;
        for _ in 0..50 {
            match file.try_lock() {
                Ok(()) => return Ok(Some(TaskLock(file))),
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(2)),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// Ends a task that never started, unless a supervisor is about to start it.
pub fn settle_unstarted(task: &TaskPaths, end: &ExitRecord) -> io::Result<()> {
    let Some(_lock) = TaskLock::take(task)? else { return Ok(()) };
    if may_have_run(task) || task.exit().exists() {
        return Ok(());
    }
    durable::write_durably(&task.exit(), end)
}

/// Ends a task whose supervisor died; its processes are gone when this returns.
///
/// `alive` is when the caller last knew it alive. Without it, the last sign in the task's files stands in: nobody shall
/// pay for the time in which nobody looked.
pub fn settle_abandoned(task: &TaskPaths, alive: Option<Timestamp>) -> io::Result<()> {
    match TaskLock::take(task)? {
        Some(lock) => settle_abandoned_locked(task, &lock, alive),
        None => Ok(()),
    }
}

/// The same for who holds the lock already.
pub fn settle_abandoned_locked(task: &TaskPaths, _lock: &TaskLock, alive: Option<Timestamp>) -> io::Result<()> {
    if task.exit().exists() {
        return Ok(());
    }
    // After a power failure what was not flushed may be there and empty; then it is as if it were not there.
    let running = running(task).unwrap_or_default();
    let order: Option<TaskOrder> = durable::read(&task.order()).unwrap_or_default();
    let groups = order.and_then(|order| order.sandbox).map(|sandbox| sandbox.groups).unwrap_or_default();
    groups::kill(&groups);
    let killed = processes::kill_strays(task.directory(), running.as_ref());
    groups::remove(&groups);
    if let Ok(Some(end)) = durable::read::<ExitRecord>(&task.running()) {
        // Its supervisor had written the end and died before it could name it so.
        return durable::write_durably(&task.exit(), &end);
    }
    let started = running.as_ref().map(|running| running.at);
    let same_boot = running.as_ref().is_none_or(|running| running.boot == processes::boot_id());
    let reason = match same_boot {
        true => "the task's supervisor died",
        false => "the machine was started again while the task ran",
    };
    let ending = Ending::Lost { reason: reason.to_owned() };
    let at = alive.or_else(|| last_sign(task)).unwrap_or_else(clock::now);
    let at = started.map_or(at, |started| at.max(started));
    let notes = killed.err().map(str::to_owned).into_iter().collect();
    durable::write_durably(&task.exit(), &ExitRecord { started, notes, ..ExitRecord::never_started(ending, None, at) })
}

/// When one of the task's files was written last.
fn last_sign(task: &TaskPaths) -> Option<Timestamp> {
    let started: Option<StartedRecord> = durable::read(&task.started()).ok().flatten();
    let outputs = [LogStream::Stdout, LogStream::Stderr].into_iter().filter_map(|stream| {
        fs::metadata(task.log(stream)).and_then(|file| file.modified()).ok().map(clock::to_timestamp)
    });
    outputs.chain(started.map(|record| record.at)).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A task whose process runs, of this boot, as its files say.
    fn running_task(directory: &tempfile::TempDir) -> TaskPaths {
        let task = TaskPaths::new(directory.path());
        let running = RunningRecord { at: Timestamp(5), boot: processes::boot_id(), pid: i32::MAX, start_ticks: 1 };
        durable::write_atomically(&task.running(), &running).unwrap();
        task
    }

    fn end() -> ExitRecord {
        ExitRecord {
            started: Some(Timestamp(5)),
            ..ExitRecord::never_started(Ending::Exited { code: 3 }, None, Timestamp(9))
        }
    }

    #[test]
    fn an_end_that_has_not_its_name_yet_is_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let task = running_task(&directory);
        let lock = TaskLock::take(&task).unwrap().unwrap();
        assert!(matches!(examine(&task).unwrap(), TaskState::Running(Timestamp(5))));
        durable::write_atomically(&task.running(), &end()).unwrap();
        assert!(matches!(examine(&task).unwrap(), TaskState::Supervised));
        fs::rename(task.running(), task.exit()).unwrap();
        drop(lock);
        assert!(matches!(examine(&task).unwrap(), TaskState::Ended(ended) if *ended == end()));
    }

    #[test]
    fn an_end_is_kept_whose_writer_died_before_it_named_it() {
        let directory = tempfile::tempdir().unwrap();
        let task = running_task(&directory);
        durable::write_atomically(&task.running(), &end()).unwrap();
        assert!(matches!(examine(&task).unwrap(), TaskState::Abandoned));
        settle_abandoned(&task, Some(Timestamp(20))).unwrap();
        assert!(matches!(examine(&task).unwrap(), TaskState::Ended(ended) if *ended == end()));
    }
}
