//! Fractions that are compared exactly.

use std::cmp::Ordering;

/// See [`Ratio::in_units`].
pub(crate) const UNIT_BITS: u32 = 48;

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

    /// What is divided, and by what; by nothing where it is infinite.
    pub fn parts(self) -> (u128, u128) {
        (self.over, self.under)
    }

    /// In units of 2^-48, rounded down; the most that there is where it is more.
    pub(crate) fn in_units(self) -> u64 {
        if self.is_infinite() {
            return u64::MAX;
        }
        let (whole, rest) = (self.over / self.under, self.over % self.under);
        // What is shifted out is less than one part in 2^79.
        let surplus = (128 - self.under.leading_zeros()).saturating_sub(79);
        let fraction = ((rest >> surplus) << UNIT_BITS) / (self.under >> surplus);
        let units = whole.checked_shl(UNIT_BITS).filter(|units| units >> UNIT_BITS == whole);
        units.and_then(|units| u64::try_from(units + fraction).ok()).unwrap_or(u64::MAX)
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
    fn fractions_are_rounded_down_to_units() {
        let unit = 1u64 << UNIT_BITS;
        for (over, under, units) in [
            (0, 7, 0),
            (1, 1, unit),
            (1, 3, unit / 3),
            (7, 2, 7 * unit / 2),
            (1 << 100, 3 << 100, unit / 3),
            (1 << 100, 1, u64::MAX),
            (u128::MAX, 1, u64::MAX),
            (1, 0, u64::MAX),
        ] {
            assert_eq!(Ratio::new(over, under).in_units(), units, "{over}/{under}");
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
