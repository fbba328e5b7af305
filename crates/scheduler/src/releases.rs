//! What is held, and when it comes free.

use haina_core::{NodeId, NodeShare, Timestamp};

use crate::terms::WithheldShare;

/// What comes free on a node.
#[derive(Clone, Copy, Debug)]
pub struct Release<S> {
    /// When.
    pub at: Timestamp,
    /// What is touched by it: cards, of which only a part may come free, processors and memory.
    pub touched: WithheldShare,
    /// What tells the share itself.
    pub share: S,
}

/// What is held and comes free, by node.
pub trait Releases<'a> {
    /// From when to when it comes free; none if nothing is held.
    fn span(&self, node: NodeId) -> Option<Span>;

    /// All of it, by ascending moment.
    fn of(&self, node: NodeId) -> impl Iterator<Item = Release<impl FnOnce() -> &'a NodeShare>>;
}

/// From when to when what is held of a node comes free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// When the first of it does.
    pub first: Timestamp,
    /// When the last of it does.
    pub last: Timestamp,
    /// When the last of it does that touches cards; none if nothing does.
    pub last_card: Option<Timestamp>,
}

impl Span {
    /// Of all that is held of a node, by ascending moment; none if nothing is.
    pub fn of(held: impl DoubleEndedIterator<Item = (Timestamp, WithheldShare)> + Clone) -> Option<Span> {
        let (first, last) = (held.clone().next()?.0, held.clone().next_back()?.0);
        let last_card = held.rev().find(|(_, touched)| touched.cards != 0).map(|(at, _)| at);
        Some(Span { first, last, last_card })
    }
}
