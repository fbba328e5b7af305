//! Whether the database takes writes, and how it stands.

use haina_core::Epoch;

use crate::{Location, Store, StoreError};

/// Room that must be there before a full disk counts as having some again.
const PROBE_BYTES: usize = 256 << 10;

/// What a database that answers says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Who leads the center.
    pub epoch: Epoch,
    /// What keeps commits from surviving more than they do: sentences for operators, none for a file.
    pub weaknesses: Vec<String>,
}

impl Store {
    /// Writes something of a size that matters, durably. Where it succeeds after [`crate::CommitError::DiskFull`], the
    /// disk takes writes again.
    ///
    /// # Errors
    /// Where the disk is still full, or the database fails otherwise.
    pub async fn probe_write(&self) -> Result<(), StoreError> {
        let mut lease = self.writer.begin_write().await?;
        let written = async {
            let to = &mut lease.connection;
            let before =
                to.rows("SELECT body FROM probe WHERE id = 1", vec![], |row| Ok(row.text(0)?.starts_with('a')));
            // SQLite does not write what is there already.
            let letter = if before.await?.first() == Some(&true) { "b" } else { "a" };
            let sql = "INSERT INTO probe (id, body) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET body = excluded.body";
            to.execute(sql, vec![letter.repeat(PROBE_BYTES).into()]).await?;
            to.run("COMMIT").await
        };
        match written.await {
            Ok(()) => {
                lease.give_back();
                Ok(())
            }
            Err(error) => {
                lease.roll_back().await;
                Err(error.into())
            }
        }
    }

    /// Asks the database how it stands: one inexpensive question, on a connection that nothing else uses, so that long
    /// questions of others do not hold it up.
    ///
    /// # Errors
    /// Where the database fails, or does not answer.
    pub async fn standing(&self) -> Result<Standing, StoreError> {
        let settings = match self.location {
            Location::Sqlite(_) => "'', ''",
            Location::Postgres(_) => "current_setting('synchronous_standby_names'), current_setting('fsync')",
        };
        let sql = format!("SELECT epoch, {settings} FROM leader WHERE id = 1");
        let is_file = matches!(self.location, Location::Sqlite(_));
        let standing = self.pulse.read(sqlx::AssertSqlSafe(sql), Vec::new, |row| {
            let mut weaknesses = Vec::new();
            if !is_file && row.text(1)?.is_empty() {
                weaknesses.push(
                    "PostgreSQL has no synchronous standby (synchronous_standby_names is empty): \
                     what is committed does not survive the loss of its disk"
                        .to_owned(),
                );
            }
            if !is_file && row.text(2)? != "on" {
                weaknesses.push(
                    "PostgreSQL does not flush (fsync is off): what is committed may not survive a power failure"
                        .to_owned(),
                );
            }
            Ok(Standing { epoch: Epoch(row.unsigned(0)?), weaknesses })
        });
        standing.await?.pop().ok_or_else(|| StoreError::Corrupt("there is no leader row".to_owned()))
    }
}
