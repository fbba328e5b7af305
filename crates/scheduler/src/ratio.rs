//! Fractions that are compared exactly.

use std::cmp::Ordering;

/// A fraction of whole numbers; infinite where something is divided by nothing.
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    over: u128,
    under: u128,
}

impl Ratio {
    /// `over` / `under`; nothing divided by nothing is nothing.
    pub fn new(over: u128, under: u128) -> Ratio {
        if over == 0 { Ratio { over, under: 1 } } else { Ratio { over, under } }
    }

    /// The nearest number that can be shown; infinity where it is infinite.
    pub fn to_f64(self) -> f64 {
        self.over as f64 / self.under as f64
    }

    /// Whether something is divided by nothing.
    pub fn is_infinite(self) -> bool {
        self.under == 0
    }
}

impl Ord for Ratio {
    /// By whole parts, then by the remainders turned upside down: products of the parts could exceed every integer.
    fn cmp(&self, other: &Ratio) -> Ordering {
        let (mut one, mut two) = (*self, *other);
        loop {
            match (one.is_infinite(), two.is_infinite()) {
                (false, false) => {}
                (infinite, other) => return infinite.cmp(&other),
            }
            match (one.over / one.under).cmp(&(two.over / two.under)) {
                Ordering::Equal => {}
                unequal => return unequal,
            }
            // a/b < c/d exactly if d/c < b/a.
            let turned = |ratio: Ratio| Ratio { over: ratio.under, under: ratio.over % ratio.under };
            (one, two) = (turned(two), turned(one));
        }
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Ratio) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ratio {
    fn eq(&self, other: &Ratio) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ratio {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_compared_as_products_would_be() {
        let few = [0, 1, 2, 3, 5, 8, 12, 360];
        let all = || few.into_iter().flat_map(|over| few.map(|under| (over, under)));
        for ((a, b), (c, d)) in all().flat_map(|one| all().map(move |two| (one, two))) {
            let infinite = |(over, under)| over > 0 && under == 0;
            let should = match (infinite((a, b)), infinite((c, d))) {
                (false, false) => (a * d.max(1)).cmp(&(c * b.max(1))),
                (one, two) => one.cmp(&two),
            };
            assert_eq!(Ratio::new(a, b).cmp(&Ratio::new(c, d)), should, "{a}/{b} and {c}/{d}");
        }
    }

    #[test]
    fn no_fraction_is_too_large() {
        let (most, next) = (Ratio::new(u128::MAX, u128::MAX - 1), Ratio::new(u128::MAX - 1, u128::MAX - 2));
        assert!(most < next, "1 + 1/(n - 1) is less than 1 + 1/(n - 2)");
        assert_eq!(Ratio::new(u128::MAX, u128::MAX), Ratio::new(1, 1));
        assert!(Ratio::new(u128::MAX, 1) < Ratio::new(1, 0));
    }
}
