//! What goes wrong with a database, told apart as far as the runtime acts differently.

use std::path::Path;

/// Why something could not be read, or a database not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be opened or reached.
    #[error("cannot open the database {location}: {reason}")]
    Open {
        /// Where; without a password.
        location: String,
        /// Why.
        reason: String,
    },
    /// A newer Haina has changed the database; this one would spoil it.
    #[error(
        "the database {location} has version {found}, but this program knows versions up to {known} only: \
         use the version of Haina that wrote it, or a newer one"
    )]
    NewerVersion {
        /// Where; without a password.
        location: String,
        /// Its version.
        found: u64,
        /// The newest version that is known.
        known: u64,
    },
    /// What is stored cannot be read as what it should be.
    #[error("the database holds something that cannot be read: {0}")]
    Corrupt(String),
    /// The database refused, or did not answer.
    #[error("the database failed: {0}")]
    Database(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        match error {
            sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => StoreError::Corrupt(error.to_string()),
            other => StoreError::Database(other.to_string()),
        }
    }
}

/// Why a batch is not known to be committed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Nothing of it was committed.
    #[error("the batch was not committed: {0}")]
    Failed(String),
    /// All of it was committed, or nothing: the answer was lost. [`crate::Store::load`] tells.
    #[error("it is not known whether the batch was committed: {0}")]
    Unknown(String),
    /// Nothing of it was committed, because the disk is full.
    #[error("the disk is full: {0}")]
    DiskFull(String),
    /// Nothing of it was committed, because another process leads the center, or has moved it on.
    #[error("another process leads this center")]
    LeadershipLost,
}

/// Wraps what is wrong with a stored text.
pub(crate) fn corrupt(what: impl std::fmt::Display, error: impl std::fmt::Display) -> sqlx::Error {
    sqlx::Error::Decode(format!("{what}: {error}").into())
}

/// Whether the connection, not the statement, is at fault: another connection may do better.
pub(crate) fn is_disconnected(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        // Class 57P: the server shuts down, crashed, or starts up. 25P03: the session was idle in a transaction.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P") || code == "25P03"),
        _ => false,
    }
}

const SQLITE_FULL: i32 = 13;
const SQLITE_IOERR: i32 = 10;
const POSTGRES_DISK_FULL: &str = "53100";

/// Whether a failed statement means that the disk is full. `directory` is that of the SQLite file.
pub(crate) fn is_disk_full(error: &sqlx::Error, directory: Option<&Path>) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    let code = error.code().unwrap_or_default();
    match directory {
        None => code == POSTGRES_DISK_FULL,
        Some(directory) => match code.parse::<i32>().map(|extended| extended & 0xff) {
            Ok(SQLITE_FULL) => true,
            Ok(SQLITE_IOERR) => takes_no_more(directory),
            _ => false,
        },
    }
}

/// SQLite says `disk I/O error` for a full disk too, where it extends its shared memory file or flushes: asks the disk.
fn takes_no_more(directory: &Path) -> bool {
    use std::io::{ErrorKind, Write};
    let path = directory.join(format!(".haina-space-{}", std::process::id()));
    let written = std::fs::File::create(&path).and_then(|mut file| {
        file.write_all(&[0x5a; 256 << 10])?;
        file.sync_all()
    });
    _ = std::fs::remove_file(&path);
    let full = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::FileTooLarge];
    written.is_err_and(|error| full.contains(&error.kind()))
}
