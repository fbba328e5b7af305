//! Building one environment.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use haina_core::{Bytes, Ending, Epoch, Milliseconds};
use rustix::fs::syncfs;
use tokio::sync::Notify;

use super::indexes::Access;
use super::recipe::Recipe;
use super::{Outcome, Unprepared, removal};
use crate::confinement::Confinement;
use crate::layout::TaskPaths;
use crate::local::task::{TaskStarter, blocking};
use crate::logs::{self, LogStream};
use crate::records::{ExitRecord, StopCause, TaskStop};
use crate::supervisor::order_stop;
use crate::task_state::{TaskState, examine};
use crate::{durable, variables};

/// Longer than any download that will still succeed.
pub const TIME_LIMIT: Milliseconds = Milliseconds::from_seconds(3600);

pub const LOG_CAP: Bytes = Bytes(16 << 20);

/// How much of the resolver's last words goes into a reason; reasons have at most 2,000 characters.
const LAST_WORDS: usize = 1900;

/// How much of the resolver's output is shown as the task's.
const OUTPUT_SHOWN: u64 = 256 << 10;

/// Whether an environment can be used.
pub fn is_complete(directory: &Path) -> bool {
    directory.join("complete").exists()
}

/// Stops the newest build of an environment if no server holds the environment's lock.
pub fn stop_if_orphaned(directory: &Path) -> io::Result<()> {
    let lock = File::create(directory.join("lock"))?;
    if lock.try_lock().is_err() {
        return Ok(());
    }
    let builds = directory.join("build");
    if let Some(newest) = build_numbers(&builds)?.last() {
        let task = TaskPaths::new(&builds.join(newest.to_string()));
        if !matches!(examine(&task)?, TaskState::Ended(_)) {
            order_stop(&task, &stop_now())?;
        }
    }
    Ok(())
}

/// Ascending.
fn build_numbers(builds: &Path) -> io::Result<Vec<u64>> {
    let names = durable::list(builds)?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|path| path.file_name()?.to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn stop_now() -> TaskStop {
    TaskStop { epoch: Epoch(0), grace: Milliseconds(0), cause: StopCause::Ordered }
}

/// One build of one environment, for all who wait for it.
pub struct Build {
    directory: PathBuf,
    recipe: Recipe,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_stopped: bool,
    /// The task that builds, and what wakes who tends it.
    task: Option<(TaskPaths, Arc<Notify>)>,
}

impl Build {
    /// A build that was not started yet.
    pub fn new(directory: PathBuf, recipe: Recipe) -> Build {
        Build { directory, recipe, state: Mutex::default() }
    }

    /// What it makes.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Ends it. What [`Build::run`] returns then is the outcome.
    pub fn stop(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_stopped = true;
        if let Some((task, wake)) = &state.task {
            if let Err(error) = order_stop(task, &stop_now()) {
                tracing::warn!(build = %task.directory().display(), "it could not be told to stop: {error}");
            }
            wake.notify_one();
        }
    }

    /// Builds the environment, or goes on with a build that an earlier server left.
    pub async fn run(
        &self,
        starter: &TaskStarter,
        inherited: &BTreeMap<String, String>,
        confinement: &Arc<Confinement>,
        access: &Access,
    ) -> Outcome {
        match self.try_run(starter, inherited, confinement, access).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome::Failed(format!("{} could not be prepared: {error}", self.recipe.what()).into()),
        }
    }

    async fn try_run(
        &self,
        starter: &TaskStarter,
        inherited: &BTreeMap<String, String>,
        confinement: &Arc<Confinement>,
        access: &Access,
    ) -> io::Result<Outcome> {
        // Other processes on this directory wait here; the lock is given back when this ends or the server dies.
        let directory = self.directory.clone();
        let _lock = blocking(move || {
            durable::create_directories(&directory)?;
            let lock = File::create(directory.join("lock"))?;
            lock.lock()?;
            Ok(lock)
        })
        .await?;
        let mut may_adopt = true;
        loop {
            if is_complete(&self.directory) {
                return Ok(Outcome::Complete);
            }
            let (task, is_adopted) = self.next_task(inherited, confinement, access, may_adopt).await?;
            may_adopt = false;
            let wake = Arc::new(Notify::new());
            {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                if state.is_stopped && !is_adopted {
                    return Ok(Outcome::Abandoned);
                }
                state.task = Some((task.clone(), wake.clone()));
            }
            if self.is_stopped() {
                self.stop();
            }
            let end = starter.tend(task.clone(), None, wake, |_| {}).await;
            if end.ending != (Ending::Exited { code: 0 }) {
                let (recipe, directory) = (self.recipe.clone(), self.directory.clone());
                _ = blocking(move || {
                    recipe.clear(&directory);
                    Ok(())
                })
                .await;
            }
            match end.ending {
                Ending::Exited { code: 0 } => self.complete().await?,
                _ if self.is_stopped() => return Ok(Outcome::Abandoned),
                // Of an earlier server: it was stopped or lost with it, or its way to the packages was, which says nothing
                // about the packages.
                _ if is_adopted => {}
                _ => return Ok(Outcome::Failed(self.last_words(task, &end, access).await)),
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).is_stopped
    }

    /// The task that builds: one that an earlier server started and that has not ended, or a new one.
    async fn next_task(
        &self,
        inherited: &BTreeMap<String, String>,
        confinement: &Arc<Confinement>,
        access: &Access,
        may_adopt: bool,
    ) -> io::Result<(TaskPaths, bool)> {
        let directory = self.directory.clone();
        let (recipe, confinement) = (self.recipe.clone(), confinement.clone());
        let (inherited, packages_from) = (inherited.clone(), access.variables.clone());
        blocking(move || {
            let builds = directory.join("build");
            durable::create_directories(&builds)?;
            let mut numbers: Vec<u64> =
                fs::read_dir(&builds)?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
            numbers.sort_unstable();
            let newest = numbers.last().copied();
            if let Some(newest) = newest.filter(|_| may_adopt) {
                let task = TaskPaths::new(&builds.join(newest.to_string()));
                if task.order().exists() && !matches!(examine(&task)?, TaskState::Ended(_)) {
                    return Ok((task, true));
                }
            }
            let task = TaskPaths::new(&builds.join(newest.map_or(1, |newest| newest + 1).to_string()));
            fs::create_dir(task.directory())?;
            let mut order = recipe.write(&directory, &inherited, &packages_from, &confinement)?;
            order.variables.extend([variables::mark(&task)]);
            durable::write_atomically(&task.order(), &order)?;
            for number in numbers {
                let _ = fs::remove_dir_all(builds.join(number.to_string()));
            }
            Ok((task, false))
        })
        .await
    }

    /// Everything of the environment reaches the disk before the file that says so.
    async fn complete(&self) -> io::Result<()> {
        let directory = self.directory.clone();
        let recipe = self.recipe.clone();
        blocking(move || {
            let description = recipe.complete(&directory)?;
            removal::note_use(&directory)?;
            syncfs(File::open(&directory)?)?;
            durable::write_durably(&directory.join("complete"), &description)
        })
        .await
    }

    async fn last_words(&self, task: TaskPaths, end: &ExitRecord, access: &Access) -> Unprepared {
        let how = match &end.ending {
            Ending::Exited { code } => format!("exit code {code}"),
            Ending::Signalled { signal } => format!("signal {signal}"),
            Ending::OutOfMemory => "it needed too much memory".to_owned(),
            Ending::TimedOut => "it took too long".to_owned(),
            Ending::Stopped => "it was stopped".to_owned(),
            Ending::Unstartable { reason } | Ending::Lost { reason } => reason.clone(),
        };
        let said = blocking(move || {
            let length = fs::metadata(task.log(LogStream::Stdout))?.len();
            logs::read(&task, LogStream::Stdout, length.saturating_sub(OUTPUT_SHOWN), u64::MAX)
        });
        let said = said.await.map(|chunk| access.shown(&String::from_utf8_lossy(&chunk.bytes))).unwrap_or_default();
        let last = said.trim();
        let skipped = last.chars().count().saturating_sub(LAST_WORDS);
        let last: String = last.chars().skip(skipped).collect();
        let reason = format!("{} could not be prepared ({how}): {last}", self.recipe.what());
        Unprepared { reason: reason.chars().take(2000).collect(), said: said.into_bytes() }
    }
}
