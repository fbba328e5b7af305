//! The racks and pods of one group's nodes: how many nodes of each have how many free cards, so that a gang finds the
//! smallest domain that has room for it. The counts change with every node that does; to look through those of all
//! domains, one number each, costs less than to keep the domains in order.

use std::collections::{BTreeMap, BTreeSet};

use haina_core::Level;

use crate::index::Capability;
use crate::node::{Node, NodeSpec};

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Domains {
    racks: Domain,
    pods: Domain,
}

/// All domains of one level. Lists go by ascending id, so that the order in which nodes came makes no difference.
#[derive(Clone, Debug, Default, PartialEq)]
struct Domain {
    ids: Vec<u32>,
    members: Vec<Members>,
    /// At `c`: of each domain, how many nodes that take work have at least `c` free cards.
    able: Vec<Vec<u32>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Members {
    /// How many nodes of each capability, in any state.
    capabilities: BTreeMap<Capability, u32>,
    /// The nodes that take work.
    working: BTreeSet<u32>,
}

impl Domains {
    /// Counts a node that is new here.
    pub(crate) fn add(&mut self, spec: &NodeSpec) {
        for (domain, id) in self.of(spec) {
            let at = domain.place(id);
            *domain.members[at].capabilities.entry(Capability::of(spec)).or_default() += 1;
            let counts = spec.cards as usize + 1;
            domain.able.resize(domain.able.len().max(counts), vec![0; domain.ids.len()]);
        }
    }

    /// The node takes work from now on.
    pub(crate) fn enter(&mut self, number: u32, node: &Node, free: u32) {
        for (domain, id) in self.of(&node.spec) {
            let at = domain.at(id);
            domain.members[at].working.insert(number);
            domain.able[..=free as usize].iter_mut().for_each(|able| able[at] += 1);
        }
    }

    /// The node takes no more work.
    pub(crate) fn leave(&mut self, number: u32, node: &Node, free: u32) {
        for (domain, id) in self.of(&node.spec) {
            let at = domain.at(id);
            domain.members[at].working.remove(&number);
            domain.able[..=free as usize].iter_mut().for_each(|able| able[at] -= 1);
        }
    }

    /// Of a node that takes work other cards are free than before.
    pub(crate) fn change(&mut self, node: &Node, before: u32, after: u32) {
        let (before, after) = (before as usize, after as usize);
        for (domain, id) in self.of(&node.spec) {
            let at = domain.at(id);
            let (fewer, more) = (after + 1..before + 1, before + 1..after + 1);
            domain.able.get_mut(fewer).into_iter().flatten().for_each(|able| able[at] -= 1);
            domain.able.get_mut(more).into_iter().flatten().for_each(|able| able[at] += 1);
        }
    }

    /// The domains of a level that have at least `nodes` nodes with `cards` free cards, those with the fewest first; and
    /// the nodes of each that take work.
    pub(crate) fn with_room(&self, level: Level, cards: u32, nodes: u32) -> impl Iterator<Item = &BTreeSet<u32>> {
        let domain = self.level(level);
        let able = domain.and_then(|domain| domain.able.get(cards as usize));
        let rooms = move || able.into_iter().flatten().zip(0..).filter(move |(able, _)| **able >= nodes);
        let first = rooms().min();
        // As a rule the first has room indeed: to put the others in order would be work for nothing.
        let others = std::iter::once_with(move || {
            let mut others: Vec<_> = rooms().filter(|room| first.is_some_and(|first| *room > first)).collect();
            others.sort_unstable();
            others
        });
        let rooms = first.into_iter().chain(others.flatten());
        rooms.filter_map(move |(_, at)| Some(&domain?.members[at].working))
    }

    /// The most nodes with `cards` free cards that any domain of a level has.
    pub(crate) fn most_nodes(&self, level: Level, cards: u32) -> u32 {
        let able = self.level(level).and_then(|domain| domain.able.get(cards as usize));
        able.into_iter().flatten().copied().max().unwrap_or(0)
    }

    /// What the nodes of each domain of a level are capable of.
    pub(crate) fn capabilities(&self, level: Level) -> impl Iterator<Item = &BTreeMap<Capability, u32>> {
        self.level(level).into_iter().flat_map(|domain| domain.members.iter().map(|members| &members.capabilities))
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
    /// Where a domain stands in the lists.
    fn at(&self, id: u32) -> usize {
        self.ids.binary_search(&id).expect("it was added")
    }

    /// The same, after it was entered where it was not known.
    fn place(&mut self, id: u32) -> usize {
        self.ids.binary_search(&id).unwrap_or_else(|at| {
            self.ids.insert(at, id);
            self.members.insert(at, Members::default());
            self.able.iter_mut().for_each(|able| able.insert(at, 0));
            at
        })
    }
}
