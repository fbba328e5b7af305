//! A center's database, open.

use std::sync::Arc;

use crate::checkpoint::Checkpoints;
use crate::open::Purpose;
use crate::payloads::RecentPayloads;
use crate::readers::Readers;
use crate::writer::Writer;
use crate::{Location, StoreError, migrations};

/// Connections that answer questions, at most.
const READERS_MOST: usize = 4;

/// The database: one writing connection, a few that read, and one that is asked how it is.
pub struct Store {
    pub(crate) location: Location,
    pub(crate) writer: Arc<Writer>,
    pub(crate) readers: Readers,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) payloads: RecentPayloads,
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
        let writer = Arc::new(Writer::new(location.clone(), connection));
        Ok(Store {
            location: location.clone(),
            readers: Readers::new(location.clone(), READERS_MOST),
            checkpoints: Checkpoints::start(location, &writer),
            payloads: RecentPayloads::default(),
            writer,
            pulse: Readers::new(location.clone(), 1),
        })
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.location
    }
}
