//! Money: an exact integer of millionths of a currency unit, with the currency's code.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An ISO 4217 code: three capital letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// The yuan, a center's usual currency.
    pub const CNY: Currency = Currency(*b"CNY");

    /// The three letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency code is ASCII")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A text that is no amount or no currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMoney {
    /// Not three capital letters.
    #[error("`{0}` is not a currency code of three capital letters")]
    Currency(String),
    /// Not a decimal number with at most six decimals, or outside the range of ±10^30 millionths.
    #[error("`{0}` is not an amount with at most six decimals")]
    Amount(String),
}

impl FromStr for Currency {
    type Err = BadMoney;
    fn from_str(text: &str) -> Result<Self, BadMoney> {
        match text.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Currency([a, b, c])),
            _ => Err(BadMoney::Currency(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = BadMoney;
    fn try_from(text: String) -> Result<Self, BadMoney> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.code().to_owned()
    }
}

/// An amount of money. Written and serialized as `12.500000 CNY`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Money {
    /// Millionths of the currency's unit.
    pub micros: i128,
    /// The currency. Amounts of different currencies never meet.
    pub currency: Currency,
}

impl Money {
    /// Nothing.
    pub const fn zero(currency: Currency) -> Money {
        Money { micros: 0, currency }
    }

    /// So many whole units.
    pub const fn units(units: i64, currency: Currency) -> Money {
        Money { micros: units as i128 * 1_000_000, currency }
    }

    /// The sum; `None` on overflow.
    ///
    /// # Panics
    /// Where the currencies differ: a center has one currency, so that is a defect, not an input.
    pub fn checked_add(self, other: Money) -> Option<Money> {
        assert_eq!(self.currency, other.currency, "amounts of different currencies never meet");
        Some(Money { micros: self.micros.checked_add(other.micros)?, currency: self.currency })
    }

    /// The difference; `None` on overflow. Panics like [`Money::checked_add`].
    pub fn checked_sub(self, other: Money) -> Option<Money> {
        self.checked_add(Money { micros: other.micros.checked_neg()?, currency: other.currency })
    }

    /// The amount without its currency, with six decimals: `12.500000`.
    pub fn amount(self) -> String {
        let sign = if self.micros < 0 { "-" } else { "" };
        let micros = self.micros.unsigned_abs();
        format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }

    /// Reads `12.5` with the currency given.
    pub fn parse_amount(text: &str, currency: Currency) -> Result<Money, BadMoney> {
        let bad = || BadMoney::Amount(text.to_owned());
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > 24 || fraction.len() > 6 || !plain(whole) || !plain(fraction) {
            return Err(bad());
        }
        let whole: i128 = whole.parse().map_err(|_| bad())?;
        let fraction: i128 = format!("{fraction:0<6}").parse().map_err(|_| bad())?;
        let micros = whole * 1_000_000 + fraction;
        Ok(Money { micros: if negative { -micros } else { micros }, currency })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Money {
    type Err = BadMoney;
    fn from_str(text: &str) -> Result<Self, BadMoney> {
        let (amount, currency) = text.split_once(' ').ok_or_else(|| BadMoney::Amount(text.to_owned()))?;
        Money::parse_amount(amount, currency.parse()?)
    }
}

impl TryFrom<String> for Money {
    type Error = BadMoney;
    fn try_from(text: String) -> Result<Self, BadMoney> {
        text.parse()
    }
}

impl From<Money> for String {
    fn from(money: Money) -> String {
        money.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_back_as_it_is_written() {
        for text in ["0.000000 CNY", "12.500000 CNY", "-0.000001 CNY", "1000000000000.000000 CNY"] {
            assert_eq!(text.parse::<Money>().unwrap().to_string(), text);
        }
        for text in ["", "1", "1 cny", "1.0000001 CNY", "+1 CNY", "1e3 CNY", ". CNY", "NaN CNY"] {
            assert!(text.parse::<Money>().is_err(), "{text}");
        }
    }
}
