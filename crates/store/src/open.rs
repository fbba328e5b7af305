//! Connections, as each purpose needs them.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection};

use crate::Location;
use crate::checkpoint::LOG_PAGES_MOST;
use crate::connection::Connection;

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The one writer; also loads.
    Write,
    /// Answers questions; changes nothing.
    Read,
    /// Shortens SQLite's log; see [`crate::checkpoint`].
    Checkpoint,
}

/// How long another process may hold the file.
const BUSY_LONGEST: Duration = Duration::from_secs(5);
/// Between two tries to open a file that is busy.
const BUSY_PAUSE: Duration = Duration::from_millis(5);
/// How long a new connection to a server may take.
const CONNECT_LONGEST: Duration = Duration::from_secs(10);

impl Location {
    /// Opens a connection. The first one for writing creates the SQLite file.
    pub(crate) async fn connect(&self, purpose: Purpose) -> Result<Connection, sqlx::Error> {
        match self {
            Location::Sqlite(path) => {
                if purpose == Purpose::Write {
                    create(path)?;
                }
                Ok(Connection::Sqlite(connect_sqlite(&sqlite_options(path, purpose)).await?))
            }
            Location::Postgres(url) => {
                let connecting = postgres_options(url, purpose)?;
                let connected = tokio::time::timeout(CONNECT_LONGEST, connecting.connect()).await;
                Ok(Connection::Pg(connected.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??))
            }
        }
    }
}

/// Two that open a new file at once both switch it to a write-ahead log. Whoever has begun to read by then is told at
/// once that the file is busy, whatever its timeout says, lest both wait for each other: here it lets go and tries again.
async fn connect_sqlite(options: &SqliteConnectOptions) -> Result<SqliteConnection, sqlx::Error> {
    let until = Instant::now() + BUSY_LONGEST;
    loop {
        match options.connect().await {
            Err(error) if is_busy(&error) && Instant::now() < until => tokio::time::sleep(BUSY_PAUSE).await,
            connected => return connected,
        }
    }
}

/// SQLITE_BUSY and what extends it.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == 5)
}

/// Creates the file readable by its owner only: payloads may hold what is nobody else's business. SQLite gives the
/// files beside it the same mode.
fn create(path: &Path) -> std::io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn sqlite_options(path: &Path, purpose: Purpose) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(false)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_LONGEST)
        .disable_statement_logging();
    match purpose {
        // Negative cache sizes are KiB.
        Purpose::Write => options
            .journal_mode(SqliteJournalMode::Wal)
            .pragma("cache_size", "-12000")
            .pragma("wal_autocheckpoint", LOG_PAGES_MOST.to_string())
            .pragma("journal_size_limit", "67108864"),
        Purpose::Checkpoint => options.pragma("cache_size", "-64").pragma("wal_autocheckpoint", "0"),
        Purpose::Read => options.read_only(true).pragma("cache_size", "-2000"),
    }
}

fn postgres_options(url: &str, purpose: Purpose) -> Result<PgConnectOptions, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    let options = options.application_name("haina").disable_statement_logging().options([("search_path", "center")]);
    Ok(match purpose {
        // A reply means durable, whatever the server's default is. A leader that hangs in a transaction must not keep
        // its successor out for ever, nor the successor wait for ever.
        Purpose::Write => options.options([
            ("synchronous_commit", "on"),
            ("idle_in_transaction_session_timeout", "10s"),
            ("lock_timeout", "15s"),
        ]),
        Purpose::Checkpoint => options,
        Purpose::Read => options.options([("default_transaction_read_only", "on"), ("statement_timeout", "30s")]),
    })
}
