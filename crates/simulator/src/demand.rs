//! More or less of the same demand.

use haina_core::Milliseconds;

use crate::Random;
use crate::trace::Workload;

/// Jobs that are submitted once more come within this time after the first.
const LATER_MOST_MS: u64 = 3_600_000;

impl Workload {
    /// The same kind of work, `millis` thousandths of it: each submission is left out, stays, or is made several times, as
    /// the seed decides; those made again come up to an hour later. Arrays stay whole. Who waited for a job that is left
    /// out waits for it no more.
    pub fn with_demand(&self, millis: u64, seed: u64) -> Workload {
        let mut random = Random::new(seed);
        // When, which submission, and whether it is the first of its kind.
        let mut made: Vec<(Milliseconds, usize, bool)> = Vec::new();
        let mut next = 0;
        while next < self.jobs.len() {
            let times = millis / 1000 + u64::from(random.below(1000) < millis % 1000);
            let at = self.jobs[next].at;
            for time in 0..times {
                let later = if time == 0 { 0 } else { random.below(LATER_MOST_MS) };
                made.push((at + Milliseconds(later), next, time == 0));
            }
            next += self.together(next);
        }
        made.sort_by_key(|(at, ..)| *at);
        let mut index_of = vec![None; self.jobs.len()];
        let mut scaled = Workload { labels: self.labels.clone(), report: self.report.clone(), ..Workload::default() };
        for (at, index, is_first) in made {
            if is_first {
                index_of[index] = Some(scaled.jobs.len() as u32);
            }
            for index in index..index + self.together(index) {
                scaled.jobs.push(crate::trace::Submission { at, ..self.jobs[index] });
                scaled.details.extend(self.details.get(index).map(|detail| {
                    let mut detail = detail.clone();
                    detail.after = detail
                        .after
                        .iter()
                        .filter_map(|(on, condition)| Some((index_of[*on as usize]?, *condition)))
                        .collect();
                    detail
                }));
            }
        }
        scaled.report.jobs = scaled.jobs.len() as u64;
        scaled
    }

    /// How many jobs were submitted as one from this one on.
    fn together(&self, index: usize) -> usize {
        self.details.get(index).map_or(1, |detail| detail.elements as usize).max(1)
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::{Generation, generate};

    #[test]
    fn demand_grows_and_shrinks_by_the_seed() {
        let workload = generate(Generation { jobs: 4000, seed: 1, cards: 64, load_percent: 80 });
        assert_eq!(workload.with_demand(1000, 7), workload, "all of it is the same");
        for millis in [300, 1500, 2000] {
            let scaled = workload.with_demand(millis, 7);
            let expected = 4 * millis;
            assert!((scaled.jobs.len() as u64).abs_diff(expected) < 120, "{} for {expected}", scaled.jobs.len());
            assert!(scaled.jobs.is_sorted_by_key(|job| job.at));
            assert_eq!(scaled, workload.with_demand(millis, 7), "the same seed decides the same");
        }
        assert_ne!(workload.with_demand(1500, 7).jobs, workload.with_demand(1500, 8).jobs);
        assert!(workload.with_demand(0, 7).jobs.is_empty());
    }
}
