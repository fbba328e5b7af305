//! How waiting jobs are ordered, which of them may pass a blocked one, and where they go: what a center file names, and
//! what may change while the center runs.

use serde::{Deserialize, Serialize};

/// The scheduling policy of a center.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Who is next.
    pub order: Order,
    /// Who may pass whom.
    pub backfill: Backfill,
    /// Which of the places that fit.
    pub placement: Placement,
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
    /// Who is likely to use the fewest card-seconds (QSSF: Hu et al., SC '21).
    Shortest,
    /// Whose deadline, or else whose time limit from its submission on, comes first.
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
