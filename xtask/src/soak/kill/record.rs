//! What the people outside remember: what they asked for and what they were told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Instant;

use super::plan::Planned;

/// The record of all drivers.
#[derive(Default)]
pub struct Record {
    /// What was told, and may be told only once.
    pub told: Mutex<Told>,
    /// Complaints that came up on the way.
    pub complaints: Mutex<Vec<String>>,
    /// Requests that change something and lost their connection before they were answered: when each was sent,
    /// and when it was cut off.
    pub cut_off: Mutex<Vec<(Instant, Instant)>>,
    /// Requests that were answered, with whatever.
    pub answered: AtomicU64,
    /// Refused for now: 503.
    pub unavailable: AtomicU64,
    /// Requests that were repeated under their key.
    pub repeated: AtomicU64,
    /// Requests to cancel that were accepted.
    pub cancels: AtomicU64,
    /// Too much waits: nobody submits for the moment.
    pub pause: AtomicBool,
    /// The test is over: nobody submits any more.
    pub stop: AtomicBool,
    /// The test has failed: nobody waits for an answer any more.
    pub abandoned: AtomicBool,
}

/// Jobs and payments.
#[derive(Default)]
pub struct Told {
    /// By id: what was planned.
    pub jobs: BTreeMap<String, Planned>,
    /// Names of jobs that were submitted without a key and never answered: each may be there once, or not.
    pub unknown: BTreeMap<String, Planned>,
    /// Jobs that somebody asked to cancel, whether it was answered or not.
    pub cancelled: BTreeSet<String>,
    /// Jobs that others wanted to wait for, and were told that these have not succeeded.
    pub unsuccessful: BTreeSet<String>,
    /// Payments by reference: organization and amount in millionths.
    pub paid: BTreeMap<String, (usize, i128)>,
}

impl Record {
    /// Notes a complaint.
    pub fn complain(&self, complaint: String) {
        self.complaints.lock().expect("no driver panics").push(complaint);
    }

    /// Notes a request that was sent and lost its connection.
    pub fn was_cut_off(&self, sent: Instant) {
        self.cut_off.lock().expect("no driver panics").push((sent, Instant::now()));
    }

    /// Requests that were sent before a server was `killed` and cut off after. What somebody sends on a connection that is
    /// dead already, of this server or of one before it, fails at once: that is no work that was interrupted.
    pub fn cut_off_at(&self, killed: Instant) -> usize {
        let cut_off = self.cut_off.lock().expect("no driver panics");
        cut_off.iter().filter(|(sent, cut_off)| *sent < killed && *cut_off >= killed).count()
    }

    /// Jobs and payments.
    pub fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().expect("no driver panics")
    }
}
