//! One task from its order to its end: starts the supervisor, watches the files, and stands in where it died.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use haina_core::{Ending, Milliseconds, Timestamp, failpoint};
use tokio::sync::{Notify, Semaphore};

use super::launcher::Launcher;
use crate::layout::TaskPaths;
use crate::records::{ExitRecord, TaskStop};
use crate::task_state::{TaskState, examine, settle_abandoned, settle_unstarted};
use crate::watch::Watcher;
use crate::{clock, durable, readiness};

/// How often a supervisor that ended before it started anything is replaced.
const TRIES: u32 = 5;

/// What is shared by all who start tasks.
pub struct TaskStarter {
    /// What starts supervisors.
    pub launcher: Arc<Launcher>,
    /// How many supervisors are started at the same time.
    pub permits: Semaphore,
    /// The engine's watches.
    pub watcher: Arc<Watcher>,
}

/// Runs blocking work off the reactor.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

impl TaskStarter {
    /// Tends a task, whose order is written, to its end. `token` is for the task's programs alone, so it is in no file: the
    /// supervisor is told it when it is started. `wake` makes it look at the files, for example after a stop was
    /// written. `on_start` is called once, when the process runs.
    pub async fn tend(
        &self,
        task: TaskPaths,
        token: Option<String>,
        wake: Arc<Notify>,
        on_start: impl Fn(Timestamp),
    ) -> ExitRecord {
        let _watch = self.watcher.directory(task.directory(), &["running.json", "exit.json", "lock"], &wake);
        let mut tending = Tending {
            task,
            token,
            wake,
            supervisor: None,
            tries: 0,
            last_failure: None,
            alive: None,
            is_announced: false,
        };
        loop {
            match self.step(&mut tending, &on_start).await {
                Ok(Some(end)) => return end,
                Ok(None) => {}
                Err(error) => {
                    // The disk is full, or there are too many processes or files: what is true will be true later.
                    tracing::warn!(task = %tending.task.directory().display(), "trying again: {error}");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
        }
    }

    async fn step(&self, tending: &mut Tending, on_start: &impl Fn(Timestamp)) -> io::Result<Option<ExitRecord>> {
        let task = tending.task.clone();
        match blocking(move || examine(&task)).await? {
            TaskState::Ended(end) => return Ok(Some(*end)),
            TaskState::Abandoned => {
                let task = tending.task.clone();
                // By the monotonic clock since it was seen first: the wall clock may have been set meanwhile.
                let alive = tending.alive.map(|(seen, since)| {
                    seen + Milliseconds(u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX))
                });
                blocking(move || settle_abandoned(&task, alive)).await?;
            }
            TaskState::Running(at) => {
                tending.alive.get_or_insert_with(|| (clock::now().max(at), Instant::now()));
                if !std::mem::replace(&mut tending.is_announced, true) {
                    on_start(at);
                }
                tending.wake.notified().await;
            }
            TaskState::Supervised => tending.wake.notified().await,
            TaskState::Unstarted if self.settle_stopped(tending).await? => {}
            TaskState::Unstarted if tending.has_supervisor() => tending.wake.notified().await,
            TaskState::Unstarted => self.start(tending).await?,
        }
        Ok(None)
    }

    /// Ends a task that was stopped before it started. Returns whether it was.
    async fn settle_stopped(&self, tending: &Tending) -> io::Result<bool> {
        let task = tending.task.clone();
        blocking(move || {
            let Some(stop) = durable::read::<TaskStop>(&task.stop())? else { return Ok(false) };
            settle_unstarted(&task, &ExitRecord::never_started(Ending::Stopped, Some(stop.cause), clock::now()))?;
            Ok(true)
        })
        .await
    }

    async fn start(&self, tending: &mut Tending) -> io::Result<()> {
        if tending.tries == TRIES {
            let reason = tending
                .last_failure
                .take()
                .unwrap_or_else(|| "the supervisor ended before it started the task, several times".to_owned());
            let task = tending.task.clone();
            let end = ExitRecord::never_started(Ending::Unstartable { reason }, None, clock::now());
            return blocking(move || settle_unstarted(&task, &end)).await;
        }
        if tending.tries > 0 {
            tokio::time::sleep(Duration::from_millis(100 << tending.tries)).await;
        }
        tending.tries += 1;
        let _permit = self.permits.acquire().await.map_err(io::Error::other)?;
        let (launcher, task, token) = (self.launcher.clone(), tending.task.clone(), tending.token.clone());
        match blocking(move || launch_supervisor(&launcher, &task, token.as_deref())).await {
            Ok(handle) => {
                let supervisor = Arc::new(AtomicBool::new(true));
                tending.supervisor = Some(supervisor.clone());
                tokio::spawn(notice_end(handle, supervisor, tending.wake.clone()));
            }
            Err(error) => tending.last_failure = Some(format!("the supervisor could not be started: {error}")),
        }
        Ok(())
    }
}

/// What is known of a task besides its files.
struct Tending {
    task: TaskPaths,
    token: Option<String>,
    wake: Arc<Notify>,
    /// Whether the supervisor that was started from here still lives.
    supervisor: Option<Arc<AtomicBool>>,
    tries: u32,
    last_failure: Option<String>,
    /// When it was first seen running from here, by both clocks.
    alive: Option<(Timestamp, Instant)>,
    is_announced: bool,
}

impl Tending {
    fn has_supervisor(&self) -> bool {
        self.supervisor.as_ref().is_some_and(|supervisor| supervisor.load(Ordering::Acquire))
    }
}

fn launch_supervisor(launcher: &Launcher, task: &TaskPaths, token: Option<&str>) -> io::Result<Option<OwnedFd>> {
    if failpoint::pass("before_launch").is_some() {
        return Err(io::Error::other("the failpoint before_launch"));
    }
    let handle = launcher.launch(task.directory(), token)?;
    failpoint::pass("after_launch");
    Ok(handle)
}

/// Waits for the end of a supervisor.
async fn notice_end(handle: Option<OwnedFd>, lives: Arc<AtomicBool>, wake: Arc<Notify>) {
    if let Some(handle) = handle {
        match readiness::readable(handle) {
            Ok(handle) => drop(handle.readable().await),
            Err(error) => tracing::warn!("a supervisor's end cannot be waited for: {error}"),
        }
    }
    lives.store(false, Ordering::Release);
    wake.notify_one();
}
