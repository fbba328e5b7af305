//! For each share that is often asked for: the nodes that have it, by how much waste would grow there. Kept as nodes
//! change, so that a search takes the first; see [`crate::mix`] for what waste is.

use std::collections::BTreeSet;

use haina_core::CpuMillis;

use crate::demand::{CardDemand, Demand};
use crate::mix::{Free, SeenMix};
use crate::node::Node;
use crate::terms::Open;

/// How bad a node is for a share; the least is taken: steps by which waste grows, then how little fits the rest.
pub(crate) type Growth = (i32, u32);

/// What to take of a node's cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    None,
    Whole(u32),
    /// A part of a card of which so many thousandths are left; 1000 for a free one.
    Part {
        left: u16,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Ranking {
    mix: SeenMix,
    /// For each demand of the mix the nodes that have it.
    ranks: Vec<BTreeSet<(Growth, u32)>>,
    /// Where each node stands, by its number and then as in `ranks`.
    standing: Vec<Vec<Option<Growth>>>,
}

/// Equal content; where the nodes stand follows from it.
impl PartialEq for Ranking {
    fn eq(&self, other: &Ranking) -> bool {
        self.ranks == other.ranks
    }
}

impl Ranking {
    pub(crate) fn new(mix: SeenMix) -> Ranking {
        Ranking { ranks: vec![BTreeSet::new(); mix.demands.len()], mix, standing: Vec::new() }
    }

    /// The node changed, or is new here.
    pub(crate) fn update(&mut self, number: u32, node: &Node) {
        let state = State::of(Open::whole(node));
        let waste = self.mix.waste(state.free());
        let ranks =
            self.mix.demands.iter().map(|demand| best(&self.mix, demand, &state, waste).map(|(growth, _)| growth));
        let ranks: Vec<Option<Growth>> = ranks.collect();
        self.stand(number, ranks);
    }

    /// The node takes no work.
    pub(crate) fn remove(&mut self, number: u32) {
        self.stand(number, vec![None; self.ranks.len()]);
    }

    fn stand(&mut self, number: u32, now: Vec<Option<Growth>>) {
        if self.standing.len() <= number as usize {
            self.standing.resize_with(number as usize + 1, || vec![None; self.ranks.len()]);
        }
        let stood = &mut self.standing[number as usize];
        for ((rank, before), after) in self.ranks.iter_mut().zip(stood.iter()).zip(&now) {
            if before != after {
                before.map(|growth| rank.remove(&(growth, number)));
                after.map(|growth| rank.insert((growth, number)));
            }
        }
        *stood = now;
    }

    /// The nodes that have a share, best first; none if it is not one that is often asked for.
    pub(crate) fn nodes(&self, demand: &Demand) -> Option<impl Iterator<Item = (Growth, u32)>> {
        let share = Demand { nodes: 1, ..*demand };
        let position = self.mix.demands.binary_search(&share).ok()?;
        Some(self.ranks[position].iter().copied())
    }

    /// The nodes that have the share of the mix that is most like this one, best for that one first; none if there is none
    /// that has cards in the same way.
    pub(crate) fn nodes_for_similar(&self, demand: &Demand) -> Option<impl Iterator<Item = u32>> {
        let kind = |demand: &Demand| demand.cards().map(|cards| std::mem::discriminant(&cards));
        let likeness = |other: &Demand| {
            let cards = other.cards_per_node.0.abs_diff(demand.cards_per_node.0);
            let cpu = other.cpu_per_node.0.abs_diff(demand.cpu_per_node.0);
            (cards, cpu, other.memory_per_node.0.abs_diff(demand.memory_per_node.0))
        };
        let alike = self.mix.demands.iter().enumerate().filter(|(_, other)| kind(other) == kind(demand));
        let (position, _) = alike.min_by_key(|(_, other)| likeness(other))?;
        Some(self.ranks[position].iter().map(|(_, number)| *number))
    }

    /// How bad a node is for a share and what to take of its cards; none if it does not have them.
    pub(crate) fn judge(&self, demand: &Demand, open: Open) -> Option<(Growth, Taken)> {
        let state = State::of(open);
        best(&self.mix, demand, &state, self.mix.waste(state.free()))
    }
}

/// What is free of a node, in a place of its own.
struct State<'a> {
    open: Open<'a>,
    cards: u64,
    /// The card that is taken if one is, as a bit.
    one: u64,
    ring: u32,
    parts: [u16; 64],
    in_parts: usize,
    cpu: CpuMillis,
    memory: haina_core::Bytes,
}

impl<'a> State<'a> {
    fn of(open: Open<'a>) -> State<'a> {
        let mut parts = [0; 64];
        let mut in_parts = 0;
        for (card, left) in open.node.remainders() {
            if open.gives(card) {
                parts[in_parts] = left;
                in_parts += 1;
            }
        }
        let (cpu, memory) = open.free_cpu_and_memory();
        let ring = if open.node.spec.ring == 0 { 64 } else { open.node.spec.ring };
        let cards = open.free();
        let one = if cards == 0 { 0 } else { open.choose_cards(1) };
        State { cards, one, ring, parts, in_parts, cpu, memory, open }
    }

    fn gives_parts(&self) -> bool {
        self.open.node.spec.fractions
    }

    fn free(&self) -> Free<'_> {
        Free {
            cards: self.cards,
            whole: u64::from(self.cards.count_ones()),
            ring: self.ring,
            parts: &self.parts[..self.in_parts],
            fractions: self.gives_parts(),
            cpu: self.cpu,
            memory: self.memory,
        }
    }
}

/// Steps that are more than waste ever grows by: a share that one ring could hold is not spread where it need not be.
const SPREAD: i32 = 1 << 24;

/// The best way to take a share of a node whose waste is `waste` now.
fn best(mix: &SeenMix, demand: &Demand, state: &State, waste: i64) -> Option<(Growth, Taken)> {
    if state.cpu < demand.cpu_per_node || state.memory < demand.memory_per_node {
        return None;
    }
    let cpu = CpuMillis(state.cpu.0 - demand.cpu_per_node.0);
    let memory = haina_core::Bytes(state.memory.0 - demand.memory_per_node.0);
    let left = state.free();
    let judge =
        |after: Free, left_on_card: u16| (mix.steps(mix.waste(after) - waste), misfit(mix, &after, left_on_card));
    match demand.cards()? {
        CardDemand::None => Some((judge(Free { cpu, memory, ..left }, 0), Taken::None)),
        CardDemand::Whole(count) if left.whole < u64::from(count) => None,
        CardDemand::Whole(count) => {
            let taken = if count == 1 { state.one } else { state.open.choose_cards(count) };
            let cards = left.cards & !taken;
            let whole = left.whole - u64::from(count);
            let (steps, misfit) = judge(Free { cards, whole, cpu, memory, ..left }, 0);
            let spread = if count > 1 && state.open.node.spreads(left.cards, count) { SPREAD } else { 0 };
            Some(((steps + spread, misfit), Taken::Whole(count)))
        }
        CardDemand::Fraction(_) if !state.gives_parts() => None,
        CardDemand::Fraction(millis) => {
            let mut parts = state.parts;
            let mut least: Option<(Growth, u16)> = None;
            for card in 0..state.in_parts {
                let before = parts[card];
                if before >= millis && !parts[..card].contains(&before) {
                    parts[card] -= millis;
                    let growth = judge(Free { parts: &parts[..state.in_parts], cpu, memory, ..left }, before - millis);
                    parts[card] = before;
                    least = least.into_iter().chain([(growth, before)]).min();
                }
            }
            if left.cards != 0 {
                parts[state.in_parts.min(63)] = 1000 - millis;
                let parts = &parts[..state.in_parts + 1];
                let cards = left.cards & !state.one;
                let whole = left.whole - 1;
                let growth = judge(Free { cards, whole, parts, cpu, memory, ..left }, 1000 - millis);
                least = least.into_iter().chain([(growth, 1000)]).min();
            }
            least.map(|(growth, left)| (growth, Taken::Part { left }))
        }
    }
}

/// Small where many processors, and much memory, remain for what remains of the cards, and where little remains of the
/// card in parts, of which `left_on_card` thousandths are left; both count alike.
fn misfit(mix: &SeenMix, left: &Free, left_on_card: u16) -> u32 {
    // A hundred processors for a card are more than any share asks for.
    let enough = 100_000;
    let for_a_card = left.cpu.0.min(mix.in_cpu(left.memory)).saturating_mul(1000) / (left.millis() + 1);
    (enough - for_a_card.min(enough)) as u32 + u32::from(left_on_card) * 100
}
