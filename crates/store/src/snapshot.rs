//! A center's database as of one moment, for those who check it: nothing is created, changed, migrated or locked, and the
//! center may run meanwhile.

use haina_center::Months;

use crate::connection::Connection;
use crate::load::{Loaded, read};
use crate::migrations::{check_version, has_months};
use crate::months;
use crate::open::Purpose;
use crate::read_facts::{FACTS, stored_fact};
use crate::{Location, StoreError, StoredFact};

/// What was committed when this was opened.
pub struct Snapshot {
    connection: Connection,
    /// The state of what has not ended, and how far the journal was.
    pub loaded: Loaded,
    /// The sums by month; none where the database is older than they are.
    pub months: Option<Months>,
}

impl Snapshot {
    /// Of the database there.
    ///
    /// # Errors
    /// Where there is none, it is of a newer version, or it cannot be read; so do all questions.
    pub async fn open(location: &Location) -> Result<Snapshot, StoreError> {
        let mut connection = location.connect(Purpose::Read).await?;
        check_version(&mut connection, location).await?;
        match location {
            Location::Sqlite(_) => connection.run("BEGIN").await?,
            Location::Postgres(_) => {
                connection.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
                // Many jobs may wait.
                connection.run("SET LOCAL statement_timeout = 0").await?;
            }
        }
        let loaded = read(&mut connection).await?;
        let months = match has_months(&mut connection).await? {
            true => Some(months::read(&mut connection).await?),
            false => None,
        };
        connection.run("COMMIT").await?;
        Ok(Snapshot { connection, loaded, months })
    }

    /// The facts after a position that were committed by then, in order, at most `limit`. Facts never change, so that these are
    /// read without keeping the moment: that would keep the database from clearing up after the center.
    ///
    /// # Errors
    /// As [`Snapshot::open`].
    pub async fn facts(&mut self, after: u64, limit: u32) -> Result<Vec<StoredFact>, StoreError> {
        let values = vec![after.into(), i64::from(limit).into()];
        let mut facts = self.connection.rows(FACTS, values, stored_fact).await?;
        facts.retain(|fact| fact.position <= self.loaded.position);
        Ok(facts)
    }
}
