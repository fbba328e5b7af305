//! Which center: 128 random bits, drawn once with its database, written as 32 hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A center's id. Ids of jobs and attempts begin at 1 in every center, so what outlives a process carries this too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CenterId(pub u128);

impl fmt::Display for CenterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for CenterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not 32 hexadecimal digits.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a center id of 32 hexadecimal digits")]
pub struct BadCenterId(String);

impl FromStr for CenterId {
    type Err = BadCenterId;
    fn from_str(text: &str) -> Result<Self, BadCenterId> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = digits.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        number.map(CenterId).ok_or_else(|| BadCenterId(text.to_owned()))
    }
}

impl TryFrom<String> for CenterId {
    type Error = BadCenterId;
    fn try_from(text: String) -> Result<Self, BadCenterId> {
        text.parse()
    }
}

impl From<CenterId> for String {
    fn from(id: CenterId) -> String {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_center_id_reads_as_it_is_written() {
        let id = CenterId(0x00ab_cdef);
        assert_eq!(id.to_string(), "00000000000000000000000000abcdef");
        assert_eq!(serde_json::from_str::<CenterId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
        for bad in ["", "abc", "+0000000000000000000000000abcdef", "g0000000000000000000000000abcdef"] {
            assert!(bad.parse::<CenterId>().is_err(), "{bad}");
        }
    }
}
