//! What work is like: which shares are asked for and how often. What of a node's free cards no such share could use is
//! its waste (fragmentation: Weng et al., "Beware of Fragmentation", ATC '23).
//!
//! Two things are counted beyond the paper's measure. Processors and memory bound how much of the cards shares of a class
//! could use: cards whose processors are gone are wasted before the last processor is. And a card in parts is worth what
//! will likely remain of it once the parts that arrive have filled it: after a part of 810 remain 190 that almost nobody
//! wants, after one of 470 another fits.
//!
//! The constants were chosen on Alibaba's three traces and on the first ten made mixes (`made_pods` in the simulator);
//! `cargo xtask bench quality` shows others.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use haina_core::{Bytes, CardModelId, CpuMillis, PoolId};

use crate::demand::{CardDemand, Demand};
use crate::index::Capability;

/// Shares that are asked for, each with how often: its weight. Whoever owns it counts; see [`crate::Cluster::set_mix`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mix {
    weights: BTreeMap<PoolId, BTreeMap<Demand, u64>>,
}

/// The weights of a mix sum up to about this, so that waste stays far from the end of 64 bits.
const WEIGHT_OF_ALL: u64 = 1 << 16;
/// What will likely remain of a card, in so many parts of a thousandth.
const FINE: u64 = 1 << 8;
/// Shares of a pool that are kept are those that are asked for most, until they are so much of all, in percent,
const COVERED_PERCENT: u64 = 95;
/// or so many: each node is judged for each of them by each of them whenever it changes.
const SHARES_MOST: usize = 48;

impl Mix {
    /// A mix of these, or of those of them that are asked for most. Only the shares count, not how many nodes a demand
    /// has; malformed demands are left out.
    pub fn new(demands: impl IntoIterator<Item = (Demand, u64)>) -> Mix {
        let mut weights: BTreeMap<PoolId, BTreeMap<Demand, u64>> = BTreeMap::new();
        for (demand, weight) in demands {
            if demand.cards().is_some() {
                let of_pool = weights.entry(demand.pool).or_default();
                *of_pool.entry(Demand { nodes: 1, ..demand }).or_default() += weight;
            }
        }
        weights.values_mut().for_each(keep_most_asked_for);
        Mix { weights }
    }

    /// Whether more than an eighth of the work of a pool is other work than it was.
    pub(crate) fn differs(&self, before: &Mix, pool: PoolId) -> bool {
        let none = BTreeMap::new();
        moved_permille(before.weights.get(&pool).unwrap_or(&none), self.weights.get(&pool).unwrap_or(&none)) > 125
    }

    /// Takes over what another mix says of a pool, or forgets it.
    pub(crate) fn take(&mut self, other: &Mix, pool: PoolId, is_taken: bool) {
        match other.weights.get(&pool).filter(|_| is_taken) {
            Some(weights) => _ = self.weights.insert(pool, weights.clone()),
            None => _ = self.weights.remove(&pool),
        }
    }

    /// Whether it matters to what is left of a pool with such nodes where its work goes, beyond how many cards a node has
    /// free: where cards are given out in parts, and where processors or memory can run out before the cards do.
    pub(crate) fn matters(&self, pool: PoolId, nodes: &[Capability]) -> bool {
        let runs_out = |demand: &Demand| {
            let of_node = |node: &Capability| {
                let (of_all, cards) = (u64::from(node.cards) * 1000, u64::from(demand.cards_per_node.0));
                demand.cpu_per_node.0.saturating_mul(of_all) > node.cpu.0.saturating_mul(cards)
                    || demand.memory_per_node.0.saturating_mul(of_all) > node.memory.0.saturating_mul(cards)
            };
            nodes.iter().filter(|node| node.cards > 0).any(of_node)
        };
        let is_part = |demand: &Demand| matches!(demand.cards(), Some(CardDemand::Fraction(_)));
        let mut demands = self.weights.get(&pool).into_iter().flat_map(BTreeMap::keys);
        demands.any(|demand| is_part(demand) || runs_out(demand))
    }

    /// The mix as the nodes of one pool and model see it.
    pub(crate) fn seen_by(&self, pool: PoolId, model: Option<CardModelId>) -> SeenMix {
        let of_pool = || self.weights.get(&pool).into_iter().flatten();
        let sum: u64 = of_pool().map(|(_, weight)| weight).sum();
        let mut classes = Vec::new();
        let mut demands = Vec::new();
        for (demand, weight) in of_pool() {
            let is_welcome = demand.card_model.is_none_or(|wanted| Some(wanted) == model);
            let cards = demand.cards().expect("only well formed demands are kept");
            if is_welcome {
                demands.push(*demand);
            }
            if cards != CardDemand::None {
                classes.push(Class {
                    is_welcome,
                    cards,
                    millis: u64::from(demand.cards_per_node.0),
                    cpu: demand.cpu_per_node,
                    memory: demand.memory_per_node,
                    for_cpu: Bound::new(u64::from(demand.cards_per_node.0), demand.cpu_per_node.0),
                    for_memory: Bound::new(u64::from(demand.cards_per_node.0), demand.memory_per_node.0),
                    weight: (weight * WEIGHT_OF_ALL / sum.max(1)).max(1),
                });
            }
        }
        let remains = remains(&classes);
        let asked = |of: fn(&Demand) -> u64| -> u128 {
            of_pool().map(|(demand, weight)| u128::from(of(demand)) * u128::from(*weight)).sum()
        };
        let (cpu, memory) = (asked(|demand| demand.cpu_per_node.0), asked(|demand| demand.memory_per_node.0));
        let cpu_for_memory = (cpu << 36).checked_div(memory).map(|cpu| cpu.min(1 << 40) as u64);
        SeenMix { classes, demands, weight: WEIGHT_OF_ALL, remains, cpu_for_memory }
    }
}

/// Of equally many the lesser demand is kept.
fn keep_most_asked_for(weights: &mut BTreeMap<Demand, u64>) {
    let all: u64 = weights.values().sum();
    let mut shares: Vec<(Demand, u64)> = std::mem::take(weights).into_iter().collect();
    shares.sort_by_key(|(_, weight)| Reverse(*weight));
    let mut covered = 0;
    let is_wanted = |(_, weight): &(Demand, u64)| {
        let is_wanted = covered * 100 < all * COVERED_PERCENT;
        covered += weight;
        is_wanted
    };
    weights.extend(shares.into_iter().take(SHARES_MOST).take_while(is_wanted));
}

/// How much of the work is other work than before, in thousandths: half of the sum by which the parts of all differ.
fn moved_permille(before: &BTreeMap<Demand, u64>, now: &BTreeMap<Demand, u64>) -> u64 {
    let part = |mix: &BTreeMap<Demand, u64>, demand: &Demand| {
        let (weight, all) = (mix.get(demand).copied().unwrap_or(0), mix.values().sum::<u64>());
        weight * 1_000_000 / all.max(1)
    };
    let gone = before.keys().filter(|demand| !now.contains_key(demand));
    let of = |demand: &Demand| part(before, demand).abs_diff(part(now, demand));
    now.keys().chain(gone).map(of).sum::<u64>() / 2000
}

/// A share with cards that is asked for.
#[derive(Clone, Debug)]
struct Class {
    /// Whether it may run on these nodes.
    is_welcome: bool,
    cards: CardDemand,
    millis: u64,
    cpu: CpuMillis,
    memory: Bytes,
    for_cpu: Bound,
    for_memory: Bound,
    weight: u64,
}

/// How many thousandths of cards shares of a class can use that have so much of something beside them: multiplied, because
/// it is asked very often and division is slow.
#[derive(Clone, Copy, Debug)]
struct Bound {
    /// Thousandths for each unit, times 2^48.
    for_each: u64,
}

impl Bound {
    /// Of shares of so many thousandths and so many units.
    fn new(millis: u64, units: u64) -> Bound {
        let for_each = (u128::from(millis) << 48).checked_div(units.into());
        Bound { for_each: for_each.and_then(|for_each| u64::try_from(for_each).ok()).unwrap_or(u64::MAX) }
    }

    fn of(self, units: u64) -> u64 {
        // Nothing is asked for, or next to nothing.
        if self.for_each == u64::MAX {
            return u64::MAX;
        }
        u64::try_from((u128::from(units) * u128::from(self.for_each)) >> 48).unwrap_or(u64::MAX)
    }
}

/// A mix as the nodes of one pool and model see it.
#[derive(Clone, Debug)]
pub(crate) struct SeenMix {
    classes: Vec<Class>,
    /// All that may run here, ascending.
    pub(crate) demands: Vec<Demand>,
    /// Of all that is asked for, with cards or without.
    weight: u64,
    /// What will likely remain of a card of which so many thousandths are left, in parts of a thousandth.
    remains: Vec<u64>,
    /// Thousandths of a processor that are asked for with 64 GiB; none if no memory is asked for.
    cpu_for_memory: Option<u64>,
}

/// What is free of a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Free<'a> {
    /// Wholly free cards, as bits.
    pub(crate) cards: u64,
    /// How many they are.
    pub(crate) whole: u64,
    /// Cards of one ring; rings begin at the first card.
    pub(crate) ring: u32,
    /// What is left of cards in parts.
    pub(crate) parts: &'a [u16],
    /// Whether whole cards may be broken into parts.
    pub(crate) fractions: bool,
    pub(crate) cpu: CpuMillis,
    pub(crate) memory: Bytes,
}

impl Free<'_> {
    /// Wholly free cards of which a share of so many could be made: where a ring can hold it, those in rings that do.
    fn whole_for(&self, count: u32) -> u64 {
        if count > self.ring || self.ring >= 64 {
            return if self.whole >= u64::from(count) { self.whole } else { 0 };
        }
        let (mut cards, mut sum) = (self.cards, 0);
        while cards != 0 {
            let in_ring = (cards & ((1 << self.ring) - 1)).count_ones();
            sum += if in_ring >= count { in_ring } else { 0 };
            cards >>= self.ring;
        }
        u64::from(sum)
    }

    /// Thousandths of all cards.
    pub(crate) fn millis(&self) -> u64 {
        self.whole * 1000 + self.parts.iter().map(|left| u64::from(*left)).sum::<u64>()
    }
}

impl SeenMix {
    /// How many thousandths of the free cards will likely be of no use, times the weight of the mix.
    pub(crate) fn waste(&self, free: Free) -> i64 {
        let all = free.millis();
        let mut waste = 0;
        for class in &self.classes {
            let usable = if class.is_welcome && free.cpu >= class.cpu && free.memory >= class.memory {
                usable(class, free)
            } else {
                0
            };
            waste += class.weight * (all - usable);
        }
        let remains = free.whole * self.remains[1000]
            + free.parts.iter().map(|left| self.remains[usize::from(*left)]).sum::<u64>();
        (waste + self.weight * remains / FINE) as i64
    }

    /// Memory as the thousandths of a processor with which so much is asked for.
    pub(crate) fn in_cpu(&self, memory: Bytes) -> u64 {
        // 2^20 and 2^16 make the 2^36 of 64 GiB.
        self.cpu_for_memory.map_or(u64::MAX, |cpu| (memory.0 >> 20).saturating_mul(cpu) >> 16)
    }

    /// Waste in steps. Within a step places count as alike.
    pub(crate) fn steps(&self, growth: i64) -> i32 {
        // Smaller differences say less than the second criterion does. Found by experiment (`packing` in the
        // simulator): from 60 to 160 pack about alike.
        let step = 80 * self.weight as i64;
        growth.div_euclid(step) as i32
    }
}

/// How much of the free cards shares of one class could use.
fn usable(class: &Class, free: Free) -> u64 {
    let cards = match class.cards {
        CardDemand::Whole(count) => free.whole_for(count) * 1000,
        CardDemand::Fraction(millis) if free.fractions => {
            let wide = free.parts.iter().filter(|left| **left >= millis);
            free.whole * 1000 + wide.map(|left| u64::from(*left)).sum::<u64>()
        }
        _ => return 0,
    };
    let by_this_class_alone = cards.min(class.for_cpu.of(free.cpu.0)).min(class.for_memory.of(free.memory.0));
    // Others may take the rest of the cards with fewer processors and less memory, or may not: half of it counts.
    (cards + by_this_class_alone) / 2
}

/// For each number of thousandths left of a card: what will remain if parts arrive as often as the classes say and each
/// that fits is taken, in parts of a thousandth. With a chance of a twentieth, as if that were a class too, nothing more
/// is taken: few small parts fit many cards.
fn remains(classes: &[Class]) -> Vec<u64> {
    let mut remains: Vec<u64> = Vec::with_capacity(1001);
    for left in 0..=1000u64 {
        let nothing_more = WEIGHT_OF_ALL / 20;
        let (mut sum, mut weight) = (nothing_more * left * FINE, nothing_more);
        for class in classes.iter().filter(|class| class.is_welcome) {
            let (on_one_card, cards) = match class.cards {
                CardDemand::Whole(count) => (1000, u64::from(count)),
                _ => (class.millis, 1),
            };
            if on_one_card <= left {
                sum += class.weight * cards * remains[(left - on_one_card) as usize];
                weight += class.weight * cards;
            }
        }
        remains.push(sum / weight);
    }
    remains
}
