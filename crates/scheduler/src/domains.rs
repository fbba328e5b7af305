//! The racks and pods of one group's nodes: how many nodes of each have how many free cards, so that a gang finds the
//! smallest domain that has room for it.

use std::collections::{BTreeMap, BTreeSet};

use haina_core::Level;

use crate::index::Capability;
use crate::node::{Node, NodeSpec};

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Domains {
    racks: Domain,
    pods: Domain,
}

/// All domains of one level.
#[derive(Clone, Debug, Default, PartialEq)]
struct Domain {
    known: BTreeMap<u32, Members>,
    /// At `c`: (how many nodes that take work have at least `c` free cards, domain), where there are any.
    rooms: Vec<BTreeSet<(u32, u32)>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Members {
    /// How many nodes of each capability, in any state.
    capabilities: BTreeMap<Capability, u32>,
    /// The nodes that take work.
    working: BTreeSet<u32>,
    /// At `c`: how many of those have at least `c` free cards.
    able: Vec<u32>,
}

impl Domains {
    /// Counts a node that is new here.
    pub(crate) fn add(&mut self, spec: &NodeSpec) {
        for (domain, id) in self.of(spec) {
            let members = domain.known.entry(id).or_default();
            *members.capabilities.entry(Capability::of(spec)).or_default() += 1;
            let counts = spec.cards as usize + 1;
            members.able.resize(members.able.len().max(counts), 0);
            domain.rooms.resize(domain.rooms.len().max(counts), BTreeSet::new());
        }
    }

    /// The node takes work from now on.
    pub(crate) fn enter(&mut self, number: u32, node: &Node, free: u32) {
        for (domain, id) in self.of(&node.spec) {
            domain.known.get_mut(&id).expect("it was added").working.insert(number);
            (0..=free).for_each(|cards| domain.count(id, cards, 1));
        }
    }

    /// The node takes no more work.
    pub(crate) fn leave(&mut self, number: u32, node: &Node, free: u32) {
        for (domain, id) in self.of(&node.spec) {
            domain.known.get_mut(&id).expect("it was added").working.remove(&number);
            (0..=free).for_each(|cards| domain.count(id, cards, -1));
        }
    }

    /// Of a node that takes work other cards are free than before.
    pub(crate) fn change(&mut self, node: &Node, before: u32, after: u32) {
        for (domain, id) in self.of(&node.spec) {
            (after + 1..=before).for_each(|cards| domain.count(id, cards, -1));
            (before + 1..=after).for_each(|cards| domain.count(id, cards, 1));
        }
    }

    /// The domains of a level that have at least `nodes` nodes with `cards` free cards, those with the fewest first; and
    /// the nodes of each that take work.
    pub(crate) fn with_room(&self, level: Level, cards: u32, nodes: u32) -> impl Iterator<Item = &BTreeSet<u32>> {
        let domain = self.level(level);
        let rooms = domain.and_then(|domain| domain.rooms.get(cards as usize));
        let rooms = rooms.into_iter().flat_map(move |rooms| rooms.range((nodes, 0)..));
        rooms.filter_map(move |(_, id)| Some(&domain?.known.get(id)?.working))
    }

    /// The most nodes with `cards` free cards that any domain of a level has.
    pub(crate) fn most_nodes(&self, level: Level, cards: u32) -> u32 {
        let rooms = self.level(level).and_then(|domain| domain.rooms.get(cards as usize));
        rooms.and_then(BTreeSet::last).map_or(0, |(nodes, _)| *nodes)
    }

    /// What the nodes of each domain of a level are capable of.
    pub(crate) fn capabilities(&self, level: Level) -> impl Iterator<Item = &BTreeMap<Capability, u32>> {
        self.level(level).into_iter().flat_map(|domain| domain.known.values().map(|members| &members.capabilities))
    }

    fn level(&self, level: Level) -> Option<&Domain> {
        match level {
            Level::Ring | Level::Node => None,
            Level::Rack => Some(&self.racks),
            Level::Pod => Some(&self.pods),
        }
    }

    /// The domains that a node belongs to.
    fn of(&mut self, spec: &NodeSpec) -> impl Iterator<Item = (&mut Domain, u32)> {
        let both = [(&mut self.racks, spec.rack), (&mut self.pods, spec.pod)];
        both.into_iter().filter_map(|(domain, id)| Some((domain, id?)))
    }
}

impl Domain {
    fn count(&mut self, id: u32, cards: u32, change: i32) {
        let able = &mut self.known.get_mut(&id).expect("it was added").able[cards as usize];
        let rooms = &mut self.rooms[cards as usize];
        if *able > 0 {
            rooms.remove(&(*able, id));
        }
        *able = able.checked_add_signed(change).expect("only what was counted leaves");
        if *able > 0 {
            rooms.insert((*able, id));
        }
    }
}
