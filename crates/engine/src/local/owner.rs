//! Whose directory it is. Every center counts its jobs from 1, so what one center's attempt left behind must never be
//! taken for another's.

use std::path::Path;

use haina_core::CenterId;

use crate::durable;
use crate::engine::EngineError;
use crate::layout::Layout;

/// Makes the directory this center's if it is nobody's yet; refuses that of another.
pub fn claim(directory: &Path, layout: &Layout, center: CenterId) -> Result<(), EngineError> {
    let failed = |error| EngineError::io(format!("whose directory {} is", directory.display()), error);
    match durable::read::<CenterId>(&layout.center()).map_err(failed)? {
        Some(owner) if owner == center => Ok(()),
        Some(owner) => Err(EngineError::OtherCenter { directory: directory.to_owned(), owner, center }),
        None => durable::write_durably(&layout.center(), &center).map_err(failed),
    }
}
