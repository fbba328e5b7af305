//! Jobs and attempts as people look them up, also after they have ended.

use haina_center::{Attempt, AttemptEnd, ElementCounts, JobDetail, KnownEnd};
use haina_core::{AttemptId, CardMillis, CardUse, JobId, JobState, OrganizationId, Timestamp, UserId};
use serde::de::DeserializeOwned;
use sqlx::AssertSqlSafe;

use crate::connection::{Row, Value};
use crate::errors::corrupt;
use crate::load::attempt_id;
use crate::{Store, StoreError};

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRecord {
    /// Its id.
    pub id: JobId,
    /// Who pays.
    pub organization: OrganizationId,
    /// Who asked.
    pub user: UserId,
    /// Its state as a whole.
    pub state: JobState,
    /// Cards of one attempt.
    pub cards: CardMillis,
    /// Elements, if it is an array.
    pub elements: Option<u32>,
    /// When it was accepted.
    pub submitted: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The job whose end ended it, if that is why.
    pub cause: Option<JobId>,
    /// Its name.
    pub name: String,
    /// The job that holds what it runs; see [`Store::payload`].
    pub payload_of: JobId,
    /// How its elements ended, once it has ended.
    pub counts: Option<ElementCounts>,
    /// What was accepted.
    pub detail: JobDetail,
}

/// An attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRecord {
    /// Its id.
    pub id: AttemptId,
    /// `starting`, `running`, `stopping`, or how it ended.
    pub state: JobState,
    /// When it was given its cards.
    pub placed: Timestamp,
    /// When its first task started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The exit code, if it exited.
    pub exit_code: Option<u8>,
    /// What was charged, in millionths of the center's currency, once it has ended.
    pub charged_micros: Option<i64>,
    /// What it used, once it has ended.
    pub metered: Option<CardUse>,
    /// How it ended, in full.
    pub end: Option<AttemptEnd>,
    /// What it holds, or held, and at which price.
    pub attempt: Attempt,
}

/// Which jobs a list shows. The default is all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Those that this organization pays for.
    pub organization: Option<OrganizationId>,
    /// Those that this user asked for.
    pub user: Option<UserId>,
    /// Those in one of these states; in any, if there is none.
    pub states: Vec<JobState>,
}

const JOB: &str = "SELECT id, organization, user_id, state, cards, elements, submitted, ended, cause, name, payload_of, \
                   counts, detail FROM jobs";
const ATTEMPT: &str = "SELECT job, element, number, in_array, state, placed, started, ended, exit_code, \
                       charged_micros, metered, ending, body FROM attempts";

impl Store {
    /// The job, if there ever was one of this id.
    ///
    /// # Errors
    /// Where the database fails, or holds something that cannot be read; so do all questions.
    pub async fn job(&self, id: JobId) -> Result<Option<JobRecord>, StoreError> {
        let sql = AssertSqlSafe(format!("{JOB} WHERE id = $1"));
        Ok(self.readers.read(sql, || vec![id.0.into()], job_record).await?.pop())
    }

    /// Jobs, newest first, before an id if one is given, at most `limit`.
    ///
    /// # Errors
    /// As [`Store::job`].
    pub async fn jobs(
        &self,
        filter: &JobFilter,
        before: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<JobRecord>, StoreError> {
        let sql = AssertSqlSafe(filter.text());
        self.readers.read(sql, || filter.values(before, limit), job_record).await
    }

    /// The attempts of a job, or of one element of it, by element and number, after one of them if it is given, at most
    /// `limit`.
    ///
    /// # Errors
    /// As [`Store::job`].
    pub async fn attempts(
        &self,
        job: JobId,
        element: Option<u32>,
        after: Option<AttemptId>,
        limit: u32,
    ) -> Result<Vec<AttemptRecord>, StoreError> {
        let (least, most) = element.map_or((0, u32::MAX), |element| (element, element));
        let after = after.map_or((0, 0), |after| (after.element, after.number));
        let sql = AssertSqlSafe(format!(
            "{ATTEMPT} WHERE job = $1 AND element >= $2 AND element <= $3 AND (element, number) > ($4, $5) \
             ORDER BY element, number LIMIT $6"
        ));
        let values = || -> Vec<Value<'static>> {
            let numbers = [i64::from(least), i64::from(most), i64::from(after.0), i64::from(after.1), i64::from(limit)];
            std::iter::once(job.0.into()).chain(numbers.into_iter().map(Value::from)).collect()
        };
        self.readers.read(sql, values, attempt_record).await
    }

    /// How those of the jobs ended that have ended; in no order.
    ///
    /// # Errors
    /// As [`Store::job`].
    pub async fn known_ends(&self, jobs: &[JobId]) -> Result<Vec<KnownEnd>, StoreError> {
        const GROUP: usize = 64;
        let places: Vec<String> = (1..=GROUP).map(|number| format!("${number}")).collect();
        let sql = format!(
            "SELECT id, organization, state FROM jobs WHERE ended IS NOT NULL AND id IN ({})",
            places.join(", ")
        );
        let mut ends = Vec::new();
        for group in jobs.chunks(GROUP) {
            // The first id fills what is left of the group.
            let values = || (0..GROUP).map(|index| group.get(index).unwrap_or(&group[0]).0.into()).collect();
            let read = |row: &Row| {
                let organization = OrganizationId(row.narrow(1)?);
                Ok(KnownEnd { job: JobId(row.unsigned(0)?), organization, state: state(row, 2)? })
            };
            ends.extend(self.readers.read(AssertSqlSafe(sql.clone()), values, read).await?);
        }
        Ok(ends)
    }
}

impl JobFilter {
    /// Whether jobs are looked for state by state. Only a list of everything is not: it is in the table's own order.
    fn by_state(&self) -> Vec<JobState> {
        let all = self.states.is_empty();
        let named = |state: &JobState| all || self.states.contains(state);
        match all && self.organization.is_none() && self.user.is_none() {
            true => Vec::new(),
            false => JobState::ALL.into_iter().filter(named).collect(),
        }
    }

    /// For each state the newest jobs are found by an index that ends with the id, and the newest of these taken: at
    /// most eight times the page is looked at, however many jobs there are.
    fn text(&self) -> String {
        let states = self.by_state();
        if states.is_empty() {
            return format!("{JOB} WHERE id < $1 ORDER BY id DESC LIMIT $2");
        }
        let mut wanted = String::new();
        let mut next = 3;
        for (column, given) in [("organization", self.organization.is_some()), ("user_id", self.user.is_some())] {
            if given {
                wanted.push_str(&format!("{column} = ${next} AND "));
                next += 1;
            }
        }
        let found: Vec<String> = states
            .iter()
            .map(|state| {
                let state = state.word();
                format!(
                    "SELECT id FROM (SELECT id FROM jobs WHERE {wanted}state = '{state}' AND id < $1 \
                     ORDER BY id DESC LIMIT $2) AS {state}_jobs"
                )
            })
            .collect();
        let found = found.join(" UNION ALL ");
        format!("{JOB} WHERE id IN (SELECT id FROM ({found}) AS found ORDER BY id DESC LIMIT $2) ORDER BY id DESC")
    }

    fn values(&self, before: Option<JobId>, limit: u32) -> Vec<Value<'static>> {
        let before = before.map_or(i64::MAX, |job| job.0.cast_signed());
        let organization = self.organization.map(|organization| i64::from(organization.0));
        let named = organization.into_iter().chain(self.user.map(|user| i64::from(user.0)));
        [before, i64::from(limit)].into_iter().chain(named).map(Value::from).collect()
    }
}

fn job_record(row: &Row) -> Result<JobRecord, sqlx::Error> {
    let id = JobId(row.unsigned(0)?);
    let what = || format!("job {id}");
    Ok(JobRecord {
        id,
        organization: OrganizationId(row.narrow(1)?),
        user: UserId(row.narrow(2)?),
        state: state(row, 3)?,
        cards: CardMillis(row.narrow(4)?),
        elements: narrow(row, 5)?,
        submitted: Timestamp(row.signed(6)?),
        ended: row.optional(7)?.map(Timestamp),
        cause: row.optional(8)?.map(|job| JobId(job.cast_unsigned())),
        name: row.text(9)?.to_owned(),
        payload_of: JobId(row.unsigned(10)?),
        counts: row.optional_text(11)?.map(|text| decode(text, what)).transpose()?,
        detail: decode(row.text(12)?, what)?,
    })
}

fn attempt_record(row: &Row) -> Result<AttemptRecord, sqlx::Error> {
    let id = attempt_id(row)?;
    let what = || format!("attempt {id}");
    Ok(AttemptRecord {
        id,
        state: state(row, 4)?,
        placed: Timestamp(row.signed(5)?),
        started: row.optional(6)?.map(Timestamp),
        ended: row.optional(7)?.map(Timestamp),
        exit_code: narrow(row, 8)?,
        charged_micros: row.optional(9)?,
        metered: row.optional(10)?.map(|metered| CardUse(metered.cast_unsigned())),
        end: Some(row.text(11)?).filter(|text| !text.is_empty()).map(|text| decode(text, what)).transpose()?,
        attempt: decode(row.text(12)?, what)?,
    })
}

fn state(row: &Row, column: usize) -> Result<JobState, sqlx::Error> {
    let word = row.text(column)?;
    JobState::from_word(word).ok_or_else(|| corrupt(word, "no such state"))
}

fn narrow<T: TryFrom<i64>>(row: &Row, column: usize) -> Result<Option<T>, sqlx::Error>
where
    T::Error: std::fmt::Display,
{
    let value = row.optional(column)?.map(T::try_from).transpose();
    value.map_err(|error| corrupt(format!("column {column}"), error))
}

fn decode<T: DeserializeOwned>(text: &str, what: impl Fn() -> String) -> Result<T, sqlx::Error> {
    serde_json::from_str(text).map_err(|error| corrupt(what(), error))
}
