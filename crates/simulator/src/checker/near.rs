//! What must be near each other is, when it is placed and where it is promised: in one ring, on one node, in one rack or pod.

use std::collections::BTreeSet;

use super::scene::{Node, Scene};
use super::violation::Broken;
use crate::plan_log::{Event, Level, Record, Shape, Share};

pub fn check(scene: &Scene, record: &Record, broken: &mut Vec<Broken>) {
    let (job, shares) = match &record.event {
        Event::Placed { attempt, shares } => (attempt.job, shares),
        Event::Promised { job, shares, .. } => (*job, shares),
        _ => return,
    };
    let within = scene.jobs.get(&job).and_then(|job| job.submitted.shape.within);
    broken.extend(within.filter(|level| !are_within(scene, shares, *level)).map(|level| Broken::Apart { job, level }));
}

fn are_within(scene: &Scene, shares: &[Share], level: Level) -> bool {
    let node = |share: &Share| scene.nodes.get(&share.node);
    let domains: BTreeSet<Option<u32>> = match level {
        Level::Ring => {
            let slots = shares.iter().flat_map(|share| share.cards.iter().map(move |slot| (share, slot.index)));
            return shares.len() == 1
                && slots
                    .map(|(share, card)| node(share).map(|node| node.ring_of(card)))
                    .collect::<BTreeSet<_>>()
                    .len()
                    <= 1;
        }
        Level::Node => return shares.len() == 1,
        Level::Rack => shares.iter().map(|share| node(share)?.rack).collect(),
        Level::Pod => shares.iter().map(|share| node(share)?.pod).collect(),
    };
    shares.len() == 1 || (domains.len() == 1 && !domains.contains(&None))
}

/// Where a node's share of a gang must be together with the others; nowhere if that is not known of the node.
pub fn domain(node: &Node, shape: &Shape) -> Option<Option<u32>> {
    match shape.within.filter(|_| shape.nodes > 1) {
        Some(Level::Rack) => node.rack.map(Some),
        Some(Level::Pod) => node.pod.map(Some),
        Some(Level::Ring | Level::Node) | None => Some(None),
    }
}

impl Node {
    /// Which ring a card is in; all are in one where all reach each other alike.
    pub fn ring_of(&self, card: u8) -> u8 {
        card.checked_div(self.ring).unwrap_or(0)
    }
}
