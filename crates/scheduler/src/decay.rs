//! Use that fades: what was used a half-life ago counts half. Integers only, so that every machine computes the same.
//!
//! Stored as a value and the moment as of which it is that much. Two such values are compared by the logarithm of what
//! they would be at one and the same moment: that does not change while time passes, so an order by use need not be
//! worked out again before somebody uses something.

use haina_core::{CardUse, Milliseconds, Timestamp};
use serde::{Deserialize, Serialize};

/// The time in which use fades to half: seven days, as in Slurm's `PriorityDecayHalfLife`.
pub const HALF_LIFE: Milliseconds = Milliseconds::from_seconds(7 * 86_400);

/// Fractional bits of logarithms and of factors below one.
const BITS: u32 = 32;

/// Use that fades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct DecayedUse {
    /// So much.
    pub value: CardUse,
    /// At this moment; never before it.
    pub as_of: Timestamp,
}

impl DecayedUse {
    /// What is left at `now`; at an earlier moment, what is known.
    pub fn at(&self, now: Timestamp) -> CardUse {
        CardUse(decay(self.value.0, now.since(self.as_of)))
    }

    /// Adds what was used until `now`.
    pub fn add(&mut self, used: CardUse, now: Timestamp) {
        let now = now.max(self.as_of);
        *self = DecayedUse { value: CardUse(self.at(now).0.saturating_add(used.0)), as_of: now };
    }

    /// Takes back what was added at `then` and should not have been.
    pub fn take_back(&mut self, used: CardUse, then: Timestamp, now: Timestamp) {
        let now = now.max(self.as_of);
        let left = decay(used.0, now.since(then));
        *self = DecayedUse { value: CardUse(self.at(now).0.saturating_sub(left)), as_of: now };
    }

    /// A number that orders uses by what they are at any common moment, each divided by its part of the shares:
    /// `shares` of `all`. No use is 0, and least.
    pub fn order(&self, shares: u32, all: u32) -> i64 {
        match self.value.0 {
            0 => 0,
            value => {
                let half_lives = (i128::from(self.as_of.0) << BITS) / i128::from(HALF_LIFE.0 * 1000);
                // More than the logarithm of any shares, so that the least use is more than none.
                let base = 33 << BITS;
                base + log2(value) - log2(shares.max(1).into()) + log2(all.max(1).into()) + half_lives as i64
            }
        }
    }
}

/// `value` × 2^(-`age` / half-life), rounded down.
fn decay(value: u64, age: Milliseconds) -> u64 {
    let halvings = age.0 / HALF_LIFE.0;
    if halvings >= 64 {
        return 0;
    }
    let rest = (u128::from(age.0 % HALF_LIFE.0) << BITS) / u128::from(HALF_LIFE.0);
    ((u128::from(value >> halvings) * u128::from(exp2_negative_fraction(rest as u64))) >> BITS) as u64
}

/// The square root of one half, then its square root, and so on: 2^-(1/2), 2^-(1/4), …, in units of 2^-64.
const ROOTS: [u64; BITS as usize] = {
    // In units of 2^-64 less the last.
    let mut roots = [0xB504_F333_F9DE_6484_u64; BITS as usize];
    let mut place = 1;
    while place < roots.len() {
        roots[place] = ((roots[place - 1] as u128) << 64).isqrt() as u64;
        place += 1;
    }
    roots
};

/// 2^-x, both in units of 2^-32.
pub(crate) fn exp2_negative(x: u128) -> u64 {
    match u32::try_from(x >> BITS) {
        Ok(whole @ 0..64) => exp2_negative_fraction(x as u64 & ((1 << BITS) - 1)) >> whole,
        _ => 0,
    }
}

/// 2^-x for x in [0, 1), both in units of 2^-32: the product of the roots of one half that the bits of x name.
fn exp2_negative_fraction(x: u64) -> u64 {
    let mut product = u64::MAX;
    for (bit, root) in (0..BITS).rev().zip(ROOTS) {
        if x >> bit & 1 == 1 {
            product = ((u128::from(product) * u128::from(root)) >> 64) as u64;
        }
    }
    // Rounded to the nearest; the sum stays within 65 bits.
    ((u128::from(product) + (1 << (BITS - 1))) >> BITS) as u64
}

/// The logarithm to base 2 of a number of at least 1, in units of 2^-32, rounded down.
fn log2(value: u64) -> i64 {
    let whole = value.ilog2();
    // As weights mostly are.
    if value.is_power_of_two() {
        return i64::from(whole) << BITS;
    }
    // In [1, 2), in units of 2^-63.
    let mut mantissa = value << (63 - whole);
    let mut fraction = 0u64;
    for _ in 0..BITS {
        let square = u128::from(mantissa) * u128::from(mantissa);
        let carries = square >> 127 == 1;
        mantissa = (square >> if carries { 64 } else { 63 }) as u64;
        fraction = fraction << 1 | u64::from(carries);
    }
    ((u64::from(whole) << BITS) + fraction) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: u64 = 1 << BITS;
    const DAY: u64 = 86_400_000;

    fn close(is: u64, should: f64) -> bool {
        (is as f64 - should).abs() <= should * 1e-9 + 1.0
    }

    #[test]
    fn use_fades_to_half_in_seven_days() {
        let value = 1_000_000_000_000_000;
        for (days, left) in [(0, 1.0), (7, 0.5), (14, 0.25), (1, 0.905_723_664_263_906_7), (3, 0.742_997_144_568_4)] {
            assert!(close(decay(value, Milliseconds(days * DAY)), value as f64 * left), "{days} days");
        }
        assert_eq!(decay(u64::MAX, Milliseconds(64 * 7 * DAY)), 0);
    }

    #[test]
    fn logarithms_and_powers_are_right_to_nine_digits() {
        for value in [1_u64, 2, 3, 7, 1000, 123_456_789, u64::MAX / 3, u64::MAX] {
            let is = log2(value) as f64 / UNIT as f64;
            assert!((is - (value as f64).log2()).abs() < 1e-9, "log2 of {value}");
        }
        for x in [0.0, 0.1, 0.5, 0.75, 0.999_999] {
            let is = exp2_negative_fraction((x * UNIT as f64) as u64) as f64 / UNIT as f64;
            assert!((is - (-x_of(x)).exp2()).abs() < 1e-9, "2^-{x}: {is}");
        }
    }

    /// As the integer has it.
    fn x_of(x: f64) -> f64 {
        (x * UNIT as f64).floor() / UNIT as f64
    }

    #[test]
    fn the_order_of_uses_does_not_change_with_time() {
        let at = |days: u64| Timestamp((days * DAY * 1000) as i64);
        let of = |value, days| DecayedUse { value: CardUse(value), as_of: at(days) };
        let old = of(1_000_000, 20_000);
        assert!(of(500_001, 20_007).order(1, 1) > old.order(1, 1), "a little more than half, a half-life later");
        assert!(of(499_999, 20_007).order(1, 1) < old.order(1, 1));
        assert!(of(1_000_001, 20_007).order(2, 1) > old.order(1, 1), "who has twice the weight may use twice as much");
        assert!(DecayedUse::default().order(1, 1) < of(1, 1).order(1_000_000, 1), "no use is first");
    }

    #[test]
    fn what_is_taken_back_was_never_there() {
        let at = |days: u64| Timestamp((days * DAY * 1000) as i64);
        let mut used = DecayedUse::default();
        used.add(CardUse(1 << 40), at(1));
        used.add(CardUse(1 << 30), at(3));
        used.take_back(CardUse(1 << 40), at(1), at(9));
        let other = decay(1 << 30, Milliseconds(6 * DAY));
        assert!(used.value.0.abs_diff(other) <= 1 << 12, "rounded by less than a billionth of what was there");
    }
}
