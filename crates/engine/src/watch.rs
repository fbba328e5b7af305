//! Tells waiters that something happened to a file or in a directory; see inotify(7).
//!
//! One inotify instance serves the whole engine, because the kernel gives each user only a few. Where it gives none, or
//! no further watch, the waiter is woken four times a second instead. A wake says "look again", never what happened.

use std::collections::HashMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::readiness;

/// How often a waiter is woken where inotify is not to be had.
const FALLBACK: Duration = Duration::from_millis(250);

/// After a lock's file was closed, how long until the lock is surely free: the kernel announces the one before it does
/// the other.
const AFTER_CLOSE: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(500)];

/// The engine's watches.
pub struct Watcher {
    instance: Option<Arc<AsyncFd<OwnedFd>>>,
    watches: Mutex<Watches>,
    reader: Option<AbortHandle>,
}

#[derive(Default)]
struct Watches {
    by_number: HashMap<i32, Watched>,
    by_path: HashMap<PathBuf, i32>,
    next: u64,
}

struct Watched {
    path: PathBuf,
    waiters: Vec<Waiter>,
}

struct Waiter {
    id: u64,
    /// In a directory, the files that matter.
    names: &'static [&'static str],
    wake: Arc<Notify>,
}

/// A watch, which ends when this is dropped.
pub struct Subscription {
    watcher: Weak<Watcher>,
    number: Option<i32>,
    id: u64,
    fallback: Option<AbortHandle>,
}

impl Watcher {
    /// Starts watching. Needs the tokio runtime that it is called in.
    pub fn start() -> Arc<Watcher> {
        let instance = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
            .map_err(io::Error::from)
            .and_then(readiness::readable)
            .inspect_err(|error| tracing::warn!("inotify is not available, looking at intervals instead: {error}"))
            .ok()
            .map(Arc::new);
        Arc::new_cyclic(|watcher: &Weak<Watcher>| {
            let reading = instance.clone().map(|instance| tokio::spawn(read_events(instance, watcher.clone())));
            let reader = reading.map(|reading| reading.abort_handle());
            Watcher { instance, watches: Mutex::default(), reader }
        })
    }

    /// Wakes when one of the named files of a directory appears; for the one that is called `lock`, when a writer closes
    /// it.
    pub fn directory(
        self: &Arc<Self>,
        path: &Path,
        names: &'static [&'static str],
        wake: &Arc<Notify>,
    ) -> Subscription {
        self.watch(path, WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::CLOSE_WRITE, names, wake)
    }

    /// Wakes when a file grows.
    pub fn file(self: &Arc<Self>, path: &Path, wake: &Arc<Notify>) -> Subscription {
        self.watch(path, WatchFlags::MODIFY, &[], wake)
    }

    fn watch(
        self: &Arc<Self>,
        path: &Path,
        flags: WatchFlags,
        names: &'static [&'static str],
        wake: &Arc<Notify>,
    ) -> Subscription {
        let mut watches = self.lock();
        let id = watches.next;
        watches.next += 1;
        let number = self.add(&mut watches, path, flags);
        let waiter = Waiter { id, names, wake: wake.clone() };
        let fallback = match number {
            Some(number) => {
                watches.by_number.get_mut(&number).expect("just added").waiters.push(waiter);
                None
            }
            None => Some(tokio::spawn(wake_at_intervals(wake.clone())).abort_handle()),
        };
        Subscription { watcher: Arc::downgrade(self), number, id, fallback }
    }

    fn add(&self, watches: &mut Watches, path: &Path, flags: WatchFlags) -> Option<i32> {
        if let Some(number) = watches.by_path.get(path) {
            return Some(*number);
        }
        let number = inotify::add_watch(self.instance.as_ref()?.get_ref(), path, flags)
            .inspect_err(|error| tracing::warn!(path = %path.display(), "no watch, looking at intervals: {error}"))
            .ok()?;
        watches.by_path.insert(path.to_owned(), number);
        watches.by_number.insert(number, Watched { path: path.to_owned(), waiters: Vec::new() });
        Some(number)
    }

    fn remove(&self, number: i32, id: u64) {
        let mut watches = self.lock();
        let Some(watched) = watches.by_number.get_mut(&number) else { return };
        watched.waiters.retain(|waiter| waiter.id != id);
        if watched.waiters.is_empty() {
            let watched = watches.by_number.remove(&number).expect("just seen");
            watches.by_path.remove(&watched.path);
            if let Some(instance) = &self.instance {
                let _ = inotify::remove_watch(instance.get_ref(), number);
            }
        }
    }

    fn dispatch(&self, number: i32, flags: ReadFlags, name: Option<&str>) {
        let mut watches = self.lock();
        let watches = &mut *watches;
        if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
            // Events were lost: everybody looks again.
            let all = watches.by_number.values().flat_map(|watched| &watched.waiters);
            all.for_each(|waiter| waiter.wake.notify_one());
            return;
        }
        let Some(watched) = watches.by_number.get(&number) else { return };
        let is_lock = name == Some("lock");
        // What appears under its name is whole; that its writer closes it later tells nothing.
        let says_nothing = name.is_some() && is_lock != flags.contains(ReadFlags::CLOSE_WRITE);
        for waiter in watched.waiters.iter().filter(|_| !says_nothing) {
            if name.is_none_or(|name| waiter.names.contains(&name)) {
                waiter.wake.notify_one();
                if is_lock {
                    tokio::spawn(wake_later(waiter.wake.clone()));
                }
            }
        }
        if flags.contains(ReadFlags::IGNORED) {
            // The watched thing is gone; a new one of that path needs a new watch.
            let path = watched.path.clone();
            watches.by_path.remove(&path);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Watches> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if let Some(reader) = &self.reader {
            reader.abort();
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(fallback) = &self.fallback {
            fallback.abort();
        }
        if let (Some(watcher), Some(number)) = (self.watcher.upgrade(), self.number) {
            watcher.remove(number, self.id);
        }
    }
}

async fn wake_at_intervals(wake: Arc<Notify>) {
    loop {
        tokio::time::sleep(FALLBACK).await;
        wake.notify_one();
    }
}

async fn wake_later(wake: Arc<Notify>) {
    for length in AFTER_CLOSE {
        tokio::time::sleep(length).await;
        wake.notify_one();
    }
}

async fn read_events(instance: Arc<AsyncFd<OwnedFd>>, watcher: Weak<Watcher>) {
    let mut buffer = vec![MaybeUninit::uninit(); 16 << 10];
    while let Ok(mut ready) = instance.readable().await {
        let Some(watcher) = watcher.upgrade() else { return };
        let drained = ready.try_io(|instance| drain(instance.get_ref(), &mut buffer, &watcher));
        if let Ok(Err(error)) = drained {
            tracing::error!("reading inotify events: {error}");
            return;
        }
    }
}

/// Dispatches what is there; always ends in an error, `WouldBlock` if all is well.
fn drain(instance: &OwnedFd, buffer: &mut [MaybeUninit<u8>], watcher: &Watcher) -> io::Result<()> {
    let mut reader = Reader::new(instance, buffer);
    loop {
        match reader.next() {
            Ok(event) => {
                let name = event.file_name().map(|name| name.to_string_lossy());
                watcher.dispatch(event.wd(), event.events(), name.as_deref());
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
