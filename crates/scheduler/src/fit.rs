//! How well cards fit on one node: rings, and which cards to take.
//!
//! A node without rings counts as one ring of all its cards. A share stays in one ring where a ring can hold it, and
//! takes the ring with the fewest free cards that suffice, so that whole rings stay free for those who need them.

use crate::bits::lowest;
use crate::node::Node;

/// What of a node's free cards matters to whole-card demands. Nodes of equal profile are alike to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    /// How many cards are wholly free and usable.
    pub(crate) free: u32,
    /// Bit `c` says that a ring has exactly `c` free cards. Counts of 0 are left out.
    ring_counts: u128,
}

impl Profile {
    /// The free cards of some ring, for each distinct count, ascending.
    pub(crate) fn ring_counts(self) -> impl Iterator<Item = u32> {
        (1..=self.free).filter(move |&count| self.ring_counts >> count & 1 == 1)
    }

    /// The fewest free cards of a ring that has at least `cards`.
    pub(crate) fn least_sufficient_ring(self, cards: u32) -> Option<u32> {
        let sufficient = self.ring_counts.checked_shr(cards).unwrap_or(0);
        (sufficient != 0).then(|| cards + sufficient.trailing_zeros())
    }

    /// Free cards that are not in the ring with the most of them.
    pub(crate) fn scattered(self) -> u32 {
        let fullest = 127u32.saturating_sub(self.ring_counts.leading_zeros());
        self.free - fullest
    }
}

impl Node {
    pub(crate) fn profile(&self) -> Profile {
        self.profile_of(self.usable_free())
    }

    /// The profile as if only the cards of `free` were free.
    pub(crate) fn profile_of(&self, free: u64) -> Profile {
        let counts = self.rings().map(|ring| (free & ring).count_ones());
        let ring_counts = counts.fold(0, |set: u128, count| set | 1 << count) & !1;
        Profile { free: free.count_ones(), ring_counts }
    }

    /// The cards of each ring as bits.
    fn rings(&self) -> impl Iterator<Item = u64> {
        let cards = self.spec.cards;
        let size = if self.spec.ring == 0 { cards.max(1) } else { self.spec.ring.min(64) };
        (0..cards.div_ceil(size)).map(move |ring| (u64::MAX >> (64 - size)).wrapping_shl(ring * size))
    }

    /// Whether `cards` of the `free` cards are spread over rings although one ring of this node could hold them all.
    pub(crate) fn spreads(&self, free: u64, cards: u32) -> bool {
        cards <= self.spec.ring.min(self.spec.cards) && self.profile_of(free).least_sufficient_ring(cards).is_none()
    }

    /// The cards to take of those in `free`, as bits: those of the least sufficient ring; where none suffices, first all of the ring with
    /// the most free cards, and so on, so that few rings are touched. Ties go to the lower ring and card.
    pub(crate) fn choose_cards(&self, free: u64, cards: u32) -> u64 {
        let (mut chosen, mut left) = (0, cards);
        while left > 0 {
            let free = free & !chosen;
            let ring = self
                .rings()
                .map(|ring| ring & free)
                .min_by_key(|ring| match ring.count_ones() {
                    count if count >= left => (0, count),
                    count => (1, 64 - count),
                })
                .filter(|ring| *ring != 0)
                .expect("a node is chosen only if it has the cards");
            let taken = lowest(ring, left);
            chosen |= taken;
            left -= taken.count_ones();
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use haina_core::{Bytes, CardModelId, CpuMillis, NodeId, PoolId};

    use super::*;
    use crate::NodeSpec;

    fn node(cards: u32, ring: u32, free: u64) -> Node {
        let spec = NodeSpec {
            id: NodeId(1),
            pool: PoolId(1),
            card_model: Some(CardModelId(1)),
            cards,
            ring,
            fractions: false,
            cpu: CpuMillis(0),
            memory: Bytes(0),
            rack: None,
            pod: None,
        };
        Node { free, ..Node::new(spec) }
    }

    #[test]
    fn the_cards_of_the_least_sufficient_ring_are_taken() {
        for (cards, ring, free, asked, taken) in [
            (8, 4, 0b1111_1111, 1, 0b0000_0001),
            (8, 4, 0b1111_0110, 1, 0b0000_0010),
            (8, 4, 0b1111_0110, 2, 0b0000_0110),
            (8, 4, 0b1111_0110, 4, 0b1111_0000),
            (8, 4, 0b0110_0110, 4, 0b0110_0110),
            (8, 4, 0b1110_0100, 4, 0b1110_0100),
            (8, 4, 0b1111_1111, 6, 0b0011_1111),
            (8, 4, 0b1101_1111, 6, 0b0101_1111),
            (8, 4, 0b1111_1111, 8, 0b1111_1111),
            (8, 0, 0b1010_1010, 3, 0b0010_1010),
            (6, 4, 0b11_1111, 2, 0b11_0000),
            (64, 0, u64::MAX, 64, u64::MAX),
            (64, 64, u64::MAX, 64, u64::MAX),
            (1, 1, 1, 1, 1),
        ] {
            assert_eq!(node(cards, ring, free).choose_cards(free, asked), taken, "{asked} of {free:b}");
        }
    }

    #[test]
    fn a_profile_counts_rings() {
        let profile = node(8, 4, 0b1111_0010).profile();
        assert_eq!((profile.free, profile.scattered()), (5, 1));
        assert_eq!(profile.ring_counts().collect::<Vec<_>>(), [1, 4]);
        assert_eq!([1, 2, 4, 5].map(|cards| profile.least_sufficient_ring(cards)), [Some(1), Some(4), Some(4), None]);
        let full = node(8, 4, 0).profile();
        assert_eq!((full.free, full.scattered(), full.least_sufficient_ring(1)), (0, 0, None));
        assert_eq!(node(64, 0, u64::MAX).profile().ring_counts().collect::<Vec<_>>(), [64]);
    }

    #[test]
    fn only_what_a_ring_could_hold_counts_as_spread() {
        assert!(node(8, 4, 0b0110_0110).spreads(0b0110_0110, 4));
        assert!(!node(8, 4, 0b1111_0000).spreads(0b1111_0000, 4));
        assert!(!node(8, 4, 0b1111_1111).spreads(0b1111_1111, 8));
        assert!(!node(8, 0, 0b0110_0110).spreads(0b0110_0110, 4));
    }
}
