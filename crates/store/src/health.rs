//! Whether the database takes writes, and how durable they are.

use crate::{Location, Store, StoreError};

/// Room that must be there before a full disk counts as having some again.
const PROBE_BYTES: usize = 256 << 10;

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

    /// What keeps commits from surviving more than they do: sentences for operators, none for a file.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn weaknesses(&self) -> Result<Vec<String>, StoreError> {
        if let Location::Sqlite(_) = self.location {
            return Ok(Vec::new());
        }
        let sql = "SELECT current_setting('synchronous_standby_names'), current_setting('fsync')";
        let settings = self.read(sql, Vec::new, |row| Ok((row.text(0)?.is_empty(), row.text(1)? != "on"))).await?;
        let mut weaknesses = Vec::new();
        for (alone, unsynced) in settings {
            if alone {
                weaknesses.push(
                    "PostgreSQL has no synchronous standby (synchronous_standby_names is empty): \
                     what is committed does not survive the loss of its disk"
                        .to_owned(),
                );
            }
            if unsynced {
                weaknesses.push(
                    "PostgreSQL does not flush (fsync is off): what is committed may not survive a power failure"
                        .to_owned(),
                );
            }
        }
        Ok(weaknesses)
    }
}
