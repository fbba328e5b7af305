//! What a database would hold, and how it may fail.

use std::collections::BTreeMap;

use haina_center::{Fact, Input, State};
use haina_core::{Effect, Epoch, Timestamp};

/// How a commit went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Committed, and known to be.
    Committed,
    /// Not committed.
    Failed,
    /// Committed, but the answer was lost.
    UnknownCommitted,
    /// Not committed, and the answer was lost.
    UnknownFailed,
}

/// Inputs, facts and the outbox.
#[derive(Default)]
pub struct Journal {
    /// Inputs that changed something, in order.
    pub inputs: Vec<Input>,
    /// Facts with the moment of their input, in order.
    pub facts: Vec<(Timestamp, Fact)>,
    /// Effects that are not known to be done.
    pub outbox: BTreeMap<String, Effect>,
}

impl Journal {
    /// Commits a batch, or not, as `outcome` says.
    pub fn commit(&mut self, outcome: Outcome, inputs: Vec<Input>, facts: Vec<(Timestamp, Fact)>, effects: &[Effect]) {
        if matches!(outcome, Outcome::Committed | Outcome::UnknownCommitted) {
            self.inputs.extend(inputs);
            self.facts.extend(facts);
            self.outbox.extend(effects.iter().map(|effect| (effect.key(), effect.clone())));
        }
    }

    /// The state that the facts lead to.
    pub fn fold(&self) -> State {
        let mut state = State::new();
        for (_, fact) in &self.facts {
            state.evolve(fact);
        }
        state
    }

    /// The leadership of the last process.
    pub fn epoch(&self) -> Epoch {
        let taken = self.facts.iter().rev().find_map(|(_, fact)| match fact {
            Fact::LeadershipTaken { epoch } => Some(*epoch),
            _ => None,
        });
        taken.unwrap_or(Epoch(0))
    }
}
