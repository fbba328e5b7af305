//! Fields of a line as quantities: what is negative or absurd is said so.

use haina_core::{CardMillis, Milliseconds};

use super::Complaint;

/// Ten years: no job and no trace is longer.
const LENGTH_MOST_MS: u64 = 10 * 366 * 24 * 3_600_000;
/// No machine has more.
const CARDS_MOST: u64 = 1_000_000;

/// A length in seconds, with at most three decimals kept: `66.0`.
pub fn seconds(text: &str) -> Result<Milliseconds, Complaint> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits_only(whole) || !digits_only(decimals) {
        return Err(Complaint::Unreadable);
    }
    let Ok(whole) = whole.parse::<u64>() else { return Err(Complaint::Absurd) };
    let padded: String = decimals.chars().chain("000".chars()).take(3).collect();
    let millis: u64 = padded.parse().expect("three digits");
    let length = whole.saturating_mul(1000).saturating_add(millis);
    match (negative && length > 0, length > LENGTH_MOST_MS) {
        (true, _) => Err(Complaint::Negative),
        (_, true) => Err(Complaint::Absurd),
        _ => Ok(Milliseconds(length)),
    }
}

/// A whole number; negative ones are said to be so.
pub fn whole(text: &str) -> Result<u64, Complaint> {
    let number: i64 = text.trim().parse().map_err(|_| Complaint::Unreadable)?;
    u64::try_from(number).map_err(|_| Complaint::Negative)
}

/// Whole cards, at least one.
pub fn cards(text: &str) -> Result<CardMillis, Complaint> {
    match whole(text)? {
        0 => Err(Complaint::WithoutCards),
        count if count > CARDS_MOST => Err(Complaint::Absurd),
        count => Ok(CardMillis::whole(count as u32)),
    }
}

/// `2017-10-09 07:01:55`, as a length since 1970.
pub fn moment(text: &str) -> Result<Milliseconds, Complaint> {
    let parse = || -> Option<u64> {
        let (date, time) = text.trim().split_once([' ', 'T'])?;
        let [year, month, day] = three(date, '-')?;
        let [hour, minute, second] = three(time, ':')?;
        let sound = (1970..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && minute < 60
            && second < 61;
        sound.then(|| ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
    };
    parse().map(Milliseconds::from_seconds).ok_or(Complaint::Unreadable)
}

fn three(text: &str, between: char) -> Option<[u64; 3]> {
    let mut parts = text.split(between).map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

/// Days since 1970-01-01 of the Gregorian calendar, with years that begin in March so that leap days are last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let of_years = 365 * year + year / 4 - year / 100 + year / 400;
    of_years + (153 * month + 2) / 5 + day - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_lengths_are_read() {
        assert_eq!(moment("1970-01-01 00:00:00"), Ok(Milliseconds(0)));
        assert_eq!(moment("2017-10-09 07:01:55"), Ok(Milliseconds(1_507_532_515_000)));
        assert_eq!(moment("2000-02-29 00:00:01"), Ok(Milliseconds(951_782_401_000)));
        for bad in ["", "yesterday", "2017-13-01 00:00:00", "2017-10-09", "2017-10-09 25:00:00"] {
            assert_eq!(moment(bad), Err(Complaint::Unreadable), "{bad}");
        }
        assert_eq!(seconds("66.0"), Ok(Milliseconds(66_000)));
        assert_eq!(seconds("0.0254"), Ok(Milliseconds(25)));
        assert_eq!(seconds("-1"), Err(Complaint::Negative));
        assert_eq!(seconds("99999999999"), Err(Complaint::Absurd));
        assert_eq!(seconds("99999999999999999999999"), Err(Complaint::Absurd));
        for bad in ["", ".", "1e3", "NaN", "1.5.2", "--1"] {
            assert_eq!(seconds(bad), Err(Complaint::Unreadable), "{bad}");
        }
        assert_eq!(cards("0"), Err(Complaint::WithoutCards));
        assert_eq!(cards("-4"), Err(Complaint::Negative));
        assert_eq!(cards("2000000"), Err(Complaint::Absurd));
    }
}
