//! Sets of small numbers: the bits of a word, [`NodeSet`] for dense node numbers, and [`Bits`] for what is compared.

/// The positions of the bits that are set, ascending.
pub(crate) fn ones(mut mask: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let position = mask.trailing_zeros();
        mask &= mask.wrapping_sub(1);
        (position < 64).then_some(position)
    })
}

/// The `count` lowest bits that are set in `mask`.
pub(crate) fn lowest(mask: u64, count: u32) -> u64 {
    ones(mask).take(count as usize).fold(0, |chosen, position| chosen | 1 << position)
}

/// A set of dense node numbers in two levels of bits. Changing it takes constant time; finding the first of 10,000
/// looks at three words at most.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeSet {
    /// Bit `n % 64` of word `n / 64` stands for node `n`.
    words: Vec<u64>,
    /// Bit `w % 64` of word `w / 64` says that `words[w]` is not zero.
    summary: Vec<u64>,
    count: u32,
}

impl NodeSet {
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn insert(&mut self, node: u32) {
        let word = node as usize / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
            self.summary.resize(word / 64 + 1, 0);
        }
        let bit = 1 << (node % 64);
        assert!(self.words[word] & bit == 0, "a node is indexed once");
        self.words[word] |= bit;
        self.summary[word / 64] |= 1 << (word % 64);
        self.count += 1;
    }

    pub(crate) fn remove(&mut self, node: u32) {
        let word = node as usize / 64;
        let bit = 1 << (node % 64);
        assert!(self.words.get(word).is_some_and(|bits| bits & bit != 0), "only what is indexed is removed");
        self.words[word] &= !bit;
        if self.words[word] == 0 {
            self.summary[word / 64] &= !(1 << (word % 64));
        }
        self.count -= 1;
    }

    /// The nodes, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.summary.iter().enumerate().flat_map(move |(index, &summary)| {
            ones(summary).flat_map(move |position| {
                let word = index * 64 + position as usize;
                ones(self.words[word]).map(move |bit| word as u32 * 64 + bit)
            })
        })
    }
}

/// Equal content; how far the words were once grown does not matter.
impl PartialEq for NodeSet {
    fn eq(&self, other: &NodeSet) -> bool {
        self.count == other.count && self.iter().eq(other.iter())
    }
}

/// A set of small numbers that is often held against others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    pub(crate) fn set(&mut self, number: u32, is_in: bool) {
        let (word, bit) = (number as usize / 64, 1 << (number % 64));
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        match is_in {
            true => self.words[word] |= bit,
            false => self.words[word] &= !bit,
        }
    }

    pub(crate) fn contains(&self, number: u32) -> bool {
        self.words.get(number as usize / 64).is_some_and(|word| word & (1 << (number % 64)) != 0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// All that are in one or the other.
    pub(crate) fn add(&mut self, other: &Bits) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        self.words.iter_mut().zip(&other.words).for_each(|(one, other)| *one |= other);
    }

    /// Those that are in both.
    pub(crate) fn keep(&mut self, other: &Bits) {
        let others = other.words.iter().copied().chain(std::iter::repeat(0));
        self.words.iter_mut().zip(others).for_each(|(one, other)| *one &= other);
    }

    /// Those that are in both, ascending.
    pub(crate) fn both<'a>(&'a self, other: &'a Bits) -> impl Iterator<Item = u32> + 'a {
        let words = (0..).zip(self.words.iter().zip(&other.words));
        words.flat_map(|(index, (one, other))| ones(one & other).map(move |bit| index * 64 + bit))
    }

    /// Whether a number is in both.
    pub(crate) fn meets(&self, other: &Bits) -> bool {
        self.words.iter().zip(&other.words).any(|(one, other)| one & other != 0)
    }
}

/// Equal content; how far the words were once grown does not matter.
impl PartialEq for Bits {
    fn eq(&self, other: &Bits) -> bool {
        let len = self.words.len().max(other.words.len());
        let word = |bits: &Bits, index: usize| bits.words.get(index).copied().unwrap_or(0);
        (0..len).all(|index| word(self, index) == word(other, index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_set_gives_back_its_nodes_in_order() {
        let mut set = NodeSet::default();
        let nodes = [9_999, 0, 63, 64, 4_095, 4_096, 70_000];
        nodes.iter().for_each(|&node| set.insert(node));
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 4_095, 4_096, 9_999, 70_000]);
        set.remove(70_000);
        set.remove(64);
        let mut same = NodeSet::default();
        [0, 63, 4_095, 4_096, 9_999].into_iter().for_each(|node| same.insert(node));
        assert_eq!(set, same);
    }

    #[test]
    fn bits_meet_where_a_number_is_in_both() {
        let (mut one, mut other) = (Bits::default(), Bits::default());
        [3, 64, 700].into_iter().for_each(|number| one.set(number, true));
        [4, 65, 200].into_iter().for_each(|number| other.set(number, true));
        assert!(!one.meets(&other) && !other.meets(&one));
        other.set(64, true);
        assert!(one.meets(&other) && other.meets(&one) && other.contains(64));
        assert!(one.both(&other).eq([64]));
        let (mut both, mut any) = (one.clone(), one.clone());
        both.keep(&other);
        any.add(&other);
        assert!((0..800).all(|number| both.contains(number) == (number == 64)));
        assert!((0..800).all(|number| any.contains(number) == [3, 4, 64, 65, 200, 700].contains(&number)));
        [4, 64, 65, 200].into_iter().for_each(|number| other.set(number, false));
        assert!(other.is_empty() && other == Bits::default() && !other.contains(64));
    }

    #[test]
    fn the_lowest_bits_are_chosen() {
        assert_eq!(lowest(0b1011_0100, 3), 0b0011_0100);
        assert_eq!(lowest(u64::MAX, 64), u64::MAX);
    }
}
