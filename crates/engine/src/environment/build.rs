//! Building one environment.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use haina_core::{
    Bytes, CpuMillis, Ending, Epoch, Milliseconds, NodeId, NodeShare, PackagesFileKind, PythonEnvironment,
};
use rustix::fs::syncfs;
use tokio::sync::Notify;

use super::indexes::Access;
use super::listing::About;
use super::tools::Tools;
use super::{Outcome, Unprepared, removal};
use crate::confinement::{Confinement, Whose};
use crate::layout::TaskPaths;
use crate::local::task::{TaskStarter, blocking};
use crate::logs::{self, LogStream};
use crate::records::{ExitRecord, StopCause, TaskOrder, TaskStop};
use crate::supervisor::order_stop;
use crate::task_state::{TaskState, examine};
use crate::{durable, variables};

/// Longer than any download that will still succeed.
const TIME_LIMIT: Milliseconds = Milliseconds::from_seconds(3600);

/// What a build may use at most: packages run programs of their own while they are installed, and nobody pays for it.
const CPU_MOST: CpuMillis = CpuMillis(2000);
const MEMORY_MOST: Bytes = Bytes(8 << 30);

const LOG_CAP: Bytes = Bytes(16 << 20);

/// How much of the resolver's last words goes into a reason; reasons have at most 2,000 characters.
const LAST_WORDS: usize = 1900;

/// How much of the resolver's output is shown as the task's.
const OUTPUT_SHOWN: u64 = 256 << 10;

/// Arguments: venv, interpreter, uv, how the packages are said, and the file that says them. Everything is said in one
/// stream, so that the words keep their order.
const SCRIPT: &str = r#"
exec 2>&1
set -e
umask 022
find "$1" -mindepth 1 -delete
if [ -n "$3" ]; then
    "$3" venv --python "$2" "$1"
else
    "$2" -m venv "$1"
fi
[ -s "$5" ] || exit 0
hashes=
case "$4" in
    hashed) hashes=--require-hashes ;;
    project)
        export UV_PROJECT_ENVIRONMENT="$1"
        exec "$3" sync --frozen --no-dev --no-install-workspace --python "$1/bin/python" --project "${5%/*}" ;;
esac
if [ -n "$3" ]; then
    exec "$3" pip install --python "$1/bin/python" $hashes -r "$5"
fi
exec "$1/bin/python" -m pip install --no-input --disable-pip-version-check --progress-bar off $hashes -r "$5"
"#;

/// The names under which the files lie that say which packages.
const FILES: [&str; 4] = ["requirements.txt", "pylock.toml", "pyproject.toml", "uv.lock"];

/// How [`SCRIPT`] is told of it, and the name of the file that it reads.
fn told(kind: Option<PackagesFileKind>) -> (&'static str, &'static str) {
    match kind {
        None | Some(PackagesFileKind::Requirements) => ("requirements", "requirements.txt"),
        Some(PackagesFileKind::HashedRequirements) => ("hashed", "requirements.txt"),
        Some(PackagesFileKind::Pylock) => ("requirements", "pylock.toml"),
        Some(PackagesFileKind::UvLock) => ("project", "uv.lock"),
    }
}

/// Where an environment's programs are.
pub fn venv(directory: &Path) -> PathBuf {
    directory.join("venv")
}

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

/// A build sees and writes its own environment only, as a user of its own where the server is root.
fn confine(order: &mut TaskOrder, directory: &Path, tools: &Tools, confinement: &Confinement) -> io::Result<()> {
    let mut read = vec![tools.python_prefix.clone()];
    read.extend(tools.uv.clone());
    // Where packages come from may be files; so may be what says so, and which certificates are trusted.
    let named = ["PIP_FIND_LINKS", "UV_FIND_LINKS", "PIP_CONFIG_FILE", "PIP_CERT", "SSL_CERT_FILE", "SSL_CERT_DIR"];
    let named = named.iter().filter_map(|name| order.variables.get(*name)).flat_map(|text| text.split([' ', ',']));
    read.extend(named.map(PathBuf::from).filter(|path| path.is_absolute()));
    if let Some(home) = order.variables.get("HOME").filter(|_| !order.variables.contains_key("PIP_CONFIG_FILE")) {
        let files = [".config/pip/pip.conf", ".pip/pip.conf"].map(|file| Path::new(home).join(file));
        if let Some(file) = files.into_iter().find(|file| file.is_file()) {
            order.variables.insert("PIP_CONFIG_FILE".to_owned(), file.display().to_string());
            read.push(file);
        }
    }
    read.extend(FILES.map(|file| directory.join(file)));
    // The build writes there and nowhere else: what lies beside it, the server reads and believes.
    let venv = venv(directory);
    durable::create_directories(&venv)?;
    // All jobs that ask for it read it.
    confinement.hand_over(&venv, None, 0o755)?;
    order.working_directory.clone_from(&venv);
    let write = vec![venv];
    let whose = Whose { organization: None, write, read, devices: Vec::new(), hostname: "haina", hosts: None };
    let share = NodeShare { node: NodeId(0), cards: Vec::new(), cpu: CPU_MOST, memory: MEMORY_MOST };
    let key = directory.file_name().unwrap_or_default().to_string_lossy();
    let place = format!("environment-{}", key.chars().take(16).collect::<String>());
    let sandbox = confinement.of_task(&whose, directory, Some((&share, 1)), &place, "")?;
    if sandbox.as_ref().is_some_and(|sandbox| !sandbox.enter.is_empty()) {
        let home = PathBuf::from("/tmp");
        variables::confine(&mut order.variables, "haina", &home, tools.python.parent(), &whose.read);
        // What one build keeps, another must not find changed.
        order.variables.insert("PIP_NO_CACHE_DIR".to_owned(), "1".to_owned());
        order.variables.insert("UV_NO_CACHE".to_owned(), "1".to_owned());
    }
    order.sandbox = sandbox;
    Ok(())
}

/// One build of one environment, for all who wait for it.
pub struct Build {
    directory: PathBuf,
    packages: PythonEnvironment,
    tools: Tools,
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
    pub fn new(directory: PathBuf, packages: PythonEnvironment, tools: Tools) -> Build {
        Build { directory, packages, tools, state: Mutex::default() }
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
            Err(error) => Outcome::Failed(format!("the Python environment could not be prepared: {error}").into()),
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
        let packages = self.packages.clone();
        let (order, tools, confinement) = (self.order(inherited, access), self.tools.clone(), confinement.clone());
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
            let about = About { interpreter: tools.python_description.clone(), packages };
            durable::write_atomically(&directory.join("about.json"), &about)?;
            write_files(&directory, &about.packages)?;
            let mut order = order;
            // Packages run programs of their own while they are installed.
            confine(&mut order, &directory, &tools, &confinement)?;
            order.variables.extend([variables::mark(&task)]);
            durable::write_atomically(&task.order(), &order)?;
            for number in numbers {
                let _ = fs::remove_dir_all(builds.join(number.to_string()));
            }
            Ok((task, false))
        })
        .await
    }

    fn order(&self, inherited: &BTreeMap<String, String>, access: &Access) -> TaskOrder {
        let mut variables = inherited.clone();
        if access.variables.contains_key("PIP_INDEX_URL") {
            // What the center file says is all that is meant.
            for name in ["PIP_EXTRA_INDEX_URL", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL"] {
                variables.remove(name);
            }
        }
        variables.extend(access.variables.clone());
        // uv does not read what pip is told; one place to say where packages come from is enough.
        for (pip, uv) in [
            ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"),
            ("PIP_EXTRA_INDEX_URL", "UV_INDEX"),
            ("PIP_FIND_LINKS", "UV_FIND_LINKS"),
        ] {
            if let Some(value) = variables.get(pip).cloned() {
                variables.entry(uv.to_owned()).or_insert(value);
            }
        }
        let path = |path: &Path| path.display().to_string();
        let (how, file) = told(self.packages.file.as_ref().map(|file| file.kind));
        TaskOrder {
            epoch: Epoch(0),
            command: vec![
                "/bin/sh".to_owned(),
                "-c".to_owned(),
                SCRIPT.to_owned(),
                "haina-environment".to_owned(),
                path(&venv(&self.directory)),
                path(&self.tools.python),
                self.tools.uv.as_deref().map(path).unwrap_or_default(),
                how.to_owned(),
                path(&self.directory.join(file)),
            ],
            variables,
            working_directory: self.directory.clone(),
            time_limit: TIME_LIMIT,
            grace: Milliseconds(0),
            log_cap: LOG_CAP,
            sandbox: None,
        }
    }

    /// Everything of the environment reaches the disk before the file that says so.
    async fn complete(&self) -> io::Result<()> {
        let directory = self.directory.clone();
        let description = self.tools.python_description.clone();
        blocking(move || {
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
        let reason = format!("the Python environment could not be prepared ({how}): {last}");
        Unprepared { reason: reason.chars().take(2000).collect(), said: said.into_bytes() }
    }
}

/// The files that say which packages, for the build to read.
fn write_files(directory: &Path, packages: &PythonEnvironment) -> io::Result<()> {
    let (text, project) = match &packages.file {
        Some(file) => (file.text.clone(), file.project.as_deref()),
        None => (packages.requirements.iter().map(|line| format!("{line}\n")).collect(), None),
    };
    let (_, name) = told(packages.file.as_ref().map(|file| file.kind));
    fs::write(directory.join(name), text)?;
    project.map_or(Ok(()), |project| fs::write(directory.join("pyproject.toml"), project))
}
