//! What the people outside remember: what they asked for and what they were told.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};

use super::plan::Planned;

/// The record of all drivers.
#[derive(Default)]
pub struct Record {
    /// What was told, and may be told only once.
    pub told: Mutex<Told>,
    /// Complaints that came up on the way.
    pub complaints: Mutex<Vec<String>>,
    /// Requests that change something and are not answered at the moment.
    pub in_flight: AtomicU64,
    /// Requests that change something and lost their connection before they were answered.
    pub broken: AtomicU64,
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
    pub cancelled: std::collections::BTreeSet<String>,
    /// Payments by reference: organization and amount in millionths.
    pub paid: BTreeMap<String, (usize, i128)>,
}

impl Record {
    /// Notes a complaint.
    pub fn complain(&self, complaint: String) {
        self.complaints.lock().expect("no driver panics").push(complaint);
    }

    /// Jobs and payments.
    pub fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().expect("no driver panics")
    }
}
