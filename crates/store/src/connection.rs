//! One connection to either database. Here alone the two are told apart when a statement runs; above, there is one SQL
//! text with `$1`-style parameters.

use std::borrow::Cow;
use std::future::Future;
use std::time::Duration;

use futures::TryStreamExt;
use sqlx::query::Query;
use sqlx::{
    ColumnIndex, Database, Decode, Encode, PgConnection, Postgres, Row as _, SqlSafeStr, SqlStr, Sqlite,
    SqliteConnection, Type,
};

/// How long a server may be silent before the connection counts as lost.
const ANSWER_LONGEST: Duration = Duration::from_secs(30);

/// A connection.
pub(crate) enum Connection {
    Sqlite(SqliteConnection),
    Pg(PgConnection),
}

/// A parameter.
pub(crate) enum Value<'a> {
    Integer(Option<i64>),
    Text(Option<Cow<'a, str>>),
}

impl From<u64> for Value<'_> {
    /// Ids and counters are far below 2^63; a saturated quantity keeps its bits, and reads back as it was.
    fn from(value: u64) -> Self {
        Value::Integer(Some(value.cast_signed()))
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::Integer(Some(value))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        Value::Integer(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::Text(Some(value.into()))
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Value::Text(Some(value.into()))
    }
}

impl From<Option<String>> for Value<'_> {
    fn from(value: Option<String>) -> Self {
        Value::Text(value.map(Cow::Owned))
    }
}

/// A row that was read; columns are numbered from 0.
pub(crate) enum Row {
    Sqlite(sqlx::sqlite::SqliteRow),
    Pg(sqlx::postgres::PgRow),
}

impl Row {
    fn get<'r, T>(&'r self, column: usize) -> Result<T, sqlx::Error>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
        usize: ColumnIndex<sqlx::sqlite::SqliteRow> + ColumnIndex<sqlx::postgres::PgRow>,
    {
        match self {
            Row::Sqlite(row) => row.try_get(column),
            Row::Pg(row) => row.try_get(column),
        }
    }

    pub(crate) fn signed(&self, column: usize) -> Result<i64, sqlx::Error> {
        self.get(column)
    }

    pub(crate) fn unsigned(&self, column: usize) -> Result<u64, sqlx::Error> {
        Ok(self.signed(column)?.cast_unsigned())
    }

    /// An unsigned number of some width.
    pub(crate) fn narrow<T: TryFrom<u64>>(&self, column: usize) -> Result<T, sqlx::Error>
    where
        T::Error: std::fmt::Display,
    {
        T::try_from(self.unsigned(column)?).map_err(|error| crate::errors::corrupt(format!("column {column}"), error))
    }

    pub(crate) fn optional(&self, column: usize) -> Result<Option<i64>, sqlx::Error> {
        self.get(column)
    }

    pub(crate) fn text(&self, column: usize) -> Result<&str, sqlx::Error> {
        self.get(column)
    }

    pub(crate) fn optional_text(&self, column: usize) -> Result<Option<&str>, sqlx::Error> {
        self.get(column)
    }
}

impl Connection {
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self, Connection::Pg(_))
    }

    /// Runs a prepared statement; returns how many rows it changed.
    pub(crate) async fn execute(&mut self, sql: impl SqlSafeStr, values: Vec<Value<'_>>) -> Result<u64, sqlx::Error> {
        let sql = sql.into_sql_str();
        match self {
            Connection::Sqlite(to) => Ok(bind::<Sqlite>(sql, values).execute(to).await?.rows_affected()),
            Connection::Pg(to) => {
                let query = bind::<Postgres>(sql, values);
                Ok(answered(async { query.execute(to).await }).await?.rows_affected())
            }
        }
    }

    /// Runs statements without parameters, separated by semicolons.
    pub(crate) async fn run(&mut self, sql: impl SqlSafeStr) -> Result<(), sqlx::Error> {
        let query = sqlx::raw_sql(sql);
        match self {
            Connection::Sqlite(to) => _ = query.execute(to).await?,
            Connection::Pg(to) => _ = answered(async { query.execute(to).await }).await?,
        }
        Ok(())
    }

    /// Reads rows one by one; holds only one of them.
    pub(crate) async fn each(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value<'_>>,
        mut take: impl FnMut(Row) -> Result<(), sqlx::Error> + Send,
    ) -> Result<(), sqlx::Error> {
        let sql = sql.into_sql_str();
        match self {
            Connection::Sqlite(from) => {
                let mut rows = bind::<Sqlite>(sql, values).fetch(from);
                while let Some(row) = rows.try_next().await? {
                    take(Row::Sqlite(row))?;
                }
            }
            Connection::Pg(from) => {
                let mut rows = bind::<Postgres>(sql, values).fetch(from);
                while let Some(row) = answered(rows.try_next()).await? {
                    take(Row::Pg(row))?;
                }
            }
        }
        Ok(())
    }

    /// Reads all rows.
    pub(crate) async fn rows<T: Send>(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value<'_>>,
        mut read: impl FnMut(&Row) -> Result<T, sqlx::Error> + Send,
    ) -> Result<Vec<T>, sqlx::Error> {
        let mut all = Vec::new();
        self.each(sql, values, |row| {
            all.push(read(&row)?);
            Ok(())
        })
        .await?;
        Ok(all)
    }
}

fn bind<'q, D: Database>(sql: SqlStr, values: Vec<Value<'_>>) -> Query<'q, D, D::Arguments>
where
    for<'t> Option<i64>: Encode<'t, D> + Type<D>,
    for<'t> Option<String>: Encode<'t, D> + Type<D>,
{
    values.into_iter().fold(sqlx::query::<D>(sql), |query, value| match value {
        Value::Integer(value) => query.bind(value),
        Value::Text(value) => query.bind(value.map(Cow::into_owned)),
    })
}

/// A network may swallow an answer for ever; the caller then treats the connection as lost.
async fn answered<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    match tokio::time::timeout(ANSWER_LONGEST, work).await {
        Ok(result) => result,
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}
