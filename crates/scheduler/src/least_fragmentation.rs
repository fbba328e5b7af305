//! Finding the place where waste grows least. A share that is often asked for takes the first nodes of its ranking; for
//! any other, the first nodes are judged of the ranking of the share that is most like it.

use std::collections::BTreeSet;

use crate::bits::ones;
use crate::cluster::Cluster;
use crate::demand::{CardDemand, Demand, Fuel};
use crate::find::{Found, OutOfFuel, Pick, PickedCards, Search};
use crate::index::Group;
use crate::ranking::{Growth, Ranking, Taken};
use crate::terms::{Open, Terms};

/// Nodes that are judged for a share that is not often asked for, beyond as many as it needs.
const CANDIDATES: usize = 32;

/// Where a share would go: the least is taken.
type Place = (Growth, u32);

impl Cluster {
    pub(crate) fn find_least_fragmentation(&self, demand: &Demand, terms: &Terms, fuel: &mut Fuel) -> Found {
        let without_cards = demand.cards_per_node.0 == 0;
        let groups = self.groups(demand.pool, demand.card_model);
        let mut search = Search::new(&self.nodes, demand, terms, fuel);
        let mut best: Option<Vec<(Place, Pick)>> = None;
        let mut shares: Vec<(Place, Pick)> = Vec::new();
        let mut nodes_free = 0;
        for group in groups {
            if !without_cards {
                shares.clear();
            }
            match search.least_wasteful(group, &mut shares) {
                Err(OutOfFuel) if best.is_some() => break,
                Err(OutOfFuel) => return Found::OutOfFuel,
                Ok(()) => {}
            }
            nodes_free = nodes_free.max(shares.len() as u32);
            let wanted = demand.nodes as usize;
            if shares.len() < wanted {
                continue;
            }
            if without_cards {
                shares.sort_unstable_by_key(|(place, _)| *place);
                shares.truncate(wanted);
            }
            if without_cards || best.as_ref().is_none_or(|best| cost(&shares) < cost(best)) {
                best = Some(shares.clone());
            }
        }
        match best {
            None => Found::Blocked { nodes_free },
            Some(shares) => {
                search.picks = shares.into_iter().map(|(_, pick)| pick).collect();
                search.answer()
            }
        }
    }
}

/// Steps by which waste grows, in all, and then how few processors remain, in all.
fn cost(shares: &[(Place, Pick)]) -> (i64, u64) {
    let growths = shares.iter().map(|(((steps, processors), _), _)| (i64::from(*steps), u64::from(*processors)));
    growths.fold((0, 0), |(steps, processors), growth| (steps + growth.0, processors + growth.1))
}

impl Search<'_> {
    /// Adds the places of a group for which waste grows least, as many as are asked for at most.
    fn least_wasteful(&mut self, group: &Group, shares: &mut Vec<(Place, Pick)>) -> Result<(), OutOfFuel> {
        let ranking = group.ranking.as_ref().expect("a group is ranked where a mix is known");
        let mut wanted = self.demand.nodes;
        if let Some(ranked) = ranking.nodes(self.demand) {
            for (_, number) in ranked {
                let Some(open) = self.probe(number)? else { continue };
                if let Some(share) = judged(ranking, self.demand, number, open) {
                    shares.push(share);
                    wanted -= 1;
                    if wanted == 0 {
                        break;
                    }
                }
            }
            return Ok(());
        }
        let mut candidates = Vec::new();
        for number in ranking.nodes_for_similar(self.demand).into_iter().flatten() {
            if let Some(open) = self.probe(number)? {
                candidates.extend(judged(ranking, self.demand, number, open));
                if candidates.len() >= wanted as usize + CANDIDATES {
                    break;
                }
            }
        }
        if candidates.len() < wanted as usize {
            candidates = self.best_fits(group, ranking)?;
        }
        candidates.sort_unstable_by_key(|(place, _)| *place);
        shares.extend(candidates.into_iter().take(wanted as usize));
        Ok(())
    }

    /// What best fit takes, judged.
    fn best_fits(&mut self, group: &Group, ranking: &Ranking) -> Result<Vec<(Place, Pick)>, OutOfFuel> {
        debug_assert!(self.picks.is_empty());
        match self.demand.cards().expect("only well formed demands are searched for") {
            CardDemand::None => {
                for (_, number) in group.with_cpu(self.demand.cpu_per_node) {
                    if self.probe(number)?.is_some() {
                        self.picks.push(Pick { number, cards: PickedCards::None });
                        if self.wanted() == 0 {
                            break;
                        }
                    }
                }
            }
            CardDemand::Whole(count) => _ = self.whole(group, count, &BTreeSet::new())?,
            CardDemand::Fraction(millis) => _ = self.fraction(group, millis)?,
        }
        let mut places = Vec::new();
        for pick in std::mem::take(&mut self.picks) {
            let open = self.probe(pick.number)?;
            let growth = open.and_then(|open| ranking.judge(self.demand, open)).map(|(growth, _)| growth);
            places.push(((growth.expect("what best fit takes is there"), pick.number), pick));
        }
        Ok(places)
    }
}

/// What a share would take of a node; none if the cards are not there.
fn judged(ranking: &Ranking, demand: &Demand, number: u32, open: Open) -> Option<(Place, Pick)> {
    let (growth, taken) = ranking.judge(demand, open)?;
    let stays_in_ring = demand.topology.is_some_and(|topology| topology.stays_in_ring());
    let cards = match (taken, demand.cards()?) {
        (Taken::Whole(count), _) if stays_in_ring && open.least_sufficient_ring(count).is_none() => return None,
        (Taken::None, _) => PickedCards::None,
        (Taken::Whole(count), _) => PickedCards::Whole(open.choose_cards(count)),
        (Taken::Part { left: 1000 }, CardDemand::Fraction(millis)) => {
            PickedCards::Part { card: open.choose_cards(1).trailing_zeros() as u8, millis }
        }
        (Taken::Part { left }, CardDemand::Fraction(millis)) => {
            let is_it = |card: &u8| open.gives(*card) && open.node.remainder(*card) == Some(left);
            let card = ones(u64::MAX).map(|card| card as u8).find(is_it)?;
            PickedCards::Part { card, millis }
        }
        (Taken::Part { .. }, _) => unreachable!("parts are taken of whom parts are asked"),
    };
    Some(((growth, number), Pick { number, cards }))
}
