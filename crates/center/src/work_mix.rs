//! What work is like, for placement by least fragmentation: kept from the jobs that have not ended.
//!
//! Nothing of it is stored. How many jobs of each class have not ended is known anyway; every now and then, when so many
//! came and went that it could make a difference, they are counted by what they ask for. What was counted before counts
//! half, so that a quiet night does not make the center forget what its days are like. A new leader begins with what has
//! not ended.

use std::collections::BTreeMap;

use haina_core::Placement;
use haina_scheduler::{Demand, Mix};

use crate::{Fact, State};

/// What work has been like, and when to look again.
#[derive(Clone, Debug, Default)]
pub(crate) struct WorkMix {
    /// Jobs by what they ask of each of their nodes; those that were counted before count half, each time.
    jobs: BTreeMap<Demand, u64>,
    /// Jobs that came or ended since they were counted.
    moved: u64,
    /// After so many they are counted again.
    enough: u64,
}

/// The fewest jobs that come or end between two counts.
const MOVED_LEAST: u64 = 8;
/// Nodes that are ranked by another mix with each fact that tells of a job that came, began or ended. As many jobs must
/// come or end before they are counted again as that takes.
const NODES_FOR_EACH: usize = 64;

impl WorkMix {
    /// Of a center that places in another way.
    fn unused() -> WorkMix {
        WorkMix { enough: u64::MAX, ..WorkMix::default() }
    }

    fn is_used(&self) -> bool {
        self.enough < u64::MAX
    }
}

impl State {
    /// Learns from a fact, which the view has taken in.
    pub(crate) fn keep_mix(&mut self, fact: &Fact) {
        match fact {
            // A state that was folded from facts, a loaded and a live one go on alike.
            Fact::LeadershipTaken { .. } => self.learn_mix_anew(),
            Fact::PolicySet { .. } if self.places_by_mix() != self.mix.is_used() => self.learn_mix_anew(),
            // It may matter to the new node.
            Fact::NodeAdded { .. } if self.mix.is_used() => self.mix.enough = 0,
            Fact::JobSubmitted { .. } | Fact::JobEnded { .. } => {
                self.view.cluster.rank_more(NODES_FOR_EACH);
                self.mix.moved += 1;
                if self.mix.moved > self.mix.enough {
                    let mix = self.count_work();
                    self.view.cluster.follow_mix(mix);
                }
            }
            Fact::AttemptPlaced { .. } | Fact::AttemptEnded { .. } => self.view.cluster.rank_more(NODES_FOR_EACH),
            _ => {}
        }
    }

    /// From what has not ended alone.
    pub(crate) fn learn_mix_anew(&mut self) {
        self.mix = WorkMix::unused();
        let mix = if self.places_by_mix() { self.count_work() } else { Mix::default() };
        self.view.cluster.set_mix(&mix);
    }

    fn places_by_mix(&self) -> bool {
        self.view.center.policy.placement == Placement::LeastFragmentation
    }

    fn count_work(&mut self) -> Mix {
        let State { view, mix, .. } = self;
        mix.jobs.retain(|_, jobs| {
            *jobs /= 2;
            *jobs > 0
        });
        let mut alive = 0;
        for class in view.classes.values().filter(|class| class.jobs > 0) {
            *mix.jobs.entry(Demand { nodes: 1, ..class.key.demand }).or_default() += u64::from(class.jobs);
            alive += u64::from(class.jobs);
        }
        mix.moved = 0;
        mix.enough = (alive / 2).max(view.nodes.len().div_ceil(NODES_FOR_EACH) as u64).max(MOVED_LEAST);
        Mix::new(mix.jobs.iter().map(|(demand, jobs)| (*demand, *jobs)))
    }
}
