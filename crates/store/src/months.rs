//! Sums by month, kept beside the journal in the same transactions: statements are made of them.

use haina_center::{MonthAccount, MonthUser, Months, MonthsOfJournal, Moved, Worked};
use haina_core::{Month, OrganizationId, ProjectId, UserId};
use haina_ledger::TransactionKind;

use crate::bulk::Bulk;
use crate::connection::{Connection, Row, Value};
use crate::errors::corrupt;
use crate::read_facts::{FACTS, stored_fact};
use crate::{Store, StoreError};

const ACCOUNTS: Bulk = Bulk {
    before: "INSERT INTO month_accounts (organization, month, account, kind, postings, micros)",
    columns: 6,
    after: " ON CONFLICT (organization, month, account, kind) DO UPDATE SET \
            postings = month_accounts.postings + excluded.postings, micros = month_accounts.micros + excluded.micros",
};
const USERS: Bulk = Bulk {
    before: "INSERT INTO month_users (organization, month, project, user_id, attempts, used, micros)",
    columns: 7,
    after: " ON CONFLICT (organization, month, project, user_id) DO UPDATE SET \
            attempts = month_users.attempts + excluded.attempts, used = month_users.used + excluded.used, \
            micros = month_users.micros + excluded.micros",
};

/// Facts that are read at once where months are filled from the journal.
const PAGE: u32 = 10_000;

/// Adds to the months.
pub(crate) async fn add(to: &mut Connection, months: &Months) -> Result<(), sqlx::Error> {
    let mut values: Vec<Value<'_>> = Vec::with_capacity(months.moved.len() * ACCOUNTS.columns);
    for (key, moved) in &months.moved {
        let row: [Value<'_>; 6] = [
            u64::from(key.organization.0).into(),
            key.month.number().into(),
            key.account.to_string().into(),
            key.kind.into(),
            moved.count.into(),
            micros(moved.micros)?.into(),
        ];
        values.extend(row);
    }
    ACCOUNTS.run(to, values).await?;
    let mut values: Vec<Value<'_>> = Vec::with_capacity(months.worked.len() * USERS.columns);
    for (key, worked) in &months.worked {
        let row: [Value<'_>; 7] = [
            u64::from(key.organization.0).into(),
            key.month.number().into(),
            u64::from(key.project.map_or(0, |project| project.0)).into(),
            u64::from(key.user.0).into(),
            worked.attempts.into(),
            worked.used.into(),
            micros(worked.micros)?.into(),
        ];
        values.extend(row);
    }
    USERS.run(to, values).await?;
    Ok(())
}

/// A sum as the databases hold it: up to nine trillion units of money.
fn micros(micros: i128) -> Result<i64, sqlx::Error> {
    i64::try_from(micros).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

/// Fills the months from a journal that is older than they are.
pub(crate) async fn fill(connection: &mut Connection) -> Result<(), StoreError> {
    let mut journal = MonthsOfJournal::default();
    let mut after = 0;
    loop {
        let facts = connection.rows(FACTS, vec![after.into(), i64::from(PAGE).into()], stored_fact).await?;
        let Some(last) = facts.last() else { break };
        after = last.position;
        facts.iter().for_each(|fact| journal.take(fact.at, &fact.fact));
    }
    Ok(add(connection, &journal.months).await?)
}

const READ_ACCOUNTS: &str = "SELECT organization, month, account, kind, postings, micros FROM month_accounts";
const READ_USERS: &str = "SELECT organization, month, project, user_id, attempts, used, micros FROM month_users";

fn moved(row: &Row) -> Result<(MonthAccount, Moved), sqlx::Error> {
    let key = MonthAccount {
        organization: OrganizationId(id(row, 0)?),
        month: month(row.signed(1)?)?,
        account: row.text(2)?.parse().map_err(|error| corrupt("an account of a month", error))?,
        kind: kind(row.text(3)?)?,
    };
    Ok((key, Moved { count: row.unsigned(4)?, micros: row.signed(5)?.into() }))
}

fn worked(row: &Row) -> Result<(MonthUser, Worked), sqlx::Error> {
    let key = MonthUser {
        organization: OrganizationId(id(row, 0)?),
        month: month(row.signed(1)?)?,
        project: Some(ProjectId(id(row, 2)?)).filter(|project| project.0 > 0),
        user: UserId(id(row, 3)?),
    };
    Ok((key, Worked { attempts: row.unsigned(4)?, used: row.unsigned(5)?, micros: row.signed(6)?.into() }))
}

fn id(row: &Row, column: usize) -> Result<u32, sqlx::Error> {
    let number = row.unsigned(column)?;
    u32::try_from(number).map_err(|error| corrupt(format!("id {number} of a month"), error))
}

/// All months.
pub(crate) async fn read(connection: &mut Connection) -> Result<Months, sqlx::Error> {
    let moved = connection.rows(READ_ACCOUNTS, vec![], moved).await?;
    let worked = connection.rows(READ_USERS, vec![], worked).await?;
    Ok(Months { moved: moved.into_iter().collect(), worked: worked.into_iter().collect() })
}

impl Store {
    /// What moved on accounts for one organization in all months up to this one, and what its people used in this one.
    ///
    /// # Errors
    /// As [`Store::facts`].
    pub async fn months(&self, organization: OrganizationId, until: Month) -> Result<Months, StoreError> {
        let sql = "SELECT organization, month, account, kind, postings, micros FROM month_accounts \
                   WHERE organization = $1 AND month <= $2";
        let values = || vec![u64::from(organization.0).into(), until.number().into()];
        let moved = self.readers.read(sql, values, moved).await?;
        let sql = "SELECT organization, month, project, user_id, attempts, used, micros FROM month_users \
                   WHERE organization = $1 AND month = $2";
        let worked = self.readers.read(sql, values, worked).await?;
        Ok(Months { moved: moved.into_iter().collect(), worked: worked.into_iter().collect() })
    }
}

fn month(number: i64) -> Result<Month, sqlx::Error> {
    Month::of_number(number).ok_or_else(|| corrupt("a month", number))
}

/// The core's word for a kind of transaction.
fn kind(word: &str) -> Result<&'static str, sqlx::Error> {
    let known = TransactionKind::WORDS.into_iter().find(|known| *known == word);
    known.ok_or_else(|| corrupt("a kind of transaction", word))
}
