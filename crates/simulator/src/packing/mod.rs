//! How full a cluster gets: pods of a production cluster arrive in random order and never leave, until 130 % of the cards
//! have been asked for; the result is the share of the cards that was given out. A pod that fits somewhere is placed, by
//! every policy. The experiment and the first six policies are those of Weng et al., "Beware of Fragmentation"
//! (ATC '23), written anew from their simulator's rules; the last two are Haina's.
//!
//! Not here: files. Tables come as text.

mod experiment;
mod go_random;
mod gradient;
mod made;
mod naive;
mod own;
mod plain;
mod reference;
mod trace;

pub use experiment::Experiment;
pub use made::{made_nodes, made_pods};
pub use trace::{TraceNode, TracePod, read_nodes, read_pods};

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
