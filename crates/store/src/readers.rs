//! A few connections that read, opened when they are first needed.

use std::sync::{Mutex, PoisonError};

use sqlx::{SqlSafeStr, SqlStr};
use tokio::sync::Semaphore;

use crate::connection::{Connection, Row, Value};
use crate::errors::is_disconnected;
use crate::open::Purpose;
use crate::{Location, StoreError};

/// The connections that nobody uses at the moment.
pub(crate) struct Readers {
    location: Location,
    free: Semaphore,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// At most `most` connections.
    pub(crate) fn new(location: Location, most: usize) -> Readers {
        Readers { location, free: Semaphore::new(most), idle: Mutex::new(Vec::new()) }
    }

    fn take(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn give_back(&self, connection: Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }

    /// Runs one question. A connection that was lost while idle is replaced; one that failed is not used again.
    pub(crate) async fn read<T: Send>(
        &self,
        sql: impl SqlSafeStr,
        values: impl Fn() -> Vec<Value<'static>> + Send,
        mut read: impl FnMut(&Row) -> Result<T, sqlx::Error> + Send,
    ) -> Result<Vec<T>, StoreError> {
        let sql: SqlStr = sql.into_sql_str();
        let _place = self.free.acquire().await.expect("the semaphore is never closed");
        while let Some(mut connection) = self.take() {
            match connection.rows(sql.clone(), values(), &mut read).await {
                Ok(rows) => {
                    self.give_back(connection);
                    return Ok(rows);
                }
                Err(error) if is_disconnected(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut connection = self.location.connect(Purpose::Read).await?;
        let rows = connection.rows(sql, values(), &mut read).await?;
        self.give_back(connection);
        Ok(rows)
    }
}
