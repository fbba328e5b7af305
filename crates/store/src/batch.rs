//! What one transaction makes durable.

use haina_center::{Fact, Input, Rows};
use haina_core::{Digest, Effect, Epoch, Timestamp, UserId};

/// Everything that a batch of commands led to.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The writer's leadership.
    pub epoch: Epoch,
    /// The last committed sequence, as the writer knows it; another one in the database means that another process
    /// leads.
    pub sequence_before: u64,
    /// The sequence after this batch; above `sequence_before`.
    pub sequence: u64,
    /// The position of the last fact, of this batch or an earlier one.
    pub position: u64,
    /// The inputs, each with its sequence, ascending.
    pub inputs: Vec<(u64, Input)>,
    /// What was decided, ascending by position.
    pub facts: Vec<NewFact>,
    /// What changes of the tables.
    pub rows: Rows,
    /// Payloads that jobs of the batch name; those that are stored already are left as they are.
    pub payloads: Vec<(Digest, String)>,
    /// Effects to be done after the commit.
    pub outbox_added: Vec<Effect>,
    /// Keys of effects that are done.
    pub outbox_done: Vec<String>,
    /// What is answered under callers' keys.
    pub idempotency: Vec<IdempotencyRecord>,
}

/// A fact with its place in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFact {
    /// Counts all facts of the center, from 1.
    pub position: u64,
    /// The input that led to it.
    pub sequence: u64,
    /// The input's moment.
    pub at: Timestamp,
    /// The fact.
    pub fact: Fact,
}

/// A request that was done under a caller's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// The caller.
    pub user: UserId,
    /// The key, unique for its user.
    pub key: String,
    /// The digest of the whole request.
    pub request: Digest,
    /// What was answered, as the runtime encodes it.
    pub reply: String,
    /// When.
    pub at: Timestamp,
}
