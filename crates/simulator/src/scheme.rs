//! The names of policies, in one place: what decides when a trace is replayed.

use haina_core::center_definition::CenterDefinition;
use haina_core::{Policy, Refusal, both};

use crate::pool::{self, Spread};
use crate::reference::{self, Rule};
use crate::replay::{Look, Schedule, replay};
use crate::trace::Workload;

/// What decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// The center, as it serves, by this policy.
    Center(Policy),
    /// A plain loop over a flat pool.
    Reference(Rule),
}

/// Waiting jobs that `reference-easy` looks at behind the first. With this many the published average comes out.
const LOOK_AHEAD: usize = 2000;

/// The plain loops.
const REFERENCES: [(&str, Rule); 6] = [
    ("reference-fifo", Rule::Fifo),
    ("reference-easy", Rule::Easy { look_ahead: LOOK_AHEAD }),
    ("reference-fifo-skip", Rule::FifoSkip),
    ("reference-sjf", Rule::Shortest),
    ("reference-qssf", Rule::Smallest),
    ("reference-qssf-history", Rule::SmallestByHistory),
];

impl Scheme {
    /// All names: the center's policies, then the plain loops.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Policy::NAMED.iter().map(|(name, _)| *name).chain(REFERENCES.iter().map(|(name, _)| *name))
    }

    /// The scheme of this name.
    ///
    /// # Errors
    /// Where there is none.
    pub fn named(name: &str) -> Result<Scheme, Refusal> {
        let reference = REFERENCES.iter().find(|(known, _)| *known == name).map(|(_, rule)| Scheme::Reference(*rule));
        Policy::named(name).map(Scheme::Center).or(reference).ok_or_else(|| {
            let names: Vec<_> = Scheme::names().collect();
            let rule = both(format!("one of {}", names.join(", ")), format!("{} 之一", names.join("、")));
            Refusal::invalid_value("policy", name, rule)
        })
    }

    /// What becomes of a trace on a center.
    ///
    /// # Errors
    /// Where the center cannot be made so; where a reference is asked for anything but a flat pool.
    pub fn schedule(
        self,
        center: &CenterDefinition,
        spread: Spread,
        workload: &Workload,
        look: Look,
    ) -> Result<Schedule, Refusal> {
        match (self, spread) {
            (Scheme::Center(policy), _) => {
                replay(CenterDefinition { policy: Some(policy), ..center.clone() }, spread, workload, look)
            }
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
