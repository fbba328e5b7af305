//! The one place that reads the wall clock.

use std::time::SystemTime;

use haina_core::Timestamp;

/// Now, in UTC microseconds.
pub fn now() -> Timestamp {
    to_timestamp(SystemTime::now())
}

/// A file system's time as a timestamp.
pub fn to_timestamp(time: SystemTime) -> Timestamp {
    let micros = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_micros()).map(|micros| -micros).unwrap_or(i64::MIN),
    };
    Timestamp(micros)
}
