//! Which environments go, and taking them away while others are taken.
//!
//! One that is complete is taken with a note in the attempt's directory, before which the attempt is listed as active:
//! what is in use is what the notes of active attempts name. Choosing and taking exclude each other; what was chosen is
//! set aside by one renaming, and a crash in the middle leaves either a whole environment or something that the next
//! server removes.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use haina_core::{Bytes, EnvironmentContent, ImageReference, Milliseconds};

use super::images::set_unused_aside;
use super::listing::About;
use super::{Environments, key_of, normalized};
use crate::keep::{Kept, surplus};
use crate::local::task::blocking;
use crate::{disk, durable};

/// That it is used now.
pub fn note_use(directory: &Path) -> io::Result<()> {
    File::create(directory.join("used"))?.set_modified(SystemTime::now())
}

/// When it was used last, or at least built or tried.
pub fn last_use(directory: &Path) -> io::Result<SystemTime> {
    let used = fs::metadata(directory.join("used")).or_else(|_| fs::metadata(directory))?;
    used.modified()
}

/// Since then.
pub fn age(directory: &Path, now: SystemTime) -> io::Result<Milliseconds> {
    // A clock that was set back makes nothing old.
    let age = now.duration_since(last_use(directory)?).unwrap_or_default();
    Ok(Milliseconds(u64::try_from(age.as_millis()).unwrap_or(u64::MAX)))
}

/// What it takes; counted once, when it is complete.
pub fn size(directory: &Path) -> io::Result<u64> {
    let noted = directory.join("size");
    if let Ok(Some(size)) = durable::read::<u64>(&noted) {
        return Ok(size);
    }
    // The files of an image lie elsewhere; where several environments share them, each counts them.
    let files = super::image::read(directory).ok().flatten().map_or(0, |image| disk::size(&image.root));
    let size = disk::size(directory) + files;
    if super::build::is_complete(directory) {
        durable::write_atomically(&noted, &size)?;
    }
    Ok(size)
}

/// Whether an environment is of one of these images.
fn has_image_of(environment: &Path, images: &BTreeSet<ImageReference>) -> bool {
    let about = durable::read::<About>(&environment.join("about.json"));
    about.ok().flatten().and_then(|about| about.image).is_some_and(|image| images.contains(&image))
}

impl Environments {
    /// Removes what the center file says is too old or too much. `in_use` names the environments that attempts use
    /// which have not ended. Returns how many were removed.
    pub async fn remove_surplus(
        self: &Arc<Self>,
        in_use: impl FnOnce() -> io::Result<BTreeSet<String>> + Send + 'static,
    ) -> io::Result<u64> {
        let Some(pinned) = self.pinned().await else { return Ok(0) };
        let pinned_images = self.pinned_images();
        let directory = self.directory.clone();
        // Before anybody is kept waiting.
        let sizes = blocking(move || {
            let mut found = durable::list(&directory)?;
            found.retain(|path| !disk::is_set_aside(path) && path.is_dir());
            found.into_iter().map(|path| Ok((size(&path)?, path))).collect::<io::Result<Vec<_>>>()
        })
        .await?;
        let nobody_takes = self.removal.write().await;
        let this = self.clone();
        blocking(move || {
            let in_use = in_use()?;
            // Nobody begins to build meanwhile.
            let builds = this.lock();
            let now = SystemTime::now();
            let mut kept = Vec::new();
            for (size, path) in &sizes {
                let key = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let is_pinned = pinned.contains(&key) || has_image_of(path, &pinned_images);
                let is_needed = in_use.contains(&key) || is_pinned || builds.contains_key(&key);
                kept.push(Kept { age: age(path, now)?, size: Bytes(*size), is_needed });
            }
            for at in surplus(this.definition.keep.environments, &kept) {
                let path = &sizes[at].1;
                // Another server on this directory may build it.
                let lock = File::create(path.join("lock"))?;
                if lock.try_lock().is_ok() {
                    disk::set_aside(path)?;
                }
            }
            // What is being built may be about to use what nobody else does.
            if builds.is_empty() {
                set_unused_aside(this.images.directory(), &this.directory)?;
            }
            Ok(())
        })
        .await?;
        drop(nobody_takes);
        let (directory, images) = (self.directory.clone(), self.images.directory().to_owned());
        blocking(move || {
            disk::remove_set_aside(&images)?;
            disk::remove_set_aside(&directory)
        })
        .await
    }

    fn pinned_images(&self) -> BTreeSet<ImageReference> {
        let of = |content: &EnvironmentContent| match content {
            EnvironmentContent::Image(image) => Some(image.clone()),
            EnvironmentContent::Python(_) => None,
        };
        self.definition.environments.iter().filter_map(|wanted| of(&wanted.content)).collect()
    }

    /// The names of environments of packages that the center file asks for; none where that cannot be known.
    pub(super) async fn pinned(&self) -> Option<BTreeSet<String>> {
        let mut keys = BTreeSet::new();
        for wanted in &self.definition.environments {
            if let EnvironmentContent::Python(python) = &wanted.content {
                keys.insert(key_of(&normalized(python), self.tools().await.ok()?));
            }
        }
        Some(keys)
    }

    /// Builds those that the center file asks for, one after the other.
    pub async fn warm(self: &Arc<Self>) {
        for wanted in &self.definition.environments {
            let prepared = self.prepare(&wanted.content, None).await;
            let mut unready = self.unready.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            match prepared {
                Ok(_) => _ = unready.remove(&wanted.name),
                Err(why) => {
                    tracing::warn!(environment = wanted.name, "it cannot be kept ready: {}", why.reason);
                    unready.insert(wanted.name.clone(), why.reason);
                }
            }
        }
    }
}
