//! Random centers: of a seed come a center of 1 to 60 nodes and what people ask of it. The real center decides, with
//! little fuel at a time, in virtual time; the checker judges the plan. Nothing fails here but nodes, cards and jobs, and
//! nothing costs money: crashes, lost reports and accounts are what [`crate::World`] is for.

mod center;
mod play;
mod shrink;
mod steps;

use haina_core::center_definition::CenterDefinition;

use crate::Random;
use crate::checker::{self, Report};
use crate::plan_log::Record;

pub use shrink::shrink;
pub use steps::Step;

/// A center and what happens to it.
#[derive(Clone, Debug)]
pub struct Story {
    /// Where it comes from; it also decides how long jobs run and how they end.
    pub seed: u64,
    /// The center.
    pub definition: CenterDefinition,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

impl Story {
    /// The story of a seed.
    pub fn of(seed: u64) -> Story {
        let mut random = Random::new(seed);
        let definition = center::random_center(&mut random);
        let steps = steps::random_steps(&definition, &mut random);
        Story { seed, definition, steps }
    }

    /// Plays it to the end of its last job.
    pub fn play(&self) -> Vec<Record> {
        play::play(self)
    }

    /// Plays it, and judges the plan.
    pub fn judge(&self) -> Report {
        checker::check(&self.play())
    }
}
