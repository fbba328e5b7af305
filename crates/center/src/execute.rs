//! Drives `decide` and `evolve` for one input.

use haina_core::{Effect, Refusal};
use haina_scheduler::Blocker;

use crate::decide::{Blocked, decide};
use crate::{Fact, Input, Reply, RowCollector, State};

/// What one input led to.
#[derive(Debug)]
pub struct Executed {
    /// What was decided; the state has evolved by it.
    pub facts: Vec<Fact>,
    /// What the world must do once the facts are committed.
    pub effects: Vec<Effect>,
    /// The answer, once the facts are committed.
    pub reply: Result<Reply, Refusal>,
    /// How often a class was set aside; without a fact where its reason was known.
    pub set_aside: u32,
    /// Whether jobs were put in line anew, without a fact.
    pub lined_up: bool,
    /// Whether fuel ran out before the work did: `Advance` again.
    pub more: bool,
}

impl Executed {
    /// Whether the state is not what it was: then the input is journaled, so that a replay goes the same way.
    pub fn changed(&self) -> bool {
        !self.facts.is_empty() || self.set_aside > 0 || self.lined_up
    }
}

/// Decides an input and evolves the state by what was decided. A refused input changes nothing. `rows` is told of each
/// fact.
pub fn execute(state: &mut State, input: &Input, rows: &mut RowCollector) -> Executed {
    drive(state, input, |state, fact| rows.note(state, input.now, fact))
}

/// The same for a state that nobody stores: in simulations, rows would be a fifth of all work.
pub fn execute_without_rows(state: &mut State, input: &Input) -> Executed {
    drive(state, input, |_, _| {})
}

fn drive(state: &mut State, input: &Input, mut note: impl FnMut(&State, &Fact)) -> Executed {
    let mut executed = Executed {
        facts: Vec::new(),
        effects: Vec::new(),
        reply: Ok(Reply::Done),
        set_aside: 0,
        lined_up: false,
        more: false,
    };
    let mut fuel = input.fuel;
    loop {
        let mut outcome = decide(state, input, fuel);
        for fact in &mut outcome.facts {
            // A seal follows from all transactions before: several may be decided at once.
            if let Fact::Posted { transaction, seal } = fact {
                *seal = Some(state.view.ledger.seal(transaction, input.now));
            }
            note(state, fact);
            state.evolve(fact);
        }
        if let Some(Blocked { class, blocker, window }) = outcome.blocked {
            state.queue.block(class, blocker);
            if blocker == Blocker::Capacity {
                state.queue.set_window(class, window);
            }
            executed.set_aside += 1;
        }
        if let Some(end) = outcome.lined_up_to {
            state.line_up_to(end);
            executed.lined_up = true;
        }
        executed.facts.extend(outcome.facts);
        executed.effects.extend(outcome.effects);
        executed.reply = outcome.reply;
        fuel = outcome.fuel_left;
        if !outcome.again {
            return executed;
        }
        if fuel == 0 {
            executed.more = true;
            return executed;
        }
    }
}
