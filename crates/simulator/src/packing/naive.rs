//! The policies that the paper compares with, as its simulator has them: each node gets a score of at most 100, the
//! highest is taken, ties go to the earlier node.

use crate::packing::plain::PlainNode;
use crate::packing::trace::TracePod;

/// The largest machine: scores are fractions of it.
const CPU_MOST: i128 = 128_000;
const CARDS_MOST: i128 = 8_000;

/// Where the demand and what is free point least in the same direction.
pub(crate) fn dot_product(node: &PlainNode, pod: &TracePod) -> i32 {
    let (cpu_square, cards_square) = (CPU_MOST * CPU_MOST, CARDS_MOST * CARDS_MOST);
    let cpu = i128::from(node.cpu_millis) * i128::from(pod.cpu_millis) * cards_square;
    let cards = i128::from(node.card_millis()) * i128::from(pod.card_millis()) * cpu_square;
    let whole = 2 * cpu_square * cards_square;
    (100 * (whole - cpu - cards) / whole) as i32
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
    let cpu = i128::from(node.cpu_millis - pod.cpu_millis) * CARDS_MOST;
    let cards = i128::from(node.card_millis() - pod.card_millis()) * CPU_MOST;
    let whole = 2 * CPU_MOST * CARDS_MOST;
    (100 * (whole - cpu - cards) / whole) as i32
}
