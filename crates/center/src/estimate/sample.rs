//! Some nodes of a pool that stand for all of it, and when what runs there probably ends.

use std::collections::BTreeMap;

use haina_core::topology::{Force, Level};
use haina_core::{AttemptId, CardMillis, CardModelId, NodeId, NodeShare, Timestamp};
use haina_scheduler::{Demand, NodeSpec, Release, Releases, Span, WithheldShare};

use super::run_time::likely;
use crate::State;

/// Attempts on nodes with cards of one model that are looked at, about: looking at more would hold up decisions.
const ATTEMPTS_MOST: usize = 4_000;

/// A part of an attempt, and when that probably ends.
pub struct Held<'a> {
    pub ends: Timestamp,
    pub attempt: AttemptId,
    pub share: &'a NodeShare,
}

/// The nodes, with what is held there by when it ends. Where few attempts run these are all nodes.
pub struct Sample<'a> {
    held: BTreeMap<NodeId, Vec<Held<'a>>>,
    /// For how many nodes one stands, by the model of its cards.
    weights: BTreeMap<Option<CardModelId>, u32>,
}

/// Nodes that are looked at together, or not at all.
type Unit = (Option<u32>, Option<NodeId>);

/// Nodes with cards of one model.
#[derive(Default)]
struct OfModel {
    nodes: Vec<(Unit, NodeId)>,
    attempts: usize,
}

/// Racks or pods for a gang that must stay within one, otherwise single nodes.
fn unit(demand: &Demand, spec: &NodeSpec) -> Unit {
    let required = demand.topology.filter(|topology| topology.force == Force::Required && demand.nodes > 1);
    let domain = match required.map(|topology| topology.level) {
        Some(Level::Rack) => spec.rack,
        Some(Level::Pod) => spec.pod,
        Some(Level::Ring | Level::Node) | None => None,
    };
    (domain, domain.is_none().then_some(spec.id))
}

impl<'a> Sample<'a> {
    /// Of the nodes on which a demand may be placed some day, evenly chosen.
    pub fn new(state: &'a State, demand: &Demand, now: Timestamp) -> Sample<'a> {
        let mut by_model: BTreeMap<Option<CardModelId>, OfModel> = BTreeMap::new();
        for spec in state.view.nodes.values().map(|node| &node.spec).filter(|spec| spec.pool == demand.pool) {
            let of_model = by_model.entry(spec.card_model).or_default();
            of_model.attempts += state.plan.ends(spec.id).count();
            of_model.nodes.push((unit(demand, spec), spec.id));
        }
        let mut sample = Sample { held: BTreeMap::new(), weights: BTreeMap::new() };
        for (model, OfModel { mut nodes, attempts }) in by_model {
            nodes.sort_unstable();
            let before = sample.held.len();
            let units = nodes.chunk_by(|one, other| one.0 == other.0);
            for unit in units.step_by(attempts.div_ceil(ATTEMPTS_MOST).max(1)) {
                sample.held.extend(unit.iter().map(|(_, node)| (*node, held(state, *node, now))));
            }
            let chosen = sample.held.len() - before;
            sample.weights.insert(model, ((nodes.len() + chosen / 2) / chosen) as u32);
        }
        sample
    }

    /// For how many nodes one stands, among those on which a demand may be placed.
    pub fn weight(&self, demand: &Demand) -> u32 {
        let meant =
            self.weights.iter().filter(|(model, _)| demand.card_model.is_none() || demand.card_model == **model);
        meant.map(|(_, weight)| *weight).max().unwrap_or(1)
    }

    /// What a demand comes to among the nodes of the sample.
    pub fn scaled(&self, demand: &Demand) -> Demand {
        let near = demand.topology.is_some_and(|topology| topology.force == Force::Required);
        let nodes = if near { demand.nodes } else { demand.nodes.div_ceil(self.weight(demand)) };
        Demand { nodes, ..*demand }
    }

    /// All that is held, with the model and how many cards that stands for.
    pub fn held(&self, state: &State) -> impl Iterator<Item = (CardModelId, CardMillis, &Held<'a>)> {
        let nodes = self.held.iter().map(|(node, held)| (state.view.nodes[node].spec.card_model, held));
        let with_cards = nodes.filter_map(|(model, held)| Some((model?, self.weights[&model], held)));
        with_cards.flat_map(|(model, weight, held)| {
            held.iter().map(move |held| {
                let cards: u32 = held.share.cards.iter().map(|slot| u32::from(slot.millis)).sum();
                (model, CardMillis(cards * weight), held)
            })
        })
    }
}

/// What is held of a node, by when it probably ends.
fn held(state: &State, node: NodeId, now: Timestamp) -> Vec<Held<'_>> {
    let mut held: Vec<Held> = state
        .plan
        .ends(node)
        .filter_map(|(at_latest, id)| {
            let attempt = &state.view.attempts[&id];
            let elapsed = now.since(attempt.started.unwrap_or(attempt.placed));
            let ends = (now + likely(attempt.predicted, elapsed, id.job)).min(at_latest).max(now);
            let share = attempt.allocation.shares.iter().find(|share| share.node == node)?;
            Some(Held { ends, attempt: id, share })
        })
        .collect();
    held.sort_by_key(|held| held.ends);
    held
}

impl<'a> Releases<'a> for &Sample<'a> {
    fn is_known(&self, node: NodeId) -> bool {
        self.held.contains_key(&node)
    }

    fn span(&self, node: NodeId) -> Option<Span> {
        Span::of(self.held.get(&node)?.iter().map(|held| (held.ends, WithheldShare::of(held.share))))
    }

    fn of(&self, node: NodeId) -> impl Iterator<Item = Release<impl FnOnce() -> &'a NodeShare>> {
        let held = self.held.get(&node).into_iter().flatten();
        held.map(|held| {
            let share = held.share;
            Release { at: held.ends, touched: WithheldShare::of(share), share: move || share }
        })
    }
}
