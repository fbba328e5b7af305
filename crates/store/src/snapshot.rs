//! All of a center's database as of one moment, for those who check it: nothing is created, changed, migrated or locked, and
//! the center may run meanwhile.

use crate::connection::Connection;
use crate::load::{Loaded, read};
use crate::open::Purpose;
use crate::read_facts::{FACTS, stored_fact};
use crate::{Location, StoreError, StoredFact};

/// The database as it was when this was opened.
pub struct Snapshot {
    connection: Connection,
}

impl Snapshot {
    /// Of the database there.
    ///
    /// # Errors
    /// Where there is none, or it cannot be read; so do all questions.
    pub async fn open(location: &Location) -> Result<Snapshot, StoreError> {
        let mut connection = location.connect(Purpose::Read).await?;
        match location {
            Location::Sqlite(_) => connection.run("BEGIN").await?,
            Location::Postgres(_) => connection.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?,
        }
        Ok(Snapshot { connection })
    }

    /// What has not ended, as the state again.
    ///
    /// # Errors
    /// As [`Snapshot::open`].
    pub async fn load(&mut self) -> Result<Loaded, StoreError> {
        Ok(read(&mut self.connection).await?)
    }

    /// The facts after a position, in order, at most `limit`.
    ///
    /// # Errors
    /// As [`Snapshot::open`].
    pub async fn facts(&mut self, after: u64, limit: u32) -> Result<Vec<StoredFact>, StoreError> {
        Ok(self.connection.rows(FACTS, vec![after.into(), i64::from(limit).into()], stored_fact).await?)
    }
}
