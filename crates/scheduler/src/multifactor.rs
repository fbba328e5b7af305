//! Priority as a sum of weighted factors, after Slurm's `priority/multifactor`, as an order that time does not change.
//!
//! Age adds to the priority of all who wait alike. So instead of counting points, all that a job has beside its age is
//! counted as the head start that would have given it as many points: who came earlier, less the head start, is next. Part
//! of that is the same for all jobs of a class, part for all of an organization, and who used something himself is behind
//! the others of his organization.

use haina_core::{CardMillis, Milliseconds, OrganizationId, PriorityWeights, UserId};

use crate::fair_share::FairShare;
use crate::shares::Shares;

/// The priorities that a job may have: from minus this to this.
const PRIORITY_MOST: i32 = 1000;

/// What size and priority give to the jobs of a class, where `installed` cards are all.
pub fn class_head_start(
    weights: &PriorityWeights,
    cards: CardMillis,
    installed: CardMillis,
    priority: i32,
) -> Milliseconds {
    let size = weights.head_start(u64::from(weights.size) * u64::from(cards.0), installed.0.into());
    let above_least = (priority.clamp(-PRIORITY_MOST, PRIORITY_MOST) + PRIORITY_MOST).unsigned_abs();
    let of_priority =
        weights.head_start(u64::from(weights.priority) * u64::from(above_least), 2 * PRIORITY_MOST as u64);
    size + of_priority
}

/// What fair share gives to an organization and to its users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FairShareHeadStart {
    /// The organization.
    pub organization: OrganizationId,
    /// What its users have who used nothing.
    pub head_start: Milliseconds,
    /// How much less those have who did.
    pub less: Vec<(UserId, Milliseconds)>,
}

/// What fair share gives to all. Who used nothing has the factor of his organization.
pub fn fair_share_head_starts(weights: &PriorityWeights, shares: &Shares) -> Vec<FairShareHeadStart> {
    // All fades alike, so the factors are the same at every moment, but for rounding; at this one nothing has to be guessed.
    let (tree, whose) = shares.tree(shares.last_change());
    let factors = FairShare::of(&tree);
    let mut all: Vec<FairShareHeadStart> = Vec::new();
    for (sharer, organization, user) in whose {
        let head_start = weights.head_start(u64::from(weights.fair_share) * factors.factor(sharer), 1 << 32);
        match (user, all.last_mut()) {
            (Some(user), Some(own)) if shares.used(organization, Some(user)).is_some() => {
                own.less.push((user, Milliseconds(own.head_start.0.saturating_sub(head_start.0))));
            }
            (Some(_), _) => {}
            (None, _) => all.push(FairShareHeadStart { organization, head_start, less: Vec::new() }),
        }
    }
    all
}
