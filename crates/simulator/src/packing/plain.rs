//! A cluster as the reference policies see it: a list of nodes, each looked at for every pod.

use std::collections::BTreeSet;

use super::trace::{TraceNode, TracePod};

/// What is free of a node.
#[derive(Clone, Debug)]
pub(crate) struct PlainNode {
    pub(crate) cpu_millis: u64,
    pub(crate) memory_mib: u64,
    /// What is left of each card, in thousandths.
    pub(crate) cards: Vec<u32>,
    /// The kinds of the pods that it runs.
    pub(crate) kinds: BTreeSet<Kind>,
}

/// How a pod uses cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Part,
    Cards(u32),
}

impl TracePod {
    /// None without cards.
    pub(crate) fn kind(&self) -> Option<Kind> {
        match (self.cards, self.millis_per_card) {
            (0, _) => None,
            (_, 1..1000) => Some(Kind::Part),
            (cards, _) => Some(Kind::Cards(cards)),
        }
    }
}

impl PlainNode {
    pub(crate) fn new(node: &TraceNode) -> PlainNode {
        PlainNode {
            cpu_millis: node.cpu_millis,
            memory_mib: node.memory_mib,
            cards: vec![1000; node.cards as usize],
            kinds: BTreeSet::new(),
        }
    }

    pub(crate) fn fits(&self, pod: &TracePod) -> bool {
        self.cpu_millis >= pod.cpu_millis
            && self.memory_mib >= pod.memory_mib
            && self.able_cards(pod).count() >= pod.cards as usize
    }

    /// What is left of all cards.
    pub(crate) fn card_millis(&self) -> u32 {
        self.cards.iter().sum()
    }

    /// The cards with enough left.
    pub(crate) fn able_cards(&self, pod: &TracePod) -> impl Iterator<Item = usize> {
        let least = pod.millis_per_card;
        (0..self.cards.len()).filter(move |card| self.cards[*card] >= least)
    }

    /// Of those the ones with the least left, as many as are asked for.
    pub(crate) fn fullest_cards(&self, pod: &TracePod) -> Vec<usize> {
        let mut cards: Vec<usize> = self.able_cards(pod).collect();
        cards.sort_by_key(|card| self.cards[*card]);
        cards.truncate(pod.cards as usize);
        cards
    }

    /// Takes a pod in, on these cards.
    pub(crate) fn place(&mut self, pod: &TracePod, cards: &[usize]) {
        self.cpu_millis -= pod.cpu_millis;
        self.memory_mib -= pod.memory_mib;
        cards.iter().for_each(|card| self.cards[*card] -= pod.millis_per_card);
        self.kinds.extend(pod.kind());
    }
}
