//! The one writing connection. After a failure it is rolled back, or replaced before the next use.

use tokio::sync::{Mutex, MutexGuard};

use crate::Location;
use crate::connection::Connection;
use crate::errors::is_disconnected;
use crate::open::Purpose;

/// Holds the connection while nobody uses it.
pub(crate) struct Writer {
    location: Location,
    idle: Mutex<Option<Connection>>,
}

/// The connection in use. Unless [`Lease::give_back`] is called it is closed, which also rolls back: whoever fails, or
/// is dropped half way, leaves nothing behind.
pub(crate) struct Lease<'a> {
    idle: MutexGuard<'a, Option<Connection>>,
    pub(crate) connection: Connection,
    /// Whether the connection was just opened. Then its predecessor may still be about to commit.
    pub(crate) is_new: bool,
}

impl Writer {
    pub(crate) fn new(location: Location, connection: Connection) -> Writer {
        Writer { location, idle: Mutex::new(Some(connection)) }
    }

    /// Takes the connection, or opens another, and begins a transaction with `begin`. A connection that was lost while
    /// idle is replaced: nothing was asked of it yet.
    pub(crate) async fn begin(&self, begin: &'static str) -> Result<Lease<'_>, sqlx::Error> {
        let mut idle = self.idle.lock().await;
        if let Some(mut connection) = idle.take() {
            match connection.run(begin).await {
                Ok(()) => return Ok(Lease { idle, connection, is_new: false }),
                Err(error) if is_disconnected(&error) => {}
                Err(error) => {
                    // The statement did not begin anything: the connection is as it was.
                    *idle = Some(connection);
                    return Err(error);
                }
            }
        }
        let mut connection = self.location.connect(Purpose::Write).await?;
        connection.run(begin).await?;
        Ok(Lease { idle, connection, is_new: true })
    }

    /// Keeps commits waiting, once the one under way is done, for as long as the value lives.
    pub(crate) async fn hold(&self) -> impl Drop + '_ {
        self.idle.lock().await
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin_write(&self) -> Result<Lease<'_>, sqlx::Error> {
        match self.location {
            Location::Sqlite(_) => self.begin("BEGIN IMMEDIATE").await,
            Location::Postgres(_) => self.begin("BEGIN").await,
        }
    }
}

impl Lease<'_> {
    /// Keeps the connection for the next use; its transaction has ended.
    pub(crate) fn give_back(self) {
        let Lease { mut idle, connection, .. } = self;
        *idle = Some(connection);
    }

    /// Rolls back, and keeps the connection if that went well.
    pub(crate) async fn roll_back(mut self) {
        // SQLite has rolled back by itself after some errors, and then refuses: another connection is opened.
        if self.connection.run("ROLLBACK").await.is_ok() {
            self.give_back();
        }
    }
}
