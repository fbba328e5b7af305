//! Which center a database holds.

use haina_core::CenterId;

use crate::errors::corrupt;
use crate::{Store, StoreError};

impl Store {
    /// The center's id: `fresh` where the database has none yet, durably from then on; else the one it has.
    ///
    /// # Errors
    /// Where the database fails, or holds something that is no id.
    pub async fn center_id(&self, fresh: CenterId) -> Result<CenterId, StoreError> {
        let mut lease = self.writer.begin_write().await?;
        // Two that open a new database at once both keep the id of the first.
        let keep = "INSERT INTO center_id (id, center) VALUES (1, $1) ON CONFLICT (id) DO NOTHING";
        lease.connection.execute(keep, vec![fresh.to_string().into()]).await?;
        let sql = "SELECT center FROM center_id WHERE id = 1";
        let ids = lease
            .connection
            .rows(sql, vec![], |row| row.text(0)?.parse::<CenterId>().map_err(|error| corrupt("center_id", error)))
            .await?;
        lease.connection.run("COMMIT").await?;
        lease.give_back();
        ids.into_iter().next().ok_or_else(|| StoreError::Corrupt("there is no center id".to_owned()))
    }
}
