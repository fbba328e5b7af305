//! The numbers that programs in Go draw from a seed (`math/rand`): the published runs of the experiment can be repeated in
//! the very order in which their pods and nodes came.
//!
//! It is an additive lagged Fibonacci generator (Knuth, The Art of Computer Programming 2, 3.2.2) of 64 bits with lags 607
//! and 273. A seed is mixed with the words that the generator itself, begun with 1, comes to after 7.8 · 10¹²
//! steps; Go keeps these in a table, here they are found by jumping ahead.

use std::sync::LazyLock;

const LONG: usize = 607;
const SHORT: usize = 273;
/// Steps before the words that every seed is mixed with.
const AHEAD: u64 = 7_800_000_000_000;

/// A generator.
pub(crate) struct GoRandom {
    words: Vec<u64>,
    tap: usize,
    feed: usize,
}

impl GoRandom {
    /// # Panics
    /// Where the seed is 0, for which Go takes another.
    pub(crate) fn new(seed: u32) -> GoRandom {
        assert!(seed > 0, "a seed is given");
        static MIXED_IN: LazyLock<Vec<u64>> = LazyLock::new(mixed_in);
        let words = seeded(seed, 20).into_iter().zip(MIXED_IN.iter()).map(|(word, mixed)| word ^ mixed);
        GoRandom { words: words.collect(), tap: 0, feed: LONG - SHORT }
    }

    /// Any 64 bits.
    pub(crate) fn word(&mut self) -> u64 {
        self.tap = (self.tap + LONG - 1) % LONG;
        self.feed = (self.feed + LONG - 1) % LONG;
        self.words[self.feed] = self.words[self.feed].wrapping_add(self.words[self.tap]);
        self.words[self.feed]
    }

    /// A number below `end`, as `Intn` draws it.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        let most = i32::MAX as u32 - (1 << 31) % end;
        loop {
            // 31 bits below the first.
            let drawn = (self.word() << 1 >> 33) as u32;
            if end.is_power_of_two() || drawn <= most {
                return drawn % end;
            }
        }
    }

    /// Puts items in random order, as `Shuffle` does.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below_by_product(last as u32 + 1);
            items.swap(last, other as usize);
        }
    }

    /// A number below `end` from the upper half of a product (Lemire, TOMACS 2019).
    fn below_by_product(&mut self, end: u32) -> u32 {
        loop {
            let product = (self.word() << 1 >> 32) * u64::from(end);
            let low = product as u32;
            if low >= end || low >= end.wrapping_neg() % end {
                return (product >> 32) as u32;
            }
        }
    }

    /// The numbers below `end` in random order, as `Perm` draws them.
    pub(crate) fn permutation(&mut self, end: usize) -> Vec<usize> {
        let mut permutation = vec![0; end];
        for next in 0..end {
            let other = self.below(next as u32 + 1) as usize;
            permutation[next] = permutation[other];
            permutation[other] = next;
        }
        permutation
    }
}

/// The words of a seed, each made of three numbers of a Lehmer generator.
fn seeded(seed: u32, shift: u32) -> Vec<u64> {
    let mut number = u64::from(seed);
    let mut next = || {
        number = 48_271 * number % 0x7fff_ffff;
        number
    };
    (0..20).for_each(|_| _ = next());
    (0..LONG).map(|_| (next() << (2 * shift)) ^ (next() << shift) ^ next()).collect()
}

/// The words of the seed 1 after [`AHEAD`] steps. A word after n steps is a sum of the first words, with the coefficients of
/// tⁿ modulo t⁶⁰⁷ - t³³⁴ - 1.
fn mixed_in() -> Vec<u64> {
    let first = seeded(1, 10);
    let power = |exponent: usize| (0..LONG).map(|at| u64::from(at == exponent)).collect::<Vec<u64>>();
    let mut ahead = power(0);
    for bit in (0..u64::BITS - AHEAD.leading_zeros()).rev() {
        ahead = product(&ahead, &ahead);
        if AHEAD >> bit & 1 == 1 {
            ahead = product(&ahead, &power(1));
        }
    }
    // Where the generator keeps the word of a step.
    let place = |step: u64| (LONG - SHORT - 1 + LONG - (step % LONG as u64) as usize) % LONG;
    let mut words = vec![0; LONG];
    for step in 0..LONG as u64 {
        let terms = (0..LONG).map(|at| ahead[at].wrapping_mul(first[place(at as u64)]));
        words[place(AHEAD + step)] = terms.fold(0, u64::wrapping_add);
        ahead = product(&ahead, &power(1));
    }
    words
}

/// Of two polynomials, reduced.
fn product(one: &[u64], other: &[u64]) -> Vec<u64> {
    let mut product = vec![0_u64; 2 * LONG];
    for (at, a) in one.iter().enumerate().filter(|(_, a)| **a != 0) {
        for (by, b) in other.iter().enumerate() {
            product[at + by] = product[at + by].wrapping_add(a.wrapping_mul(*b));
        }
    }
    for at in (LONG..2 * LONG).rev() {
        let coefficient = product[at];
        for lower in [at - LONG, at - SHORT] {
            product[lower] = product[lower].wrapping_add(coefficient);
        }
    }
    product.truncate(LONG);
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Go 1.26 prints for the same.
    #[test]
    fn the_numbers_are_those_of_go() {
        for (seed, numbers, permutation, shuffled, word) in [
            (1, [81, 87, 47, 59, 81], [4, 1, 7, 0, 3, 2, 6, 5], [7, 0, 5, 4, 1, 6, 2, 3], 1_874_068_156_324_778_273),
            (42, [5, 87, 68, 50, 23], [3, 5, 2, 6, 0, 1, 4, 7], [7, 1, 6, 5, 3, 2, 4, 0], 1_100_641_557_378_252_013),
        ] {
            let mut random = GoRandom::new(seed);
            assert_eq!([0; 5].map(|_| random.below(100)), numbers);
            assert_eq!(random.permutation(8), permutation);
            let mut items: Vec<usize> = (0..8).collect();
            random.shuffle(&mut items);
            assert_eq!((items, random.word()), (shuffled.to_vec(), word));
        }
    }
}
