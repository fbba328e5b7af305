//! The policies that the paper compares with, as its simulator has them: each node gets a score of at most 100, the
//! highest is taken, ties go to the earlier node.

use crate::packing::plain::PlainNode;
use crate::packing::trace::TracePod;

/// The largest machine: scores are fractions of it.
const CPU_MOST: f64 = 128_000.0;
const CARDS_MOST: f64 = 8_000.0;

/// Where the demand and what is free point least in the same direction.
pub(crate) fn dot_product(node: &PlainNode, pod: &TracePod) -> i32 {
    let cpu = node.cpu_millis as f64 / CPU_MOST * (pod.cpu_millis as f64 / CPU_MOST);
    let cards = f64::from(node.card_millis()) / CARDS_MOST * (f64::from(pod.card_millis()) / CARDS_MOST);
    (100.0 * (1.0 - (cpu + cards) / 2.0)) as i32
}

/// Beside pods of the same kind (parts of a card, or equally many cards), then where little is free.
pub(crate) fn clustering(node: &PlainNode, pod: &TracePod) -> i32 {
    let Some(kind) = pod.kind() else { return 0 };
    let beside = match node.kinds.contains(&kind) {
        true if node.kinds.len() == 1 => 75,
        true => 50,
        false if node.kinds.is_empty() => 25,
        false => 0,
    };
    beside + 25 * (8000 - node.card_millis() as i32) / 8000
}

/// Into cards in parts, then onto nodes in use, then onto idle ones; each time where it leaves the least.
pub(crate) fn packing(node: &PlainNode, pod: &TracePod) -> i32 {
    let is_free = |left: &u32| *left == 1000;
    let free = node.cards.iter().filter(|left| is_free(left)).count() as i32;
    if pod.cards == 0 {
        return 0;
    }
    if free as usize == node.cards.len() {
        return (33 - free).max(free);
    }
    let left: Vec<u32> = node.fullest_cards(pod).into_iter().map(|card| node.cards[card]).collect();
    match left.iter().filter(|left| is_free(left)).count() as i32 {
        0 => (100 - left.iter().map(|left| left / 10).sum::<u32>() as i32 / 10).max(50),
        used => (50 - used).max(33),
    }
}

/// Where least is left of processors and cards.
pub(crate) fn best_fit(node: &PlainNode, pod: &TracePod) -> i32 {
    let cpu = (node.cpu_millis - pod.cpu_millis) as f64 / CPU_MOST;
    let cards = f64::from(node.card_millis() - pod.card_millis()) / CARDS_MOST;
    ((1.0 - cpu / 2.0 - cards / 2.0) * 100.0) as i32
}
