//! The engine of one machine.

mod aggregate;
mod attempt;
mod epoch;
mod launcher;
mod owner;
mod real;
mod recovery;
mod removal;
mod sampler;
pub mod task;
mod task_order;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use haina_core::local_definition::{KeepRule, LocalDefinition};
use haina_core::{
    AttemptId, CardReading, CenterId, Ending, Epoch, JobTokens, Payload, Refusal, Report, Stop, TaskUse, Timestamp,
};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::AbortHandle;

use crate::confinement::{Confinement, Enforcement};
use crate::discovery::{Probe, RealNode};
use crate::engine::{Delivery, Engine, EngineError, EngineFuture, Reconciliation, ReportId, ReportReceiver};
use crate::environment::{Environments, Image, ListedEnvironment, indexes};
use crate::layout::{Layout, TaskPaths};
use crate::logs::{self, LogChunk, LogReceiver, LogStream};
use crate::order::LaunchOrder;
use crate::records::{AttemptStop, ExitRecord};
use crate::shell::{self, Shell, ShellRequest};
use crate::watch::Watcher;
use crate::{clock, durable, rendezvous, variables};
use aggregate::combine;
use attempt::{Entry, drive, finish_unlaunched};
use epoch::EpochGuard;
use launcher::Launcher;
use real::Real;
pub use sampler::NodeSeries;
use sampler::Sampler;
use task::{TaskStarter, blocking};

/// Reports that may wait to be taken.
const REPORTS: usize = 1024;

/// Runs attempts as processes of this machine. Dropping it leaves the tasks running; the next one on the same directory
/// goes on with them.
pub struct LocalEngine {
    shared: Arc<Shared>,
    /// Reads the cards.
    card_sampler: Option<AbortHandle>,
    /// What goes on beside the attempts: keeping environments ready, removing what is too old.
    upkeep: AbortHandle,
}

/// What all attempts share.
pub struct Shared {
    pub(crate) layout: Layout,
    pub(crate) inherited: BTreeMap<String, String>,
    pub(crate) starter: Arc<TaskStarter>,
    pub(crate) environments: Arc<Environments>,
    pub(crate) confinement: Arc<Confinement>,
    /// Of attempts, if their programs may ask the center.
    pub(crate) tokens: Option<JobTokens>,
    sampler: Sampler,
    pub(crate) real: Option<Arc<Real>>,
    keep_attempts: KeepRule,
    epochs: EpochGuard,
    entries: Mutex<HashMap<AttemptId, Arc<Entry>>>,
    /// Where the tasks of attempts meet that have not ended.
    ports: Mutex<BTreeMap<AttemptId, u16>>,
    reports: mpsc::Sender<Delivery>,
}

impl LocalEngine {
    /// Opens the center's engine directory, creating it if need be, and goes on with every attempt that has not ended.
    /// Reports that were not acknowledged are delivered by [`Engine::reconcile`].
    ///
    /// `supervisor_program` with a socket as its input and one word appended must call [`crate::launch_supervisors`], and
    /// its first word with `enter` and two numbers [`crate::enter`], with `join` and one [`crate::join`]. Needs a tokio
    /// runtime.
    ///
    /// # Errors
    /// Where the directory cannot be used, or is another center's.
    pub fn open(
        center: CenterId,
        directory: PathBuf,
        supervisor_program: Vec<OsString>,
        definition: LocalDefinition,
        tokens: Option<JobTokens>,
    ) -> Result<(LocalEngine, ReportReceiver), EngineError> {
        LocalEngine::open_on(None, center, directory, supervisor_program, definition, tokens)
    }

    /// The same, with a node that is this machine: its tasks get its cards.
    ///
    /// # Errors
    /// As [`LocalEngine::open`].
    pub fn open_on(
        machine: Option<(RealNode, Probe)>,
        center: CenterId,
        directory: PathBuf,
        supervisor_program: Vec<OsString>,
        definition: LocalDefinition,
        tokens: Option<JobTokens>,
    ) -> Result<(LocalEngine, ReportReceiver), EngineError> {
        let failed = |error| EngineError::io(format!("the engine's directory {}", directory.display()), error);
        let root = std::path::absolute(&directory).map_err(failed)?;
        let layout = Layout::new(root.clone());
        durable::create_directories(&layout.active()).map_err(failed)?;
        // Orders hold what jobs were given, and outputs what they said: not for other users of the machine.
        fs::set_permissions(&root, fs::Permissions::from_mode(0o700)).map_err(failed)?;
        owner::claim(&directory, &layout, center)?;
        if let Some((node, _)) = &machine {
            durable::write_durably(&layout.real_node(), node).map_err(failed)?;
        }
        indexes::check(&definition.python).map_err(EngineError::Packages)?;
        let entry = supervisor_program.first().map(PathBuf::from).unwrap_or_default();
        let confinement = Arc::new(Confinement::find(definition.clone(), &root, entry));
        confinement.sweep(|attempt| layout.active().join(attempt).exists());
        let lacking = confinement.lacking();
        if !lacking.is_empty() {
            let lacking: Vec<String> = lacking.iter().map(|(what, why)| format!("{}: {why}", what.word())).collect();
            return Err(EngineError::Unconfined(lacking.join("; ")));
        }
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let starter = Arc::new(TaskStarter {
            launcher: Arc::new(Launcher::new(supervisor_program)),
            permits: Semaphore::new((2 * processors).max(4)),
            watcher: Watcher::start(),
        });
        let inherited = variables::inherited();
        let keep_attempts = definition.keep.attempts;
        let environments = Environments::new(
            layout.environments(),
            layout.images(),
            starter.clone(),
            inherited.clone(),
            confinement.clone(),
            definition,
        );
        let (reports, receiver) = mpsc::channel(REPORTS);
        let shared = Arc::new(Shared {
            epochs: EpochGuard::new(layout.epoch()),
            layout,
            inherited,
            starter,
            environments,
            confinement,
            tokens,
            sampler: Sampler::default(),
            real: machine.map(|(node, probe)| Arc::new(Real::new(node, probe))),
            keep_attempts,
            entries: Mutex::default(),
            ports: Mutex::default(),
            reports,
        });
        let card_sampler = shared.real.clone().map(|real| tokio::spawn(real.sample()).abort_handle());
        for attempt in shared.active().map_err(failed)? {
            shared.resume(attempt).map_err(failed)?;
        }
        tokio::spawn(sampler::sample(Arc::downgrade(&shared)));
        let upkeep = tokio::spawn(removal::keep_up(shared.clone())).abort_handle();
        Ok((LocalEngine { shared, card_sampler, upkeep }, receiver))
    }

    /// The node that is this machine, as it was settled for this directory before.
    ///
    /// # Errors
    /// Where the file is there and cannot be read.
    pub fn real_node_of(directory: &Path) -> Result<Option<RealNode>, EngineError> {
        let path = Layout::new(directory.to_owned()).real_node();
        durable::read(&path).map_err(|error| EngineError::io(path.display(), error))
    }

    /// The node that is this machine, if the center has one.
    pub fn real_node(&self) -> Option<Arc<RealNode>> {
        self.shared.real.as_ref().map(|real| real.node())
    }

    /// How each real card is, as it was last read: its node, its index there, and the reading. Asks nobody.
    pub fn card_readings(&self) -> Vec<(String, u32, CardReading)> {
        let Some(real) = &self.shared.real else { return Vec::new() };
        let node = real.node();
        (0..).zip(real.readings()).map(|(index, reading)| (node.name.clone(), index, reading)).collect()
    }

    /// Changes whenever the cards were read; none where there are no real cards.
    pub fn card_readings_count(&self) -> Option<watch::Receiver<u64>> {
        self.shared.real.as_ref().map(|real| real.count())
    }

    /// What tasks are confined to here, and what not.
    pub fn enforcement(&self) -> Enforcement {
        self.shared.confinement.enforcement()
    }

    /// Refuses a job whose environment can never be prepared here, as far as that is known at once.
    ///
    /// # Errors
    /// `image_not_allowed`, `environment_unavailable`.
    pub fn check(&self, payload: &Payload) -> Result<(), Refusal> {
        self.shared.environments.check(payload)
    }

    /// The digest of the image that an attempt's tasks run in; none where they run in none, or it is not known yet or any
    /// more.
    pub async fn image_digest(&self, attempt: AttemptId) -> Option<String> {
        let path = self.shared.layout.attempt(attempt).image();
        let image = blocking(move || durable::read::<Image>(&path)).await;
        image.ok().flatten().map(|image| image.digest)
    }

    /// The environments that are here.
    ///
    /// # Errors
    /// Where their directory cannot be read.
    pub async fn environments(&self) -> Result<Vec<ListedEnvironment>, EngineError> {
        let listed = self.shared.environments.list().await;
        listed.map_err(|error| EngineError::io("the environments could not be listed", error))
    }

    /// Removes environments and attempts that the center file says are too old or too much. It happens by itself when
    /// the engine is opened and every hour.
    ///
    /// # Errors
    /// Where a directory cannot be read or changed; what could be removed is.
    pub async fn remove_surplus(&self) -> Result<(), EngineError> {
        let removed = self.shared.remove_surplus().await;
        removed.map_err(|error| EngineError::io("what is too old could not be removed", error))
    }

    /// Starts a command inside a task. None where the task does not run now.
    ///
    /// # Errors
    /// Where the program that joins the task cannot be started; why it cannot join is what the command says.
    pub async fn shell(
        &self,
        attempt: AttemptId,
        rank: u32,
        request: ShellRequest,
    ) -> Result<Option<Shell>, EngineError> {
        let task = self.shared.existing_task(attempt, rank)?;
        let program = self.shared.starter.launcher.program().to_owned();
        let order = self.shared.layout.attempt(attempt).order();
        let order = blocking(move || durable::read::<LaunchOrder>(&order)).await;
        let order = order.map_err(|error| EngineError::io(format!("the order to launch {attempt}"), error))?;
        let token = order.and_then(|order| self.shared.token(&order));
        shell::open(&program, attempt, task, request, token).await
    }

    /// Where a task's output is.
    pub fn log_path(&self, attempt: AttemptId, rank: u32, stream: LogStream) -> PathBuf {
        self.shared.layout.attempt(attempt).task(rank).log(stream)
    }
}

impl Drop for LocalEngine {
    fn drop(&mut self) {
        if let Some(sampler) = &self.card_sampler {
            sampler.abort();
        }
        self.upkeep.abort();
        for (_, entry) in self.shared.entries().drain() {
            if let Some(driver) = entry.driver.lock().unwrap_or_else(PoisonError::into_inner).take() {
                driver.abort();
            }
        }
        self.shared.sampler.keep_all(&self.shared.layout);
    }
}

impl Shared {
    fn entries(&self) -> MutexGuard<'_, HashMap<AttemptId, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, attempt: AttemptId) -> Arc<Entry> {
        self.entries().entry(attempt).or_insert_with(|| Arc::new(Entry::new(attempt))).clone()
    }

    /// Attempts that run, and since when.
    fn running(&self) -> Vec<(AttemptId, Timestamp)> {
        self.entries().iter().filter_map(|(attempt, entry)| Some((*attempt, entry.started()?))).collect()
    }

    /// Reports an end that is on disk: from now on the disk answers for it.
    pub(crate) async fn end(&self, report: Report) {
        self.forget(report.attempt());
        self.deliver(report).await;
    }

    /// What an attempt's programs show the center, unless the job brings a token itself.
    pub(crate) fn token(&self, order: &LaunchOrder) -> Option<String> {
        let brings_one = order.payload.variables.contains_key(variables::TOKEN);
        let tokens = self.tokens.filter(|_| !brings_one && order.center_url.is_some())?;
        Some(tokens.token(order.launch.attempt))
    }

    fn forget(&self, attempt: AttemptId) {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner).remove(&attempt);
        self.entries().remove(&attempt);
    }

    /// Hands a report to the runtime. If that is gone, the report stays on disk.
    pub(crate) async fn deliver(&self, report: Report) {
        let _ = self.reports.send(Delivery { id: ReportId::of(&report), report }).await;
    }

    /// Attempts whose end was not acknowledged, ascending.
    fn active(&self) -> io::Result<Vec<AttemptId>> {
        let mut attempts = Vec::new();
        for entry in fs::read_dir(self.layout.active())? {
            attempts.extend(entry?.file_name().to_str().and_then(|name| name.parse::<AttemptId>().ok()));
        }
        attempts.sort();
        Ok(attempts)
    }

    /// The end of an attempt: what all of its tasks' ends come to, or one of its own if it was never launched.
    fn ended(&self, attempt: AttemptId) -> io::Result<Option<Report>> {
        let paths = self.layout.attempt(attempt);
        let Some(order) = durable::read::<LaunchOrder>(&paths.order())? else { return durable::read(&paths.ended()) };
        let mut ends = Vec::new();
        for rank in 0..order.task_count() {
            let end: Option<ExitRecord> = durable::read(&paths.task(rank).exit())?;
            let Some(end) = end else { return Ok(None) };
            ends.push(end);
        }
        Ok(Some(combine(&order, &ends)))
    }

    fn resume(self: &Arc<Self>, attempt: AttemptId) -> io::Result<()> {
        let paths = self.layout.attempt(attempt);
        if self.ended(attempt)?.is_some() {
            return Ok(());
        }
        let stop: Option<AttemptStop> = durable::read(&paths.stop())?;
        let order: Option<LaunchOrder> = durable::read(&paths.order())?;
        match (order, stop) {
            (Some(order), stop) => {
                if let Some(port) = order.port {
                    self.ports.lock().unwrap_or_else(PoisonError::into_inner).insert(attempt, port);
                }
                let entry = self.entry(attempt);
                entry.stop.send_replace(stop);
                self.start_driver(&entry, order);
            }
            (None, Some(_)) => self.finish_unlaunched(attempt),
            // Whoever removed the order wants the attempt forgotten.
            (None, None) => fs::remove_file(self.layout.active_mark(attempt))?,
        }
        Ok(())
    }

    fn start_driver(self: &Arc<Self>, entry: &Arc<Entry>, order: LaunchOrder) {
        let mut driver = entry.driver.lock().unwrap_or_else(PoisonError::into_inner);
        if driver.is_none() {
            let task = tokio::spawn(drive(self.clone(), entry.clone(), Arc::new(order)));
            *driver = Some(task.abort_handle());
        }
    }

    /// Ends an attempt that was stopped before it was launched. In the background: a full report channel must not hold up
    /// who may be the one to empty it.
    fn finish_unlaunched(self: &Arc<Self>, attempt: AttemptId) {
        let shared = self.clone();
        tokio::spawn(async move {
            let ended = Report::Ended {
                attempt,
                started: None,
                at: clock::now(),
                ending: Ending::Stopped,
                used: TaskUse::default(),
                failed_task: None,
            };
            finish_unlaunched(&shared, &shared.layout.attempt(attempt), ended).await;
        });
    }

    async fn admit(self: &Arc<Self>, epoch: Epoch) -> Result<(), EngineError> {
        let shared = self.clone();
        tokio::task::spawn_blocking(move || shared.epochs.admit(epoch)).await.map_err(|_| EngineError::Closed)?
    }

    async fn launch(self: &Arc<Self>, order: LaunchOrder) -> Result<(), EngineError> {
        order.check()?;
        real::check(self.real.as_deref(), &order)?;
        self.admit(order.epoch).await?;
        let attempt = order.launch.attempt;
        let entry = self.entry(attempt);
        let _turn = entry.gate.lock().await;
        let shared = self.clone();
        let kept = blocking(move || shared.keep_order(order)).await;
        match kept.map_err(|error| EngineError::io(format!("the order to launch {attempt}"), error))? {
            Kept::Order(order) => self.start_driver(&entry, *order),
            Kept::Stopped => self.finish_unlaunched(attempt),
            Kept::Ended => self.forget(attempt),
        }
        Ok(())
    }

    /// A port for an attempt, until that has ended.
    fn port_for(&self, attempt: AttemptId) -> Option<u16> {
        let mut ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        let port = rendezvous::port_for(attempt, |port| ports.values().any(|taken| *taken == port))?;
        ports.insert(attempt, port);
        Some(port)
    }

    /// Makes an order durable, unless the attempt was ordered, stopped or ended before.
    fn keep_order(&self, order: LaunchOrder) -> io::Result<Kept> {
        let attempt = order.launch.attempt;
        let paths = self.layout.attempt(attempt);
        if self.ended(attempt)?.is_some() {
            return Ok(Kept::Ended);
        }
        if let Some(before) = durable::read::<LaunchOrder>(&paths.order())? {
            self.mark_active(attempt, &paths.order())?;
            return Ok(Kept::Order(Box::new(before)));
        }
        if paths.stop().exists() {
            return Ok(Kept::Stopped);
        }
        durable::create_directories(paths.directory())?;
        for rank in 0..order.task_count() {
            fs::create_dir_all(paths.task(rank).directory())?;
        }
        let order = LaunchOrder { port: self.port_for(attempt), ..order };
        durable::write_durably(&paths.order(), &order)?;
        self.mark_active(attempt, &paths.order())?;
        Ok(Kept::Order(Box::new(order)))
    }

    /// Lists an attempt as active, after `order` about it is durable and before anybody is told so.
    ///
    /// The mark is a second name of the order: when it is removed no inode is, and ext4 is slow at creating files for
    /// some seconds after many inodes were.
    fn mark_active(&self, attempt: AttemptId, order: &Path) -> io::Result<()> {
        match fs::hard_link(order, self.layout.active_mark(attempt)) {
            Ok(()) => durable::sync_directory(&self.layout.active()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn stop(self: &Arc<Self>, epoch: Epoch, stop: Stop) -> Result<(), EngineError> {
        self.admit(epoch).await?;
        let attempt = stop.attempt;
        let entry = self.entry(attempt);
        let _turn = entry.gate.lock().await;
        let (shared, ordered) = (self.clone(), AttemptStop { epoch, stop });
        let kept = blocking(move || shared.keep_stop(ordered)).await;
        match kept.map_err(|error| EngineError::io(format!("the order to stop {attempt}"), error))? {
            KeptStop::Ended => self.forget(attempt),
            KeptStop::Launched(stop) => {
                entry.stop.send_replace(Some(stop));
            }
            KeptStop::NeverLaunched => self.finish_unlaunched(attempt),
        }
        Ok(())
    }

    /// Makes a stop durable. Of several, the one with the shortest grace counts.
    fn keep_stop(&self, ordered: AttemptStop) -> io::Result<KeptStop> {
        let attempt = ordered.stop.attempt;
        let paths = self.layout.attempt(attempt);
        if self.ended(attempt)?.is_some() {
            return Ok(KeptStop::Ended);
        }
        let before: Option<AttemptStop> = durable::read(&paths.stop())?;
        let stop = match before {
            Some(before) if before.stop.grace <= ordered.stop.grace => before,
            _ => {
                durable::create_directories(paths.directory())?;
                durable::write_durably(&paths.stop(), &ordered)?;
                ordered
            }
        };
        self.mark_active(attempt, &paths.stop())?;
        Ok(if paths.order().exists() { KeptStop::Launched(stop) } else { KeptStop::NeverLaunched })
    }

    /// What differs, and what is to be delivered again.
    fn compare(&self, live: Vec<AttemptId>) -> io::Result<(Reconciliation, Vec<Report>)> {
        let live: BTreeSet<AttemptId> = live.into_iter().collect();
        let active: BTreeSet<AttemptId> = self.active()?.into_iter().collect();
        let mut found = Reconciliation::default();
        let mut reports = Vec::new();
        for &attempt in live.union(&active) {
            if let Some(ended) = self.ended(attempt)? {
                reports.push(ended);
                continue;
            }
            if let Some(at) = self.entries().get(&attempt).and_then(|entry| entry.started()) {
                reports.push(Report::Started { attempt, at });
            }
            if !active.contains(&attempt) {
                found.unknown.push(attempt);
            } else if !live.contains(&attempt) {
                found.unclaimed.push(attempt);
            }
        }
        Ok((found, reports))
    }

    fn existing_task(&self, attempt: AttemptId, rank: u32) -> Result<TaskPaths, EngineError> {
        let paths = self.layout.attempt(attempt);
        let task = paths.task(rank);
        match (task.directory().is_dir(), paths.directory().is_dir()) {
            (true, _) => Ok(task),
            (false, true) => Err(EngineError::NoSuchTask { attempt, rank }),
            (false, false) => Err(EngineError::NoSuchAttempt { attempt }),
        }
    }
}

/// What became of an order to launch.
enum Kept {
    /// This one is on disk.
    Order(Box<LaunchOrder>),
    /// It was stopped before it came.
    Stopped,
    /// It has ended.
    Ended,
}

/// What became of an order to stop.
enum KeptStop {
    Ended,
    Launched(AttemptStop),
    NeverLaunched,
}

impl Engine for LocalEngine {
    fn launch(&self, order: LaunchOrder) -> EngineFuture<'_, ()> {
        Box::pin(self.shared.launch(order))
    }

    fn stop(&self, epoch: Epoch, stop: Stop) -> EngineFuture<'_, ()> {
        Box::pin(self.shared.stop(epoch, stop))
    }

    fn reconcile(&self, epoch: Epoch, live: Vec<AttemptId>) -> EngineFuture<'_, Reconciliation> {
        Box::pin(async move {
            self.shared.admit(epoch).await?;
            let shared = self.shared.clone();
            let compared = blocking(move || shared.compare(live)).await;
            let (found, reports) =
                compared.map_err(|error| EngineError::io("the attempts could not be listed", error))?;
            let shared = self.shared.clone();
            tokio::spawn(async move {
                for report in reports {
                    shared.deliver(report).await;
                }
            });
            Ok(found)
        })
    }

    fn acknowledge(&self, id: ReportId) {
        if let ReportId::Ended(attempt) = id {
            let mark = self.shared.layout.active_mark(attempt);
            // If the mark comes back after a power failure, the end is reported once more.
            tokio::task::spawn_blocking(move || {
                if let Err(error) = fs::remove_file(&mark)
                    && error.kind() != io::ErrorKind::NotFound
                {
                    tracing::warn!(%attempt, "its end will be reported again: {error}");
                }
            });
        }
    }

    fn read_log(
        &self,
        attempt: AttemptId,
        rank: u32,
        stream: LogStream,
        offset: u64,
        limit: u64,
    ) -> EngineFuture<'_, LogChunk> {
        Box::pin(async move {
            let task = self.shared.existing_task(attempt, rank)?;
            let chunk = blocking(move || logs::read(&task, stream, offset, limit)).await;
            chunk.map_err(|error| EngineError::io(format!("the output of {attempt}"), error))
        })
    }

    fn series(&self, attempt: AttemptId) -> EngineFuture<'_, Vec<NodeSeries>> {
        Box::pin(async move {
            let shared = self.shared.clone();
            let found = blocking(move || shared.sampler.of(attempt, &shared.layout)).await;
            found.map_err(|error| EngineError::io(format!("what {attempt} used"), error))
        })
    }

    fn tail_of_log(&self, attempt: AttemptId, rank: u32, stream: LogStream, lines: u64) -> EngineFuture<'_, u64> {
        Box::pin(async move {
            let task = self.shared.existing_task(attempt, rank)?;
            let tail = blocking(move || logs::tail(&task, stream, lines)).await;
            tail.map_err(|error| EngineError::io(format!("the output of {attempt}"), error))
        })
    }

    fn follow_log(
        &self,
        attempt: AttemptId,
        rank: u32,
        stream: LogStream,
        offset: u64,
    ) -> EngineFuture<'_, LogReceiver> {
        Box::pin(async move {
            let task = self.shared.existing_task(attempt, rank)?;
            Ok(logs::follow(self.shared.starter.watcher.clone(), task, stream, offset))
        })
    }
}
