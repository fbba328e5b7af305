//! Numbers and quantities as people write them, taken exactly or refused with the field's name.

use haina_core::{Phrase, both};
use std::fmt;

use haina_core::quantity::CARD_USE_PER_CARD_HOUR;
use haina_core::{Bytes, CardMillis, CardUse, CpuMillis, Milliseconds, Refusal};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Any number, in range or not: what is wrong with it is said with the field's name, not by the parser.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole one.
    Whole(i128),
    /// Any other.
    Real(f64),
}

/// A number or a text such as `8GiB` or `90m`.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantity {
    /// A bare number, in the field's own unit.
    Number(Number),
    /// A number with a unit.
    Text(String),
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Whole(value) => value.fmt(f),
            Number::Real(value) => value.fmt(f),
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Quantity::Number(number) => number.fmt(f),
            Quantity::Text(text) => f.write_str(text),
        }
    }
}

impl From<u32> for Number {
    fn from(value: u32) -> Number {
        Number::Whole(value.into())
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Number {
        Number::Real(value)
    }
}

impl From<&str> for Quantity {
    fn from(text: &str) -> Quantity {
        Quantity::Text(text.to_owned())
    }
}

impl Number {
    /// The number as a whole one of the type asked for.
    ///
    /// # Errors
    /// `invalid_value` with the field and the rule.
    pub fn whole<T: TryFrom<i128>>(self, field: &str, rule: Phrase) -> Result<T, Refusal> {
        let value = self.thousandths().filter(|value| value % 1000 == 0).map(|value| value / 1000);
        value.and_then(|value| T::try_from(value).ok()).ok_or_else(|| Refusal::invalid_value(field, self, rule))
    }

    /// The number in thousandths; none if it has more than three decimals, is no number or too large.
    fn thousandths(self) -> Option<i128> {
        match self {
            Number::Whole(value) => value.checked_mul(1000),
            Number::Real(value) => scaled(&value.to_string(), 3),
        }
    }

    /// Cards, in steps of a thousandth.
    pub(crate) fn cards(self, field: &str) -> Result<CardMillis, Refusal> {
        let millis = self.thousandths().and_then(|millis| u32::try_from(millis).ok());
        let rule = both(
            "a whole number up to 64, or a fraction below 1 in steps of 0.001",
            "不超过 64 的整数，或以 0.001 为步长、小于 1 的小数",
        );
        millis.map(CardMillis).ok_or_else(|| Refusal::invalid_value(field, self, rule))
    }

    /// How many cards an organization may hold, in steps of a thousandth.
    pub(crate) fn card_limit(self, field: &str) -> Result<CardMillis, Refusal> {
        let millis = self.thousandths().and_then(|millis| u32::try_from(millis).ok());
        let rule =
            both("a number of cards from 0 to 4000000, in steps of 0.001", "0 到 4000000 之间的卡数，步长 0.001");
        millis.map(CardMillis).ok_or_else(|| Refusal::invalid_value(field, self, rule))
    }

    /// By how much an organization takes part in what is divided.
    pub(crate) fn weight(self, field: &str) -> Result<u32, Refusal> {
        self.whole(field, both("a whole number from 1 to 1,000,000", "1 到 1,000,000 之间的整数"))
    }

    /// Processor cores, in steps of a thousandth.
    pub(crate) fn cpus(self, field: &str) -> Result<CpuMillis, Refusal> {
        let millis = self.thousandths().and_then(|millis| u64::try_from(millis).ok());
        let rule = both("a number from 0 to 65536, in steps of 0.001", "0 到 65536 之间的数，步长 0.001");
        millis.map(CpuMillis).ok_or_else(|| Refusal::invalid_value(field, self, rule))
    }
}

impl Quantity {
    /// A size in bytes.
    pub(crate) fn bytes(&self, field: &str) -> Result<Bytes, Refusal> {
        let bytes = match self {
            Quantity::Number(number) => {
                number.thousandths().filter(|value| value % 1000 == 0).map(|value| value / 1000)
            }
            Quantity::Text(text) => sized(text),
        };
        let rule = both(
            "bytes, or a size up to 1024TiB with its unit, such as `512MiB` or `8GiB`",
            "字节数，或带单位且不超过 1024TiB 的大小，例如 `512MiB`、`8GiB`",
        );
        let fits = bytes.and_then(|bytes| u64::try_from(bytes).ok());
        fits.map(Bytes).ok_or_else(|| Refusal::invalid_value(field, self, rule))
    }

    /// A length of time; a bare number is seconds.
    pub(crate) fn length(&self, field: &str) -> Result<Milliseconds, Refusal> {
        let ms = match self {
            Quantity::Number(number) => number.thousandths(),
            Quantity::Text(text) => length_ms(text),
        };
        let rule = both(
            "seconds, or a length with its units, such as `90m`, `2h` or `1h30m`",
            "秒数，或带单位的时长，例如 `90m`、`2h`、`1h30m`",
        );
        let fits = ms.and_then(|ms| u64::try_from(ms).ok());
        fits.map(Milliseconds).ok_or_else(|| Refusal::invalid_value(field, self, rule))
    }

    /// The decimal text of an amount of money.
    pub fn amount(&self) -> String {
        self.to_string()
    }
}

/// A plain decimal number times 10^`decimals`; none if it has more decimals, is no such number or too large.
fn scaled(text: &str, decimals: usize) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 30 || fraction.len() > decimals || !plain(whole) || !plain(fraction) {
        return None;
    }
    let zeros = "0".repeat(decimals - fraction.len());
    Some(sign * format!("{whole}{fraction}{zeros}").parse::<i128>().ok()?)
}

fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

fn sized(text: &str) -> Option<i128> {
    let (number, unit) = split_unit(text.trim());
    let factor: i128 = match unit {
        "B" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    Some(scaled(number, 6)?.checked_mul(factor)? / 1_000_000)
}

fn length_ms(text: &str) -> Option<i128> {
    let mut rest = text.trim();
    let mut total: i128 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, tail) = split_unit(rest);
        let end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let unit_ms: i128 = match &tail[..end] {
            "ms" => 1,
            "s" => 1000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        total = total.checked_add(scaled(number, 3)?.checked_mul(unit_ms)? / 1000)?;
        rest = tail[end..].trim_start();
    }
    Some(total)
}

/// Cards as a JSON number.
pub fn show_cards(cards: CardMillis) -> f64 {
    f64::from(cards.0) / 1000.0
}

/// Card-hours with six decimals, rounded to the nearest.
pub fn show_card_hours(used: CardUse) -> String {
    let unit = u128::from(CARD_USE_PER_CARD_HOUR);
    let millionths = (u128::from(used.0) * 1_000_000 + unit / 2) / unit;
    format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Number, E> {
        Ok(Number::Whole(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Number, E> {
        Ok(Number::Whole(value.into()))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Number, E> {
        Ok(Number::Whole(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Number, E> {
        Ok(Number::Real(value))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Number, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Number::Whole(value) => match (i64::try_from(*value), u64::try_from(*value)) {
                (Ok(value), _) => serializer.serialize_i64(value),
                (_, Ok(value)) => serializer.serialize_u64(value),
                _ => serializer.serialize_f64(*value as f64),
            },
            Number::Real(value) => serializer.serialize_f64(*value),
        }
    }
}

struct QuantityVisitor;

impl Visitor<'_> for QuantityVisitor {
    type Value = Quantity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a text with a number and its unit")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Quantity, E> {
        Ok(Quantity::Number(Number::Whole(value.into())))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Quantity, E> {
        Ok(Quantity::Number(Number::Whole(value.into())))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Quantity, E> {
        Ok(Quantity::Number(Number::Whole(value)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Quantity, E> {
        Ok(Quantity::Number(Number::Real(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Quantity, E> {
        Ok(Quantity::Text(value.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Quantity, D::Error> {
        deserializer.deserialize_any(QuantityVisitor)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Quantity::Number(number) => number.serialize(serializer),
            Quantity::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl PartialSchema for Quantity {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .item(ObjectBuilder::new().schema_type(Type::Number).minimum(Some(0)))
            .item(ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9]")))
            .description(Some("A number in the field's own unit, or a text with a number and its unit."))
            .into()
    }
}

impl ToSchema for Quantity {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_taken_exactly_or_refused() {
        for (number, millis) in [(Number::Whole(8), 8000), (Number::Real(0.5), 500), (Number::Real(0.001), 1)] {
            assert_eq!(number.cards("cards"), Ok(CardMillis(millis)), "{number}");
        }
        for number in [Number::Whole(-1), Number::Real(0.0001), Number::Real(1e30), Number::Real(f64::NAN)] {
            let refusal = number.cards("cards").unwrap_err();
            assert_eq!((refusal.code.word(), &*refusal.values["field"]), ("invalid_value", "cards"), "{number}");
        }
    }

    #[test]
    fn sizes_have_units() {
        let size = |text: &str| Quantity::from(text).bytes("memory").ok().map(|bytes| bytes.0);
        assert_eq!(size("8GiB"), Some(8 << 30));
        assert_eq!(size("1.5 KiB"), Some(1536));
        assert_eq!(size("5GB"), Some(5_000_000_000));
        for wrong in ["", "8", "8G", "GiB", "-1GiB", "99999999999999TiB", "1e3MiB", "8GiBx", "1.GiB.5"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
        assert_eq!(Quantity::Number(Number::Whole(4096)).bytes("memory"), Ok(Bytes(4096)));
        assert!(Quantity::Number(Number::Real(0.5)).bytes("memory").is_err());
    }

    #[test]
    fn lengths_have_units_or_are_seconds() {
        let ms = |text: &str| Quantity::from(text).length("time_limit").ok().map(|length| length.0);
        assert_eq!(ms("90m"), Some(5_400_000));
        assert_eq!(ms("1h30m"), Some(5_400_000));
        assert_eq!(ms("1d 2h"), Some(93_600_000));
        assert_eq!(ms("1.5h"), Some(5_400_000));
        assert_eq!(ms("250ms"), Some(250));
        for wrong in ["", "10", "h", "-1h", "1y", "1h-1m", "999999999999999999999d"] {
            assert_eq!(ms(wrong), None, "{wrong}");
        }
        assert_eq!(Quantity::Number(Number::Real(0.25)).length("time_limit"), Ok(Milliseconds(250)));
        assert!(Quantity::Number(Number::Whole(-1)).length("time_limit").is_err());
    }

    #[test]
    fn card_hours_are_decimal() {
        assert_eq!(show_card_hours(CardUse(CARD_USE_PER_CARD_HOUR)), "1.000000");
        assert_eq!(show_card_hours(CardUse(CARD_USE_PER_CARD_HOUR / 3)), "0.333333");
    }
}
