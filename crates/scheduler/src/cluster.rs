//! All nodes of a center and what is held of them. Changes only.

use std::collections::{BTreeMap, BTreeSet};

use haina_core::{Allocation, CardMillis, CardModelId, NodeId, NodeShare, PoolId};

use crate::index::Group;
use crate::mix::Mix;
use crate::node::{Node, NodeSpec, NodeState, NodeStatus};
use crate::ranking::Ranking;

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
    /// Of the pools in `ranked`, what their work is like.
    pub(crate) mix: Mix,
    /// Pools in which that matters; in the others nothing is ranked.
    pub(crate) ranked: BTreeSet<PoolId>,
    renewal: Option<Renewal>,
}

/// Another mix, by which nodes are being ranked while the former is still gone by.
#[derive(Clone, Debug)]
struct Renewal {
    mix: Mix,
    /// Where it is to be gone by.
    pools: BTreeSet<PoolId>,
    /// How many nodes are ranked, from the first on.
    ranked: usize,
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
        self.abandon_renewal();
        self.ids.insert(number, spec.id);
        self.nodes.insert(number, Node::new(spec));
        if is_last {
            let key = self.nodes[number].group();
            if !self.groups.contains_key(&key) {
                self.groups.insert(key, self.empty_group(key));
            }
            let group = self.groups.get_mut(&key).expect("it was inserted where it was not");
            group.add(number as u32, &self.nodes[number]);
        } else {
            self.groups = self.index();
        }
    }

    /// Sets what work is like, which placement by least fragmentation goes by. In each pool in which that can make a
    /// difference, all nodes are ranked again for each share of the mix, and from then on each node that changes.
    pub fn set_mix(&mut self, mix: &Mix) {
        self.abandon_renewal();
        for pool in self.pools() {
            self.note_mix(mix, pool);
        }
        for ((pool, model), group) in &mut self.groups {
            group.ranking = self.ranked.contains(pool).then(|| Ranking::new(self.mix.seen_by(*pool, *model)));
        }
        for (number, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.takes_work()) {
            self.groups.get_mut(&node.group()).expect("every node has a group").rank(number as u32, node);
        }
    }

    /// What work is like in the pools in which that can make a difference, as far as it was told.
    pub fn mix(&self) -> &Mix {
        &self.mix
    }

    /// Begins to go by another mix in those pools of which more than an eighth of the work is other work than it was, or to
    /// which it did not matter before and does, or the other way round. It is gone by once [`Cluster::rank_more`] has
    /// ranked all nodes.
    pub fn follow_mix(&mut self, mix: Mix) {
        let mut pools = self.pools();
        pools.retain(|pool| {
            self.is_ranked_for(&mix, *pool) != self.ranked.contains(pool) || mix.differs(&self.mix, *pool)
        });
        self.abandon_renewal();
        if pools.is_empty() {
            return;
        }
        for ((pool, model), group) in self.groups.iter_mut().filter(|((pool, _), _)| pools.contains(pool)) {
            group.renewal = Some(Ranking::new(mix.seen_by(*pool, *model)));
        }
        self.renewal = Some(Renewal { mix, pools, ranked: 0 });
    }

    /// Ranks so many more nodes by the mix that is to be followed, if one is.
    pub fn rank_more(&mut self, nodes: usize) {
        let Some(Renewal { pools, ranked, .. }) = &mut self.renewal else { return };
        let end = self.nodes.len().min(ranked.saturating_add(nodes));
        for number in *ranked..end {
            let node = &self.nodes[number];
            if node.takes_work() && pools.contains(&node.spec.pool) {
                self.groups.get_mut(&node.group()).expect("every node has a group").rank(number as u32, node);
            }
        }
        *ranked = end;
        if end < self.nodes.len() {
            return;
        }
        let Some(Renewal { mix, pools, .. }) = self.renewal.take() else { return };
        for pool in &pools {
            self.note_mix(&mix, *pool);
        }
        for ((pool, _), group) in self.groups.iter_mut().filter(|((pool, _), _)| pools.contains(pool)) {
            group.ranking = group.renewal.take().filter(|_| self.ranked.contains(pool));
        }
    }

    /// What is ranked by another mix so far is forgotten.
    fn abandon_renewal(&mut self) {
        if self.renewal.take().is_some() {
            self.groups.values_mut().for_each(|group| group.renewal = None);
        }
    }

    /// Notes what a mix says of a pool, if it matters there.
    fn note_mix(&mut self, mix: &Mix, pool: PoolId) {
        let is_ranked = self.is_ranked_for(mix, pool);
        self.mix.take(mix, pool, is_ranked);
        if is_ranked {
            self.ranked.insert(pool)
        } else {
            self.ranked.remove(&pool)
        };
    }

    fn pools(&self) -> BTreeSet<PoolId> {
        self.groups.keys().map(|(pool, _)| *pool).collect()
    }

    fn is_ranked_for(&self, mix: &Mix, pool: PoolId) -> bool {
        let nodes = self.groups(pool, None).flat_map(|group| group.capabilities.keys().copied());
        mix.matters(pool, &nodes.collect::<Vec<_>>())
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

    /// The indexes of all nodes, from scratch.
    pub(crate) fn index(&self) -> Groups {
        let mut groups = Groups::new();
        for (number, node) in self.nodes.iter().enumerate() {
            let key = node.group();
            groups.entry(key).or_insert_with(|| self.empty_group(key)).add(number as u32, node);
        }
        groups
    }

    fn empty_group(&self, (pool, model): (PoolId, Option<CardModelId>)) -> Group {
        let ranking = self.ranked.contains(&pool).then(|| Ranking::new(self.mix.seen_by(pool, model)));
        Group { ranking, ..Group::default() }
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
