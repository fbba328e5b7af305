//! Environments, of Python packages or of an image: built once for each content, shared by all attempts that ask for it.
//!
//! A build is a supervised task like any other, so it has its own output, can be stopped, and is found again by the next
//! server. An environment is built at its final path, because a venv cannot be moved; it counts only once the file
//! `complete` is there. A failed build is not remembered: the next asker tries again.

mod build;
mod image;
mod images;
pub mod indexes;
mod listing;
mod python;
mod recipe;
mod removal;
mod tools;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use haina_core::local_definition::LocalDefinition;
use haina_core::{
    Code, Digest, EnvironmentContent, ImageReference, PackagesFileKind, Payload, PythonEnvironment, Refusal, both,
};
use tokio::sync::{Notify, OnceCell, RwLock, watch};

use crate::confinement::Confinement;
use crate::local::task::{TaskStarter, blocking};
use crate::{disk, durable};
use build::Build;
pub use image::Image;
use images::Images;
use indexes::Access;
pub use listing::{EnvironmentState, ListedEnvironment};
use recipe::Recipe;
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
    definition: LocalDefinition,
    images: Images,
    /// Why environments that are to be kept ready are not, by their names.
    unready: Mutex<BTreeMap<String, String>>,
    /// Whoever takes one that is complete reads; whoever chooses what to remove writes.
    removal: RwLock<()>,
}

/// Why there is no environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unprepared {
    /// For the end of an attempt; at most 2,000 characters.
    pub reason: String,
    /// What the installer said, as far back as is worth reading.
    pub said: Vec<u8>,
}

impl From<String> for Unprepared {
    fn from(reason: String) -> Unprepared {
        Unprepared { reason, said: Vec::new() }
    }
}

/// An environment that a task can run in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prepared {
    /// The directory of a venv.
    Python(PathBuf),
    /// The files of an image.
    Image(Box<Image>),
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
    Failed(Unprepared),
    /// Nobody waited for it any more.
    Abandoned,
}

impl Environments {
    /// The environments in `directory`, built by supervised tasks with these variables; images are unpacked in `images`.
    pub fn new(
        directory: PathBuf,
        images: PathBuf,
        starter: Arc<TaskStarter>,
        inherited: BTreeMap<String, String>,
        confinement: Arc<Confinement>,
        definition: LocalDefinition,
    ) -> Arc<Environments> {
        let images = Images::find(definition.images.clone(), images, &confinement);
        let environments = Arc::new(Environments {
            images,
            directory,
            starter,
            inherited,
            confinement,
            tools: OnceCell::new(),
            builds: Mutex::default(),
            definition,
            unready: Mutex::default(),
            removal: RwLock::default(),
        });
        tokio::spawn(stop_orphans(environments.clone()));
        environments
    }

    /// Refuses a job whose environment can never be prepared here, as far as that is known at once.
    pub fn check(&self, payload: &Payload) -> Result<(), Refusal> {
        match payload.environment() {
            Some(EnvironmentContent::Image(image)) => self.check_image(&image),
            Some(EnvironmentContent::Python(python)) => {
                let path = self.inherited.get("PATH").map_or("", String::as_str);
                tools::check(python.file.as_ref().map(|file| file.kind), path)
            }
            None => Ok(()),
        }
    }

    fn check_image(&self, image: &ImageReference) -> Result<(), Refusal> {
        if let Some(why) = self.images.lacking() {
            let what = both(format!("the image {image}"), format!("镜像 {image}"));
            let refusal = Refusal::new(Code::EnvironmentUnavailable).with_phrase("what", what);
            return Err(refusal.with_phrase("reason", why));
        }
        let allowed = self.images.allowed();
        if !image.is_among(allowed) {
            let words = match allowed.is_empty() {
                true => both("no images at all", "无（未允许任何镜像）"),
                false => both(allowed.join(", "), allowed.join("、")),
            };
            return Err(Refusal::new(Code::ImageNotAllowed).with("image", image).with_phrase("allowed", words));
        }
        Ok(())
    }

    /// The environment with this content, built if need be; or why there is none.
    /// `user` is a file that says, as long as it is there and its attempt has not ended, that the environment is in use.
    /// Dropping this leaves the build to others who wait for it; without any, it is stopped.
    pub async fn prepare(
        self: &Arc<Self>,
        content: &EnvironmentContent,
        user: Option<PathBuf>,
    ) -> Result<Prepared, Unprepared> {
        let recipe = self.recipe(content).await?;
        let key = recipe.key();
        let directory = self.directory.join(&key);
        loop {
            let taken = self.take(&directory, user.clone()).await;
            if let Some(prepared) = taken.map_err(|error| format!("{} could not be taken: {error}", recipe.what()))? {
                return Ok(prepared);
            }
            let asker = self.join(&key, || Build::new(directory.clone(), recipe.clone()));
            match asker.outcome().await {
                Outcome::Complete | Outcome::Abandoned => {}
                Outcome::Failed(why) => return Err(why),
            }
        }
    }

    async fn recipe(&self, content: &EnvironmentContent) -> Result<Recipe, Unprepared> {
        match content {
            EnvironmentContent::Python(python) => {
                let tools = self.tools().await?;
                tools.can_install(python.file.as_ref().map(|file| file.kind))?;
                Ok(Recipe::Python(normalized(python), tools.clone()))
            }
            EnvironmentContent::Image(image) => Ok(Recipe::Image(self.images.recipe(image).await?)),
        }
    }

    /// Notes that somebody uses it, if it is complete.
    async fn take(&self, directory: &Path, user: Option<PathBuf>) -> io::Result<Option<Prepared>> {
        let directory = directory.to_owned();
        let _nobody_removes = self.removal.read().await;
        blocking(move || {
            if !build::is_complete(&directory) {
                return Ok(None);
            }
            if let (Some(user), Some(key)) = (user, directory.file_name()) {
                durable::write_atomically(&user, &key.to_string_lossy())?;
            }
            removal::note_use(&directory)?;
            let image = image::read(&directory)?;
            Ok(Some(
                image.map_or_else(
                    || Prepared::Python(python::venv(&directory)),
                    |image| Prepared::Image(Box::new(image)),
                ),
            ))
        })
        .await
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
        let run = self.run(&ongoing.build);
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

    async fn run(&self, build: &Build) -> Outcome {
        let opened = match build.recipe() {
            Recipe::Image(_) => Ok(Access::default()),
            Recipe::Python(_, tools) => {
                let (definition, python) = (self.definition.python.clone(), tools.python.clone());
                let inherited = self.inherited.clone();
                let opened = tokio::task::spawn_blocking(move || Access::open(&definition, &python, &inherited));
                opened.await.unwrap_or_else(|error| Err(error.to_string()))
            }
        };
        match opened {
            Ok(access) => build.run(&self.starter, &self.inherited, &self.confinement, &access).await,
            Err(why) => Outcome::Failed(format!("{} could not be prepared: {why}", build.recipe().what()).into()),
        }
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
    let mut found = blocking(move || durable::list(&directory)).await.unwrap_or_default();
    found.retain(|path| !disk::is_set_aside(path));
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
fn normalized(python: &PythonEnvironment) -> PythonEnvironment {
    let one_line = |line: &String| line.split_whitespace().collect::<Vec<_>>().join(" ");
    PythonEnvironment { requirements: python.requirements.iter().map(one_line).collect(), file: python.file.clone() }
}

/// The order of requirements counts: it may decide what a resolver chooses.
fn key_of(python: &PythonEnvironment, tools: &Tools) -> String {
    let mut text = format!("{}\n{}", tools.python_description, python.requirements.join("\n"));
    if let Some(file) = &python.file {
        let kind = match file.kind {
            PackagesFileKind::Requirements => "requirements",
            PackagesFileKind::HashedRequirements => "hashed requirements",
            PackagesFileKind::Pylock => "pylock",
            PackagesFileKind::UvLock => "uv.lock",
        };
        // No text holds a zero byte.
        for part in [kind, &file.text, file.project.as_deref().unwrap_or_default()] {
            text.push('\0');
            text.push_str(part);
        }
    }
    Digest::of(text.as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use haina_core::PackagesFile;

    fn tools(description: &str) -> Tools {
        Tools { python_description: description.to_owned(), ..Tools::default() }
    }

    fn python(requirements: &[&str], file: Option<(PackagesFileKind, &str)>) -> PythonEnvironment {
        PythonEnvironment {
            requirements: requirements.iter().map(|line| (*line).to_owned()).collect(),
            file: file.map(|(kind, text)| PackagesFile { kind, text: text.to_owned(), project: None }),
        }
    }

    #[test]
    fn the_same_packages_on_another_python_are_another_environment() {
        let six = normalized(&python(&[" six \t ==1.17 "], None));
        assert_eq!(six.requirements, ["six ==1.17"]);
        let key = key_of(&six, &tools("3.11 linux-x86_64"));
        assert_eq!(key, key_of(&six, &tools("3.11 linux-x86_64")));
        assert_ne!(key, key_of(&six, &tools("3.12 linux-x86_64")));
        assert_ne!(key, key_of(&python(&[], None), &tools("3.11 linux-x86_64")));
    }

    #[test]
    fn a_file_is_another_environment_by_its_kind_and_its_text() {
        use PackagesFileKind::{HashedRequirements, Requirements};
        let all = [
            python(&["six"], None),
            python(&[], Some((Requirements, "six"))),
            python(&[], Some((HashedRequirements, "six"))),
            python(&[], Some((Requirements, "six\n"))),
        ];
        let keys: std::collections::BTreeSet<String> = all.iter().map(|python| key_of(python, &tools("3"))).collect();
        assert_eq!(keys.len(), all.len());
    }
}
