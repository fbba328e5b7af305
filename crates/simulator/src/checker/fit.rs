//! Whether a shape fits now, by looking at every node.

use std::collections::BTreeMap;

use super::near::domain;
use super::scene::{Node, Scene};
use crate::plan_log::{Level, Shape};

/// Whether all shares of `shape` could be placed now.
pub fn fits(scene: &Scene, shape: &Shape) -> bool {
    let hosts = scene.nodes.values().filter(|node| hosts_share(node, shape));
    let mut together: BTreeMap<(Option<u32>, Option<u32>), u32> = BTreeMap::new();
    for node in hosts {
        let Some(domain) = domain(node, shape) else { continue };
        // Cards of a gang are of one model; without cards, nodes of all models serve together, unless they must be near.
        let model = node.model.filter(|_| shape.cards_per_node_millis > 0 || domain.is_some());
        *together.entry((model, domain)).or_default() += 1;
    }
    together.values().any(|nodes| *nodes >= shape.nodes)
}

fn hosts_share(node: &Node, shape: &Shape) -> bool {
    let of_model = shape.model.is_none() || node.model == shape.model;
    let has_rest =
        node.cpu_free_millis >= shape.cpu_per_node_millis && node.memory_free_bytes >= shape.memory_per_node_bytes;
    node.pool == shape.pool && of_model && has_rest && !node.draining && has_cards(node, shape)
}

fn has_cards(node: &Node, shape: &Shape) -> bool {
    let millis = shape.cards_per_node_millis;
    let cards = node.holders.len() as u8;
    match millis {
        0 => true,
        1..1000 => node.fractions && (0..cards).any(|card| u32::from(node.left_millis(card)) >= millis),
        _ => {
            let mut of_ring: BTreeMap<Option<u8>, u32> = BTreeMap::new();
            for card in node.free_cards() {
                let ring = (shape.within == Some(Level::Ring)).then(|| node.ring_of(card));
                *of_ring.entry(ring).or_default() += 1;
            }
            of_ring.values().any(|free| *free >= millis / 1000)
        }
    }
}
