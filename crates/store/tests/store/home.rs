//! A database for one test.

use std::sync::Arc;

use haina_store::{Location, Store};
use haina_testkit::postgres::Postgres;
use tempfile::TempDir;

/// An empty database, gone when this is dropped.
pub struct Home {
    pub location: Location,
    postgres: Option<(&'static Postgres, String)>,
    _directory: Option<Arc<TempDir>>,
}

impl Home {
    pub fn sqlite() -> Home {
        let directory = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(directory.path().join("center.db"));
        Home { location, postgres: None, _directory: Some(Arc::new(directory)) }
    }

    /// None after a visible skip.
    pub fn postgres() -> Option<Home> {
        let postgres = Postgres::shared()?;
        let url = postgres.fresh_database();
        let name = url.split('?').next().unwrap().rsplit('/').next().unwrap().to_owned();
        Some(Home { location: Location::Postgres(url), postgres: Some((postgres, name)), _directory: None })
    }

    pub async fn open(&self) -> Store {
        Store::open(&self.location).await.unwrap()
    }

    /// Changes a database behind the store's back; returns what PostgreSQL prints.
    pub fn execute(&self, sql: &str) -> String {
        match (&self.location, &self.postgres) {
            (_, Some((postgres, name))) => postgres.execute(name, &format!("SET search_path = center; {sql}")),
            (Location::Sqlite(path), None) => {
                let output = std::process::Command::new("python3")
                    .args([
                        "-c",
                        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()",
                    ])
                    .arg(path)
                    .arg(sql)
                    .output()
                    .expect("python3 starts");
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                String::new()
            }
            _ => unreachable!("a PostgreSQL database has a server"),
        }
    }

    /// Ends all connections to a PostgreSQL database.
    pub fn disconnect_all(&self) {
        let (postgres, name) = self.postgres.as_ref().expect("only a server has connections");
        postgres.disconnect_all(name);
    }
}

/// Makes a test of each scenario for each database.
macro_rules! on_both {
    ($($module:ident::$scenario:ident,)*) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $scenario() {
                    crate::$module::$scenario(crate::home::Home::sqlite()).await;
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $scenario() {
                    if let Some(home) = crate::home::Home::postgres() {
                        crate::$module::$scenario(home).await;
                    }
                }
            )*
        }
    };
}
pub(crate) use on_both;
