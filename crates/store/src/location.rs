//! Where a center's database is.

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A file, or a database of a server.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// An SQLite file. Its directory must exist; the file is created.
    Sqlite(PathBuf),
    /// A PostgreSQL URL. The center's tables go into the schema `center` of that database, which is created.
    Postgres(String),
}

impl Location {
    /// The directory of the SQLite file.
    pub(crate) fn directory(&self) -> Option<&Path> {
        match self {
            Location::Sqlite(path) => Some(path.parent().filter(|parent| *parent != "").unwrap_or(Path::new("."))),
            Location::Postgres(_) => None,
        }
    }
}

impl FromStr for Location {
    type Err = Infallible;

    /// `postgres://…` and `postgresql://…` are URLs; everything else is a path.
    fn from_str(text: &str) -> Result<Location, Infallible> {
        let is_url = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
        Ok(if is_url { Location::Postgres(text.to_owned()) } else { Location::Sqlite(PathBuf::from(text)) })
    }
}

/// For people and logs: a URL is shown without user, password and parameters.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Sqlite(path) => path.display().fmt(f),
            Location::Postgres(url) => {
                let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
                let rest = rest.split('?').next().unwrap_or_default();
                let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
                write!(f, "{scheme}://{rest}")
            }
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_read_from_text_and_shown_without_secrets() {
        let read = |text: &str| text.parse::<Location>().unwrap();
        assert_eq!(read("/var/lib/haina/center.db"), Location::Sqlite("/var/lib/haina/center.db".into()));
        assert!(matches!(read("postgresql://h/d"), Location::Postgres(_)));
        for url in ["postgres://user:p%40ss@db.example:5432/center?password=x", "postgres://db.example:5432/center"] {
            assert_eq!(format!("{:?}", read(url)), "postgres://db.example:5432/center");
        }
    }

    #[test]
    fn a_file_without_a_directory_is_in_the_current_one() {
        assert_eq!(Location::Sqlite("center.db".into()).directory(), Some(Path::new(".")));
    }
}
