//! A center's database, open.

use crate::open::Purpose;
use crate::readers::Readers;
use crate::writer::Writer;
use crate::{Location, StoreError, migrations};

/// Connections that answer questions, at most.
const READERS_MOST: usize = 4;

/// The database: one writing connection, a few that read, and one that is asked how it is.
pub struct Store {
    pub(crate) location: Location,
    pub(crate) writer: Writer,
    pub(crate) readers: Readers,
    pub(crate) pulse: Readers,
}

impl Store {
    /// Opens the database, creates it where it does not exist, and brings it to the newest version. Takes no
    /// leadership.
    ///
    /// # Errors
    /// Where it cannot be opened or reached, or a newer Haina has changed it.
    pub async fn open(location: &Location) -> Result<Store, StoreError> {
        let failed =
            |error: sqlx::Error| StoreError::Open { location: location.to_string(), reason: error.to_string() };
        let mut connection = location.connect(Purpose::Write).await.map_err(failed)?;
        migrations::migrate(&mut connection, location).await?;
        Ok(Store {
            location: location.clone(),
            writer: Writer::new(location.clone(), connection),
            readers: Readers::new(location.clone(), READERS_MOST),
            pulse: Readers::new(location.clone(), 1),
        })
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.location
    }
}
