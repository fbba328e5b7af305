//! Lists of nodes: `n1,n[3-5,08]`.

/// All names; none where it cannot be read.
pub fn expand(list: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for part in split(list)? {
        names.extend(haina_api::expand_names(part).ok()?);
    }
    Some(names)
}

/// At the commas outside of brackets.
fn split(list: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let (mut depth, mut begin) = (0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '[' if depth == 0 => depth = 1,
            ']' if depth == 1 => depth = 0,
            '[' | ']' => return None,
            ',' if depth == 0 => {
                parts.push(&list[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[begin..]);
    (depth == 0 && parts.iter().all(|part| !part.is_empty())).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        for (list, expected) in [
            ("n1", Some(&["n1"][..])),
            ("n1,n2", Some(&["n1", "n2"])),
            ("n[1-3,08]x,m", Some(&["n1x", "n2x", "n3x", "n08x", "m"])),
            ("n[09-10]", Some(&["n09", "n10"])),
            ("r[1-2]n[1-2]", Some(&["r1n1", "r1n2", "r2n1", "r2n2"])),
            ("n[1-", None),
            ("n[3-1]", None),
            ("n]", None),
            ("", None),
            ("n[1-999999]", None),
        ] {
            let expected = expected.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            assert_eq!(expand(list), expected, "{list}");
        }
    }
}
