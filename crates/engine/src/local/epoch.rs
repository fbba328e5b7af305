//! The newest epoch that gave an order. Who was leader before is refused, also by the next server on this directory.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use haina_core::Epoch;

use crate::durable;
use crate::engine::EngineError;

/// The guard at the door.
pub struct EpochGuard {
    path: PathBuf,
    newest: Mutex<Epoch>,
}

impl EpochGuard {
    /// A guard that remembers in `path`.
    pub fn new(path: PathBuf) -> EpochGuard {
        EpochGuard { path, newest: Mutex::default() }
    }

    /// Lets an order of this epoch pass, or refuses it. Reads the file each time: another server may have written it.
    pub fn admit(&self, epoch: Epoch) -> Result<(), EngineError> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |error| EngineError::io("the epoch could not be kept", error);
        let written: Option<Epoch> = durable::read(&self.path).map_err(failed)?;
        *newest = (*newest).max(written.unwrap_or_default());
        if epoch < *newest {
            return Err(EngineError::StaleEpoch { epoch, newest: *newest });
        }
        if written != Some(epoch) {
            durable::write_durably(&self.path, &epoch).map_err(failed)?;
            *newest = epoch;
        }
        Ok(())
    }
}
