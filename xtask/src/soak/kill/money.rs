//! Money and time as the interface shows them, as exact integers. Computed here anew, with nothing of the center's code.

use anyhow::Context;
use serde_json::Value;

/// Millionths of an amount with six decimals: `-12.500000`.
///
/// # Errors
/// Where the text is no such number.
pub fn micros(amount: &Value) -> anyhow::Result<i128> {
    let text = amount["amount"].as_str().with_context(|| format!("no amount in {amount}"))?;
    let (whole, decimals) = text.split_once('.').with_context(|| text.to_owned())?;
    anyhow::ensure!(decimals.len() == 6, "{text} has six decimals");
    let magnitude: i128 = format!("{}{decimals}", whole.trim_start_matches('-')).parse()?;
    Ok(if whole.starts_with('-') { -magnitude } else { magnitude })
}

/// Microseconds of a moment in UTC: `2026-01-31T08:00:00.123456Z`.
///
/// # Errors
/// Where the text is no such moment.
pub fn microseconds(moment: &Value) -> anyhow::Result<i64> {
    let text = moment.as_str().with_context(|| format!("{moment} is no moment"))?;
    let parsed = || -> Option<i64> {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let mut date = date.split('-').map(|part| part.parse::<i64>().ok());
        let (year, month, day) = (date.next()??, date.next()??, date.next()??);
        let (time, decimals) = time.split_once('.').unwrap_or((time, "0"));
        let mut time = time.split(':').map(|part| part.parse::<i64>().ok());
        let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
        let fraction: i64 = format!("{decimals:0<6}").get(..6)?.parse().ok()?;
        let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
        Some(seconds * 1_000_000 + fraction)
    };
    parsed().with_context(|| format!("{text} is no moment"))
}

/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": days_from_civil.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// What cards cost for a time: price × cards × time, rounded down to a millionth once.
pub fn charge(price_micros_per_card_hour: i128, card_millis: i128, milliseconds: i128) -> i128 {
    price_micros_per_card_hour * card_millis * milliseconds / (1000 * 3_600_000)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn moments_and_amounts_are_read_exactly() {
        assert_eq!(microseconds(&json!("1970-01-02T00:00:01.5Z")).unwrap(), 86_401_500_000);
        assert_eq!(microseconds(&json!("2026-11-24T01:02:03.000004Z")).unwrap(), 1_795_482_123_000_004);
        assert_eq!(microseconds(&json!("2024-02-29T00:00:00Z")).unwrap(), 1_709_164_800_000_000);
        assert_eq!(micros(&json!({ "amount": "-0.000001" })).unwrap(), -1);
        assert_eq!(micros(&json!({ "amount": "12.500000" })).unwrap(), 12_500_000);
    }

    #[test]
    fn half_a_card_for_ten_minutes_at_twelve_is_one() {
        assert_eq!(charge(12_000_000, 500, 600_000), 1_000_000);
    }
}
