//! Who leads the center.

use haina_core::Epoch;

use crate::{Store, StoreError};

/// A leadership that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// Higher than any before; part of every order and every batch.
    pub epoch: Epoch,
}

impl Store {
    /// Takes the leadership. From its commit on, batches of whoever had it before fail with
    /// [`crate::CommitError::LeadershipLost`].
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn take_leadership(&self) -> Result<Leadership, StoreError> {
        let mut lease = self.writer.begin_write().await?;
        let sql = "UPDATE leader SET epoch = epoch + 1 WHERE id = 1 RETURNING epoch";
        let taken = match lease.connection.rows(sql, vec![], |row| row.unsigned(0)).await {
            Ok(epochs) => match epochs[..] {
                [epoch] => Ok(epoch),
                _ => Err(StoreError::Corrupt("there is no leader row".to_owned())),
            },
            Err(error) => Err(error.into()),
        };
        // Dropping the lease rolls back, also where COMMIT fails; an epoch that is skipped does no harm.
        let epoch = Epoch(taken?);
        lease.connection.run("COMMIT").await?;
        lease.give_back();
        Ok(Leadership { epoch })
    }
}
