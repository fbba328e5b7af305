//! How waiting jobs are ordered, which of them may pass a blocked one, and where they go: what a center file names, and
//! what may change while the center runs.

use serde::{Deserialize, Serialize};

use crate::{CardMillis, Milliseconds};

/// The scheduling policy of a center.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Who is next.
    pub order: Order,
    /// Who may pass whom.
    pub backfill: Backfill,
    /// Which of the places that fit.
    pub placement: Placement,
    /// Where short jobs pass long ones: from here on, how long a job is passed grows only as the geometric mean of this and
    /// what it is likely to use.
    pub patience: Milliseconds,
    /// How many blocked heads of line of one pool are promised a start, where any are.
    pub promises: u16,
}

impl Policy {
    /// What a center does that names no policy.
    pub const FAIR: Policy = Policy {
        order: Order::Fair,
        backfill: Backfill::Easy,
        placement: Placement::BestFit,
        patience: Milliseconds::from_seconds(14 * 86_400),
        promises: 1,
    };

    /// Each name that people may give, and what it stands for.
    pub const NAMED: [(&str, Policy); 8] = {
        let fifo = Policy { order: Order::Fifo, backfill: Backfill::None, promises: 1, ..Policy::FAIR };
        [
            ("fair", Policy::FAIR),
            ("throughput", Policy { order: Order::Shortest, ..Policy::FAIR }),
            ("teaching", Policy { patience: Milliseconds::from_seconds(4 * 3600), ..Policy::FAIR }),
            ("fifo", fifo),
            ("fifo-skip", Policy { backfill: Backfill::BestEffort, ..fifo }),
            ("easy", Policy { backfill: Backfill::Easy, ..fifo }),
            ("conservative", Policy { backfill: Backfill::Conservative, promises: 16, ..fifo }),
            ("deadline", Policy { order: Order::Deadline, ..Policy::FAIR }),
        ]
    };

    /// The policy of a name.
    pub fn named(name: &str) -> Option<Policy> {
        Policy::NAMED.iter().find(|(known, _)| *known == name).map(|(_, policy)| *policy)
    }

    /// Its name, if it has one.
    pub fn name(&self) -> Option<&'static str> {
        Policy::NAMED.iter().find(|(_, policy)| policy == self).map(|(name, _)| *name)
    }
}

impl Default for Policy {
    fn default() -> Policy {
        Policy::FAIR
    }
}

/// Who is next among the jobs of one priority class. Ties go to the job that was submitted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Who was submitted first.
    Fifo,
    /// The organization that holds least of what it is entitled to; in it the user who used least; of that user the job
    /// that is likely to be done first.
    Fair,
    /// The organization that used least of late, divided by its weight; in it the user who used least (Fair Tree: Slurm);
    /// of that user the job that is likely to be done first.
    FairTree,
    /// Who is likely to use the fewest card-seconds (QSSF: Hu et al., SC '21).
    Shortest,
    /// Whose time limit, counted from its submission, comes first.
    Deadline,
}

/// Who may start while a job before it cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backfill {
    /// Nobody of its pool.
    None,
    /// Whoever fits, even if it delays those before it.
    BestEffort,
    /// Whoever does not delay the promised starts of the blocked heads of line (EASY: Lifka, JSSPP '95).
    Easy,
    /// Whoever does not delay the promised start of any job before it.
    Conservative,
}

/// Which of the places that fit is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// The fullest ring, card and node.
    BestFit,
    /// Where the free capacity that the waiting and recent work could not use grows least (FGD: Weng et al., ATC '23).
    LeastFragmentation,
}

/// What an organization is entitled to when others compete for the same cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entitlement {
    /// Cards beyond the guarantees are divided by weight.
    pub weight: u32,
    /// Cards that it gets before anybody gets more than is guaranteed.
    pub guaranteed: CardMillis,
}

impl Entitlement {
    /// Whether nothing special was agreed.
    pub fn is_plain(&self) -> bool {
        *self == Entitlement::default()
    }
}

impl Default for Entitlement {
    fn default() -> Entitlement {
        Entitlement { weight: 1, guaranteed: CardMillis(0) }
    }
}
