//! What the runtime asks of an engine, whatever starts the processes.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;

use haina_core::{AttemptId, CenterId, Epoch, Report, Stop};
use tokio::sync::mpsc;

use crate::local::NodeSeries;
use crate::logs::{LogChunk, LogReceiver, LogStream};
use crate::order::LaunchOrder;

/// The answer to an order, once there is one.
pub type EngineFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, EngineError>> + Send + 'a>>;

/// Where reports arrive. If it is full, nothing is lost and nothing blocks but further reports.
pub type ReportReceiver = mpsc::Receiver<Delivery>;

/// Starts, watches and ends the processes of attempts.
///
/// Every order may be given again, in any order and after a crash of either side: it acts once for each attempt.
pub trait Engine: Send + Sync {
    /// Starts an attempt. Returns once the order is durable; preparing its environment and starting its tasks go on by
    /// themselves, and what becomes of them is reported.
    fn launch(&self, order: LaunchOrder) -> EngineFuture<'_, ()>;

    /// Stops an attempt: SIGTERM, grace, SIGKILL. Returns once that is durable. One that was not launched yet never is,
    /// and is reported as stopped; one that has ended stays as it is.
    fn stop(&self, epoch: Epoch, stop: Stop) -> EngineFuture<'_, ()>;

    /// Compares what the center believes with what is, and delivers again every report that was not acknowledged. Called
    /// by a new leader before anything else.
    ///
    /// A leader that loads its state again after a failed commit need not: effects are released after the commit, so
    /// that no attempt of a batch that was rolled back ever came here; and a report that was refused meanwhile is
    /// delivered until it is taken.
    fn reconcile(&self, epoch: Epoch, live: Vec<AttemptId>) -> EngineFuture<'_, Reconciliation>;

    /// The center has committed what this delivery said. Returns at once.
    fn acknowledge(&self, id: ReportId);

    /// At most `limit` bytes of a task's output from `offset`.
    fn read_log(
        &self,
        attempt: AttemptId,
        rank: u32,
        stream: LogStream,
        offset: u64,
        limit: u64,
    ) -> EngineFuture<'_, LogChunk>;

    /// What an attempt's tasks used over time on each of its nodes; none where it is not known, or ran too short a time.
    fn series(&self, attempt: AttemptId) -> EngineFuture<'_, Vec<NodeSeries>>;

    /// Where the last `lines` lines of a task's output begin at the moment.
    fn tail_of_log(&self, attempt: AttemptId, rank: u32, stream: LogStream, lines: u64) -> EngineFuture<'_, u64>;

    /// A task's output from `offset`, and what it writes until it ends.
    fn follow_log(
        &self,
        attempt: AttemptId,
        rank: u32,
        stream: LogStream,
        offset: u64,
    ) -> EngineFuture<'_, LogReceiver>;
}

/// A report on its way to the center, at least once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// To be acknowledged.
    pub id: ReportId,
    /// What happened.
    pub report: Report,
}

/// Names a report: the same one is always the same report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReportId {
    /// That the attempt started.
    Started(AttemptId),
    /// That it ended.
    Ended(AttemptId),
}

impl ReportId {
    /// The name of a report.
    pub fn of(report: &Report) -> ReportId {
        match report {
            Report::Started { attempt, .. } => ReportId::Started(*attempt),
            Report::Ended { attempt, .. } => ReportId::Ended(*attempt),
        }
    }
}

impl fmt::Display for ReportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReportId::Started(attempt) => write!(f, "started/{attempt}"),
            ReportId::Ended(attempt) => write!(f, "ended/{attempt}"),
        }
    }
}

/// How the center's belief and the engine's files differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// Believed live, but no order for them ever arrived here. Their launch may still be in the outbox.
    pub unknown: Vec<AttemptId>,
    /// Not believed live, but not ended here. Ascending.
    pub unclaimed: Vec<AttemptId>,
}

/// Why an engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A newer leader gave orders already.
    #[error("an order of epoch {epoch} was refused: epoch {newest} has given orders")]
    StaleEpoch {
        /// Of the order.
        epoch: Epoch,
        /// The newest seen.
        newest: Epoch,
    },
    /// The engine's directory is another center's.
    #[error("{} holds the attempts of center {owner}, but this is center {center}", directory.display())]
    OtherCenter {
        /// The directory.
        directory: PathBuf,
        /// Whose it is.
        owner: CenterId,
        /// Who wanted it.
        center: CenterId,
    },
    /// The order can never be carried out.
    #[error("attempt {attempt} cannot be launched: {what}")]
    BadOrder {
        /// The attempt.
        attempt: AttemptId,
        /// What is wrong.
        what: String,
    },
    /// There is no such output yet.
    #[error("attempt {attempt} has no task {rank} here")]
    NoSuchTask {
        /// The attempt.
        attempt: AttemptId,
        /// The rank.
        rank: u32,
    },
    /// It was not launched yet, or is not kept any more.
    #[error("nothing of attempt {attempt} is here")]
    NoSuchAttempt {
        /// The attempt.
        attempt: AttemptId,
    },
    /// The order could not be made durable, or a file could not be read. It may be tried again.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The center file asks for confinement that this machine does not have.
    #[error("this machine cannot confine jobs as the center file requires: {0}")]
    Unconfined(String),
    /// What the center file says of Python packages cannot be used.
    #[error("{0}")]
    Packages(String),
    /// The engine is shutting down.
    #[error("the engine is shutting down")]
    Closed,
}

impl EngineError {
    pub(crate) fn io(what: impl fmt::Display, source: io::Error) -> EngineError {
        EngineError::Io { what: what.to_string(), source }
    }
}
