//! What one transaction will hold.

use std::collections::BTreeSet;

use haina_center::{Fact, Input, KnownEnd, RowCollector, State};
use haina_core::{Actor, Digest, Effect, Epoch, Refusal, Timestamp, UserId};
use haina_store::{Batch, IdempotencyRecord, NewFact};

use crate::handle::{Answer, IdempotencyKey, Reply1};

/// What one input came to.
pub struct Step {
    /// The answer, once it is durable.
    pub reply: Result<haina_center::Reply, Refusal>,
    /// Whether the fuel did not suffice to decide even one thing.
    pub starved: bool,
}

/// A batch under way: the state has evolved by it, nobody has been told.
pub struct OpenBatch {
    sequence_before: u64,
    sequence: u64,
    position: u64,
    rows: RowCollector,
    inputs: Vec<(u64, Input)>,
    facts: Vec<NewFact>,
    payloads: Vec<(Digest, String)>,
    effects: Vec<Effect>,
    idempotency: Vec<IdempotencyRecord>,
    keys: BTreeSet<(UserId, String)>,
    /// Whom to answer what, once it is durable.
    pub replies: Replies,
    /// Why the database could not be read for a request of this batch.
    pub unreadable: Option<Refusal>,
}

/// Whom to answer what.
pub type Replies = Vec<(Reply1, Result<Answer, Refusal>)>;

impl OpenBatch {
    /// An empty batch after `sequence` and `position`.
    pub fn new(sequence: u64, position: u64) -> OpenBatch {
        OpenBatch {
            sequence_before: sequence,
            sequence,
            position,
            rows: RowCollector::default(),
            inputs: Vec::new(),
            facts: Vec::new(),
            payloads: Vec::new(),
            effects: Vec::new(),
            idempotency: Vec::new(),
            keys: BTreeSet::new(),
            replies: Vec::new(),
            unreadable: None,
        }
    }

    /// Executes an input. Inputs that change nothing leave no trace.
    pub fn execute(&mut self, state: &mut State, input: Input) -> Step {
        let executed = haina_center::execute(state, &input, &mut self.rows);
        let changed = executed.changed();
        if changed {
            self.sequence += 1;
            self.record(input.now, executed.facts);
            self.inputs.push((self.sequence, input));
            self.effects.extend(executed.effects);
        }
        Step { reply: executed.reply, starved: executed.more && !changed }
    }

    fn record(&mut self, at: Timestamp, facts: Vec<Fact>) {
        for fact in facts {
            self.position += 1;
            self.facts.push(NewFact { position: self.position, sequence: self.sequence, at, fact });
        }
    }

    /// Stores payloads beside the facts that name them.
    pub fn add_payloads(&mut self, payloads: Vec<(Digest, String)>) {
        self.payloads.extend(payloads);
    }

    /// Notes that a key was used for a reply.
    pub fn add_key(&mut self, actor: Actor, key: &IdempotencyKey, reply: &haina_center::Reply, at: Timestamp) {
        let Actor::User(user) = actor else { return };
        let reply = serde_json::to_string(reply).expect("a reply is plain data");
        let (key, request) = (key.key.clone(), key.request);
        self.keys.insert((user, key.clone()));
        self.idempotency.push(IdempotencyRecord { user, key, request, reply, at });
    }

    /// Whether a key was used in this batch already.
    pub fn has_key(&self, actor: Actor, key: &IdempotencyKey) -> bool {
        matches!(actor, Actor::User(user) if self.keys.contains(&(user, key.key.clone())))
    }

    /// How jobs ended in this batch: not stored yet, no longer in the state.
    pub fn ends(&self) -> impl Iterator<Item = KnownEnd> + '_ {
        self.facts.iter().filter_map(|new| match &new.fact {
            Fact::JobEnded { job, organization, state, .. } => {
                Some(KnownEnd { job: *job, organization: *organization, state: *state })
            }
            _ => None,
        })
    }

    /// Jobs and other facts so far: a bound on how long the commit takes.
    pub fn weight(&self) -> usize {
        self.facts.len()
    }

    /// Whether there is anything to commit.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    /// The position after this batch.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The batch to commit, and whom to answer.
    pub fn close(self, state: &State, epoch: Epoch, outbox_done: Vec<String>) -> (Batch, Replies) {
        // A batch that only clears the outbox takes a number too: every commit moves the leader row.
        let sequence = if self.sequence == self.sequence_before { self.sequence + 1 } else { self.sequence };
        let batch = Batch {
            epoch,
            sequence_before: self.sequence_before,
            sequence,
            position: self.position,
            inputs: self.inputs,
            facts: self.facts,
            rows: self.rows.finish(state),
            payloads: self.payloads,
            outbox_added: self.effects,
            outbox_done,
            idempotency: self.idempotency,
        };
        (batch, self.replies)
    }
}
