//! Finding a place within one rack or pod: the domain with the fewest nodes that have room, so that whole domains stay
//! free, and in it the nodes as for best fit. Where any model serves, the first that has such a domain is taken.

use haina_core::{Force, Level};

use crate::cluster::Cluster;
use crate::demand::{CardDemand, Demand, Fuel};
use crate::find::{Found, OutOfFuel, Pick, PickedCards, Search};
use crate::index::Group;
use crate::terms::{Open, Terms};

impl Cluster {
    /// Looks within the domains that a gang asks for, from near to far. None if anywhere will do: nearness was only
    /// preferred and cannot be had, or one node is asked for, which is near to itself.
    pub(crate) fn find_near(&self, demand: &Demand, terms: &Terms, fuel: &mut Fuel) -> Option<Found> {
        let topology = demand.topology.filter(|_| demand.nodes > 1)?;
        let levels: &[Level] = match (topology.force, topology.level) {
            (Force::Preferred, Level::Pod) | (Force::Required, Level::Pod) => &[Level::Pod],
            (Force::Preferred, _) => &[Level::Rack, Level::Pod],
            (Force::Required, Level::Rack) => &[Level::Rack],
            // Several nodes are never one: `could_ever_host` refuses it.
            (Force::Required, Level::Ring | Level::Node) => &[],
        };
        let mut search = Search::new(&self.nodes, demand, terms, fuel);
        let mut nodes_free = 0;
        for level in levels {
            for group in self.groups(demand.pool, demand.card_model) {
                match search.in_one_domain(group, *level) {
                    Err(OutOfFuel) => return Some(Found::OutOfFuel),
                    Ok(()) if search.wanted() == 0 => return Some(search.answer()),
                    Ok(()) => nodes_free = nodes_free.max(search.picks.len() as u32),
                }
                let cards = least_cards(demand);
                nodes_free = nodes_free.max(group.domains.most_nodes(*level, cards).min(demand.nodes - 1));
            }
        }
        (topology.force == Force::Required).then_some(Found::Blocked { nodes_free })
    }
}

/// Wholly free cards that a node must have for a share. A part may also be left of a card in parts.
fn least_cards(demand: &Demand) -> u32 {
    match demand.cards() {
        Some(CardDemand::Whole(count)) => count,
        _ => 0,
    }
}

impl Search<'_> {
    /// Picks nodes of the first domain that has enough of them; of the fullest one otherwise.
    fn in_one_domain(&mut self, group: &Group, level: Level) -> Result<(), OutOfFuel> {
        let mut most: Vec<Pick> = Vec::new();
        for nodes in group.domains.with_room(level, least_cards(self.demand), self.demand.nodes) {
            let mut able = Vec::new();
            for &number in nodes {
                if let Some(open) = self.probe(number)? {
                    able.extend(fit(self.demand, number, open));
                }
            }
            able.sort_unstable_by_key(|(misfit, pick)| (*misfit, pick.number));
            self.picks = able.into_iter().take(self.demand.nodes as usize).map(|(_, pick)| pick).collect();
            if self.wanted() == 0 {
                return Ok(());
            }
            if self.picks.len() > most.len() {
                most = std::mem::take(&mut self.picks);
            }
        }
        self.picks = most;
        Ok(())
    }
}

/// Whether a node is spread over, what its ring has too much, and how many cards are free: the least is best.
type Misfit = (bool, u32, u32);

/// What a share would take of a node that has the processors and memory.
fn fit(demand: &Demand, number: u32, open: Open) -> Option<(Misfit, Pick)> {
    let free = open.free().count_ones();
    let (misfit, cards) = match demand.cards()? {
        CardDemand::None => ((false, 0, free), PickedCards::None),
        CardDemand::Whole(count) if free < count => return None,
        CardDemand::Whole(count) => {
            let ring = open.least_sufficient_ring(count);
            ((ring.is_none(), ring.unwrap_or(0), free), PickedCards::Whole(open.choose_cards(count)))
        }
        CardDemand::Fraction(millis) => {
            let parts = open.node.remainders().filter(|(card, left)| open.gives(*card) && *left >= millis);
            match parts.min_by_key(|(card, left)| (*left, *card)) {
                Some((card, left)) => ((false, u32::from(left), free), PickedCards::Part { card, millis }),
                None if free == 0 => return None,
                None => {
                    let card = open.choose_cards(1).trailing_zeros() as u8;
                    ((true, open.least_sufficient_ring(1)?, free), PickedCards::Part { card, millis })
                }
            }
        }
    };
    Some((misfit, Pick { number, cards }))
}
