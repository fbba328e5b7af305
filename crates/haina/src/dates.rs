//! Moments as people type them: a date, or a whole moment.

use anyhow::{Context, Result};
use haina_api::Moment;
use haina_core::Timestamp;

use crate::language::say;

/// This moment, by this machine's clock.
pub fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_microsecond())
}

/// When a date begins in this machine's time zone, or a moment with its offset.
pub fn beginning(text: &str) -> Result<Moment> {
    moment(text, 0)
}

/// When a date is over in this machine's time zone, or a moment with its offset.
pub fn end(text: &str) -> Result<Moment> {
    moment(text, 1)
}

fn moment(text: &str, days_later: i64) -> Result<Moment> {
    if let Ok(moment) = text.parse::<Moment>() {
        return Ok(moment);
    }
    let rule = || {
        say(
            format!("`{text}` is neither a date such as 2027-06-30 nor a moment such as 2027-06-30T18:00:00+08:00"),
            format!("`{text}` 既不是日期（如 2027-06-30），也不是带时区的时刻（如 2027-06-30T18:00:00+08:00）"),
        )
    };
    let date: jiff::civil::Date = text.parse().with_context(rule)?;
    let date = date.checked_add(jiff::Span::new().days(days_later)).with_context(rule)?;
    let midnight = jiff::tz::TimeZone::system().to_timestamp(date.at(0, 0, 0, 0)).with_context(rule)?;
    Ok(Moment(Timestamp(midnight.as_microsecond())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_day_long() {
        let (beginning, end) = (beginning("2027-06-30").unwrap(), end("2027-06-30").unwrap());
        assert_eq!(end.seconds_since(beginning), 86_400.0);
        let whole = super::end("2027-06-30T18:00:00+08:00").unwrap();
        assert_eq!(whole.to_string(), "2027-06-30T10:00:00Z");
        assert!(super::end("soon").is_err());
    }
}
