//! The one writer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use haina_center::{Command, Input, KnownEnd, Reply, State};
use haina_core::{Actor, Code, Epoch, JobId, JobReference, Refusal, Report, Timestamp, failpoint};
use haina_store::{Batch, CommitError, StoredFact};
use tokio::sync::{mpsc, oneshot};

use crate::batch::{OpenBatch, Replies};
use crate::clock::{Clock, until};
use crate::counters::add;
use crate::dispatch::Dispatcher;
use crate::handle::{Answer, Message, Question, Reply1, Request, Shared};
use crate::outage::ReadOnly;

/// Messages of one batch at most.
const MESSAGES_MOST: usize = 1024;
/// Facts of one batch, beyond which no further message is taken into it: keeps a commit short.
const FACTS_MOST: usize = 4000;
/// Probes that one command may spend: about 5 ms.
const FUEL: u64 = 20_000;
/// Probes that `Advance` may spend in one batch: bounds its placements, and with them the commit.
pub(crate) const FUEL_TO_ADVANCE: u64 = 2_500;
/// How long a done effect's outbox row may wait for a batch to be deleted with.
const CLEAR_AFTER: Duration = Duration::from_millis(200);

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
    /// Questions that are answered after the next commit.
    pub questions: Vec<Question>,
    /// Who told the writer to stop.
    pub stopping: Option<oneshot::Sender<()>>,
    /// Probes for the next `Advance`.
    pub fuel_to_advance: u64,
    /// Why nothing can be committed now.
    pub read_only: Option<ReadOnly>,
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
        let ended = self.take_batches().await;
        if let Some(done) = self.stopping.take() {
            _ = done.send(());
        }
        ended
    }

    async fn take_batches(&mut self) -> Ended {
        loop {
            let first = match self.deferred.pop_front() {
                Some(message) => Some(message),
                None => match self.wait().await {
                    Waited::Message(message) => Some(message),
                    Waited::Work => None,
                    Waited::Closed => return Ended::Stopped,
                },
            };
            self.probe().await;
            let idle = first.is_none();
            let mut batch = OpenBatch::new(self.sequence, self.position);
            let mut taken = 0;
            let mut next = first;
            while let Some(message) = next {
                match message {
                    // The state may have moved ahead of what is committed: after the commit.
                    Message::Ask(question) => self.questions.push(question),
                    Message::OutboxDone(key) => self.outbox_done.push(key),
                    Message::Stop(done) => {
                        self.stopping = Some(done);
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
            std::mem::take(&mut self.questions).into_iter().for_each(|question| question(Ok(&self.state)));
            if self.stopping.is_some() {
                return Ended::Stopped;
            }
        }
    }

    async fn wait(&mut self) -> Waited {
        let now = self.now();
        if self.read_only.is_none() && self.state.has_work(now) {
            return Waited::Work;
        }
        let due = match self.read_only {
            None => self.state.next_timer().map(|at| until(at, now)),
            Some(_) => None,
        };
        let clear = (!self.outbox_done.is_empty()).then_some(CLEAR_AFTER);
        let probe = self.read_only.as_ref().map(ReadOnly::until_probe);
        match [due, clear, probe].into_iter().flatten().min() {
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
        if let Some(read_only) = &self.read_only {
            return answer_now(reply, Err(Refusal::new(Code::ReadOnly).because(&read_only.reason)));
        }
        if let Some(key) = &request.idempotency
            && batch.has_key(request.actor, key)
        {
            self.deferred.push_back(Message::Request(Box::new(request), reply));
            return;
        }
        match self.look_up(batch, &mut request).await {
            Ok(None) => {}
            Ok(Some(answer)) => return answer_now(reply, Ok(answer)),
            Err(refusal) => return answer_now(reply, Err(refusal)),
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

    /// Reads what a request is decided from beside the state: whether it was done before, and then the answer; how jobs
    /// ended that it depends on.
    async fn look_up(&mut self, batch: &mut OpenBatch, request: &mut Request) -> Result<Option<Answer>, Refusal> {
        let mut ends_asked = Vec::new();
        if let Command::Submit { jobs, .. } = &request.command {
            let on = jobs.iter().flat_map(|job| &job.dependencies).map(|dependency| dependency.on);
            ends_asked.extend(on.filter_map(|on| match on {
                JobReference::Id(id) if self.state.job(id).is_none() => Some(id),
                _ => None,
            }));
        }
        if request.idempotency.is_none() && ends_asked.is_empty() {
            return Ok(None);
        }
        // A database that is out of reach takes its time to say so: it is asked once a batch, not for each request.
        if let Some(refusal) = &batch.unreadable {
            return Err(refusal.clone());
        }
        let found = async {
            if let Some(key) = &request.idempotency
                && let Some(answer) = self.done_before(request.actor, key).await?
            {
                return Ok(Some(answer));
            }
            if let Command::Submit { known_ends, .. } = &mut request.command
                && !ends_asked.is_empty()
            {
                *known_ends = self.known_ends(batch, ends_asked).await?;
            }
            Ok(None)
        };
        let found: Result<Option<Answer>, Refusal> = found.await;
        batch.unreadable = found.as_ref().err().filter(|refusal| refusal.code == Code::Unavailable).cloned();
        found
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
                    self.read_only = Some(ReadOnly::because(error.to_string()));
                    self.show_obstacle();
                }
                refuse(replies, &Refusal::new(code).because(&error));
                self.reload(error.to_string()).await
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
}

enum Waited {
    Message(Message),
    Work,
    Closed,
}

/// Answers; a caller that has gone does not matter.
pub(crate) fn answer_now(reply: Reply1, answer: Result<Answer, Refusal>) {
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
