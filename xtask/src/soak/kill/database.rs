//! A look into the database from outside, while no server runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use haina_testkit::postgres::Postgres;

use crate::steps;

/// Asks SQLite without changing anything: a reader of its own that does not even check the log point.
const ASK_SQLITE: &str = "import sqlite3, sys; \
print(sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True).execute(sys.argv[2]).fetchone()[0])";

/// The database of the tormented center.
pub enum Database<'a> {
    /// A file.
    Sqlite(PathBuf),
    /// A database of a server.
    Postgres { postgres: &'a Postgres, url: String, name: String },
}

impl Database<'_> {
    /// The file that `haina up` makes.
    pub fn sqlite(path: PathBuf) -> Database<'static> {
        Database::Sqlite(path)
    }

    /// A new database of a server.
    pub fn postgres(postgres: &Postgres) -> Database<'_> {
        let url = postgres.fresh_database();
        let name =
            url.rsplit('/').find_map(|part| part.split_once('?')).map_or_else(String::new, |(name, _)| name.to_owned());
        Database::Postgres { postgres, url, name }
    }

    /// What `haina up --database` needs.
    pub fn url(&self) -> Option<String> {
        match self {
            Database::Sqlite(_) => None,
            Database::Postgres { url, .. } => Some(url.clone()),
        }
    }

    /// Effects that are not known to be done.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub fn outbox(&self) -> anyhow::Result<u64> {
        let text = match self {
            Database::Sqlite(path) => ask_sqlite(path, "SELECT count(*) FROM outbox")?,
            Database::Postgres { postgres, name, .. } => postgres.execute(name, "SELECT count(*) FROM center.outbox"),
        };
        text.trim().parse().with_context(|| format!("not a number: {text}"))
    }
}

fn ask_sqlite(path: &Path, sql: &str) -> anyhow::Result<String> {
    steps::output(Command::new("python3").args(["-c", ASK_SQLITE]).arg(path).arg(sql))
}
