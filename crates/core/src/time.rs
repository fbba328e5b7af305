//! Time as the core sees it: integers handed in from outside. Nothing here reads a clock.

use std::fmt;
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

impl Timestamp {
    /// The calendar year in China Standard Time (UTC+8, without summer time).
    pub fn year(self) -> i64 {
        crate::Month::of(self).year
    }
}

/// As RFC 3339 to the second, in UTC: `2026-11-30T23:09:13Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.0);
        let second = self.0.div_euclid(1_000_000).rem_euclid(86_400);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// Year, month and day of a moment in microseconds since 1970, in the calendar of ISO 8601.
pub(crate) fn date(micros: i64) -> (i64, i64, i64) {
    // Counted from 1 March of the year 0, so that a leap day is a year's last; 146,097 days are 400 years.
    let days = micros.div_euclid(86_400_000_000) + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = (era * 400 + year, if month < 10 { month + 3 } else { month - 9 });
    (year + i64::from(month <= 2), month, day)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shown_as_dates() {
        let shown = [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_796_080_153, "2026-11-30T23:09:13Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ];
        for (seconds, text) in shown {
            assert_eq!(Timestamp(seconds * 1_000_000).to_string(), text);
        }
        // The last 8 hours of a year in UTC are the next year in China.
        assert_eq!(Timestamp(1_798_732_799_000_000).to_string(), "2026-12-31T15:59:59Z");
        assert_eq!(Timestamp(1_798_732_799_000_000).year(), 2026);
        assert_eq!(Timestamp(1_798_732_800_000_000).year(), 2027);
    }
}
