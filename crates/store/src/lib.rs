//! The center's database: SQLite or PostgreSQL behind one [`Store`], with one SQL text.
//!
//! One connection writes: [`Store::commit`] makes a [`Batch`] durable in one transaction, or says exactly what is known
//! of it. A few others read what is committed. Recovery never decides again: [`Store::load`] reads what has not ended.
//!
//! No rule of the center is in here; which rows a fact leads to is decided by `haina_center::RowCollector`.

mod batch;
mod bulk;
mod checkpoint;
mod commit;
mod connection;
mod errors;
mod health;
mod identity;
mod insert;
mod leadership;
mod load;
mod location;
mod migrations;
mod months;
mod open;
mod payloads;
mod read_facts;
mod read_jobs;
mod read_journal;
mod readers;
mod snapshot;
mod store;
mod writer;

pub use batch::{Batch, IdempotencyRecord, NewFact};
pub use errors::{CommitError, StoreError};
pub use health::Standing;
pub use leadership::Leadership;
pub use load::Loaded;
pub use location::Location;
pub use read_facts::StoredFact;
pub use read_jobs::{AttemptRecord, JobFilter, JobRecord};
pub use read_journal::JournalReader;
pub use snapshot::Snapshot;
pub use store::Store;
