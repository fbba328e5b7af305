//! What has not ended, as the state again.

use haina_center::{EntityKey, State};
use haina_core::{AttemptId, Effect, Epoch, JobId, Timestamp};

use crate::connection::{Connection, Row};
use crate::errors::corrupt;
use crate::{Location, Store, StoreError};

/// Everything a writer goes on from.
pub struct Loaded {
    /// The state, as last committed.
    pub state: State,
    /// The last committed input, or batch without any.
    pub sequence: u64,
    /// The last committed fact.
    pub position: u64,
    /// Who leads now; where it is not the caller's, the caller no longer does.
    pub epoch: Epoch,
    /// Effects that are not known to be done, oldest first.
    pub outbox: Vec<Effect>,
    /// The last committed input's moment: time never goes back before it.
    pub last_input_at: Timestamp,
}

impl Store {
    /// Loads what is committed, all as of one moment. A million waiting jobs take seconds.
    ///
    /// # Errors
    /// Where the database fails, or holds something that cannot be read.
    pub async fn load(&self) -> Result<Loaded, StoreError> {
        self.settle().await?;
        let begin = match self.location {
            Location::Sqlite(_) => "BEGIN",
            Location::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        };
        let mut lease = self.writer.begin(begin).await?;
        let loaded = read(&mut lease.connection).await;
        lease.roll_back().await;
        Ok(loaded?)
    }

    /// After a connection was given up while it committed, it may still be about to: waits for what it holds until it is
    /// done. For SQLite that is the file's write lock, for a server the leader row.
    async fn settle(&self) -> Result<(), sqlx::Error> {
        let mut lease = self.writer.begin_write().await?;
        if lease.is_new && lease.connection.is_postgres() {
            lease.connection.run("SELECT epoch FROM leader WHERE id = 1 FOR UPDATE").await?;
        }
        lease.roll_back().await;
        Ok(())
    }
}

/// All of it, in a transaction that has begun.
pub(crate) async fn read(from: &mut Connection) -> Result<Loaded, sqlx::Error> {
    let sql = "SELECT epoch, sequence, position, last_input_at FROM leader WHERE id = 1";
    let leader = from
        .rows(sql, vec![], |row| Ok((row.unsigned(0)?, row.unsigned(1)?, row.unsigned(2)?, row.signed(3)?)))
        .await?;
    let (epoch, sequence, position, last_input_at) =
        leader.into_iter().next().ok_or_else(|| corrupt("leader", "there is no row"))?;

    let mut state = State::new();
    let mut take = |key: EntityKey, body: &str| {
        state.load(key, body).map_err(|error| corrupt(format!("the stored form of {key:?}"), error))
    };
    from.each("SELECT kind, id, body FROM entities", vec![], |row| {
        let (kind, id) = (row.text(0)?, row.unsigned(1)?);
        let key = EntityKey::from_small(kind, id).ok_or_else(|| corrupt(kind, "no such kind of thing"))?;
        take(key, row.text(2)?)
    })
    .await?;
    // The states of jobs that have not ended; named, so that an index finds them among many that have.
    let sql = "SELECT id, body FROM jobs WHERE state IN ('waiting', 'starting', 'running', 'stopping')";
    from.each(sql, vec![], |row| take(EntityKey::Job(JobId(row.unsigned(0)?)), row.text(1)?)).await?;
    let sql = "SELECT job, element, number, in_array, body FROM attempts WHERE ended IS NULL";
    from.each(sql, vec![], |row| take(EntityKey::Attempt(attempt_id(&row)?), row.text(4)?)).await?;
    state.rebuild();

    let outbox = from
        .rows("SELECT key, body FROM outbox ORDER BY added, key", vec![], |row| {
            serde_json::from_str::<Effect>(row.text(1)?)
                .map_err(|error| corrupt(format!("effect {}", row.text(0).unwrap_or_default()), error))
        })
        .await?;
    let last_input_at = Timestamp(last_input_at);
    Ok(Loaded { state, sequence, position, epoch: Epoch(epoch), outbox, last_input_at })
}

/// From the columns `job, element, number, in_array`, in this order, at the beginning of a row.
pub(crate) fn attempt_id(row: &Row) -> Result<AttemptId, sqlx::Error> {
    Ok(AttemptId {
        job: JobId(row.unsigned(0)?),
        element: row.narrow(1)?,
        number: row.narrow(2)?,
        in_array: row.signed(3)? != 0,
    })
}
