//! The indices of a job array: `0-15%4`, `1,3,5-9:2`.

/// As many as a job array of Haina has at most.
const MOST: usize = 1_000_000;

/// Indices, ascending, and how many may run at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Array {
    /// The indices.
    pub indices: Vec<u32>,
    /// How many at once.
    pub concurrency: Option<u32>,
}

impl Array {
    /// Reads it.
    pub fn parse(text: &str) -> Option<Array> {
        // The limit may stand behind any part of the list.
        let (list, concurrency) = match text.split_once('%') {
            Some((list, rest)) => {
                let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                let most = rest[..digits].parse().ok().filter(|most| *most > 0)?;
                (format!("{list}{}", &rest[digits..]), Some(most))
            }
            None => (text.to_owned(), None),
        };
        let mut indices = Vec::new();
        for part in list.split(',') {
            let (range, step) = match part.split_once(':') {
                Some((range, step)) if range.contains('-') => (range, step.parse().ok().filter(|step| *step > 0)?),
                Some(_) => return None,
                None => (part, 1),
            };
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
            if first > last || (last - first) as usize / step >= MOST {
                return None;
            }
            indices.extend((first..=last).step_by(step));
            if indices.len() > MOST {
                return None;
            }
        }
        indices.sort_unstable();
        indices.dedup();
        Some(Array { indices, concurrency })
    }

    /// Whether they are what Haina counts: from 0, without gaps.
    pub fn is_plain(&self) -> bool {
        self.indices.iter().zip(0..).all(|(index, place)| *index == place)
    }
}

/// The distance of neighbours, where it is the same everywhere; else 1.
pub fn step(indices: &[u32]) -> u32 {
    let mut steps = indices.windows(2).map(|pair| pair[1] - pair[0]);
    let first = steps.next().unwrap_or(1);
    if steps.all(|step| step == first) { first } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_steps_lists_and_limits() {
        for (text, indices, concurrency) in [
            ("0-3", &[0, 1, 2, 3][..], None),
            ("1-10:3%2,20", &[1, 4, 7, 10, 20], Some(2)),
            ("1-10:3,20%2", &[1, 4, 7, 10, 20], Some(2)),
            ("5,7", &[5, 7], None),
            ("7,5,5", &[5, 7], None),
            ("3", &[3], None),
            ("0-15%4", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], Some(4)),
            ("5-1", &[], None),
            ("", &[], None),
            ("1-", &[], None),
            ("a", &[], None),
            ("1-5:0", &[], None),
            ("1-5%0", &[], None),
            ("0-4294967295", &[], None),
        ] {
            let expected = (!indices.is_empty()).then(|| Array { indices: indices.to_vec(), concurrency });
            assert_eq!(Array::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn steps() {
        for (text, expected, plain) in [("0-4", 1, true), ("1-4", 1, false), ("0-9:3", 3, false), ("0,1,5", 1, false)] {
            let array = Array::parse(text).unwrap();
            assert_eq!((super::step(&array.indices), array.is_plain()), (expected, plain), "{text}");
        }
    }
}
