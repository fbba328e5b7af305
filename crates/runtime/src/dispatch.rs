//! Effects reach the engine: after the commit, at least once, in the background.

use std::sync::Arc;
use std::time::Duration;

use haina_core::{AttemptId, Effect, Ending, Epoch, JobId, Launch, Payload, Report, Stop, TaskUse};
use haina_engine::{Engine, EngineError, LaunchOrder, NodeDescription};
use tokio::sync::{Semaphore, mpsc};

use crate::handle::{Message, Reply1, Shared};

/// Orders written to disk at once.
const CONCURRENCY: usize = 16;
/// Between two attempts to give an order to an engine whose disk fails.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Hands effects to the engine.
#[derive(Clone)]
pub(crate) struct Dispatcher {
    shared: Arc<Shared>,
    mailbox: mpsc::WeakSender<Message>,
    epoch: Epoch,
    center_url: Option<String>,
    slots: Arc<Semaphore>,
}

impl Dispatcher {
    pub(crate) fn new(
        shared: Arc<Shared>,
        mailbox: mpsc::WeakSender<Message>,
        epoch: Epoch,
        center_url: Option<String>,
    ) -> Dispatcher {
        Dispatcher { shared, mailbox, epoch, center_url, slots: Arc::new(Semaphore::new(CONCURRENCY)) }
    }

    /// Has an effect done. Its outbox row stays until it is.
    pub(crate) fn dispatch(&self, effect: Effect) {
        let this = self.clone();
        tokio::spawn(async move {
            let _slot = this.slots.clone().acquire_owned().await;
            let key = effect.key();
            if this.execute(effect).await
                && let Some(mailbox) = this.mailbox.upgrade()
            {
                _ = mailbox.send(Message::OutboxDone(key)).await;
            }
        });
    }

    /// Whether the effect is done with.
    async fn execute(&self, effect: Effect) -> bool {
        match effect {
            Effect::Stop(stop) => self.stop(stop).await,
            Effect::Launch(launch) => self.launch(launch).await,
        }
    }

    async fn stop(&self, stop: Stop) -> bool {
        let attempt = stop.attempt;
        loop {
            match self.shared.engine.stop(self.epoch, stop.clone()).await {
                Ok(()) => return true,
                Err(EngineError::Io { what, source }) => {
                    tracing::error!(%attempt, what, %source, "the engine could not take an order to stop; trying again");
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                Err(error) => return given_up(attempt, &error),
            }
        }
    }

    async fn launch(&self, launch: Launch) -> bool {
        let attempt = launch.attempt;
        let failed = match self.order(launch).await {
            Ok(order) => match self.shared.engine.launch(order).await {
                Ok(()) => return true,
                Err(error @ (EngineError::StaleEpoch { .. } | EngineError::Closed)) => {
                    return given_up(attempt, &error);
                }
                Err(error) => error.to_string(),
            },
            Err(error) => error,
        };
        tracing::error!(%attempt, error = failed, "the engine could not take an order to launch");
        self.report_unstartable(attempt, failed).await
    }

    async fn order(&self, launch: Launch) -> Result<LaunchOrder, String> {
        let job = launch.attempt.job;
        let record = self.shared.store.job(job).await.map_err(|error| error.to_string())?;
        let record = record.ok_or_else(|| format!("job {job} is not in the database"))?;
        let payload = self.payload(record.payload_of).await?;
        let view = self.shared.view.read().expect("folding a fact does not panic");
        let nodes = launch.allocation.shares.iter().map(|share| {
            let node = &view.nodes[&share.node];
            let model = node.spec.card_model.map(|model| &view.card_models[&model].definition);
            NodeDescription { id: share.node, name: node.name.clone(), vendor: model.map(|model| model.vendor.clone()) }
        });
        Ok(LaunchOrder {
            epoch: self.epoch,
            payload,
            organization: view.organizations[&launch.organization].name.clone(),
            job_name: record.name,
            array_count: record.elements,
            nodes: nodes.collect(),
            center_url: self.center_url.clone(),
            log_cap: None,
            launch,
        })
    }

    async fn payload(&self, holder: JobId) -> Result<Payload, String> {
        let payload = self.shared.store.payload(holder).await.map_err(|error| error.to_string())?;
        payload.ok_or_else(|| format!("the payload of job {holder} is not in the database"))
    }

    /// The attempt ends as one that could not be started, so that its cards are free and its user knows.
    async fn report_unstartable(&self, attempt: AttemptId, reason: String) -> bool {
        let at = crate::clock::wall();
        let ending = Ending::Unstartable { reason };
        let report = Report::Ended { attempt, started: None, at, ending, used: TaskUse::default() };
        deliver(&self.mailbox, report).await
    }
}

/// Whether an order that the engine will never take is done with: only where a newer leader gives the orders now.
fn given_up(attempt: AttemptId, error: &EngineError) -> bool {
    tracing::warn!(%attempt, %error, "the engine refused an order");
    false
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
