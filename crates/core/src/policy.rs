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
        placement: Placement::LeastFragmentation,
        patience: Milliseconds::from_seconds(14 * 86_400),
        promises: 1,
    };

    /// Each name that people may give, and what it stands for.
    pub const NAMED: [(&str, Policy); 10] = {
        let fifo = Policy { order: Order::Fifo, backfill: Backfill::None, promises: 1, ..Policy::FAIR };
        [
            ("fair", Policy::FAIR),
            ("fair-tree", Policy { order: Order::FairTree, ..Policy::FAIR }),
            ("multifactor", Policy { order: Order::Multifactor(PriorityWeights::DEFAULT), ..Policy::FAIR }),
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

    /// Its name, if it has one; whatever its weights.
    pub fn name(&self) -> Option<&'static str> {
        let plain = match self.order {
            Order::Multifactor(_) => Policy { order: Order::Multifactor(PriorityWeights::DEFAULT), ..*self },
            _ => *self,
        };
        Policy::NAMED.iter().find(|(_, policy)| *policy == plain).map(|(name, _)| *name)
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
    /// Who has the highest sum of weighted factors (multifactor: Slurm). The priority is one of them: there are no classes.
    Multifactor(PriorityWeights),
}

impl Order {
    /// Whether organizations stand apart, and users within each: what they hold and used says who is next, before anything
    /// is asked of their jobs.
    pub fn stands_apart(&self) -> bool {
        match self {
            Order::Fair | Order::FairTree => true,
            Order::Fifo | Order::Shortest | Order::Deadline | Order::Multifactor(_) => false,
        }
    }
}

/// How many points of priority each factor is worth where it is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorityWeights {
    /// For having waited for [`PriorityWeights::max_age`]; a half of it counts half, twice as long counts double. At least
    /// 1, so that everybody's turn comes.
    pub age: u32,
    /// For wanting all cards of the center.
    pub size: u32,
    /// For having used nothing, nor anybody of one's organization: 2^(-use/shares).
    pub fair_share: u32,
    /// For the highest priority that a job may have; the lowest counts nothing, and 0 a half.
    pub priority: u32,
    /// How long a job waits for the points of [`PriorityWeights::age`].
    pub max_age: Milliseconds,
}

impl PriorityWeights {
    /// Where nothing else is said. Fair share and priority weigh most, as in the example of Slurm's documentation.
    pub const DEFAULT: PriorityWeights = PriorityWeights {
        age: 1000,
        size: 1000,
        fair_share: 10_000,
        priority: 10_000,
        max_age: Milliseconds::from_seconds(7 * 86_400),
    };
    /// The highest weight.
    pub const MOST: u32 = 100_000;
    /// The longest [`PriorityWeights::max_age`].
    pub const MAX_AGE_MOST: Milliseconds = Milliseconds::from_seconds(100 * 86_400);

    /// How much earlier a job would have had to come to have `points` more, each of them divided by `of`.
    pub fn head_start(&self, points: u64, of: u64) -> Milliseconds {
        let length =
            u128::from(points) * u128::from(self.max_age.0) / (u128::from(of.max(1)) * u128::from(self.age.max(1)));
        Milliseconds(u64::try_from(length).unwrap_or(u64::MAX))
    }
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
    /// Where the free capacity that the waiting, running and recent work could not use grows least (FGD: Weng et al., ATC
    /// '23); the fullest where only whole cards can run out.
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
