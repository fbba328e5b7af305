//! Names of many nodes in one text: `ascend-[01-39]`.

use haina_core::Refusal;
use haina_core::{Phrase, both};

/// The most names that one text may stand for.
const NAMES_MOST: u64 = 100_000;

/// All names that a text stands for. `[01-03,7]` stands for `01`, `02`, `03` and `7`; a text without brackets for itself.
///
/// # Errors
/// `invalid_value` where brackets do not match, or a range is none or too long.
pub fn expand_names(text: &str) -> Result<Vec<String>, Refusal> {
    let bad = |rule: Phrase| Refusal::invalid_value("nodes.name", text, rule);
    let Some((head, rest)) = text.split_once('[') else {
        return if text.contains(']') {
            Err(bad(both("such that brackets match", "方括号必须成对")))
        } else {
            Ok(vec![text.to_owned()])
        };
    };
    let (ranges, tail) = rest.split_once(']').ok_or_else(|| bad(both("such that brackets match", "方括号必须成对")))?;
    let tails = expand_names(tail)?;
    let mut names = Vec::new();
    for range in ranges.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let number = |digits: &str| match digits.bytes().all(|byte| byte.is_ascii_digit()) {
            true => digits
                .parse::<u64>()
                .map_err(|_| bad(both("a range of numbers, such as `[01-39]`", "数字范围，例如 `[01-39]`"))),
            false => Err(bad(both("a range of numbers, such as `[01-39]`", "数字范围，例如 `[01-39]`"))),
        };
        let (from, to) = (number(first)?, number(last)?);
        if from > to || (to - from).saturating_add(1).saturating_mul(tails.len() as u64) > NAMES_MOST {
            return Err(bad(both(
                "a range that ascends and stands for at most 100000 names",
                "从小到大、不超过 100000 个名称的范围",
            )));
        }
        let width = first.len();
        for number in from..=to {
            names.extend(tails.iter().map(|tail| format!("{head}{number:0width$}{tail}")));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_keep_their_width() {
        assert_eq!(expand_names("a").unwrap(), ["a"]);
        assert_eq!(expand_names("a-[08-10]").unwrap(), ["a-08", "a-09", "a-10"]);
        assert_eq!(expand_names("r[1-2]n[1,5]").unwrap(), ["r1n1", "r1n5", "r2n1", "r2n5"]);
        for wrong in ["a[", "a]", "a[]", "a[x]", "a[3-1]", "a[0-999999999]", "a[1-2-3]"] {
            assert!(expand_names(wrong).is_err(), "{wrong}");
        }
    }
}
