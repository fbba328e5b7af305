//! Keeping the engine's directory in order: attempts that are too old or too much, and the same of environments.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use haina_core::{AttemptId, Bytes, Milliseconds};

use super::Shared;
use super::task::blocking;
use crate::keep::{Kept, surplus};
use crate::{disk, durable};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(3600);

/// Whatever its size, an attempt is kept for so long after its end: somebody may be reading what it wrote, and an order
/// about it that was given twice must find that it has ended.
const ATTEMPT_LEAST: Milliseconds = Milliseconds::from_seconds(3600);

/// Removes what is too much and keeps environments ready, from time to time.
pub async fn keep_up(shared: Arc<Shared>) {
    loop {
        if let Err(error) = shared.remove_surplus().await {
            tracing::warn!("what is too old could not be removed: {error}");
        }
        shared.environments.warm().await;
        tokio::time::sleep(EVERY).await;
    }
}

impl Shared {
    /// Removes attempts and environments that are too old or too much.
    pub(super) async fn remove_surplus(self: &Arc<Self>) -> io::Result<()> {
        let shared = self.clone();
        let attempts = blocking(move || shared.remove_attempts()).await;
        let shared = self.clone();
        let environments = self.environments.remove_surplus(move || shared.environments_in_use()).await?;
        let attempts = attempts?;
        if attempts + environments > 0 {
            tracing::info!(attempts, environments, "what is too old or too much was removed");
        }
        Ok(())
    }

    /// What the attempts use that have not ended.
    fn environments_in_use(&self) -> io::Result<BTreeSet<String>> {
        let mut used = BTreeSet::new();
        for attempt in self.active()? {
            used.extend(durable::read::<String>(&self.layout.attempt(attempt).environment())?);
        }
        Ok(used)
    }

    fn remove_attempts(&self) -> io::Result<u64> {
        let directory = self.layout.attempts();
        if self.keep_attempts.age.is_some() || self.keep_attempts.size.is_some() {
            let now = SystemTime::now();
            let mut found = Vec::new();
            let mut kept = Vec::new();
            for entry in fs::read_dir(&directory).into_iter().flatten() {
                let entry = entry?;
                let Some(attempt) = entry.file_name().to_str().and_then(|name| name.parse::<AttemptId>().ok()) else {
                    continue;
                };
                let age = now.duration_since(self.last_change(attempt)?).unwrap_or_default();
                let age = Milliseconds(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
                let is_counted = self.keep_attempts.size.is_some();
                let size = Bytes(if is_counted { disk::size(&entry.path()) } else { 0 });
                let is_needed = age < ATTEMPT_LEAST || self.layout.active_mark(attempt).exists();
                kept.push(Kept { age, size, is_needed });
                found.push(entry.path());
            }
            for at in surplus(self.keep_attempts, &kept) {
                disk::set_aside(&found[at])?;
            }
        }
        disk::remove_set_aside(&directory)
    }

    /// When the attempt ended, or at least its directory changed.
    fn last_change(&self, attempt: AttemptId) -> io::Result<SystemTime> {
        let paths = self.layout.attempt(attempt);
        let exit = fs::metadata(paths.task(0).exit()).or_else(|_| fs::metadata(paths.directory()))?;
        exit.modified()
    }
}
