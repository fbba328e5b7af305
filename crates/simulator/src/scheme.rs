//! The names of policies, in one place: what decides when a trace is replayed.

use haina_core::center_definition::CenterDefinition;
use haina_core::{Refusal, both};

use crate::pool::{self, Spread};
use crate::reference::{self, Rule};
use crate::replay::{Schedule, replay};
use crate::trace::Workload;

/// What decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// The center, as it serves.
    Center,
    /// A plain loop over a flat pool; most know run times beforehand.
    Reference(Rule),
}

/// Waiting jobs that `reference-easy` looks at behind the first. With this many the published average comes out.
const LOOK_AHEAD: usize = 2000;

/// All names, the default first.
pub const NAMES: [(&str, Scheme); 7] = [
    ("fifo-skip", Scheme::Center),
    ("reference-fifo", Scheme::Reference(Rule::Fifo)),
    ("reference-easy", Scheme::Reference(Rule::Easy { look_ahead: LOOK_AHEAD })),
    ("reference-fifo-skip", Scheme::Reference(Rule::FifoSkip)),
    ("reference-sjf", Scheme::Reference(Rule::Shortest)),
    ("reference-qssf", Scheme::Reference(Rule::Smallest)),
    ("reference-qssf-history", Scheme::Reference(Rule::SmallestByHistory)),
];

impl Scheme {
    /// The scheme of this name.
    ///
    /// # Errors
    /// Where there is none.
    pub fn named(name: &str) -> Result<Scheme, Refusal> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, scheme)| *scheme).ok_or_else(|| {
            let names: Vec<_> = NAMES.iter().map(|(known, _)| *known).collect();
            let rule = both(format!("one of {}", names.join(", ")), format!("{} 之一", names.join("、")));
            Refusal::invalid_value("policy", name, rule)
        })
    }

    /// What becomes of a trace on a center.
    ///
    /// # Errors
    /// Where the center cannot be made so; where a reference is asked for anything but a flat pool.
    pub fn schedule(self, center: &CenterDefinition, spread: Spread, workload: &Workload) -> Result<Schedule, Refusal> {
        match (self, spread) {
            (Scheme::Center, _) => replay(center.clone(), spread, workload),
            (Scheme::Reference(rule), Spread::Flat) => Ok(reference::run(workload, pool::cards(center), rule)),
            (Scheme::Reference(_), Spread::Nodes(_)) => {
                let rule = both(
                    "a policy of the center: references know flat pools only (--cards)",
                    "中心自身的策略；参考策略只用于平面资源池（--cards）",
                );
                Err(Refusal::invalid_value("policy", "reference", rule))
            }
        }
    }
}
