//! The database's shape, by version. A migration, once released, never changes.

use sqlx::AssertSqlSafe;

use crate::connection::Connection;
use crate::{Location, StoreError};

/// Version 1 first.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_center.sql"),
    include_str!("../migrations/0002_payloads_by_job.sql"),
    include_str!("../migrations/0003_center_id.sql"),
    include_str!("../migrations/0004_seals.sql"),
    include_str!("../migrations/0005_agreements.sql"),
    include_str!("../migrations/0006_months.sql"),
];

/// The version that keeps sums by month.
const MONTHS: usize = 6;

/// Any number that no other program is likely to lock in the same database.
const LOCK: &str = "SELECT pg_advisory_xact_lock(4851262873)";

/// Brings the database to the newest version, in one transaction.
pub(crate) async fn migrate(connection: &mut Connection, location: &Location) -> Result<(), StoreError> {
    let known = MIGRATIONS.len() as u64;
    let found = match begin_and_read(connection).await {
        Ok(found) => found,
        Err(error) => return Err(StoreError::Open { location: location.to_string(), reason: error.to_string() }),
    };
    if found > known {
        return Err(StoreError::NewerVersion { location: location.to_string(), found, known });
    }
    for (version, text) in (1..).zip(MIGRATIONS).skip(found as usize) {
        let text = match connection.is_postgres() {
            true => (*text).to_owned(),
            false => text.replace("BIGINT PRIMARY KEY", "INTEGER PRIMARY KEY"),
        };
        connection.run(AssertSqlSafe(text)).await?;
        if version == MONTHS {
            crate::months::fill(connection).await?;
        }
        connection.execute("UPDATE schema_version SET version = $1", vec![(version as u64).into()]).await?;
    }
    connection.run("COMMIT").await?;
    Ok(())
}

/// Refuses a database of a newer version, before it is read.
pub(crate) async fn check_version(connection: &mut Connection, location: &Location) -> Result<(), StoreError> {
    let known = MIGRATIONS.len() as u64;
    let versions = connection.rows("SELECT version FROM schema_version", vec![], |row| row.unsigned(0)).await?;
    match versions.first() {
        Some(found) if *found > known => {
            Err(StoreError::NewerVersion { location: location.to_string(), found: *found, known })
        }
        _ => Ok(()),
    }
}

/// Whether the database is of a version that keeps sums by month.
pub(crate) async fn has_months(connection: &mut Connection) -> Result<bool, sqlx::Error> {
    let versions = connection.rows("SELECT version FROM schema_version", vec![], |row| row.unsigned(0)).await?;
    Ok(versions.first().is_some_and(|version| *version >= MONTHS as u64))
}

/// The version found; 0 for a new database.
async fn begin_and_read(connection: &mut Connection) -> Result<u64, sqlx::Error> {
    match connection.is_postgres() {
        true => {
            connection.run("BEGIN").await?;
            connection.run(LOCK).await?;
            // Not `IF NOT EXISTS`: that needs the right to create even where an administrator created it.
            let schemas = "SELECT nspname::text FROM pg_namespace WHERE nspname = 'center'";
            if connection.rows(schemas, vec![], |_| Ok(())).await?.is_empty() {
                connection.run("CREATE SCHEMA center").await?;
            }
        }
        false => connection.run("BEGIN IMMEDIATE").await?,
    }
    connection.run("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)").await?;
    let versions = connection.rows("SELECT version FROM schema_version", vec![], |row| row.unsigned(0)).await?;
    if let [version] = versions[..] {
        return Ok(version);
    }
    connection.execute("INSERT INTO schema_version (version) VALUES (0)", vec![]).await?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open::Purpose;

    const JOB: &str = "INSERT INTO jobs (id, organization, user_id, state, cards, submitted, name, payload, body, detail) \
                       VALUES ($1, 1, 1, 'waiting', 0, 0, 'job', $2, '', '')";

    #[tokio::test]
    async fn payloads_of_version_1_are_found_by_the_first_job_that_runs_them() {
        let directory = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(directory.path().join("center.db"));
        let mut connection = location.connect(Purpose::Write).await.unwrap();
        assert_eq!(begin_and_read(&mut connection).await.unwrap(), 0);
        let first = MIGRATIONS[0].replace("BIGINT PRIMARY KEY", "INTEGER PRIMARY KEY");
        connection.run(AssertSqlSafe(first)).await.unwrap();
        connection
            .run("UPDATE schema_version SET version = 1; INSERT INTO payloads VALUES ('ab', 'A'), ('cd', 'C')")
            .await
            .unwrap();
        for (id, digest) in [(1, "ab"), (2, "cd"), (3, "ab")] {
            connection.execute(JOB, vec![u64::into(id), digest.into()]).await.unwrap();
        }
        connection.run("COMMIT").await.unwrap();

        migrate(&mut connection, &location).await.unwrap();
        let sql =
            "SELECT jobs.id, payloads.body FROM jobs JOIN payloads ON payloads.job = jobs.payload_of ORDER BY jobs.id";
        let bodies = connection.rows(sql, vec![], |row| Ok((row.unsigned(0)?, row.text(1)?.to_owned()))).await.unwrap();
        assert_eq!(bodies, [(1, "A".to_owned()), (2, "C".to_owned()), (3, "A".to_owned())]);
    }
}
