//! Whether a shape fits now, by looking at every node.

use std::collections::BTreeMap;

use super::scene::{Node, Scene};
use crate::plan_log::Shape;

/// Whether all shares of `shape` could be placed now.
pub fn fits(scene: &Scene, shape: &Shape) -> bool {
    let hosts = scene.nodes.values().filter(|node| hosts_share(node, shape));
    let mut nodes_of_model: BTreeMap<Option<u32>, u32> = BTreeMap::new();
    for node in hosts {
        // Cards of a gang are of one model; without cards, nodes of all models serve together.
        let model = node.model.filter(|_| shape.cards_per_node_millis > 0);
        *nodes_of_model.entry(model).or_default() += 1;
    }
    nodes_of_model.values().any(|nodes| *nodes >= shape.nodes)
}

fn hosts_share(node: &Node, shape: &Shape) -> bool {
    let of_model = shape.model.is_none() || node.model == shape.model;
    let has_rest =
        node.cpu_free_millis >= shape.cpu_per_node_millis && node.memory_free_bytes >= shape.memory_per_node_bytes;
    node.pool == shape.pool && of_model && has_rest && !node.draining && has_cards(node, shape.cards_per_node_millis)
}

fn has_cards(node: &Node, millis: u32) -> bool {
    let cards = node.holders.len() as u8;
    match millis {
        0 => true,
        1..1000 => node.fractions && (0..cards).any(|card| u32::from(node.left_millis(card)) >= millis),
        _ => node.free_cards().count() as u32 >= millis / 1000,
    }
}
