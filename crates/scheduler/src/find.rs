//! Finding a place. Candidates come from the indexes in the order of preference, so that the first that fits is best.
//!
//! - Whole cards: the ring with the fewest free cards that suffice, then the node with the fewest free cards, then the
//!   lowest node. Only where no ring of any node suffices, spread over the rings of the node with the fewest free cards.
//! - A part of a card: the card in parts with the least sufficient remainder, then a free card as above.
//! - No cards: a node without cards, then any; each time the one with the fewest free processors that suffice.
//!
//! By least fragmentation instead: see `least_fragmentation`.
//!
//! Where any model serves, the models are tried apart and the best place is taken; ties go to the lower model.

use std::collections::BTreeSet;
use std::iter::Peekable;

use haina_core::{Allocation, CardSlot, CpuMillis, NodeShare, Placement};

use crate::bits::ones;
use crate::cluster::Cluster;
use crate::demand::{CardDemand, Demand, Fuel};
use crate::index::Group;
use crate::node::Node;
use crate::terms::{Open, Terms};

/// The answer to a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Here; shares are by ascending node. Nothing is claimed yet.
    Placed(Allocation),
    /// Not now.
    Blocked {
        /// Nodes that could host one share now; fewer than asked for.
        nodes_free: u32,
    },
    /// Not known: there was not enough fuel to look everywhere.
    OutOfFuel,
}

/// A chosen node and what to take of it.
#[derive(Clone, Copy)]
pub(crate) struct Pick {
    pub(crate) number: u32,
    pub(crate) cards: PickedCards,
}

#[derive(Clone, Copy)]
pub(crate) enum PickedCards {
    None,
    Whole(u64),
    Part { card: u8, millis: u16 },
}

/// How bad a place is; the least is taken. Each group of nodes that could host the demand has one.
type Cost = (u32, u64);

pub(crate) struct OutOfFuel;

impl Cluster {
    /// Looks for the best place for all shares of `demand`. Costs at least one probe. Nodes of which cards are withheld
    /// are ordered by all that is free of them.
    ///
    /// Panics on a demand that `could_ever_host` calls malformed, whatever the nodes.
    pub fn find(&self, demand: &Demand, terms: &Terms, fuel: &mut Fuel) -> Found {
        assert!(demand.nodes > 0, "at least one node is asked for");
        let cards = demand.cards().expect("whole cards, a part of one, or none are asked for");
        if !fuel.spend(1) {
            return Found::OutOfFuel;
        }
        if let Some(found) = self.find_near(demand, terms, fuel) {
            return found;
        }
        if terms.placement == Placement::LeastFragmentation && self.ranked.contains(&demand.pool) {
            return self.find_least_fragmentation(demand, terms, fuel);
        }
        let mut search = Search::new(&self.nodes, demand, terms, fuel);
        if cards == CardDemand::None {
            let groups: Vec<&Group> = self.groups(demand.pool, demand.card_model).collect();
            return match search.without_cards(&groups) {
                Err(OutOfFuel) => Found::OutOfFuel,
                Ok(()) => search.answer(),
            };
        }
        let mut best: Option<(Cost, Vec<Pick>)> = None;
        let mut nodes_free = 0;
        for group in self.groups(demand.pool, demand.card_model) {
            search.picks.clear();
            let outcome = match cards {
                CardDemand::Whole(count) => search.whole(group, count, &BTreeSet::new()),
                CardDemand::Fraction(millis) => search.fraction(group, millis),
                CardDemand::None => unreachable!("handled above"),
            };
            match outcome {
                // The best place so far is still a good one.
                Err(OutOfFuel) if best.is_some() => break,
                Err(OutOfFuel) => return Found::OutOfFuel,
                Ok(_) if search.wanted() > 0 => nodes_free = nodes_free.max(search.picks.len() as u32),
                Ok(cost) if best.as_ref().is_none_or(|(least, _)| cost < *least) => {
                    best = Some((cost, std::mem::take(&mut search.picks)));
                }
                Ok(_) => {}
            }
            if best.as_ref().is_some_and(|(cost, _)| *cost == (0, 0)) {
                break;
            }
        }
        match best {
            None => Found::Blocked { nodes_free },
            Some((_, picks)) => {
                search.picks = picks;
                search.answer()
            }
        }
    }

    /// With this much fuel, no search ends for lack of it.
    pub fn fuel_for_any_find(&self) -> Fuel {
        // A search looks once at each card in parts, at a node at most once for each of its rings and
        // once more, before that once in its rack and once in its pod, and by waste twice more.
        Fuel(1 + self.nodes.iter().map(|node| 5 + 2 * u64::from(node.spec.cards)).sum::<u64>())
    }
}

pub(crate) struct Search<'a> {
    nodes: &'a [Node],
    pub(crate) demand: &'a Demand,
    terms: &'a Terms<'a>,
    /// Whether a part of a card is asked for.
    in_parts: bool,
    fuel: &'a mut Fuel,
    pub(crate) picks: Vec<Pick>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(nodes: &'a [Node], demand: &'a Demand, terms: &'a Terms<'a>, fuel: &'a mut Fuel) -> Search<'a> {
        let in_parts = matches!(demand.cards(), Some(CardDemand::Fraction(_)));
        Search { nodes, demand, terms, in_parts, fuel, picks: Vec::new() }
    }

    pub(crate) fn wanted(&self) -> usize {
        self.demand.nodes as usize - self.picks.len()
    }

    /// Looks at one candidate, which has the cards: does it have the rest? Costs a probe.
    pub(crate) fn probe(&mut self, number: u32) -> Result<Option<Open<'a>>, OutOfFuel> {
        if !self.fuel.spend(1) {
            return Err(OutOfFuel);
        }
        let open = Open::new(&self.nodes[number as usize], self.terms);
        let fits = open.has(self.demand.cpu_per_node, self.demand.memory_per_node);
        Ok((fits && (open.node.spec.fractions || !self.in_parts)).then_some(open))
    }

    /// Picks nodes with `count` free cards, except those in `taken`, until there are enough. The cost counts the shares
    /// that are spread over rings.
    pub(crate) fn whole(&mut self, group: &Group, count: u32, taken: &BTreeSet<u32>) -> Result<Cost, OutOfFuel> {
        for (ring, _, nodes) in group.by_ring.scan(count) {
            for number in nodes.iter() {
                let Some(open) = self.probe(number)? else { continue };
                // A node with several rings that suffice was looked at under the least of them.
                let is_first = open.node.profile().least_sufficient_ring(count) == Some(ring);
                if is_first && open.has_ring(count) && !taken.contains(&number) {
                    self.picks.push(Pick { number, cards: PickedCards::Whole(open.choose_cards(count)) });
                    if self.wanted() == 0 {
                        return Ok((0, 0));
                    }
                }
            }
        }
        if self.demand.topology.is_some_and(|topology| topology.stays_in_ring()) && !self.in_parts {
            return Ok((0, 0));
        }
        let mut spread = 0;
        for (free, scattered, nodes) in group.by_free.scan(count) {
            // With a fullest ring of `count` or more, the nodes of this bucket were looked at above, and refused unless
            // that ring is withheld.
            let had_ring = free - scattered >= count;
            if had_ring && self.terms.withheld.is_empty() {
                continue;
            }
            for number in nodes.iter() {
                let Some(open) = self.probe(number)? else { continue };
                let was_taken = (had_ring && open.has_ring(count)) || taken.contains(&number);
                if !was_taken && open.free().count_ones() >= count {
                    spread += u32::from(open.node.spreads(open.free(), count));
                    self.picks.push(Pick { number, cards: PickedCards::Whole(open.choose_cards(count)) });
                    if self.wanted() == 0 {
                        return Ok((spread, 0));
                    }
                }
            }
        }
        Ok((spread, 0))
    }

    /// Picks nodes with `millis` left on a card in parts, then with a free card. The cost counts the cards that are
    /// broken into parts, then what stays unused of the others.
    pub(crate) fn fraction(&mut self, group: &Group, millis: u16) -> Result<Cost, OutOfFuel> {
        let mut taken = BTreeSet::new();
        let mut unused = 0;
        for &(left, number, card) in group.remainders.range((millis, 0, 0)..) {
            if self.probe(number)?.is_some_and(|open| open.gives(card)) && taken.insert(number) {
                self.picks.push(Pick { number, cards: PickedCards::Part { card, millis } });
                unused += u64::from(left - millis);
                if self.wanted() == 0 {
                    return Ok((0, unused));
                }
            }
        }
        if !group.capabilities.keys().any(|capability| capability.fractions) {
            return Ok((0, unused));
        }
        let partly_used = self.picks.len();
        self.whole(group, 1, &taken)?;
        for pick in &mut self.picks[partly_used..] {
            let PickedCards::Whole(bit) = pick.cards else { unreachable!("whole cards were asked for") };
            pick.cards = PickedCards::Part { card: bit.trailing_zeros() as u8, millis };
        }
        Ok(((self.picks.len() - partly_used) as u32, unused))
    }

    /// Picks nodes for processors and memory alone: of the first group, if its nodes have no cards, then of the others.
    fn without_cards(&mut self, groups: &[&Group]) -> Result<(), OutOfFuel> {
        let has_cards = |group: &&&Group| group.totals.installed.0 > 0;
        for with_cards in [false, true] {
            let mut lines: Vec<Peekable<_>> = groups
                .iter()
                .filter(|group| has_cards(group) == with_cards)
                .map(|group| group.with_cpu(self.demand.cpu_per_node).peekable())
                .collect();
            while let Some(number) = pop_least(&mut lines) {
                if self.probe(number)?.is_some() {
                    self.picks.push(Pick { number, cards: PickedCards::None });
                    if self.wanted() == 0 {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// The picks as an allocation, if there are enough of them.
    pub(crate) fn answer(mut self) -> Found {
        if self.wanted() > 0 {
            return Found::Blocked { nodes_free: self.picks.len() as u32 };
        }
        self.picks.sort_unstable_by_key(|pick| pick.number);
        let share = |pick: &Pick| NodeShare {
            node: self.nodes[pick.number as usize].spec.id,
            cards: match pick.cards {
                PickedCards::None => Vec::new(),
                PickedCards::Whole(cards) => {
                    ones(cards).map(|index| CardSlot { index: index as u8, millis: 1000 }).collect()
                }
                PickedCards::Part { card, millis } => vec![CardSlot { index: card, millis }],
            },
            cpu: self.demand.cpu_per_node,
            memory: self.demand.memory_per_node,
        };
        Found::Placed(Allocation { shares: self.picks.iter().map(share).collect() })
    }
}

/// The node with the fewest free processors at the head of any line.
fn pop_least(lines: &mut [Peekable<impl Iterator<Item = (CpuMillis, u32)>>]) -> Option<u32> {
    let (_, line) = lines
        .iter_mut()
        .filter_map(|line| line.peek().copied().map(|head| (head, line)))
        .min_by_key(|(head, _)| *head)?;
    line.next().map(|(_, number)| number)
}
