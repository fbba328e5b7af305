//! Moves what is committed from SQLite's write-ahead log into the file, beside the writer instead of inside its commits.
//!
//! SQLite would do it in the commit that makes the log long enough, and everybody who waits for that commit would wait
//! for some 16 MiB of writing too. So a connection of its own does it in the background, as far as it gets
//! (`PASSIVE`: it waits for nobody and nobody waits for it). While commits go on there is always a rest, and the log can
//! only begin anew when there is none: so once the log is long, the rest is moved while the next commit is kept waiting,
//! after two passes have made it small.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::Location;
use crate::connection::Connection;
use crate::open::Purpose;
use crate::writer::Writer;

/// Pages of the log at which the writer itself checkpoints, should this not keep up: 64 MiB.
pub(crate) const LOG_PAGES_MOST: u32 = 16_000;
/// Facts between two checkpoints: with the rows that come with them, about 8 MiB of the log.
const FACTS_BETWEEN: u64 = 3_000;
/// Pages of the log from which on it is worth a short wait to begin it anew: 16 MiB.
const LOG_PAGES_LONG: u64 = 4_000;
/// After one that failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The background checkpoints of one database; end when this is dropped.
pub(crate) struct Checkpoints {
    written: Arc<Written>,
    task: Option<AbortHandle>,
}

#[derive(Default)]
struct Written {
    facts: AtomicU64,
    enough: Notify,
}

impl Checkpoints {
    /// Of a database in a file; a server needs none from here. Needs a tokio runtime.
    pub(crate) fn start(location: &Location, writer: &Arc<Writer>) -> Checkpoints {
        let written = Arc::new(Written::default());
        let task = matches!(location, Location::Sqlite(_))
            .then(|| tokio::spawn(run(location.clone(), writer.clone(), written.clone())).abort_handle());
        Checkpoints { written, task }
    }

    /// So many facts were committed.
    pub(crate) fn committed(&self, facts: u64) {
        if self.written.facts.fetch_add(facts, Ordering::Relaxed) + facts >= FACTS_BETWEEN {
            self.written.enough.notify_one();
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn run(location: Location, writer: Arc<Writer>, written: Arc<Written>) {
    loop {
        written.enough.notified().await;
        // The connection is closed again, and with it its cache, when the writer has been quiet for a while.
        if let Err(error) = follow(&location, &writer, &written).await {
            tracing::warn!("a checkpoint of the database failed; the writer does it itself meanwhile: {error}");
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }
}

async fn follow(location: &Location, writer: &Writer, written: &Written) -> Result<(), sqlx::Error> {
    let mut connection = location.connect(Purpose::Checkpoint).await?;
    loop {
        written.facts.store(0, Ordering::Relaxed);
        if pass(&mut connection).await? >= LOG_PAGES_LONG {
            pass(&mut connection).await?;
            let _held = writer.hold().await;
            pass(&mut connection).await?;
        }
        if tokio::time::timeout(Duration::from_secs(10), written.enough.notified()).await.is_err() {
            return Ok(());
        }
    }
}

/// Moves what is in the log now; returns how many pages the log has. See SQLite's `PRAGMA wal_checkpoint`.
async fn pass(connection: &mut Connection) -> Result<u64, sqlx::Error> {
    let rows = connection.rows("PRAGMA wal_checkpoint(PASSIVE)", vec![], |row| row.signed(1)).await?;
    Ok(rows.first().map_or(0, |pages| (*pages).max(0).cast_unsigned()))
}
