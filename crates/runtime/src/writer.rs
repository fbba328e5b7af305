//! The one writer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use haina_center::{Command, Input, KnownEnd, Reply, State};
use haina_core::{Actor, Code, Epoch, JobId, JobReference, Refusal, Report, Timestamp, failpoint};
use haina_store::{Batch, CommitError, StoredFact};
use tokio::sync::mpsc;

use crate::batch::{OpenBatch, Replies};
use crate::clock::Clock;
use crate::counters::add;
use crate::dispatch::Dispatcher;
use crate::handle::{Answer, Message, Readiness, Reply1, Request, Shared};

/// Messages of one batch at most.
const MESSAGES_MOST: usize = 1024;
/// Facts of one batch, beyond which no further message is taken into it: keeps a commit short.
const FACTS_MOST: usize = 4000;
/// Probes that one command may spend: about 5 ms.
const FUEL: u64 = 20_000;
/// Probes that `Advance` may spend in one batch: bounds its placements, and with them the commit.
pub(crate) const FUEL_TO_ADVANCE: u64 = 4_000;
/// Between two attempts to reach a database that does not answer.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The writer: owns the state.
pub(crate) struct Writer {
    pub state: State,
    pub epoch: Epoch,
    pub sequence: u64,
    pub position: u64,
    pub clock: Clock,
    pub shared: Arc<Shared>,
    pub mailbox: mpsc::Receiver<Message>,
    pub dispatcher: Dispatcher,
    /// Outbox rows whose effects are done; deleted with the next commit.
    pub outbox_done: Vec<String>,
    /// Messages to be taken before the mailbox.
    pub deferred: VecDeque<Message>,
    /// Probes for the next `Advance`.
    pub fuel_to_advance: u64,
    /// Why nothing can be committed now.
    pub read_only: Option<String>,
}

/// Why the writer ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    Stopped,
    /// Another process leads the center.
    LeadershipLost,
}

impl Writer {
    /// Takes batches until it is told to stop or another process leads.
    pub(crate) async fn run(mut self) -> Ended {
        loop {
            let first = match self.deferred.pop_front() {
                Some(message) => Some(message),
                None => match self.wait().await {
                    Waited::Message(message) => Some(message),
                    Waited::Work => None,
                    Waited::Closed => return Ended::Stopped,
                },
            };
            if self.read_only.is_some() {
                self.probe().await;
            }
            let mut stop = None;
            let mut questions = Vec::new();
            let idle = first.is_none();
            let mut batch = OpenBatch::new(self.sequence, self.position);
            let mut taken = 0;
            let mut next = first;
            while let Some(message) = next {
                match message {
                    // The state may have moved ahead of what is committed: after the commit.
                    Message::Ask(question) => questions.push(question),
                    Message::OutboxDone(key) => self.outbox_done.push(key),
                    Message::Stop(done) => {
                        stop = Some(done);
                        break;
                    }
                    Message::Request(request, reply) => self.take(&mut batch, *request, reply).await,
                }
                taken += 1;
                next = match taken < MESSAGES_MOST && batch.weight() < FACTS_MOST {
                    true => self.deferred.pop_front().or_else(|| self.mailbox.try_recv().ok()),
                    false => None,
                };
            }
            let now = self.now();
            if self.read_only.is_none() && self.state.has_work(now) {
                let fuel = self.fuel_to_advance;
                let input = Input { actor: Actor::Center, command: Command::Advance, now, fuel };
                let starved = batch.execute(&mut self.state, input).starved;
                // A search that needs more than all of it gets more the next time, or it would never end.
                self.fuel_to_advance = if starved { fuel * 2 } else { FUEL_TO_ADVANCE };
            }
            failpoint::pass("after_decide");
            if let Err(ended) = self.finish(batch, idle).await {
                return ended;
            }
            questions.into_iter().for_each(|question| question(&self.state));
            if let Some(done) = stop {
                _ = done.send(());
                return Ended::Stopped;
            }
        }
    }

    async fn wait(&mut self) -> Waited {
        let now = self.now();
        if self.read_only.is_none() && self.state.has_work(now) {
            return Waited::Work;
        }
        let due = self.state.next_timer().map(|at| Duration::from_micros((at.0 - now.0).max(0) as u64));
        let pending = (!self.outbox_done.is_empty()).then_some(Duration::from_millis(200));
        let probe = self.read_only.is_some().then_some(Duration::from_secs(1));
        match [due.filter(|_| self.read_only.is_none()), pending, probe].into_iter().flatten().min() {
            None => self.mailbox.recv().await.map_or(Waited::Closed, Waited::Message),
            Some(longest) => match tokio::time::timeout(longest, self.mailbox.recv()).await {
                Ok(message) => message.map_or(Waited::Closed, Waited::Message),
                Err(_) => Waited::Work,
            },
        }
    }

    fn now(&mut self) -> Timestamp {
        let now = self.clock.now();
        self.shared.now.store(now.0, Ordering::Relaxed);
        now
    }

    /// Decides one request into the batch.
    async fn take(&mut self, batch: &mut OpenBatch, mut request: Request, reply: Reply1) {
        failpoint::pass("before_decide");
        if let Some(reason) = &self.read_only {
            return answer_now(reply, Err(Refusal::new(Code::ReadOnly).because(reason)));
        }
        if let Some(key) = &request.idempotency {
            if batch.has_key(request.actor, key) {
                self.deferred.push_back(Message::Request(Box::new(request), reply));
                return;
            }
            match self.done_before(request.actor, key).await {
                Ok(None) => {}
                Ok(Some(answer)) => return answer_now(reply, Ok(answer)),
                Err(refusal) => return answer_now(reply, Err(refusal)),
            }
        }
        if let Command::Submit { jobs, known_ends } = &mut request.command {
            let named = jobs.iter().flat_map(|job| &job.dependencies).filter_map(|dependency| match dependency.on {
                JobReference::Id(id) if self.state.job(id).is_none() => Some(id),
                _ => None,
            });
            let named: Vec<JobId> = named.collect();
            if !named.is_empty() {
                match self.known_ends(batch, named).await {
                    Ok(ends) => *known_ends = ends,
                    Err(refusal) => return answer_now(reply, Err(refusal)),
                }
            }
        }
        let (actor, now) = (request.actor, self.now());
        let input = Input { actor, command: request.command, now, fuel: FUEL };
        match batch.execute(&mut self.state, input).reply {
            Ok(done) => {
                batch.add_payloads(request.payloads);
                if let Some(key) = &request.idempotency {
                    batch.add_key(actor, key, &done, now);
                }
                let answer = Answer { reply: done, position: batch.position(), replayed: false };
                batch.replies.push((reply, Ok(answer)));
            }
            // A refusal changed nothing, but what it says may rest on what is not committed yet: it waits like others.
            Err(refusal) => {
                add(&self.shared.counters.refusals, 1);
                batch.replies.push((reply, Err(refusal)));
            }
        }
    }

    async fn done_before(&mut self, actor: Actor, key: &crate::IdempotencyKey) -> Result<Option<Answer>, Refusal> {
        let Actor::User(user) = actor else { return Ok(None) };
        let record = self.shared.store.idempotent(user, &key.key).await.map_err(unavailable)?;
        let Some(record) = record else { return Ok(None) };
        if record.request != key.request {
            return Err(Refusal::new(Code::IdempotencyMismatch));
        }
        let reply: Reply = serde_json::from_str(&record.reply).map_err(|error| {
            Refusal::new(Code::Internal).because(format!("stored reply of key {}: {error}", key.key))
        })?;
        Ok(Some(Answer { reply, position: self.position, replayed: true }))
    }

    /// How jobs ended that the state no longer holds: in this batch, or as stored.
    async fn known_ends(&mut self, batch: &OpenBatch, jobs: Vec<JobId>) -> Result<Vec<KnownEnd>, Refusal> {
        let mut ends = self.shared.store.known_ends(&jobs).await.map_err(unavailable)?;
        ends.extend(batch.ends().filter(|end| jobs.contains(&end.job)));
        Ok(ends)
    }

    /// Commits, then publishes, answers and releases; or forgets all of it.
    async fn finish(&mut self, batch: OpenBatch, idle: bool) -> Result<(), Ended> {
        // Clearing the outbox alone is worth no transaction of its own until nothing else is going on.
        let clear = (idle || self.outbox_done.len() >= MESSAGES_MOST) && self.read_only.is_none();
        if batch.is_empty() && (self.outbox_done.is_empty() || !clear) {
            for (reply, answer) in batch.replies {
                answer_now(reply, answer);
            }
            return Ok(());
        }
        let done = std::mem::take(&mut self.outbox_done);
        let (batch, replies) = batch.close(&self.state, self.epoch, done);
        match self.shared.store.commit(&batch).await {
            Ok(()) => {
                self.publish(batch);
                failpoint::pass("before_reply");
                for (reply, answer) in replies {
                    _ = reply.send(answer);
                }
                failpoint::pass("after_reply");
                Ok(())
            }
            Err(CommitError::LeadershipLost) => {
                tracing::error!("another process leads this center now; this one ends");
                refuse(replies, &Refusal::new(Code::Unavailable).because("leadership was lost"));
                Err(Ended::LeadershipLost)
            }
            Err(error) => {
                add(&self.shared.counters.commits_failed, 1);
                tracing::error!(%error, "a batch was not committed, or may not be; loading what is");
                let code = if matches!(error, CommitError::DiskFull(_)) { Code::ReadOnly } else { Code::Unavailable };
                if code == Code::ReadOnly {
                    self.set_read_only(Some(error.to_string()));
                }
                refuse(replies, &Refusal::new(code).because(&error));
                self.reload().await
            }
        }
    }

    fn publish(&mut self, batch: Batch) {
        self.sequence = batch.sequence;
        self.position = batch.position;
        let shared = &self.shared;
        add(&shared.counters.batches, 1);
        {
            let mut view = shared.view.write().expect("folding a fact does not panic");
            for new in &batch.facts {
                view.evolve(&new.fact);
            }
        }
        let heard = shared.events.receiver_count() > 0;
        for new in batch.facts {
            shared.counters.count(&new.fact);
            if heard {
                _ = shared.events.send(Arc::new(StoredFact { position: new.position, at: new.at, fact: new.fact }));
            }
        }
        shared.live_jobs.store(self.state.jobs().len() as u64, Ordering::Relaxed);
        shared.position.send_replace(self.position);
        for effect in batch.outbox_added {
            self.dispatcher.dispatch(effect);
        }
    }

    /// Drops the state and takes what is committed instead. State that is ahead of the disk is never served.
    async fn reload(&mut self) -> Result<(), Ended> {
        loop {
            match self.shared.store.load().await {
                Ok(loaded) if loaded.epoch != self.epoch => {
                    tracing::error!("another process leads this center now; this one ends");
                    return Err(Ended::LeadershipLost);
                }
                Ok(loaded) => {
                    self.state = loaded.state;
                    self.sequence = loaded.sequence;
                    self.position = loaded.position;
                    let mut view = self.shared.view.write().expect("folding a fact does not panic");
                    *view = self.state.view().clone();
                    drop(view);
                    self.shared.live_jobs.store(self.state.jobs().len() as u64, Ordering::Relaxed);
                    self.shared.position.send_replace(self.position);
                    // Effects of a batch of unknown outcome may be among these; doing one twice does it once.
                    for effect in loaded.outbox {
                        self.dispatcher.dispatch(effect);
                    }
                    if self.read_only.is_none() {
                        self.set_ready(true, Vec::new());
                    }
                    return Ok(());
                }
                Err(error) => {
                    tracing::error!(%error, "the database does not answer");
                    self.set_ready(false, vec![format!("the database does not answer: {error}")]);
                    self.refuse_for(RETRY_AFTER).await;
                }
            }
        }
    }

    /// While the database does not answer, neither commands nor questions about the state can be.
    async fn refuse_for(&mut self, time: Duration) {
        let until = tokio::time::Instant::now() + time;
        while let Ok(message) = tokio::time::timeout_at(until, self.mailbox.recv()).await {
            match message {
                Some(Message::Request(_, reply)) => {
                    _ = reply.send(Err(Refusal::new(Code::Unavailable).because("the database does not answer")));
                }
                Some(Message::Ask(_)) => {}
                Some(Message::OutboxDone(key)) => self.outbox_done.push(key),
                Some(stop @ Message::Stop(_)) => self.deferred.push_back(stop),
                None => return,
            }
        }
    }

    async fn probe(&mut self) {
        if self.shared.store.probe_write().await.is_ok() {
            tracing::info!("the disk takes writes again");
            self.set_read_only(None);
        }
    }

    fn set_read_only(&mut self, reason: Option<String>) {
        self.set_ready(reason.is_none(), reason.iter().map(|reason| format!("read-only: {reason}")).collect());
        self.read_only = reason;
    }

    fn set_ready(&self, ready: bool, reasons: Vec<String>) {
        *self.shared.readiness.lock().expect("readiness is only replaced") = Readiness { ready, reasons };
    }
}

enum Waited {
    Message(Message),
    Work,
    Closed,
}

/// Answers; a caller that has gone does not matter.
fn answer_now(reply: Reply1, answer: Result<Answer, Refusal>) {
    _ = reply.send(answer);
}

fn refuse(replies: Replies, refusal: &Refusal) {
    for (reply, _) in replies {
        _ = reply.send(Err(refusal.clone()));
    }
}

fn unavailable(error: haina_store::StoreError) -> Refusal {
    Refusal::new(Code::Unavailable).because(error)
}

/// The command for an engine's report.
pub(crate) fn report(report: Report) -> Request {
    Request { actor: Actor::Engine, command: Command::Report(report), payloads: Vec::new(), idempotency: None }
}
