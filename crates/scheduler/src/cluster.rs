//! All nodes of a center and what is held of them. Changes only.

use std::collections::BTreeMap;

use haina_core::{Allocation, CardMillis, CardModelId, NodeId, NodeShare, PoolId};

use crate::index::Group;
use crate::mix::Mix;
use crate::node::{Node, NodeSpec, NodeState, NodeStatus};

/// The indexes, by pool and card model; nodes without cards stand under no model, which is the first of its pool.
pub(crate) type Groups = BTreeMap<(PoolId, Option<CardModelId>), Group>;

/// Cards of a pool and model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Totals {
    /// On all nodes.
    pub installed: CardMillis,
    /// Usable ones on nodes that take work, free or not.
    pub available: CardMillis,
    /// Held, on nodes in any state; may exceed `available` while nodes drain.
    pub allocated: CardMillis,
    /// Usable ones, and what is left of them, on nodes that take work.
    pub free: CardMillis,
}

/// The nodes of a center, with what is held and what is free of each.
///
/// To load a state: add all nodes, claim what is held, then set the states and which cards are unusable, because only
/// available nodes and usable cards take claims.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// By ascending id; the position is the dense node number that the indexes use.
    pub(crate) nodes: Vec<Node>,
    /// The ids of `nodes`, apart so that looking one up stays within a few cache lines.
    pub(crate) ids: Vec<NodeId>,
    pub(crate) groups: Groups,
    pub(crate) mix: Mix,
}

impl Cluster {
    /// A cluster without nodes.
    pub fn new() -> Cluster {
        Cluster::default()
    }

    /// Adds an idle, available node. Adding in the order of ids is fast; else all indexes are built again.
    ///
    /// Panics if the id is known, or on more than 64 cards, or on cards without a model.
    pub fn add_node(&mut self, spec: NodeSpec) {
        let number = self.ids.partition_point(|id| *id < spec.id);
        assert!(self.ids.get(number) != Some(&spec.id), "node {} is new", spec.id);
        let is_last = number == self.ids.len();
        self.ids.insert(number, spec.id);
        self.nodes.insert(number, Node::new(spec));
        if is_last {
            let node = &self.nodes[number];
            let key = node.group();
            let group = self.groups.entry(key).or_insert_with(|| Group::new(key, &self.mix));
            group.add(number as u32, node);
        } else {
            self.groups = Cluster::index(&self.nodes, &self.mix);
        }
    }

    /// Sets what work is like, which placement by least fragmentation goes by. All nodes are ranked again for each
    /// share of the mix, and from then on each node that changes: it is for tens of shares, and not set often.
    pub fn set_mix(&mut self, mix: Mix) {
        self.groups = Cluster::index(&self.nodes, &mix);
        self.mix = mix;
    }

    /// Sets whether a node takes work. What it runs stays claimed until it is released.
    pub fn set_state(&mut self, id: NodeId, state: NodeState) {
        let number = self.number(id);
        let node = &mut self.nodes[number];
        let group = self.groups.get_mut(&node.group()).expect("every node has a group");
        let took_work = node.takes_work();
        node.state = state;
        match (took_work, node.takes_work()) {
            (false, true) => group.index(number as u32, node),
            (true, false) => group.unindex(number as u32, node),
            _ => {}
        }
    }

    /// Sets which cards of a node, as bits, get no new work. What they run stays claimed until it is released.
    ///
    /// Panics if the node has no such cards.
    pub fn set_unusable(&mut self, id: NodeId, cards: u64) {
        let number = self.number(id);
        let node = &mut self.nodes[number];
        assert!(u64::from(node.spec.cards) + u64::from(cards.leading_zeros()) >= 64, "node {id} has the cards");
        let group = self.groups.get_mut(&node.group()).expect("every node has a group");
        if node.takes_work() {
            group.unindex(number as u32, node);
        }
        node.unusable = cards;
        if node.takes_work() {
            group.index(number as u32, node);
        }
    }

    /// Takes what [`Cluster::find`] found. Panics unless all of it is free, on different available nodes.
    pub fn claim(&mut self, allocation: &Allocation) {
        assert!(different_nodes(allocation), "a gang is on different nodes");
        allocation.shares.iter().for_each(|share| self.change(share, |node| node.claim(share)));
    }

    /// Gives back what was claimed, on nodes in any state. Panics if it was not held.
    pub fn release(&mut self, allocation: &Allocation) {
        assert!(different_nodes(allocation), "a gang is on different nodes");
        allocation.shares.iter().for_each(|share| self.change(share, |node| node.release(share)));
    }

    fn change(&mut self, share: &NodeShare, change: impl FnOnce(&mut Node)) {
        let number = self.number(share.node);
        let node = &mut self.nodes[number];
        let group = self.groups.get_mut(&node.group()).expect("every node has a group");
        group.change(number as u32, node, &share.cards, change);
    }

    /// A node as it is now; none if it is not known.
    pub fn node(&self, id: NodeId) -> Option<NodeStatus<'_>> {
        self.known_number(id).map(|number| self.nodes[number].status())
    }

    /// All nodes as they are now, by ascending id.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = NodeStatus<'_>> {
        self.nodes.iter().map(Node::status)
    }

    /// The cards of one pool and model; zero where there are none.
    pub fn totals(&self, pool: PoolId, card_model: CardModelId) -> Totals {
        self.groups.get(&(pool, Some(card_model))).map(|group| group.totals).unwrap_or_default()
    }

    /// The cards of each pool and model that has some, in the order of ids.
    pub fn all_totals(&self) -> impl Iterator<Item = (PoolId, CardModelId, Totals)> {
        self.groups.iter().filter_map(|((pool, model), group)| model.map(|model| (*pool, model, group.totals)))
    }

    /// The models of the cards of a pool.
    pub fn card_models(&self, pool: PoolId) -> impl Iterator<Item = CardModelId> {
        let of_pool = (pool, None)..=(pool, Some(CardModelId(u32::MAX)));
        self.groups.range(of_pool).filter_map(|((_, model), _)| *model)
    }

    /// The groups of a pool that have `card_model`, or all if it is absent; nodes without cards first.
    pub(crate) fn groups(&self, pool: PoolId, card_model: Option<CardModelId>) -> impl Iterator<Item = &Group> {
        let first = (pool, card_model);
        let last = (pool, Some(card_model.unwrap_or(CardModelId(u32::MAX))));
        self.groups.range(first..=last).map(|(_, group)| group)
    }

    fn number(&self, id: NodeId) -> usize {
        self.known_number(id).unwrap_or_else(|| panic!("node {id} is known"))
    }

    pub(crate) fn known_number(&self, id: NodeId) -> Option<usize> {
        // Ids are mostly given out in a row; then the first look hits.
        let guess = id.0.wrapping_sub(self.ids.first()?.0) as usize;
        if self.ids.get(guess) == Some(&id) { Some(guess) } else { self.ids.binary_search(&id).ok() }
    }

    /// The indexes of these nodes, from scratch.
    pub(crate) fn index(nodes: &[Node], mix: &Mix) -> Groups {
        let mut groups = Groups::new();
        for (number, node) in nodes.iter().enumerate() {
            let key = node.group();
            groups.entry(key).or_insert_with(|| Group::new(key, mix)).add(number as u32, node);
        }
        groups
    }
}

fn different_nodes(allocation: &Allocation) -> bool {
    let ascending = allocation.shares.is_sorted_by(|a, b| a.node < b.node);
    ascending || {
        let mut nodes: Vec<NodeId> = allocation.shares.iter().map(|share| share.node).collect();
        nodes.sort_unstable();
        nodes.is_sorted_by(|a, b| a < b)
    }
}
