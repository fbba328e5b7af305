//! A batch becomes durable, all of it or nothing.

use haina_core::failpoint;

use crate::connection::Connection;
use crate::errors::is_disk_full;
use crate::insert::insert;
use crate::payloads::Holders;
use crate::{Batch, CommitError, Store};

/// What a test asks the step to do instead.
const FAILED_BY_TEST: &str = "a test made it fail";

impl Store {
    /// Commits a batch in one transaction. When it returns without error the batch is durable.
    ///
    /// # Errors
    /// Exactly what is known: see [`CommitError`]. After any of them the writer's state may be ahead of what is
    /// committed, and [`Store::load`] says what is.
    pub async fn commit(&self, batch: &Batch) -> Result<(), CommitError> {
        let mut lease = match self.writer.begin_write().await {
            Ok(lease) => lease,
            Err(error) => return Err(self.not_committed(error)),
        };
        let payloads = self.payloads.holders(batch);
        let action = match self.write(&mut lease.connection, batch, &payloads).await {
            Ok(action) => action,
            Err(error) => {
                lease.roll_back().await;
                return Err(error);
            }
        };
        match lease.connection.run("COMMIT").await {
            Ok(()) => {
                failpoint::pass("after_commit");
                lease.give_back();
                self.payloads.committed(payloads.added.iter().map(|(job, (digest, _))| (*digest, *job)));
                self.checkpoints.committed(batch.facts.len() as u64);
                match action {
                    Some("unknown") => Err(CommitError::Unknown(FAILED_BY_TEST.to_owned())),
                    _ => Ok(()),
                }
            }
            Err(error) => {
                let outcome = self.failed_at_the_end(error);
                // SQLite may hold the transaction open, as where the file is busy; a server's connection is dropped.
                if !lease.connection.is_postgres() {
                    lease.roll_back().await;
                }
                Err(outcome)
            }
        }
    }

    /// All statements between BEGIN and COMMIT.
    async fn write(
        &self,
        to: &mut Connection,
        batch: &Batch,
        payloads: &Holders<'_>,
    ) -> Result<Option<&'static str>, CommitError> {
        let failed = |error| self.not_committed(error);
        if !move_leader_row(to, batch).await.map_err(failed)? {
            return Err(CommitError::LeadershipLost);
        }
        insert(to, batch, payloads).await.map_err(failed)?;
        failpoint::pass("before_commit");
        match failpoint::pass("commit") {
            Some("error") => Err(CommitError::Failed(FAILED_BY_TEST.to_owned())),
            Some("full") => Err(CommitError::DiskFull(FAILED_BY_TEST.to_owned())),
            action => Ok(action),
        }
    }

    /// An error before COMMIT was asked for.
    fn not_committed(&self, error: sqlx::Error) -> CommitError {
        match is_disk_full(&error, self.location.directory()) {
            true => CommitError::DiskFull(error.to_string()),
            false => CommitError::Failed(error.to_string()),
        }
    }

    /// An error of COMMIT itself. A server may have committed before it, or the network, failed. SQLite has not where
    /// the file was busy or the disk is full; but where the disk failed to flush, the end of the transaction may be in
    /// the file all the same, and the next start would find it.
    fn failed_at_the_end(&self, error: sqlx::Error) -> CommitError {
        const SQLITE_IOERR: i32 = 10;
        let is_io_error = |error: &dyn sqlx::error::DatabaseError| {
            error.code().and_then(|code| code.parse::<i32>().ok()).is_some_and(|code| code & 0xff == SQLITE_IOERR)
        };
        match (self.location.directory(), &error) {
            (Some(directory), _) if is_disk_full(&error, Some(directory)) => CommitError::DiskFull(error.to_string()),
            (Some(_), sqlx::Error::Database(database)) if !is_io_error(database.as_ref()) => {
                CommitError::Failed(error.to_string())
            }
            _ => CommitError::Unknown(error.to_string()),
        }
    }
}

/// Moves the one row that every commit moves. False where another process has taken it.
async fn move_leader_row(to: &mut Connection, batch: &Batch) -> Result<bool, sqlx::Error> {
    assert!(batch.sequence > batch.sequence_before, "every commit moves the leader row");
    let last_input_at = batch.inputs.last().map(|(_, input)| input.now.0);
    let sql = "UPDATE leader SET sequence = $1, position = $2, last_input_at = COALESCE($3, last_input_at) \
               WHERE id = 1 AND epoch = $4 AND sequence = $5";
    let values = vec![
        batch.sequence.into(),
        batch.position.into(),
        last_input_at.into(),
        batch.epoch.0.into(),
        batch.sequence_before.into(),
    ];
    Ok(to.execute(sql, values).await? == 1)
}
