//! Lengths and moments as Slurm writes them.

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, ToSpan, ZonedDateTime};

/// Seconds of a time limit: `minutes`, `minutes:seconds`, `hours:minutes:seconds`, `days-hours`, `days-hours:minutes` or
/// `days-hours:minutes:seconds`. 0 where there is to be none.
pub fn limit(text: &str) -> Option<u64> {
    if ["infinite", "unlimited", "-1"].contains(&text.to_lowercase().as_str()) {
        return Some(0);
    }
    let (days, rest) = text.split_once('-').map_or((None, text), |(days, rest)| (Some(days), rest));
    let number = |text: &str| -> Option<u64> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| is_number)
    };
    let parts = if rest.is_empty() && days.is_some() {
        Vec::new()
    } else {
        rest.split(':').map(number).collect::<Option<Vec<u64>>>()?
    };
    let (hours, minutes, seconds) = match (days, &parts[..]) {
        (Some(_), []) => (0, 0, 0),
        (Some(_), &[hours]) => (hours, 0, 0),
        (Some(_), &[hours, minutes]) => (hours, minutes, 0),
        (None, &[minutes]) => (0, minutes, 0),
        (None, &[minutes, seconds]) => (0, minutes, seconds),
        (_, &[hours, minutes, seconds]) => (hours, minutes, seconds),
        _ => return None,
    };
    let days = days.map_or(Some(0), number)?;
    let all = days.checked_mul(24)?.checked_add(hours)?.checked_mul(60)?.checked_add(minutes)?;
    all.checked_mul(60)?.checked_add(seconds)
}

/// The moment of `--begin`, in the time zone of `now`: `now+2hours`, `16:00`, `2030-01-20T12:34:00`, `1/20/30`, `012030`,
/// `today`, `tomorrow`, `midnight`, `noon`, `fika`, `teatime`.
pub fn begin(text: &str, now: &ZonedDateTime) -> Option<ZonedDateTime> {
    let text = text.to_lowercase();
    if let Some(rest) = text.strip_prefix("now") {
        return if rest.is_empty() { Some(now.clone()) } else { now.checked_add(later(rest.strip_prefix('+')?)?).ok() };
    }
    match text.as_str() {
        "today" => return Some(now.clone()),
        "tomorrow" => return now.checked_add(1.day()).ok()?.start_of_day().ok(),
        _ => {}
    }
    if let Some(time) = time_of_day(&text) {
        let today = now.date().to_datetime(time).to_zoned_datetime(now.time_zone().clone()).ok()?;
        // What is past today is meant for tomorrow.
        return if today < *now { today.checked_add(1.day()).ok() } else { Some(today) };
    }
    let (date, time) = text.split_once(['t', '-']).filter(|(date, _)| date.len() > 4).unwrap_or((&text, ""));
    let (date, time) = match text.split_once('t') {
        Some(parts) => parts,
        None if text.matches('-').count() == 2 => (&*text, ""),
        None => (date, time),
    };
    let time = if time.is_empty() { Time::MIN } else { time_of_day(time)? };
    DateTime::from_parts(day(date, now)?, time).to_zoned_datetime(now.time_zone().clone()).ok()
}

fn later(text: &str) -> Option<SignedDuration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(digits);
    let seconds = match unit.trim_end_matches('s') {
        "" | "second" | "sec" => 1,
        "minute" | "min" => 60,
        "hour" => 3600,
        "day" => 86_400,
        "week" => 604_800,
        _ => return None,
    };
    count.parse::<i64>().ok()?.checked_mul(seconds).map(SignedDuration::from_secs)
}

fn time_of_day(text: &str) -> Option<Time> {
    match text {
        "midnight" => return Some(Time::MIN),
        "noon" => return Time::new(12, 0, 0, 0).ok(),
        "fika" => return Time::new(15, 0, 0, 0).ok(),
        "teatime" => return Time::new(16, 0, 0, 0).ok(),
        _ => {}
    }
    let (text, after_noon) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(text), _) => (text, Some(false)),
        (_, Some(text)) => (text, Some(true)),
        _ => (text, None),
    };
    let mut parts = text.split(':').map(|part| part.parse::<i8>().ok());
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    let hour = match after_noon {
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(after_noon) => hour % 12 + if after_noon { 12 } else { 0 },
        None => hour,
    };
    if parts.next().is_some() { None } else { Time::new(hour, minute, second, 0).ok() }
}

/// `YYYY-MM-DD`, `MM/DD[/YY]` or `MMDDYY`.
fn day(text: &str, now: &ZonedDateTime) -> Option<Date> {
    let year = |short: i16| if short < 100 { 2000 + short } else { short };
    if text.contains('-') {
        return text.parse().ok();
    }
    if text.contains('/') {
        let parts: Vec<i16> = text.split('/').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        return match parts[..] {
            [month, day] => Date::new(now.year(), month.try_into().ok()?, day.try_into().ok()?).ok(),
            [month, day, short] => Date::new(year(short), month.try_into().ok()?, day.try_into().ok()?).ok(),
            _ => None,
        };
    }
    let is_compact = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    let pair = |at: usize| text[at..at + 2].parse::<i8>().ok();
    if is_compact { Date::new(year(pair(4)?.into()), pair(0)?, pair(2)?).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_time_limit() {
        for (text, seconds) in [
            ("90", Some(90 * 60)),
            ("1:30", Some(90)),
            ("0:30", Some(30)),
            ("1:2:3", Some(3723)),
            ("1-2", Some(26 * 3600)),
            ("1-", Some(86_400)),
            ("1-2:3", Some(26 * 3600 + 180)),
            ("1-2:3:4", Some(26 * 3600 + 184)),
            ("0", Some(0)),
            ("UNLIMITED", Some(0)),
            ("-1", Some(0)),
            ("10:00:00:00", None),
            ("1h", None),
            ("", None),
            ("1.5", None),
            ("-", None),
        ] {
            assert_eq!(limit(text), seconds, "{text}");
        }
    }

    #[test]
    fn every_form_of_a_begin() {
        let now: ZonedDateTime = "2026-01-31T08:00:00+08:00[+08:00]".parse().unwrap();
        for (text, moment) in [
            ("now", Some("2026-01-31T08:00:00")),
            ("now+60", Some("2026-01-31T08:01:00")),
            ("now+1hour", Some("2026-01-31T09:00:00")),
            ("now+2days", Some("2026-02-02T08:00:00")),
            ("16:00", Some("2026-01-31T16:00:00")),
            ("07:30", Some("2026-02-01T07:30:00")),
            ("7:30pm", Some("2026-01-31T19:30:00")),
            ("12:10am", Some("2026-02-01T00:10:00")),
            ("noon", Some("2026-01-31T12:00:00")),
            ("midnight", Some("2026-02-01T00:00:00")),
            ("teatime", Some("2026-01-31T16:00:00")),
            ("tomorrow", Some("2026-02-01T00:00:00")),
            ("2030-01-20", Some("2030-01-20T00:00:00")),
            ("2030-01-20T12:34", Some("2030-01-20T12:34:00")),
            ("2030-01-20T12:34:05", Some("2030-01-20T12:34:05")),
            ("1/20/30", Some("2030-01-20T00:00:00")),
            ("012030", Some("2030-01-20T00:00:00")),
            ("soon", None),
            ("25:00", None),
            ("now+1fortnight", None),
            ("2030-02-30", None),
        ] {
            let expected = moment.map(|text| text.parse::<DateTime>().unwrap());
            assert_eq!(begin(text, &now).map(|at| at.datetime()), expected, "{text}");
        }
    }
}
