//! Effects reach the engine: after the commit, at least once, in the background.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use haina_core::{AttemptId, Effect, Ending, Epoch, Launch, Report, TaskUse};
use haina_engine::{Engine, EngineError, LaunchOrder, NodeDescription};
use haina_store::StoreError;
use tokio::sync::{Semaphore, mpsc};

use crate::handle::{Message, Reply1, Shared};

/// Orders written to disk at once.
const CONCURRENCY: usize = 16;
/// Between two attempts to give an order while the engine's disk, or the database, fails.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Hands effects to the engine.
#[derive(Clone)]
pub(crate) struct Dispatcher {
    shared: Arc<Shared>,
    mailbox: mpsc::WeakSender<Message>,
    epoch: Epoch,
    center_url: Option<String>,
    slots: Arc<Semaphore>,
    /// The keys of effects that are being done.
    under_way: Arc<Mutex<HashSet<String>>>,
}

/// What came of one try.
enum Tried {
    Done,
    /// The engine takes no orders of this process any more.
    GivenUp,
    /// It can never be done.
    Impossible(String),
    /// It may be done later.
    NotNow(String),
}

impl Dispatcher {
    pub(crate) fn new(
        shared: Arc<Shared>,
        mailbox: mpsc::WeakSender<Message>,
        epoch: Epoch,
        center_url: Option<String>,
    ) -> Dispatcher {
        let slots = Arc::new(Semaphore::new(CONCURRENCY));
        Dispatcher { shared, mailbox, epoch, center_url, slots, under_way: Arc::default() }
    }

    /// Has an effect done. Its outbox row stays until it is. One that is being done already goes on as it is: after an
    /// outage the whole outbox is dispatched again.
    pub(crate) fn dispatch(&self, effect: Effect) {
        let key = effect.key();
        if !self.under_way().insert(key.clone()) {
            return;
        }
        let this = self.clone();
        tokio::spawn(async move {
            let done = this.execute(effect).await;
            // Before the writer hears of it: what it dispatches again after that must be done again.
            this.under_way().remove(&key);
            if done && let Some(mailbox) = this.mailbox.upgrade() {
                _ = mailbox.send(Message::OutboxDone(key)).await;
            }
        });
    }

    fn under_way(&self) -> MutexGuard<'_, HashSet<String>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tries until it is clear what comes of it. Whether the effect is done with.
    async fn execute(&self, effect: Effect) -> bool {
        let attempt = effect.attempt();
        let mut told = false;
        loop {
            // Whoever waits to try again holds no slot: others may do better.
            let slot = self.slots.acquire().await;
            let tried = self.give(&effect).await;
            drop(slot);
            match tried {
                Tried::Done => return true,
                Tried::GivenUp => return false,
                Tried::Impossible(reason) => {
                    tracing::error!(%attempt, reason, "an order cannot be given");
                    return self.report_unstartable(attempt, reason).await;
                }
                Tried::NotNow(reason) if !told => {
                    tracing::error!(%attempt, reason, "an order could not be given; trying until it is");
                    told = true;
                }
                Tried::NotNow(_) => {}
            }
            if self.mailbox.upgrade().is_none_or(|mailbox| mailbox.is_closed()) {
                // The center has stopped. The order is in the outbox.
                return false;
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    async fn give(&self, effect: &Effect) -> Tried {
        let given = match effect {
            Effect::Stop(stop) => self.shared.engine.stop(self.epoch, stop.clone()).await,
            Effect::Launch(launch) => match self.order(launch.clone()).await {
                Ok(order) => self.shared.engine.launch(order).await,
                Err(tried) => return tried,
            },
        };
        match given {
            Ok(()) => Tried::Done,
            Err(error @ EngineError::Io { .. }) => Tried::NotNow(error.to_string()),
            Err(error @ (EngineError::StaleEpoch { .. } | EngineError::Closed)) => {
                tracing::warn!(attempt = %effect.attempt(), %error, "the engine refused an order");
                Tried::GivenUp
            }
            // A bad order: only one to launch can be.
            Err(error) => Tried::Impossible(error.to_string()),
        }
    }

    async fn order(&self, launch: Launch) -> Result<LaunchOrder, Tried> {
        let job = launch.attempt.job;
        let record = self.shared.store.job(job).await.map_err(unread)?.ok_or_else(|| absent("job", job))?;
        let payload = self.shared.store.payload(record.payload_of).await.map_err(unread)?;
        let payload = payload.ok_or_else(|| absent("the payload of job", record.payload_of))?;
        let view = self.shared.view.read().expect("folding a fact does not panic");
        let nodes = launch.allocation.shares.iter().map(|share| {
            let node = &view.nodes[&share.node];
            let model = node.spec.card_model.map(|model| &view.card_models[&model].definition);
            NodeDescription {
                id: share.node,
                name: node.name.clone(),
                vendor: model.map(|model| model.vendor.clone()),
                super_pod: model.map_or(0, |model| model.super_pod),
                real: model.is_some_and(|model| !model.simulated),
            }
        });
        Ok(LaunchOrder {
            epoch: self.epoch,
            payload,
            organization: view.organizations[&launch.organization].name.clone(),
            job_name: record.name,
            array_count: record.elements,
            nodes: nodes.collect(),
            center_url: self.center_url.clone(),
            port: None,
            log_cap: None,
            launch,
        })
    }

    /// The attempt ends as one that could not be started, so that its cards are free and its user knows.
    async fn report_unstartable(&self, attempt: AttemptId, reason: String) -> bool {
        let at = crate::clock::wall();
        let ending = Ending::Unstartable { reason };
        let used = TaskUse::default();
        let report = Report::Ended { attempt, started: None, at, ending, used, failed_task: None };
        deliver(&self.mailbox, report).await
    }
}

/// A database that does not answer now may do so later; what it holds and cannot be read stays so.
fn unread(error: StoreError) -> Tried {
    match error {
        StoreError::Corrupt(_) | StoreError::NewerVersion { .. } => Tried::Impossible(error.to_string()),
        StoreError::Open { .. } | StoreError::Database(_) => Tried::NotNow(error.to_string()),
    }
}

fn absent(kind: &str, which: impl std::fmt::Display) -> Tried {
    Tried::Impossible(format!("{kind} {which} is not in the database"))
}

/// Delivers a report until the core has it durably. False when the center has stopped.
pub(crate) async fn deliver(mailbox: &mpsc::WeakSender<Message>, report: Report) -> bool {
    let mut wait = Duration::from_millis(50);
    loop {
        let Some(mailbox) = mailbox.upgrade() else { return false };
        let (reply, answer): (Reply1, _) = tokio::sync::oneshot::channel();
        let request = Box::new(crate::writer::report(report.clone()));
        if mailbox.send(Message::Request(request, reply)).await.is_err() {
            return false;
        }
        drop(mailbox);
        match answer.await {
            Ok(Ok(_)) => return true,
            Ok(Err(refusal)) => tracing::warn!(%refusal, "a report was not taken; delivering it again"),
            Err(_) => return false,
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(5));
    }
}
