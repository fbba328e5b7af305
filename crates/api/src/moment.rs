//! Moments as RFC 3339 text.

use haina_core::both;
use std::fmt;
use std::str::FromStr;

use haina_core::{Refusal, Timestamp};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A moment, shown in UTC with microseconds where there are any: `2026-01-31T08:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Timestamp);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let furthest = if self.0.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        jiff::Timestamp::from_microsecond(self.0.0).unwrap_or(furthest).fmt(f)
    }
}

impl FromStr for Moment {
    type Err = jiff::Error;
    fn from_str(text: &str) -> Result<Moment, jiff::Error> {
        Ok(Moment(Timestamp(text.parse::<jiff::Timestamp>()?.as_microsecond())))
    }
}

impl Moment {
    /// Seconds from `earlier` to here; negative where `earlier` is later.
    pub fn seconds_since(self, earlier: Moment) -> f64 {
        (self.0.0 as f64 - earlier.0.0 as f64) / 1e6
    }

    /// The first whole second that is not before this: for what happens by then at the latest.
    pub fn rounded_up(self) -> Moment {
        Moment(Timestamp(self.0.0.saturating_add(999_999).div_euclid(1_000_000) * 1_000_000))
    }

    /// The moment in a field.
    ///
    /// # Errors
    /// `invalid_value` with the field and the rule.
    pub fn of_field(text: &str, field: &str) -> Result<Moment, Refusal> {
        let rule = both(
            "a moment with its offset from UTC, such as `2026-01-31T08:00:00+08:00`",
            "带时区的时刻，例如 `2026-01-31T08:00:00+08:00`",
        );
        text.parse().map_err(|error| Refusal::invalid_value(field, text, rule).because(error))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Moment, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("A moment as RFC 3339 text."))
            .into()
    }
}

impl ToSchema for Moment {}

/// Reads a moment's text, whether it is written as text or as TOML's own date and time.
pub fn text_or_datetime<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    struct Text;

    impl<'de> Visitor<'de> for Text {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a date and time")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Option<String>, E> {
            Ok(Some(text.to_owned()))
        }

        fn visit_unit<E: Error>(self) -> Result<Option<String>, E> {
            Ok(None)
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<String>, A::Error> {
            let datetime = toml::value::Datetime::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
            Ok(Some(datetime.to_string()))
        }
    }

    deserializer.deserialize_any(Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_by_a_moment_happens_by_the_next_whole_second() {
        for (text, shown) in [
            ("2026-01-31T08:00:00Z", "2026-01-31T08:00:00Z"),
            ("2026-01-31T08:00:00.000001Z", "2026-01-31T08:00:01Z"),
            ("1969-12-31T23:59:58.5Z", "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(text.parse::<Moment>().unwrap().rounded_up().to_string(), shown);
        }
    }

    #[test]
    fn moments_read_back_as_they_are_shown() {
        for text in ["1970-01-01T00:00:00Z", "2026-01-31T08:00:00.000001Z"] {
            assert_eq!(text.parse::<Moment>().unwrap().to_string(), text);
        }
        assert_eq!("2026-01-31T08:00:00+08:00".parse::<Moment>().unwrap().to_string(), "2026-01-31T00:00:00Z");
        for wrong in ["", "tomorrow", "2026-01-31", "2026-01-31T08:00:00", "2026-13-01T00:00:00Z"] {
            assert!(wrong.parse::<Moment>().is_err(), "{wrong}");
        }
        assert!(Moment(Timestamp(i64::MAX)).to_string().starts_with("9999"));
    }
}
