//! A schedule over time, as a chart shows it: means over equal stretches.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::replay::{Schedule, Span};
use crate::trace::{Label, Workload};

/// Means over equal stretches of time, from the first submission to the last end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// How long one stretch is.
    pub stretch_ms: u64,
    /// Cards held, in thousandths.
    pub held: Vec<u64>,
    /// Jobs waiting, in thousandths.
    pub waiting: Vec<u64>,
    /// Cards held by organization, in thousandths, the largest user first; beyond five they are one, without a name.
    pub organizations: Vec<(Option<String>, Vec<u64>)>,
    /// Waits in milliseconds that 0, 1, …, 100 percent of the jobs do not exceed.
    pub wait_percentiles_ms: Vec<u64>,
}

/// Organizations that a chart tells apart.
const ORGANIZATIONS_MOST: usize = 5;

/// A sum over stretches of which most are covered wholly: those change only where a span begins or ends.
struct Sums {
    stretch: u64,
    /// What stretches that are covered in part add.
    partial: Vec<u128>,
    /// By how much the covering changes where a stretch begins.
    change: Vec<i128>,
}

impl Sums {
    fn new(stretch: u64, count: usize) -> Sums {
        Sums { stretch, partial: vec![0; count], change: vec![0; count + 1] }
    }

    fn add(&mut self, from: u64, to: u64, weight: u64) {
        let last = self.partial.len() - 1;
        let of = |at: u64| ((at / self.stretch) as usize).min(last);
        let (first, end) = (of(from), of(to));
        let weight = u128::from(weight);
        if first == end {
            self.partial[first] += weight * u128::from(to - from);
            return;
        }
        self.partial[first] += weight * u128::from((first as u64 + 1) * self.stretch - from);
        self.partial[end] += weight * u128::from(to - end as u64 * self.stretch);
        self.change[first + 1] += weight as i128;
        self.change[end] -= weight as i128;
    }

    fn means(&self) -> Vec<u64> {
        let mut covering = 0;
        let mean = |(partial, change): (&u128, &i128)| {
            covering += change;
            (partial / u128::from(self.stretch) + covering as u128) as u64
        };
        self.partial.iter().zip(&self.change).map(mean).collect()
    }
}

impl Timeline {
    /// Of a schedule, in so many stretches.
    pub fn of(workload: &Workload, schedule: &Schedule, stretches: usize) -> Timeline {
        let ran = || workload.jobs.iter().zip(&schedule.spans).filter_map(|(job, span)| Some((job, (*span)?)));
        let end = ran().map(|(_, span)| span.end.0).max().unwrap_or(0);
        let stretch_ms = end.div_ceil(stretches as u64).max(1);
        let sums = || Sums::new(stretch_ms, stretches);
        let mut used: BTreeMap<Label, u128> = BTreeMap::new();
        for (job, Span { start, end }) in ran() {
            *used.entry(job.organization).or_default() += u128::from(job.cards.0) * u128::from(end.0 - start.0);
        }
        let mut largest: Vec<(u128, Label)> = used.into_iter().map(|(label, used)| (used, label)).collect();
        largest.sort_unstable_by(|a, b| b.cmp(a));
        let named: Vec<Label> = largest.iter().take(ORGANIZATIONS_MOST).map(|(_, label)| *label).collect();
        let (mut held, mut waiting) = (sums(), sums());
        let mut of_organization: Vec<Sums> = (0..=named.len()).map(|_| sums()).collect();
        let mut waits = Vec::new();
        for (job, span) in ran() {
            let cards = u64::from(job.cards.0);
            held.add(span.start.0, span.end.0, cards);
            waiting.add(job.at.0, span.start.0, 1000);
            let place = named.iter().position(|label| *label == job.organization).unwrap_or(named.len());
            of_organization[place].add(span.start.0, span.end.0, cards);
            waits.push(span.start.0 - job.at.0);
        }
        waits.sort_unstable();
        let at = |percent: usize| waits.get((waits.len() * percent).div_ceil(100).max(1) - 1).copied().unwrap_or(0);
        let names = named.iter().map(|label| Some(workload.text(*label).to_owned())).chain([None]);
        let mut organizations: Vec<_> = names.zip(of_organization.iter().map(Sums::means)).collect();
        if largest.len() <= ORGANIZATIONS_MOST {
            organizations.pop();
        }
        Timeline {
            stretch_ms,
            held: held.means(),
            waiting: waiting.means(),
            organizations,
            wait_percentiles_ms: (0..=100).map(at).collect(),
        }
    }
}
