//! Who is certainly ahead of whom, as far as a log tells. Past use fades in ways that it does not tell, so that of two
//! users, or of two organizations by [`Order::FairTree`], neither is certainly ahead.

use super::scene::{Job, Organization, Scene};
use crate::plan_log::Order;

/// A job in line.
pub type Waiting<'a> = (u64, &'a Job);

/// Levels of organizations are told apart to a millionth; what is closer counts as equal.
const CLOSE: i128 = 3_000;

/// Whether `a` is ahead of `b` for certain.
pub fn is_ahead(scene: &Scene, a: Waiting, b: Waiting) -> bool {
    let (first, second) = (&a.1.submitted, &b.1.submitted);
    if first.priority != second.priority {
        return first.priority > second.priority;
    }
    let same_organization = first.organization == second.organization;
    let is_due_first = (due_us(scene, a.1), a.0) < (due_us(scene, b.1), b.0);
    match scene.order {
        Order::Fifo | Order::Shortest | Order::Deadline => is_due_first,
        Order::Fair if !same_organization => {
            let level = |organization: u32| scene.organizations.get(&organization).map_or(0, level);
            level(first.organization) + CLOSE < level(second.organization)
        }
        Order::Fair | Order::FairTree => same_organization && first.user == second.user && is_due_first,
    }
}

/// When a job should have had its turn.
fn due_us(scene: &Scene, job: &Job) -> i64 {
    let submitted = &job.submitted;
    let later_ms = match scene.order {
        Order::Fifo => 0,
        Order::Deadline => submitted.limit_ms,
        Order::Fair | Order::FairTree | Order::Shortest => {
            // A hundred seconds for each card-second; what needs less than a tenth of a card counts as one.
            let card_millis = u128::from(submitted.shape.cards_millis().max(100));
            let passed_ms = card_millis * u128::from(submitted.predicted_ms) / 10;
            let passed_ms = passed_ms.min((passed_ms * u128::from(scene.patience_ms)).isqrt());
            u64::try_from(passed_ms).unwrap_or(u64::MAX)
        }
    };
    job.submitted_us.saturating_add(i64::try_from(later_ms).unwrap_or(i64::MAX).saturating_mul(1000))
}

/// How much of what it is entitled to an organization holds, in thousandths of a millionth: below 0 while it holds less
/// than is guaranteed to it, then by what it holds beyond, divided by its weight.
fn level(organization: &Organization) -> i128 {
    let (held, guaranteed) = (i128::from(organization.held_millis), i128::from(organization.guaranteed_millis));
    match held < guaranteed {
        true => held * 1_000_000_000 / guaranteed - 1_000_000_000,
        false => (held - guaranteed) * 1_000_000_000 / i128::from(organization.weight.max(1)),
    }
}
