//! Calendar months, in which books are kept.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::time::date;

/// The offset of the center's calendar from UTC: China Standard Time, without summer time.
pub const CALENDAR_OFFSET_US: i64 = 8 * 3_600_000_000;

/// A calendar month in China Standard Time (UTC+8): `2026-11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    /// As in the calendar.
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
}

impl Month {
    /// The month of a moment.
    pub fn of(at: Timestamp) -> Month {
        let (year, month, _) = date(at.0.saturating_add(CALENDAR_OFFSET_US));
        Month { year, month: month as u8 }
    }

    /// When it begins.
    pub fn begins(self) -> Timestamp {
        // Counted from 1 March of the year 0, as [`date`] does.
        let (year, month) = match self.month {
            3.. => (self.year, i64::from(self.month) - 3),
            _ => (self.year - 1, i64::from(self.month) + 9),
        };
        let days =
            365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5;
        Timestamp((days - 719_468) * 86_400_000_000 - CALENDAR_OFFSET_US)
    }

    /// The one after it.
    pub fn next(self) -> Month {
        match self.month {
            12 => Month { year: self.year + 1, month: 1 },
            month => Month { year: self.year, month: month + 1 },
        }
    }

    /// As one number that orders as months do: 202611.
    pub fn number(self) -> i64 {
        self.year * 100 + i64::from(self.month)
    }

    /// The month of such a number; none where it is none.
    pub fn of_number(number: i64) -> Option<Month> {
        let (year, month) = (number.div_euclid(100), u8::try_from(number.rem_euclid(100)).ok()?);
        (1..=12).contains(&month).then_some(Month { year, month })
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// A text that is no month.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a month such as 2026-11")]
pub struct BadMonth(String);

impl FromStr for Month {
    type Err = BadMonth;
    fn from_str(text: &str) -> Result<Month, BadMonth> {
        let bad = || BadMonth(text.to_owned());
        let (year, month) = text.split_once('-').ok_or_else(bad)?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if year.len() != 4 || month.len() != 2 || !digits(year) || !digits(month) {
            return Err(bad());
        }
        let number = year.parse::<i64>().map_err(|_| bad())? * 100 + month.parse::<i64>().map_err(|_| bad())?;
        Month::of_number(number).ok_or_else(bad)
    }
}

impl TryFrom<String> for Month {
    type Error = BadMonth;
    fn try_from(text: String) -> Result<Month, BadMonth> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> String {
        month.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_at_midnight_in_china() {
        for (text, begins) in [
            ("1970-01", "1969-12-31T16:00:00Z"),
            ("2000-03", "2000-02-29T16:00:00Z"),
            ("2026-11", "2026-10-31T16:00:00Z"),
            ("2100-03", "2100-02-28T16:00:00Z"),
        ] {
            let month: Month = text.parse().unwrap();
            assert_eq!((month.to_string().as_str(), month.begins().to_string().as_str()), (text, begins));
            assert_eq!(Month::of(month.begins()), month);
            assert_eq!(Month::of(Timestamp(month.begins().0 - 1)).next(), month);
            assert_eq!(Month::of_number(month.number()), Some(month));
        }
        for text in ["", "2026", "2026-13", "2026-00", "2026-1", "26-01", "2026-+1"] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }

    #[test]
    fn months_follow_each_other() {
        let mut month = Month { year: 1999, month: 12 };
        for _ in 0..2000 {
            let next = month.next();
            assert!(month.begins() < next.begins() && Month::of(Timestamp(next.begins().0 - 1)) == month);
            month = next;
        }
    }
}
