//! Centers and mixes of work that are made from a seed: other nodes and other demands than those of the traces, on which the
//! constants of placement by least fragmentation were chosen.

use super::trace::{TraceNode, TracePod};
use crate::Random;

/// Nodes of each kind: how many, with how many cards, processors for each card and GiB for each card.
const KINDS: [(u32, u32, u64, u64); 4] = [(60, 16, 8, 64), (120, 8, 12, 96), (80, 4, 24, 128), (60, 8, 24, 256)];
/// Pods of a mix.
const PODS: usize = 4_000;
/// Different demands that it has.
const SHAPES: u64 = 40;

/// 320 nodes with 2,720 cards: sixteen cards with few processors for each, eight with few or many, four with many.
pub fn made_nodes() -> Vec<TraceNode> {
    let of_kind = |(kind, (count, cards, cores, gib)): (usize, (u32, u32, u64, u64))| {
        let node = TraceNode {
            cpu_millis: u64::from(cards) * cores * 1000,
            memory_mib: (u64::from(cards) * gib) << 10,
            cards,
            model: format!("made-{kind}"),
        };
        std::iter::repeat_n(node, count as usize)
    };
    KINDS.into_iter().enumerate().flat_map(of_kind).collect()
}

/// The pods of a mix: forty demands drawn from the seed, the first asked for most (the n-th with a weight of 1/n).
///
/// Of the demands 15 % have no cards and 1 to 32 processors; 40 % ask for a part of a card, 5 to 95 hundredths; 25 % for one;
/// 20 % for 2, 4, 8 or 16. Each card, or part of one, comes with 1 to 16 processors (1 to 8 of sixteen cards) and 4 to 64 GiB.
pub fn made_pods(seed: u64) -> Vec<TracePod> {
    let mut random = Random::new(seed);
    let shapes: Vec<TracePod> = (0..SHAPES).map(|_| shape(&mut random)).collect();
    let weights: Vec<u64> = (1..=SHAPES).map(|rank| 1_000_000 / rank).collect();
    let all: u64 = weights.iter().sum();
    let pod = |random: &mut Random| {
        let mut drawn = random.below(all);
        let is_it = |weight: &u64| {
            let is_it = drawn < *weight;
            drawn = drawn.saturating_sub(*weight);
            is_it
        };
        shapes[weights.iter().position(is_it).expect("less than all weights was drawn")]
    };
    (0..PODS).map(|_| pod(&mut random)).collect()
}

fn shape(random: &mut Random) -> TracePod {
    let (cards, millis_per_card) = match random.below(100) {
        0..15 => (0, 0),
        15..55 => (1, 50 * (1 + random.below(19) as u32)),
        55..80 => (1, 1000),
        _ => (random.pick(&[2, 4, 8, 16]), 1000),
    };
    let of_each = u64::from(cards.max(1));
    let cores = if cards == 0 { 1 + random.below(32) } else { of_each * (1 + random.below(16.min(128 / of_each))) };
    TracePod {
        cpu_millis: cores * 1000,
        memory_mib: (of_each * random.pick(&[4, 8, 16, 32, 64])) << 10,
        cards,
        millis_per_card,
    }
}
