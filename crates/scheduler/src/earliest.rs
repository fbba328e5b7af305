//! The earliest start that can be promised: when enough of what is held now has ended at its limit.

use std::collections::{BTreeMap, BinaryHeap};

use haina_core::topology::{Force, Level};
use haina_core::{Allocation, CardModelId, CardSlot, NodeId, NodeShare, Timestamp};

use crate::bits::ones;
use crate::cluster::Cluster;
use crate::demand::{CardDemand, Demand};
use crate::node::Node;
use crate::terms::{Open, Terms};

/// How near a demand's cards must be.
fn required(demand: &Demand) -> Option<Level> {
    demand.topology.filter(|topology| topology.force == Force::Required).map(|topology| topology.level)
}

/// When a node could host a share, and which.
type Candidate = (Timestamp, u32);

/// Nodes of which a gang may be.
#[derive(Default)]
struct Group {
    candidates: Vec<Candidate>,
    /// The moments of the earliest of them, as many as are wanted, the last on top.
    earliest: BinaryHeap<Timestamp>,
    /// The last of these, once there are as many: who comes free later is none of them.
    latest: Option<Timestamp>,
}

impl Group {
    fn add(&mut self, candidate: Candidate, wanted: usize) {
        self.candidates.push(candidate);
        self.earliest.push(candidate.0);
        if self.earliest.len() > wanted {
            self.earliest.pop();
        }
        self.latest = self.earliest.peek().copied().filter(|_| self.earliest.len() == wanted);
    }
}

impl Cluster {
    /// When and where `demand` fits if everything that is held is given back as `releases` says of a node: by ascending
    /// moment, what tells the share that then comes free. Nothing is taken that `terms` withhold. None if it does not fit even then,
    /// because nodes are out of service.
    ///
    /// Looks at every node of the pool, and at what is held on each.
    pub fn earliest<'a, R, S>(
        &self,
        demand: &Demand,
        terms: &Terms,
        now: Timestamp,
        releases: impl Fn(NodeId) -> R,
    ) -> Option<(Timestamp, Allocation)>
    where
        R: Iterator<Item = (Timestamp, S)>,
        S: FnOnce() -> &'a NodeShare,
    {
        let cards = demand.cards().expect("whole cards, a part of one, or none are asked for");
        let wanted = demand.nodes as usize;
        let mut groups: BTreeMap<(Option<CardModelId>, Option<u32>), Group> = BTreeMap::new();
        for (number, node) in self.nodes.iter().enumerate() {
            let serves = demand.card_model.is_none_or(|model| node.spec.card_model == Some(model));
            if node.spec.pool != demand.pool || !serves || !node.takes_work() {
                continue;
            }
            // A gang that must stay within a rack or pod is promised one; which nodes are near is not known of all.
            let domain = match required(demand) {
                Some(Level::Rack) if demand.nodes > 1 => node.spec.rack.map(Some),
                Some(Level::Pod) if demand.nodes > 1 => node.spec.pod.map(Some),
                _ => Some(None),
            };
            let Some(domain) = domain else { continue };
            // Cards of a gang are of one model; without cards, nodes of all models serve together.
            let model = node.spec.card_model.filter(|_| cards != CardDemand::None);
            let group = groups.entry((model, domain)).or_default();
            let in_time =
                releases(node.spec.id).take_while(|(moment, _)| group.latest.is_none_or(|most| *moment <= most));
            if let Some(moment) = first_fit(node, demand, cards, terms, now, in_time) {
                group.add((moment, number as u32), wanted);
            }
        }
        let (start, mut candidates) = groups
            .into_values()
            .filter_map(|mut group| {
                group.candidates.sort_unstable();
                Some((group.latest?, group.candidates))
            })
            .min_by_key(|(start, _)| *start)?;
        // Those that come free last, so that others may use the rest for longer.
        candidates.retain(|(moment, _)| *moment <= start);
        let mut chosen: Vec<u32> = candidates.iter().rev().take(wanted).map(|(_, number)| *number).collect();
        chosen.sort_unstable();
        let share = |number: u32| {
            let mut node = self.nodes[number as usize].clone();
            let ended = releases(node.spec.id).take_while(|(moment, _)| *moment <= start);
            ended.for_each(|(_, share)| node.release(share()));
            NodeShare {
                node: node.spec.id,
                cards: choose(&node, cards, terms),
                cpu: demand.cpu_per_node,
                memory: demand.memory_per_node,
            }
        };
        Some((start, Allocation { shares: chosen.into_iter().map(share).collect() }))
    }
}

/// When a share fits on a node.
fn first_fit<'a>(
    node: &Node,
    demand: &Demand,
    cards: CardDemand,
    terms: &Terms,
    now: Timestamp,
    releases: impl Iterator<Item = (Timestamp, impl FnOnce() -> &'a NodeShare)>,
) -> Option<Timestamp> {
    if fits(node, demand, cards, terms) {
        return Some(now);
    }
    let mut releases = releases.peekable();
    // Most nodes come free too late, which is cheap to know.
    releases.peek()?;
    let mut node = node.clone();
    for (moment, share) in releases {
        node.release(share());
        if fits(&node, demand, cards, terms) {
            return Some(moment.max(now));
        }
    }
    None
}

impl Cluster {
    /// Whether one share of `demand` would find room on a node now: who is not hosted there now cannot be helped by what
    /// came free there.
    pub fn has_room(&self, node: NodeId, demand: &Demand) -> bool {
        let Some(cards) = demand.cards() else { return false };
        let Some(node) = self.known_number(node).map(|number| &self.nodes[number]) else { return false };
        let spec = &node.spec;
        let is_meant = spec.pool == demand.pool && demand.card_model.is_none_or(|model| spec.card_model == Some(model));
        is_meant && node.takes_work() && fits(node, demand, cards, &Terms::default())
    }
}

fn fits(node: &Node, demand: &Demand, cards: CardDemand, terms: &Terms) -> bool {
    let open = Open::new(node, terms);
    let has_cards = match cards {
        CardDemand::None => true,
        CardDemand::Whole(count) if required(demand) == Some(Level::Ring) => {
            node.profile_of(open.free()).least_sufficient_ring(count).is_some()
        }
        CardDemand::Whole(count) => open.free().count_ones() >= count,
        CardDemand::Fraction(millis) => part(node, open, millis).is_some(),
    };
    has_cards && open.has(demand.cpu_per_node, demand.memory_per_node)
}

/// A card with so much left, one that is in parts already before others.
fn part(node: &Node, open: Open, millis: u16) -> Option<u8> {
    if !node.spec.fractions {
        return None;
    }
    let started = node.remainders().filter(|(card, left)| *left >= millis && open.gives(*card)).map(|(card, _)| card);
    started.min().or_else(|| ones(open.free()).next().map(|card| card as u8))
}

fn choose(node: &Node, cards: CardDemand, terms: &Terms) -> Vec<CardSlot> {
    let open = Open::new(node, terms);
    match cards {
        CardDemand::None => Vec::new(),
        CardDemand::Whole(count) => {
            ones(open.choose_cards(count)).map(|index| CardSlot { index: index as u8, millis: 1000 }).collect()
        }
        CardDemand::Fraction(millis) => {
            let index = part(node, open, millis).expect("the node was chosen because it has one");
            vec![CardSlot { index, millis }]
        }
    }
}
