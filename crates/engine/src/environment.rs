//! Python environments: built once for each content, shared by all attempts that ask for it.
//!
//! A build is a supervised task like any other, so it has its own output, can be stopped, and is found again by the next
//! server. An environment is built at its final path, because a venv cannot be moved; it counts only once the file
//! `complete` is there. A failed build is not remembered: the next asker tries again.

mod build;
mod tools;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use haina_core::{Digest, PythonEnvironment};
use tokio::sync::{Notify, OnceCell, watch};

use crate::confinement::Confinement;
use crate::durable;
use crate::local::task::{TaskStarter, blocking};
use build::Build;
use tools::Tools;

/// How long a build that an earlier server left goes on before somebody must wait for it. Attempts that go on ask at once.
const TIME_TO_ASK: Duration = Duration::from_secs(5);

/// All environments of an engine.
pub struct Environments {
    directory: PathBuf,
    starter: Arc<TaskStarter>,
    inherited: BTreeMap<String, String>,
    confinement: Arc<Confinement>,
    tools: OnceCell<Tools>,
    builds: Mutex<HashMap<String, Arc<Ongoing>>>,
}

/// An interpreter.
#[derive(Clone, Debug)]
pub struct Python {
    /// Where the program is.
    pub directory: PathBuf,
    /// Where its library is.
    pub prefix: PathBuf,
}

/// A build that somebody waits for.
struct Ongoing {
    build: Build,
    /// How many wait. Only changed while `builds` is locked.
    askers: Mutex<usize>,
    /// The last asker has left.
    abandoned: Notify,
    outcome: watch::Sender<Option<Outcome>>,
}

/// How a build ended.
#[derive(Clone, Debug)]
enum Outcome {
    /// The environment is complete.
    Complete,
    /// Why not, in the resolver's words.
    Failed(String),
    /// Nobody waited for it any more.
    Abandoned,
}

impl Environments {
    /// The environments in `directory`, built by supervised tasks with these variables.
    pub fn new(
        directory: PathBuf,
        starter: Arc<TaskStarter>,
        inherited: BTreeMap<String, String>,
        confinement: Arc<Confinement>,
    ) -> Arc<Environments> {
        let environments = Arc::new(Environments {
            directory,
            starter,
            inherited,
            confinement,
            tools: OnceCell::new(),
            builds: Mutex::default(),
        });
        tokio::spawn(stop_orphans(environments.clone()));
        environments
    }

    /// The environment with these packages, built if need be. Returns the venv's directory, or why there is none.
    /// Dropping this leaves the build to others who wait for it; without any, it is stopped.
    pub async fn prepare(self: &Arc<Self>, python: &PythonEnvironment) -> Result<PathBuf, String> {
        let tools = self.tools().await?;
        let requirements: Vec<String> = python.requirements.iter().map(|line| normalized(line)).collect();
        let key = key_of(&requirements, tools);
        let directory = self.directory.join(&key);
        loop {
            if build::is_complete(&directory) {
                return Ok(build::venv(&directory));
            }
            let asker = self.join(&key, || Build::new(directory.clone(), requirements.clone(), tools.clone()));
            match asker.outcome().await {
                Outcome::Complete => return Ok(build::venv(&directory)),
                Outcome::Failed(reason) => return Err(reason),
                Outcome::Abandoned => {}
            }
        }
    }

    /// The machine's own Python, if it has one.
    pub async fn python(&self) -> Option<Python> {
        let tools = self.tools().await.ok()?;
        let directory = tools.python.parent()?.to_owned();
        Some(Python { directory, prefix: tools.python_prefix.clone() })
    }

    async fn tools(&self) -> Result<&Tools, String> {
        self.tools.get_or_try_init(|| tools::find(self.inherited.clone())).await
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Ongoing>>> {
        self.builds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(self: &Arc<Self>, key: &str, build: impl FnOnce() -> Build) -> Asker {
        let mut builds = self.lock();
        let ongoing = builds.entry(key.to_owned()).or_insert_with(|| {
            let ongoing = Arc::new(Ongoing {
                build: build(),
                askers: Mutex::default(),
                abandoned: Notify::new(),
                outcome: watch::Sender::new(None),
            });
            tokio::spawn(self.clone().carry_out(key.to_owned(), ongoing.clone()));
            ongoing
        });
        *ongoing.count() += 1;
        Asker { environments: self.clone(), ongoing: ongoing.clone() }
    }

    async fn carry_out(self: Arc<Self>, key: String, ongoing: Arc<Ongoing>) {
        let run = ongoing.build.run(&self.starter, &self.inherited, &self.confinement);
        tokio::pin!(run);
        let outcome = loop {
            tokio::select! {
                outcome = &mut run => break outcome,
                () = ongoing.abandoned.notified() => {
                    let _builds = self.lock();
                    if *ongoing.count() == 0 {
                        ongoing.build.stop();
                    }
                }
            }
        };
        self.lock().remove(&key);
        ongoing.outcome.send_replace(Some(outcome));
    }
}

impl Ongoing {
    fn count(&self) -> MutexGuard<'_, usize> {
        self.askers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits for a build.
struct Asker {
    environments: Arc<Environments>,
    ongoing: Arc<Ongoing>,
}

impl Asker {
    async fn outcome(&self) -> Outcome {
        let mut outcome = self.ongoing.outcome.subscribe();
        let settled = outcome.wait_for(Option::is_some).await;
        settled.ok().and_then(|outcome| outcome.clone()).unwrap_or(Outcome::Abandoned)
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        let _builds = self.environments.lock();
        let mut count = self.ongoing.count();
        *count -= 1;
        if *count == 0 {
            self.ongoing.abandoned.notify_one();
        }
    }
}

/// Stops the builds of an earlier server that nobody here came to wait for.
async fn stop_orphans(environments: Arc<Environments>) {
    let directory = environments.directory.clone();
    let found = blocking(move || durable::list(&directory)).await.unwrap_or_default();
    if found.is_empty() {
        return;
    }
    // Who asks needs the tools first, which takes its time on a busy machine.
    _ = environments.tools().await;
    drop(environments);
    tokio::time::sleep(TIME_TO_ASK).await;
    let stopped = blocking(move || found.iter().try_for_each(|environment| build::stop_if_orphaned(environment)));
    if let Err(error) = stopped.await {
        tracing::warn!("environment builds of an earlier server could not be looked for: {error}");
    }
}

/// A requirement is one line, however it was written.
fn normalized(requirement: &str) -> String {
    requirement.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The order of requirements counts: it may decide what a resolver chooses.
fn key_of(requirements: &[String], tools: &Tools) -> String {
    let text = format!("{}\n{}", tools.python_description, requirements.join("\n"));
    Digest::of(text.as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_packages_on_another_python_are_another_environment() {
        let tools = |description: &str| Tools { python_description: description.to_owned(), ..Tools::default() };
        let requirements = [normalized(" six \t ==1.17 ")];
        assert_eq!(requirements, ["six ==1.17"]);
        let key = key_of(&requirements, &tools("3.11 linux-x86_64"));
        assert_eq!(key, key_of(&requirements, &tools("3.11 linux-x86_64")));
        assert_ne!(key, key_of(&requirements, &tools("3.12 linux-x86_64")));
        assert_ne!(key, key_of(&[], &tools("3.11 linux-x86_64")));
    }
}
