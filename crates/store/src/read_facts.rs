//! What was asked and decided, as it was committed.

use haina_center::{Fact, Input};
use haina_core::{JobId, OrganizationId, Payload, Timestamp, UserId};

use crate::connection::{Row, Value};
use crate::errors::corrupt;
use crate::readers::Readers;
use crate::{IdempotencyRecord, Store, StoreError};

/// A committed fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFact {
    /// Its place among all facts.
    pub position: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// The fact.
    pub fact: Fact,
}

impl Store {
    /// The facts after a position, in order, at most `limit`.
    ///
    /// # Errors
    /// Where the database fails, or holds something that cannot be read; so do all questions.
    pub async fn facts(&self, after: u64, limit: u32) -> Result<Vec<StoredFact>, StoreError> {
        facts(&self.readers, after, limit).await
    }

    /// The facts about one job and its attempts after a position, in order, at most `limit`.
    ///
    /// # Errors
    /// As [`Store::facts`].
    pub async fn facts_of_job(&self, job: JobId, after: u64, limit: u32) -> Result<Vec<StoredFact>, StoreError> {
        let sql = "SELECT position, at, body FROM facts WHERE job = $1 AND position > $2 ORDER BY position LIMIT $3";
        self.readers.read(sql, || vec![job.0.into(), after.into(), i64::from(limit).into()], stored_fact).await
    }

    /// The facts that moved an organization's money, newest first, before a position if one is given, at most `limit`.
    ///
    /// # Errors
    /// As [`Store::facts`].
    pub async fn postings(
        &self,
        organization: OrganizationId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<StoredFact>, StoreError> {
        let sql = "SELECT position, at, body FROM facts WHERE organization = $1 AND position < $2 \
                   ORDER BY position DESC LIMIT $3";
        let before = before.map_or(i64::MAX, u64::cast_signed);
        let values = || vec![u64::from(organization.0).into(), before.into(), i64::from(limit).into()];
        self.readers.read(sql, values, stored_fact).await
    }

    /// The inputs after a sequence, each with its own, in order, at most `limit`: what a replay decides again.
    ///
    /// # Errors
    /// As [`Store::facts`].
    pub async fn inputs(&self, after: u64, limit: u32) -> Result<Vec<(u64, Input)>, StoreError> {
        let sql = "SELECT sequence, body FROM inputs WHERE sequence > $1 ORDER BY sequence LIMIT $2";
        let read = |row: &Row| {
            let sequence = row.unsigned(0)?;
            let input = serde_json::from_str(row.text(1)?);
            Ok((sequence, input.map_err(|error| corrupt(format!("input {sequence}"), error))?))
        };
        self.readers.read(sql, || vec![after.into(), i64::from(limit).into()], read).await
    }

    /// What the jobs run whose records name this job as `payload_of`.
    ///
    /// # Errors
    /// As [`Store::facts`].
    pub async fn payload(&self, holder: JobId) -> Result<Option<Payload>, StoreError> {
        let read = |row: &Row| {
            serde_json::from_str(row.text(0)?).map_err(|error| corrupt(format!("payload of job {holder}"), error))
        };
        let sql = "SELECT body FROM payloads WHERE job = $1";
        Ok(self.readers.read(sql, || vec![holder.0.into()], read).await?.pop())
    }

    /// What was answered to this user under this key.
    ///
    /// # Errors
    /// As [`Store::facts`].
    pub async fn idempotent(&self, user: UserId, key: &str) -> Result<Option<IdempotencyRecord>, StoreError> {
        // No key has this character, and PostgreSQL takes no text that does.
        if key.contains('\0') {
            return Ok(None);
        }
        let sql = "SELECT request, reply, at FROM idempotency WHERE user_id = $1 AND key = $2";
        let values = || -> Vec<Value<'static>> { vec![u64::from(user.0).into(), key.to_owned().into()] };
        let read = |row: &Row| {
            let request = row.text(0)?.parse().map_err(|error| corrupt(format!("key {key}"), error))?;
            let (reply, at) = (row.text(1)?.to_owned(), Timestamp(row.signed(2)?));
            Ok(IdempotencyRecord { user, key: key.to_owned(), request, reply, at })
        };
        Ok(self.readers.read(sql, values, read).await?.pop())
    }
}

/// Those after a position, in order, at most so many.
pub(crate) const FACTS: &str = "SELECT position, at, body FROM facts WHERE position > $1 ORDER BY position LIMIT $2";

/// The facts after a position, in order, at most `limit`.
pub(crate) async fn facts(readers: &Readers, after: u64, limit: u32) -> Result<Vec<StoredFact>, StoreError> {
    readers.read(FACTS, || vec![after.into(), i64::from(limit).into()], stored_fact).await
}

pub(crate) fn stored_fact(row: &Row) -> Result<StoredFact, sqlx::Error> {
    let position = row.unsigned(0)?;
    let fact = serde_json::from_str(row.text(2)?).map_err(|error| corrupt(format!("fact {position}"), error))?;
    Ok(StoredFact { position, at: Timestamp(row.signed(1)?), fact })
}
