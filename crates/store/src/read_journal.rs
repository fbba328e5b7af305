//! The journal alone, for those who look at a center's past: nothing is created, changed, migrated or locked, and the
//! center may run meanwhile.

use crate::read_facts::facts;
use crate::readers::Readers;
use crate::{Location, StoreError, StoredFact};

/// The facts of a center's database.
pub struct JournalReader {
    readers: Readers,
}

impl JournalReader {
    /// Of the database there. It is opened by the first question.
    pub fn new(location: Location) -> JournalReader {
        JournalReader { readers: Readers::new(location, 1) }
    }

    /// The facts after a position, in order, at most `limit`.
    ///
    /// # Errors
    /// Where there is no such database, it fails, or it holds something that cannot be read.
    pub async fn facts(&self, after: u64, limit: u32) -> Result<Vec<StoredFact>, StoreError> {
        facts(&self.readers, after, limit).await
    }
}
