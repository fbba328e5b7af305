//! Time as the core sees it: integers handed in from outside. Nothing here reads a clock.

use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// A moment: UTC microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// A length of time in milliseconds; never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Milliseconds(pub u64);

impl Timestamp {
    /// Whole milliseconds from `earlier` to here; zero where `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Milliseconds {
        Milliseconds(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0) / 1000)
    }
}

impl Milliseconds {
    /// So many seconds.
    pub const fn from_seconds(seconds: u64) -> Self {
        Milliseconds(seconds * 1000)
    }

    fn micros(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX / 1000).saturating_mul(1000)
    }
}

impl Add<Milliseconds> for Timestamp {
    type Output = Timestamp;
    fn add(self, length: Milliseconds) -> Timestamp {
        Timestamp(self.0.saturating_add(length.micros()))
    }
}

impl Sub<Milliseconds> for Timestamp {
    type Output = Timestamp;
    fn sub(self, length: Milliseconds) -> Timestamp {
        Timestamp(self.0.saturating_sub(length.micros()))
    }
}

impl Add for Milliseconds {
    type Output = Milliseconds;
    fn add(self, other: Milliseconds) -> Milliseconds {
        Milliseconds(self.0.saturating_add(other.0))
    }
}
