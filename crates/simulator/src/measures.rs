//! How well a schedule served its jobs. Whole numbers: milliseconds, thousandths, parts per million.

use std::collections::BTreeMap;

use haina_core::Milliseconds;
use serde::Serialize;

use crate::replay::{Schedule, Span};
use crate::trace::{Label, Submission, Workload};

/// Shorter jobs count as this long in slowdowns (Feitelson and Rudolph, JSSPP '98).
const SLOWDOWN_BOUND_MS: u64 = 10_000;

/// The spread of a quantity over jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Distribution {
    pub mean: u64,
    pub p50: u64,
    pub p95: u64,
    pub p99: u64,
    pub most: u64,
}

/// One organization's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrganizationShare {
    /// Its name.
    pub name: String,
    /// Its jobs.
    pub jobs: u64,
    /// Its part of all card-time, in parts per million.
    pub use_ppm: u64,
    /// The mean wait of its jobs.
    pub wait_mean_ms: u64,
    /// The mean bounded slowdown of its jobs, in thousandths.
    pub slowdown_mean_millis: u64,
}

/// The measures of one schedule. What the simulator cannot do yet, such as preemption, has no measure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Measures {
    /// Jobs that ran.
    pub jobs: u64,
    /// Jobs that were refused, because no part of the pool could ever host them.
    pub refused: u64,
    /// From submission to end, mean.
    pub completion_mean_ms: u64,
    /// End − submission − run time.
    pub wait_ms: Distribution,
    /// (Wait + run) ÷ run, at least 1, runs counted as ten seconds at least; in thousandths.
    pub slowdown_millis: Distribution,
    /// From the first submission to the last end.
    pub makespan_ms: u64,
    /// Held card-time of what the pool had from the first submission to the last one, in parts per million.
    pub utilisation_ppm: u64,
    /// Free card-time of the same, while at least one job waited: what fragmentation, gangs that wait, and limits cost.
    pub idle_while_waiting_ppm: u64,
    /// Jain's index over the organizations' mean slowdowns: 1,000,000 where all fare alike. None with a single one.
    pub fairness_ppm: Option<u64>,
    /// The organizations, the largest user first.
    pub organizations: Vec<OrganizationShare>,
}

impl Measures {
    /// Of a schedule on so many cards.
    pub fn of(workload: &Workload, schedule: &Schedule, cards: u32) -> Measures {
        let ran: Vec<(&Submission, Span)> =
            workload.jobs.iter().zip(&schedule.spans).filter_map(|(job, span)| Some((job, (*span)?))).collect();
        let slowdown = |(job, span): &(&Submission, Span)| slowdown_millis(job, *span);
        let completions: u128 = ran.iter().map(|(job, span)| u128::from(span.end.0 - job.at.0)).sum();
        let organizations = organizations(workload, &ran);
        let window = workload.jobs.last().map_or(Milliseconds(0), |job| job.at);
        let (held, idle_while_waiting) = card_time(&ran, cards, window);
        let capacity = u128::from(cards) * 1000 * u128::from(window.0);
        Measures {
            jobs: ran.len() as u64,
            refused: (workload.jobs.len() - ran.len()) as u64,
            completion_mean_ms: divide(completions, ran.len() as u128),
            wait_ms: distribution(ran.iter().map(|(job, span)| span.start.0 - job.at.0).collect()),
            slowdown_millis: distribution(ran.iter().map(slowdown).collect()),
            makespan_ms: ran.iter().map(|(_, span)| span.end.0).max().unwrap_or(0),
            utilisation_ppm: divide(held * 1_000_000, capacity),
            idle_while_waiting_ppm: divide(idle_while_waiting * 1_000_000, capacity),
            fairness_ppm: jain_ppm(&organizations),
            organizations,
        }
    }
}

fn slowdown_millis(job: &Submission, span: Span) -> u64 {
    let run = (span.end.0 - span.start.0).max(SLOWDOWN_BOUND_MS);
    ((span.end.0 - job.at.0) * 1000 / run).max(1000)
}

fn divide(sum: u128, by: u128) -> u64 {
    sum.checked_div(by).unwrap_or(0) as u64
}

/// Percentiles are values that occurred (nearest rank).
fn distribution(mut values: Vec<u64>) -> Distribution {
    values.sort_unstable();
    let count = values.len();
    let at = |percent: usize| values.get((count * percent).div_ceil(100).max(1) - 1).copied().unwrap_or(0);
    let mean = divide(values.iter().map(|value| u128::from(*value)).sum(), count as u128);
    Distribution { mean, p50: at(50), p95: at(95), p99: at(99), most: at(100) }
}

/// Held card-time, and free card-time while something waited, up to the end of the window; in thousandths of
/// card-milliseconds.
fn card_time(ran: &[(&Submission, Span)], cards: u32, window: Milliseconds) -> (u128, u128) {
    let mut changes: Vec<(u64, i64, i64)> = Vec::with_capacity(3 * ran.len());
    for (job, span) in ran {
        let millis = i64::from(job.cards.0);
        changes.extend([(job.at.0, 0, 1), (span.start.0, millis, -1), (span.end.0, -millis, 0)]);
    }
    changes.sort_unstable_by_key(|change| change.0);
    let all = i64::from(cards) * 1000;
    let (mut held, mut waiting, mut before) = (0_i64, 0_i64, 0);
    let (mut held_time, mut idle_time) = (0, 0);
    for (at, held_change, waiting_change) in changes {
        let length = u128::from(at.min(window.0).saturating_sub(before));
        held_time += held as u128 * length;
        if waiting > 0 {
            idle_time += (all - held).max(0) as u128 * length;
        }
        before = at;
        held += held_change;
        waiting += waiting_change;
    }
    (held_time, idle_time)
}

fn organizations(workload: &Workload, ran: &[(&Submission, Span)]) -> Vec<OrganizationShare> {
    let mut sums: BTreeMap<Label, [u128; 4]> = BTreeMap::new();
    for (job, span) in ran {
        let used = u128::from(job.cards.0) * u128::from(span.end.0 - span.start.0);
        let wait = u128::from(span.start.0 - job.at.0);
        let more = [1, used, wait, u128::from(slowdown_millis(job, *span))];
        sums.entry(job.organization).or_default().iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
    }
    let all_used: u128 = sums.values().map(|sums| sums[1]).sum();
    let mut shares: Vec<OrganizationShare> = sums
        .into_iter()
        .map(|(label, [jobs, used, wait, slowdown])| OrganizationShare {
            name: workload.text(label).to_owned(),
            jobs: jobs as u64,
            use_ppm: divide(used * 1_000_000, all_used),
            wait_mean_ms: divide(wait, jobs),
            slowdown_mean_millis: divide(slowdown, jobs),
        })
        .collect();
    shares.sort_by(|a, b| (b.use_ppm, &a.name).cmp(&(a.use_ppm, &b.name)));
    shares
}

/// (Σx)² ÷ (n Σx²), Jain, Chiu and Hawe, 1984.
fn jain_ppm(organizations: &[OrganizationShare]) -> Option<u64> {
    let values = || organizations.iter().map(|share| u128::from(share.slowdown_mean_millis));
    let (sum, squares): (u128, u128) = (values().sum(), values().map(|value| value * value).sum());
    let count = organizations.len() as u128;
    (count > 1).then(|| divide(sum * sum, (count * squares).div_ceil(1_000_000).max(1)).min(1_000_000))
}
