//! A center comes up: leadership, state, center file, reconciliation with the engine, and then the writer.

use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};

use haina_center::{Command, State};
use haina_core::center_definition::CenterDefinition;
use haina_core::{
    Actor, AttemptId, CenterId, Digest, Effect, Ending, Epoch, JobTokens, Milliseconds, Refusal, Report, Role, Stop,
    TaskUse,
};
use haina_engine::discovery::Probe;
use haina_engine::{Delivery, Engine, EngineError, LocalEngine};
use haina_store::{Location, Store, StoreError};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::dispatch::{Dispatcher, deliver};
use crate::handle::{CenterHandle, Message, Request, Shared, stopped};
use crate::readiness::ReadinessBoard;
pub use crate::writer::Ended;
use crate::writer::{FUEL_TO_ADVANCE, Writer};
use crate::{cards, machine};

/// Messages that wait for the writer before senders wait too.
const MAILBOX: usize = 4096;
/// Facts that a slow listener may lag before it must read from the store.
const EVENTS: usize = 8192;

/// What a center needs to come up.
pub struct StartOptions {
    /// The database.
    pub location: Location,
    /// The local engine's directory.
    pub engine_directory: PathBuf,
    /// The program that supervises a task; the task's directory is its last argument.
    pub supervisor: Vec<OsString>,
    /// The center file; what exists is brought in line with it.
    pub definition: Option<CenterDefinition>,
    /// The digest of the operator's first token.
    pub operator_token: Digest,
    /// Where the center answers, for jobs.
    pub center_url: Option<String>,
    /// From which the tokens of attempts are made; the same at every start, or tokens of those that run are no longer known.
    pub job_token_secret: [u8; 32],
    /// By what this machine is asked for its cards; by what is installed if absent.
    pub probe: Option<Probe>,
}

/// Why a center did not come up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine's directory.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The center file, or the operator's token.
    #[error("{0}")]
    Refused(Refusal),
}

/// A running center.
pub struct Running {
    /// How to talk to it.
    pub handle: CenterHandle,
    /// Ends when the center does.
    pub writer: JoinHandle<Ended>,
}

/// Brings a center up.
///
/// # Errors
/// Where the database or the engine's directory cannot be used, or the center file is refused.
pub async fn start(mut options: StartOptions) -> Result<Running, StartError> {
    let store = Store::open(&options.location).await?;
    let local = options.definition.as_ref().map(|definition| definition.local.clone()).unwrap_or_default();
    let center = store.center_id(fresh_center_id()).await?;
    // Before the leadership is taken: a directory that is another center's must not end whoever leads this one.
    let probe = options.probe.take();
    let machine = machine::find(&mut options.definition, options.engine_directory.clone(), probe).await?;
    let tokens = JobTokens::new(&options.job_token_secret, center);
    let (engine, mut reports) =
        LocalEngine::open_on(machine, center, options.engine_directory, options.supervisor, local, Some(tokens))?;
    let leadership = store.take_leadership().await?;
    let loaded = store.load().await?;
    for weakness in store.standing().await?.weaknesses {
        tracing::warn!("{weakness}");
    }

    let (mailbox, receiver) = mpsc::channel(MAILBOX);
    let shared = Arc::new(Shared {
        view: RwLock::new(loaded.state.view().for_readers()),
        store,
        engine,
        tokens,
        events: broadcast::Sender::new(EVENTS),
        position: watch::Sender::new(loaded.position),
        now: Default::default(),
        live_jobs: AtomicU64::new(loaded.state.jobs().len() as u64),
        counters: Default::default(),
        readiness: ReadinessBoard::new(leadership.epoch),
    });
    let handle = CenterHandle { mailbox: mailbox.clone(), shared: shared.clone() };
    let weak = mailbox.downgrade();
    let dispatcher = Dispatcher::new(shared.clone(), weak.clone(), leadership.epoch, options.center_url);
    let lost = lost_attempts(&shared.engine, &loaded.state, &loaded.outbox, leadership.epoch).await?;

    let first = |command| Request { actor: Actor::Center, command, payloads: Vec::new(), idempotency: None };
    // Into one batch with the leadership: no job is to be given a card that is known to be unfit.
    let news = cards::news(&shared.engine, loaded.state.view());
    let lead = first(Command::Lead { epoch: leadership.epoch });
    let mut answers = Vec::new();
    for request in std::iter::once(lead).chain(news) {
        let (reply, answer) = oneshot::channel();
        mailbox.try_send(Message::Request(Box::new(request), reply)).expect("the mailbox has room");
        answers.push(answer);
    }

    let writer = Writer {
        state: loaded.state,
        epoch: leadership.epoch,
        sequence: loaded.sequence,
        position: loaded.position,
        clock: Clock::start(loaded.last_input_at),
        shared,
        mailbox: receiver,
        dispatcher: dispatcher.clone(),
        outbox_done: Vec::new(),
        deferred: VecDeque::new(),
        questions: Vec::new(),
        stopping: None,
        fuel_to_advance: FUEL_TO_ADVANCE,
        read_only: None,
    };
    let writer = tokio::spawn(writer.run());

    for answer in answers {
        answer.await.map_err(|_| stopped()).and_then(|answer| answer).map_err(StartError::Refused)?;
    }
    if let Some(definition) = options.definition {
        let command = Command::Apply { definition: Box::new(definition) };
        handle.send(first(command)).await.map_err(StartError::Refused)?;
    }
    for command in operator(&handle, options.operator_token) {
        handle.send(first(command)).await.map_err(StartError::Refused)?;
    }
    tokio::spawn(cards::watch(weak.clone(), Arc::downgrade(&handle.shared)));
    for effect in loaded.outbox {
        dispatcher.dispatch(effect);
    }
    for report in lost {
        tokio::spawn({
            let weak = weak.clone();
            async move { deliver(&weak, report).await }
        });
    }
    tokio::spawn({
        let (weak, shared) = (weak.clone(), handle.shared.clone());
        async move {
            while let Some(Delivery { id, report }) = reports.recv().await {
                let (weak, shared) = (weak.clone(), shared.clone());
                tokio::spawn(async move {
                    if deliver(&weak, report).await {
                        shared.engine.acknowledge(id);
                    }
                });
            }
        }
    });
    Ok(Running { handle, writer })
}

/// The id that a center gets with a new database.
fn fresh_center_id() -> CenterId {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the kernel has random bytes");
    CenterId(u128::from_le_bytes(bytes))
}

/// What it takes to make the operator's token valid.
fn operator(handle: &CenterHandle, digest: Digest) -> Vec<Command> {
    handle.with_view(|view| {
        if view.token_of_digest.contains_key(&digest) {
            return Vec::new();
        }
        let named = view.users.values().find(|user| user.role == Role::Operator).map(|user| user.name.clone());
        let user = named.clone().unwrap_or_else(|| "operator".to_owned());
        let label = "the data directory's admin.token".to_owned();
        let issue = Command::IssueToken { user: user.clone(), digest, label, expires: None };
        let add = Command::AddUser { name: user, role: Role::Operator, organization: None };
        if named.is_some() { vec![issue] } else { vec![add, issue] }
    })
}

/// Attempts that the center believes alive, that the engine has never heard of, and that no order in the outbox will
/// bring to life.
async fn lost_attempts(
    engine: &LocalEngine,
    state: &State,
    outbox: &[Effect],
    epoch: Epoch,
) -> Result<Vec<Report>, StartError> {
    let live: Vec<AttemptId> = state.view().attempts.keys().copied().collect();
    let differs = engine.reconcile(epoch, live).await?;
    for attempt in differs.unclaimed {
        tracing::warn!(%attempt, "the engine runs an attempt that the center has ended; stopping it");
        engine.stop(epoch, Stop { attempt, grace: Milliseconds::from_seconds(10) }).await?;
    }
    let ordered: BTreeSet<AttemptId> =
        outbox.iter().filter(|effect| matches!(effect, Effect::Launch(_))).map(Effect::attempt).collect();
    let lost = differs.unknown.into_iter().filter(|attempt| !ordered.contains(attempt));
    let reason = "the engine has no record of it".to_owned();
    let report = |attempt| Report::Ended {
        attempt,
        started: None,
        at: crate::clock::wall(),
        ending: Ending::Lost { reason: reason.clone() },
        used: TaskUse::default(),
        failed_task: None,
    };
    Ok(lost.map(report).collect())
}
