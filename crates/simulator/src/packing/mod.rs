//! How full a cluster gets: pods of a production cluster arrive in random order and never leave, until 130 % of the cards
//! have been asked for; the result is the share of the cards that was given out. A pod that fits somewhere is placed, by
//! every policy. The experiment and the first six policies are those of Weng et al., "Beware of Fragmentation"
//! (ATC '23), written anew from their simulator's rules; the last two are Haina's.
//!
//! Not here: files. Tables come as text.

mod gradient;
mod made;
mod naive;
mod own;
mod plain;
mod reference;
mod trace;

pub use made::{made_nodes, made_pods};
pub use trace::{TraceNode, TracePod, read_nodes, read_pods};

use haina_core::Policy;

use crate::Random;

/// A policy of the experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Any node that fits.
    Random,
    /// Where the demand and what is free point least in the same direction (Tetris).
    DotProduct,
    /// Beside pods of the same kind (Gandiva).
    Clustering,
    /// Into cards in use, then onto nodes in use.
    Packing,
    /// Where least is left of processors and cards.
    BestFit,
    /// Fragmentation gradient descent, as the paper has it.
    Gradient,
    /// Haina's placement by least fragmentation, told in advance what is asked for how often.
    HainaTold,
    /// A center of Haina as it serves, by its default policy: it knows what was submitted so far.
    Haina,
}

impl Packing {
    /// All of them, in the order of the paper.
    pub const ALL: [Packing; 8] = [
        Packing::Random,
        Packing::DotProduct,
        Packing::Clustering,
        Packing::Packing,
        Packing::BestFit,
        Packing::Gradient,
        Packing::HainaTold,
        Packing::Haina,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Packing::Random => "Random",
            Packing::DotProduct => "DotProd",
            Packing::Clustering => "Clustering",
            Packing::Packing => "Packing",
            Packing::BestFit => "BestFit",
            Packing::Gradient => "FGD",
            Packing::HainaTold => "Haina-told",
            Packing::Haina => "Haina",
        }
    }
}

/// The hundredths of a percent of the cards that are given out in the end. Nodes are in random order too: it decides
/// ties.
pub fn given_out(policy: Packing, nodes: &[TraceNode], pods: &[TracePod], seed: u64) -> u64 {
    let mut random = Random::new(seed);
    let mut nodes = nodes.to_vec();
    shuffle(&mut nodes, &mut random);
    let capacity: u64 = nodes.iter().map(|node| u64::from(node.cards) * 1000).sum();
    let arrivals = arrivals(pods, capacity * 13 / 10, &mut random);
    let millis = match policy {
        Packing::HainaTold => own::run(&nodes, pods, &arrivals),
        Packing::Haina => own::run_center(Policy::default(), &nodes, &arrivals),
        _ => reference::run(policy, &nodes, pods, &arrivals, seed),
    };
    millis * 10_000 / capacity
}

/// All pods in random order, then pods drawn from them, until so many thousandths of cards are asked for.
fn arrivals(pods: &[TracePod], millis: u64, random: &mut Random) -> Vec<TracePod> {
    let mut line = pods.to_vec();
    shuffle(&mut line, random);
    let mut asked: u64 = line.iter().map(|pod| u64::from(pod.card_millis())).sum();
    loop {
        let pod = random.pick(pods);
        asked += u64::from(pod.card_millis());
        if asked > millis {
            return line;
        }
        line.push(pod);
    }
}

fn shuffle<T>(items: &mut [T], random: &mut Random) {
    for last in (1..items.len()).rev() {
        items.swap(last, random.below(last as u64 + 1) as usize);
    }
}
