//! Who is certainly ahead of whom, as far as a log tells. Past use fades in ways that it does not tell, so that of two
//! users, or of two organizations by [`Order::FairTree`], neither is certainly ahead.

use super::scene::{Job, Organization, Scene, Scope};
use super::waiting::is_in_line;
use crate::plan_log::{Order, Submitted};

/// A job in line.
pub type Waiting<'a> = (u64, &'a Job);

/// Levels of organizations are told apart to a millionth; what is closer counts as equal.
const CLOSE: i128 = 3_000;

/// Whether `a` is ahead of `b` for certain.
pub fn is_ahead(scene: &Scene, now_us: i64, a: Waiting, b: Waiting) -> bool {
    let (first, second) = (&a.1.submitted, &b.1.submitted);
    if scene.order == Order::Multifactor {
        return outweighs(a, b);
    }
    if first.priority != second.priority {
        return first.priority > second.priority;
    }
    let same_organization = first.organization == second.organization;
    let is_due_first = (due_us(scene, now_us, a), a.0) < (due_us(scene, now_us, b), b.0);
    match scene.order {
        Order::Fifo | Order::Shortest | Order::Deadline => is_due_first,
        Order::Fair if !same_organization => {
            let level = |id: u32| scene.organizations.get(&id).map_or(0, |organization| level(scene, id, organization));
            level(first.organization) + CLOSE < level(second.organization)
        }
        Order::Fair | Order::FairTree => same_organization && first.user == second.user && is_due_first,
        Order::Multifactor => unreachable!("answered above"),
    }
}

/// Whether a job is ahead of another of the same user whatever the factors are worth: it came first, and neither its
/// priority is lower nor does it want fewer cards.
fn outweighs(a: Waiting, b: Waiting) -> bool {
    let (first, second) = (&a.1.submitted, &b.1.submitted);
    let whose = |submitted: &Submitted| (submitted.organization, submitted.user);
    let came_first = a.1.submitted_us <= b.1.submitted_us && a.0 < b.0;
    let larger = first.shape.cards_millis() >= second.shape.cards_millis();
    whose(first) == whose(second) && came_first && larger && first.priority >= second.priority
}

/// When a job should have its turn, as things are.
fn due_us(scene: &Scene, now_us: i64, (id, job): Waiting) -> i64 {
    let later_ms = match scene.order {
        Order::Fifo | Order::Multifactor => 0,
        Order::Deadline => job.submitted.limit_ms,
        Order::Fair | Order::FairTree | Order::Shortest => {
            let together = scene.jobs.iter().filter(|(_, other)| {
                are_due_together(&job.submitted, &other.submitted) && is_in_line(scene, other, now_us)
            });
            let came = |id: u64, job: &Job| (job.submitted_us, id);
            let before = together.filter(|(other, of_other)| came(**other, of_other) < came(id, job));
            let first = before.min_by_key(|(other, of_other)| came(**other, of_other));
            passed_ms(scene, first.map_or(job, |(_, first)| first))
        }
    };
    job.submitted_us.saturating_add(i64::try_from(later_ms).unwrap_or(i64::MAX).saturating_mul(1000))
}

/// Whether two jobs keep the order in which they came.
fn are_due_together(one: &Submitted, other: &Submitted) -> bool {
    let what = |job: &Submitted| {
        (job.similar, job.limit_ms.checked_ilog2(), job.organization, job.user, job.priority, job.shape)
    };
    one.similar.is_some() && what(one) == what(other)
}

/// For how long others may pass a job.
fn passed_ms(scene: &Scene, job: &Job) -> u64 {
    let submitted = &job.submitted;
    let took = submitted.similar.and_then(|similar| scene.took.get(&similar));
    let expected_ms = took.map_or(submitted.predicted_ms, |(count, took_ms)| took_ms / count).min(submitted.limit_ms);
    // A hundred seconds for each card-second; what needs less than a tenth of a card counts as one.
    let card_millis = u128::from(submitted.shape.cards_millis().max(100));
    let passed_ms = card_millis * u128::from(expected_ms) / 10;
    let passed_ms = passed_ms.min((passed_ms * u128::from(scene.patience_ms)).isqrt());
    u64::try_from(passed_ms).unwrap_or(u64::MAX)
}

/// How much of what it is entitled to an organization holds, in thousandths of a millionth: below 0 while it holds less
/// than is guaranteed to it, then by what it holds beyond, divided by its weight.
fn level(scene: &Scene, id: u32, organization: &Organization) -> i128 {
    let of_own = |scope: &Scope| scope.organization == Some(id) && scope.project.is_none() && scope.user.is_none();
    let in_pools =
        scene.quotas.iter().filter(|(scope, _)| of_own(scope)).map(|(_, quota)| i128::from(quota.guaranteed));
    let guaranteed = i128::from(organization.guaranteed_millis).max(in_pools.sum());
    let held = i128::from(organization.held_millis);
    match held < guaranteed {
        true => held * 1_000_000_000 / guaranteed - 1_000_000_000,
        false => (held - guaranteed) * 1_000_000_000 / i128::from(organization.weight.max(1)),
    }
}
