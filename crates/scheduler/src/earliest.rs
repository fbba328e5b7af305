//! The earliest start that can be promised: when enough of what is held now has ended at its limit.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use haina_core::topology::{Force, Level};
use haina_core::{Allocation, CardModelId, CardSlot, NodeId, NodeShare, Timestamp};

use crate::bits::ones;
use crate::cluster::Cluster;
use crate::demand::{CardDemand, Demand};
use crate::node::Node;
use crate::releases::{Release, Releases};
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
    /// No node can host its share before.
    bounds: Vec<Reverse<Candidate>>,
    /// When nodes are wholly free, the earliest of these, as many as are wanted, the last on top: all will be chosen by then.
    wholly_free: BinaryHeap<Timestamp>,
    candidates: Vec<Candidate>,
    /// The moments of the earliest of them, as many as are wanted, the last on top.
    earliest: BinaryHeap<Timestamp>,
}

impl Group {
    /// The moment at which the last of the wanted comes free: who comes free later is none of them.
    fn latest(&self, wanted: usize) -> Option<Timestamp> {
        last_of(&self.earliest, wanted)
    }

    fn add(&mut self, candidate: Candidate, wanted: usize) {
        self.candidates.push(candidate);
        keep_earliest(&mut self.earliest, candidate.0, wanted);
    }
}

/// The last of so many moments, once there are as many.
fn last_of(earliest: &BinaryHeap<Timestamp>, wanted: usize) -> Option<Timestamp> {
    earliest.peek().copied().filter(|_| earliest.len() == wanted)
}

fn keep_earliest(earliest: &mut BinaryHeap<Timestamp>, moment: Timestamp, wanted: usize) {
    if last_of(earliest, wanted).is_some_and(|last| last <= moment) {
        return;
    }
    earliest.push(moment);
    if earliest.len() > wanted {
        earliest.pop();
    }
}

impl Cluster {
    /// When and where `demand` fits if everything that is held is given back as `releases` says. Nothing is taken that
    /// `terms` withhold. None if it does not fit even then, because nodes are out of service.
    ///
    /// Looks at every node of the pool; where something comes free in time, at that; and tries the nodes with which it may
    /// be soonest.
    pub fn earliest<'a>(
        &self,
        demand: &Demand,
        terms: &Terms,
        now: Timestamp,
        releases: &impl Releases<'a>,
    ) -> Option<(Timestamp, Allocation)> {
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
            // Cards of a gang are of one model, and so are nodes that must be near; otherwise, without cards, nodes of all
            // models serve together.
            let model = node.spec.card_model.filter(|_| cards != CardDemand::None || domain.is_some());
            let group = groups.entry((model, domain)).or_default();
            let (open, span) = (Open::new(node, terms), releases.span(node.spec.id));
            let is_sooner = |last: Timestamp| last_of(&group.wholly_free, wanted).is_none_or(|known| last < known);
            let last = span.map_or(now, |span| span.last.max(now));
            if is_sooner(last) && could_host(open, demand, cards) {
                keep_earliest(&mut group.wholly_free, last, wanted);
            }
            let in_time = last_of(&group.wholly_free, wanted).unwrap_or(Timestamp(i64::MAX));
            if wants_all_cards(open, cards) && span.and_then(|span| span.last_card).is_some_and(|last| last > in_time) {
                continue;
            }
            let any = span.is_some_and(|span| span.first <= in_time);
            let releases = any.then(|| releases.of(node.spec.id)).into_iter().flatten();
            let in_time = releases.take_while(|release| release.at <= in_time);
            if let Some(bound) = bound(open, demand, cards, now, in_time) {
                group.bounds.push(Reverse((bound, number as u32)));
            }
        }
        let mut best: Option<(Timestamp, Vec<Candidate>)> = None;
        for mut group in groups.into_values() {
            let mut bounds = BinaryHeap::from(std::mem::take(&mut group.bounds));
            while let Some(Reverse((bound, number))) = bounds.pop() {
                let is_late = |moment: Timestamp| moment < bound;
                if group.latest(wanted).is_some_and(is_late) || best.as_ref().is_some_and(|(start, _)| is_late(*start))
                {
                    break;
                }
                let (node, latest) = (&self.nodes[number as usize], group.latest(wanted));
                let in_time =
                    releases.of(node.spec.id).take_while(|release| latest.is_none_or(|latest| release.at <= latest));
                if let Some(moment) = first_fit(node, demand, cards, terms, now, in_time) {
                    group.add((moment, number), wanted);
                }
            }
            if let Some(start) = group.latest(wanted)
                && best.as_ref().is_none_or(|(before, _)| start < *before)
            {
                best = Some((start, group.candidates));
            }
        }
        let (start, mut candidates) = best?;
        // Those that come free last, so that others may use the rest for longer.
        candidates.retain(|(moment, _)| *moment <= start);
        candidates.sort_unstable();
        let mut chosen: Vec<u32> = candidates.iter().rev().take(wanted).map(|(_, number)| *number).collect();
        chosen.sort_unstable();
        let share = |number: u32| {
            let mut node = self.nodes[number as usize].clone();
            let ended = releases.of(node.spec.id).take_while(|release| release.at <= start);
            ended.for_each(|release| node.release((release.share)()));
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

/// Whether a share is all cards of a node: it does not fit before the last of them comes free.
fn wants_all_cards(open: Open, cards: CardDemand) -> bool {
    let all = open.node.spec.all_cards();
    matches!(cards, CardDemand::Whole(count) if count == all.count_ones()) && open.of_use(all) == all
}

/// Whether a node surely has a share when it is wholly free.
fn could_host(open: Open, demand: &Demand, cards: CardDemand) -> bool {
    let spec = &open.node.spec;
    let has_cards = match cards {
        CardDemand::None => true,
        CardDemand::Whole(count) if required(demand) == Some(Level::Ring) => {
            let rings = open.node.profile_of(open.of_use(spec.all_cards()));
            rings.least_sufficient_ring(count).is_some()
        }
        CardDemand::Whole(count) => open.of_use(spec.all_cards()).count_ones() >= count,
        CardDemand::Fraction(_) => spec.fractions && open.of_use(spec.all_cards()) != 0,
    };
    has_cards && open.could_have(demand.cpu_per_node, demand.memory_per_node)
}

/// No share fits on a node before, counting cards that are touched as free; none if it never does.
fn bound<S>(
    open: Open,
    demand: &Demand,
    cards: CardDemand,
    now: Timestamp,
    mut releases: impl Iterator<Item = Release<S>>,
) -> Option<Timestamp> {
    let (wanted, in_parts) = match cards {
        CardDemand::None => (0, 0),
        CardDemand::Whole(count) => (count, 0),
        CardDemand::Fraction(_) if !open.node.spec.fractions => return None,
        CardDemand::Fraction(millis) => {
            let suffices = open.node.remainders().filter(|(_, left)| *left >= millis);
            (1, suffices.fold(0, |cards, (card, _)| cards | 1 << card))
        }
    };
    let mut free = open.free() | open.of_use(in_parts);
    let (mut moment, (mut cpu, mut memory)) = (now, open.free_cpu_and_memory());
    while free.count_ones() < wanted || cpu < demand.cpu_per_node || memory < demand.memory_per_node {
        let release = releases.next()?;
        moment = release.at.max(now);
        free |= open.of_use(release.touched.cards);
        (cpu.0, memory.0) = (cpu.0 + release.touched.cpu.0, memory.0 + release.touched.memory.0);
    }
    Some(moment)
}

/// When a share fits on a node.
fn first_fit<'a, S: FnOnce() -> &'a NodeShare>(
    node: &Node,
    demand: &Demand,
    cards: CardDemand,
    terms: &Terms,
    now: Timestamp,
    releases: impl Iterator<Item = Release<S>>,
) -> Option<Timestamp> {
    if fits(node, demand, cards, terms) {
        return Some(now);
    }
    let mut node = node.clone();
    for release in releases {
        node.release((release.share)());
        if fits(&node, demand, cards, terms) {
            return Some(release.at.max(now));
        }
    }
    None
}

/// What is free on a node, for many questions.
#[derive(Clone, Copy)]
pub struct Room<'a> {
    node: &'a Node,
    cards: u32,
    /// Thousandths of cards that are free on all nodes of its pool and model: a gang needs as many.
    of_group: u32,
}

impl Cluster {
    /// What is free on a node; none where it is not known or takes no work.
    pub fn room(&self, node: NodeId) -> Option<Room<'_>> {
        let node = &self.nodes[self.known_number(node)?];
        let of_group = self.groups(node.spec.pool, node.spec.card_model).next()?.totals.free.0;
        node.takes_work().then(|| Room { node, cards: node.usable_free().count_ones(), of_group })
    }
}

impl Room<'_> {
    /// Whether one share of `demand` would find room there now, and as many cards are free as all shares need: who is not
    /// hosted there now cannot be helped by what came free there.
    pub fn has(&self, demand: &Demand) -> bool {
        let (node, Some(cards)) = (self.node, demand.cards()) else { return false };
        let spec = &node.spec;
        let is_meant = spec.pool == demand.pool && demand.card_model.is_none_or(|model| spec.card_model == Some(model));
        let all = u64::from(demand.cards_per_node.0) * u64::from(demand.nodes);
        let has_cards =
            all <= u64::from(self.of_group) && !matches!(cards, CardDemand::Whole(count) if count > self.cards);
        has_cards && is_meant && fits(node, demand, cards, &Terms::default())
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
