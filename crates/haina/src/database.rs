//! Where a center's database is, as a person names it.

use haina_store::Location;

/// Of a data directory its own; otherwise the SQLite file or `postgres://` URL itself.
pub fn location(from: &str) -> Location {
    match from.parse().unwrap_or_else(|never: std::convert::Infallible| match never {}) {
        Location::Sqlite(path) if path.is_dir() => Location::Sqlite(path.join("center.db")),
        location => location,
    }
}
