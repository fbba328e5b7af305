//! What of things that are kept for their use goes, by age and by size.

use haina_core::local_definition::KeepRule;
use haina_core::{Bytes, Milliseconds};

/// One thing that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Since it was used last.
    pub age: Milliseconds,
    /// What it takes.
    pub size: Bytes,
    /// Whether it must stay, whatever its age and size.
    pub is_needed: bool,
}

/// The places of those that go, oldest first: all that are too old, then the oldest until the rest fits. What is needed
/// stays and counts.
pub fn surplus(rule: KeepRule, kept: &[Kept]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..kept.len()).filter(|&at| !kept[at].is_needed).collect();
    order.sort_by_key(|&at| (std::cmp::Reverse(kept[at].age), at));
    let mut left: u128 = kept.iter().map(|kept| u128::from(kept.size.0)).sum();
    order.retain(|&at| {
        let is_old = rule.age.is_some_and(|most| kept[at].age > most);
        let is_much = rule.size.is_some_and(|most| left > u128::from(most.0));
        if is_old || is_much {
            left -= u128::from(kept[at].size.0);
        }
        is_old || is_much
    });
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(age: u64, size: u64) -> Kept {
        Kept { age: Milliseconds(age), size: Bytes(size), is_needed: false }
    }

    fn rule(age: Option<u64>, size: Option<u64>) -> KeepRule {
        KeepRule { age: age.map(Milliseconds), size: size.map(Bytes) }
    }

    #[test]
    fn without_bounds_everything_stays() {
        assert_eq!(surplus(rule(None, None), &[kept(u64::MAX, u64::MAX), kept(1, u64::MAX)]), [0; 0]);
        assert_eq!(surplus(rule(Some(0), Some(0)), &[]), [0; 0]);
    }

    #[test]
    fn what_is_too_old_goes_and_of_the_rest_the_oldest_until_it_fits() {
        let all = [kept(5, 10), kept(100, 10), kept(50, 10), kept(7, 10)];
        assert_eq!(surplus(rule(Some(60), None), &all), [1]);
        assert_eq!(surplus(rule(None, Some(20)), &all), [1, 2]);
        assert_eq!(surplus(rule(Some(60), Some(25)), &all), [1, 2]);
        assert_eq!(surplus(rule(Some(60), Some(30)), &all), [1], "what is too old makes room");
        assert_eq!(surplus(rule(None, Some(0)), &all), [1, 2, 3, 0]);
        assert_eq!(surplus(rule(Some(50), None), &all), [1], "an age is the most");
    }

    #[test]
    fn what_is_needed_stays_and_takes_its_room() {
        let needed = Kept { is_needed: true, ..kept(1000, 30) };
        assert_eq!(surplus(rule(Some(60), Some(25)), &[needed, kept(5, 10), kept(9, 10)]), [2, 1]);
    }

    #[test]
    fn of_equals_the_first_goes_first() {
        assert_eq!(surplus(rule(None, Some(10)), &[kept(5, 10), kept(5, 10), kept(5, 10)]), [0, 1]);
    }
}
