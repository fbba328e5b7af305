//! How the rest of the program talks to the center.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use haina_center::{Command, Reply, State, View};
use haina_core::{Actor, Code, Digest, JobTokens, Refusal, Timestamp};
use haina_engine::LocalEngine;
use haina_store::{Store, StoredFact};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::Counters;
use crate::readiness::{Readiness, ReadinessBoard};

/// A command for the center, with what must be stored beside it.
#[derive(Debug)]
pub struct Request {
    /// Who asks.
    pub actor: Actor,
    /// What is asked.
    pub command: Command,
    /// Payloads that the command names by digest.
    pub payloads: Vec<(Digest, String)>,
    /// The caller's key, so that asking twice does it once.
    pub idempotency: Option<IdempotencyKey>,
}

/// A caller's key for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key, unique for its user.
    pub key: String,
    /// The digest of the whole request: the same key for another request is refused.
    pub request: Digest,
}

/// The answer to a request that was not refused.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What the core replied.
    pub reply: Reply,
    /// The position of the last committed fact: what is read from there on knows of this request.
    pub position: u64,
    /// Whether the request had been done before under the same key.
    pub replayed: bool,
}

pub(crate) type Reply1 = oneshot::Sender<Result<Answer, Refusal>>;
/// A question, with the committed state or why it cannot be asked.
pub(crate) type Question = Box<dyn FnOnce(Result<&State, Refusal>) + Send>;

pub(crate) enum Message {
    Request(Box<Request>, Reply1),
    Ask(Question),
    OutboxDone(String),
    Stop(oneshot::Sender<()>),
}

pub(crate) struct Shared {
    pub view: RwLock<View>,
    pub store: Store,
    pub engine: LocalEngine,
    pub tokens: JobTokens,
    pub events: broadcast::Sender<Arc<StoredFact>>,
    pub position: watch::Sender<u64>,
    pub now: AtomicI64,
    pub live_jobs: AtomicU64,
    pub counters: Counters,
    pub readiness: ReadinessBoard,
}

/// A handle to a running center; cheap to clone.
#[derive(Clone)]
pub struct CenterHandle {
    pub(crate) mailbox: mpsc::Sender<Message>,
    pub(crate) shared: Arc<Shared>,
}

impl CenterHandle {
    /// Sends a command; answers when it is durable.
    ///
    /// # Errors
    /// The core's refusal, or `unavailable` / `read_only` where it could not be committed.
    pub async fn send(&self, request: Request) -> Result<Answer, Refusal> {
        let (reply, answer) = oneshot::channel();
        let message = Message::Request(Box::new(request), reply);
        self.mailbox.send(message).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Reads what can be seen at a glance, as last committed. Keep it short: the writer waits.
    pub fn with_view<T>(&self, read: impl FnOnce(&View) -> T) -> T {
        read(&self.shared.view.read().expect("folding a fact does not panic"))
    }

    /// Asks the committed state, between two batches. Keep it short: the writer waits.
    ///
    /// # Errors
    /// `unavailable` while the database does not answer, or when the center has stopped.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&State) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        let question: Question = Box::new(move |state| _ = reply.send(state.map(question)));
        self.mailbox.send(Message::Ask(question)).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// What has been committed, for readers.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// The engine, for logs.
    pub fn engine(&self) -> &LocalEngine {
        &self.shared.engine
    }

    /// How tokens of attempts are known.
    pub fn tokens(&self) -> &JobTokens {
        &self.shared.tokens
    }

    /// Facts as they are committed. A receiver that lags, or sees a gap in the positions, reads the rest from the store.
    pub fn events(&self) -> broadcast::Receiver<Arc<StoredFact>> {
        self.shared.events.subscribe()
    }

    /// The position of the last committed fact.
    pub fn position(&self) -> u64 {
        *self.shared.position.borrow()
    }

    /// Returns once `position` is committed and folded into the view.
    pub async fn wait_for(&self, position: u64) {
        let mut watched = self.shared.position.subscribe();
        _ = watched.wait_for(|reached| *reached >= position).await;
    }

    /// The center's time.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.shared.now.load(Ordering::Relaxed)).max(crate::clock::wall())
    }

    /// Whether the center can take work. Asks the database, but at most once a second.
    pub async fn readiness(&self) -> Readiness {
        self.shared.readiness.read(&self.shared.store).await
    }

    /// What is counted since the process started.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Jobs that have not ended.
    pub fn live_jobs(&self) -> u64 {
        self.shared.live_jobs.load(Ordering::Relaxed)
    }

    /// Stops taking commands; returns when what was taken is committed. Running jobs go on.
    pub async fn stop(&self) {
        let (done, wait) = oneshot::channel();
        if self.mailbox.send(Message::Stop(done)).await.is_ok() {
            _ = wait.await;
        }
    }
}

pub(crate) fn stopped() -> Refusal {
    Refusal::new(Code::Unavailable).because("the center has stopped")
}
