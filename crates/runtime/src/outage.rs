//! What the writer does while nothing can be committed: it loads what is, refuses who asks, and hears who ends it.

use std::sync::Arc;
use std::time::Duration;

use haina_core::{Code, Refusal};
use haina_store::Loaded;
use std::sync::atomic::Ordering;
use tokio::time::Instant;

use crate::handle::Message;
use crate::writer::{Ended, Writer, answer_now};

/// Between two attempts to reach a database that does not answer.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// How long whoever asks is kept waiting for a load that may go well: it mostly does after a single failed commit.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two attempts to write to a full disk.
const PROBE_AFTER: Duration = Duration::from_secs(1);

/// A disk that takes no writes.
pub(crate) struct ReadOnly {
    /// Why.
    pub reason: String,
    probe_at: Instant,
}

impl ReadOnly {
    pub(crate) fn because(reason: String) -> ReadOnly {
        ReadOnly { reason, probe_at: Instant::now() + PROBE_AFTER }
    }

    /// Until it is time for the next attempt to write.
    pub(crate) fn until_probe(&self) -> Duration {
        self.probe_at.saturating_duration_since(Instant::now())
    }
}

impl Writer {
    /// Drops the state and takes what is committed instead, after a commit that failed as `why` says. State that is
    /// ahead of the disk is never served.
    pub(crate) async fn reload(&mut self, mut why: String) -> Result<(), Ended> {
        let shared = Arc::clone(&self.shared);
        let mut patience = PATIENCE;
        loop {
            let loaded = tokio::select! {
                loaded = shared.store.load() => loaded,
                () = self.refuse_until_stopped(patience, &why) => return Err(Ended::Stopped),
            };
            match loaded {
                Ok(loaded) => return self.go_on_from(loaded),
                Err(error) => {
                    let error = format!("the database does not answer: {error}");
                    if error != why {
                        tracing::error!("{error}");
                    }
                    shared.readiness.set_obstacle(Some(error.clone()));
                    (why, patience) = (error, Duration::ZERO);
                }
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY_AFTER) => {}
                () = self.refuse_until_stopped(patience, &why) => return Err(Ended::Stopped),
            }
        }
    }

    fn go_on_from(&mut self, loaded: Loaded) -> Result<(), Ended> {
        if loaded.epoch != self.epoch {
            tracing::error!("another process leads this center now; this one ends");
            return Err(Ended::LeadershipLost);
        }
        if loaded.sequence < self.sequence {
            // A standby that lagged has taken over: what the engine and callers were told is gone. Only a new leader
            // compares the state with what runs.
            let (found, known) = (loaded.sequence, self.sequence);
            tracing::error!(found, known, "the database has lost batches that it had confirmed; this process ends");
            return Err(Ended::LeadershipLost);
        }
        self.state = loaded.state;
        self.sequence = loaded.sequence;
        self.position = loaded.position;
        *self.shared.view.write().expect("folding a fact does not panic") = self.state.view().for_readers();
        self.shared.live_jobs.store(self.state.jobs().len() as u64, Ordering::Relaxed);
        self.shared.position.send_replace(self.position);
        // Effects of a batch of unknown outcome may be among these; doing one twice does it once.
        for effect in loaded.outbox {
            self.dispatcher.dispatch(effect);
        }
        self.show_obstacle();
        Ok(())
    }

    /// While the database does not answer, neither commands nor questions about the state can be. After `patience`
    /// refuses all of them; returns when the writer is told to stop. May be dropped at any time.
    async fn refuse_until_stopped(&mut self, patience: Duration, why: &str) {
        tokio::time::sleep(patience).await;
        let refusal = Refusal::new(Code::Unavailable).because(why);
        for question in self.questions.drain(..) {
            question(Err(refusal.clone()));
        }
        while self.stopping.is_none() {
            let message = match self.deferred.pop_front() {
                Some(message) => Some(message),
                None => self.mailbox.recv().await,
            };
            match message {
                Some(Message::Request(_, reply)) => answer_now(reply, Err(refusal.clone())),
                Some(Message::Ask(question)) => question(Err(refusal.clone())),
                Some(Message::OutboxDone(key)) => self.outbox_done.push(key),
                Some(Message::Stop(done)) => self.stopping = Some(done),
                // Nobody can ask any more.
                None => return,
            }
        }
    }

    /// Tries a full disk again, if it is time to.
    pub(crate) async fn probe(&mut self) {
        let Some(read_only) = &mut self.read_only else { return };
        if !read_only.until_probe().is_zero() {
            return;
        }
        read_only.probe_at = Instant::now() + PROBE_AFTER;
        if self.shared.store.probe_write().await.is_ok() {
            tracing::info!("the disk takes writes again");
            self.read_only = None;
            self.show_obstacle();
        }
    }

    /// Tells who asks for readiness what keeps the center from taking work while the database answers.
    pub(crate) fn show_obstacle(&self) {
        let obstacle = self.read_only.as_ref().map(|read_only| format!("read-only: {}", read_only.reason));
        self.shared.readiness.set_obstacle(obstacle);
    }
}
