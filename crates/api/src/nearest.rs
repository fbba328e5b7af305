//! Sentences about input that could not be read: where, what, and the nearest name that would have been understood.

use haina_core::both;
use haina_core::{Code, Refusal};

/// The refusal for text that could not be read, by the parser's own message and place.
pub fn unreadable(place: Option<(usize, usize)>, message: &str) -> Refusal {
    let message = improve(message.trim().trim_end_matches('.'));
    let chinese = in_chinese(&message);
    let detail = match place {
        Some((line, column)) => {
            both(format!("line {line}, column {column}: {message}"), format!("第 {line} 行第 {column} 列，{chinese}"))
        }
        None => both(message, chinese),
    };
    Refusal::new(Code::InvalidRequest).with_phrase("detail", detail)
}

/// Line and column of a byte, counted from 1, columns in characters.
pub fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..byte.min(text.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    (line, String::from_utf8_lossy(&before[start..]).chars().count() + 1)
}

/// `unknown field` or `unknown variant`, with the nearest known one instead of the whole list.
fn improve(message: &str) -> String {
    let mut words = message.split('`').skip(1).step_by(2);
    let (Some(unknown), true) = (words.next(), message.starts_with("unknown ")) else { return message.to_owned() };
    let known: Vec<&str> = words.collect();
    match nearest(unknown, &known) {
        Some(near) => format!("{}; the nearest known one is `{near}`", &message[..message.find(',').unwrap_or(0)]),
        None => message.to_owned(),
    }
}

/// What serde says most often; the rest stays in its own words.
fn in_chinese(message: &str) -> String {
    let begins = [
        ("unknown field `", "未知字段 `"),
        ("unknown variant `", "未知取值 `"),
        ("missing field `", "缺少字段 `"),
        ("duplicate field `", "重复的字段 `"),
    ];
    let Some((rest, chinese)) =
        begins.into_iter().find_map(|(begin, chinese)| Some((message.strip_prefix(begin)?, chinese)))
    else {
        return message.to_owned();
    };
    let rest = rest
        .replace("; the nearest known one is ", "；最接近的是 ")
        .replace(", expected one of ", "，可用的有 ")
        .replace(", expected ", "，应为 ")
        .replace(", there are no fields", "，这里没有字段");
    format!("{chinese}{rest}")
}

/// The known name that is most like `unknown`, if one is like it at all.
pub fn nearest<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    let most = unknown.chars().count().div_ceil(3);
    let distances = known.iter().map(|name| (distance(unknown, name), *name));
    distances.filter(|(distance, _)| *distance <= most).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// Insertions, deletions, substitutions and swaps of neighbours between two names (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let plain = replaced.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if swapped { plain.min(table[i - 2][j - 2] + 1) } else { plain }
            };
        }
    }
    table[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognized() {
        let known = ["cards", "cpus", "memory", "time_limit"];
        for (unknown, near) in [("crads", Some("cards")), ("card", Some("cards")), ("time-limit", Some("time_limit"))] {
            assert_eq!(nearest(unknown, &known), near, "{unknown}");
        }
        assert_eq!(nearest("walltime", &known), None);
    }

    #[test]
    fn a_place_counts_from_one() {
        assert_eq!(place("a\nbc", 0), (1, 1));
        assert_eq!(place("a\nbc", 3), (2, 2));
        assert_eq!(place("名\n字x", "名\n字".len()), (2, 2));
    }
}
