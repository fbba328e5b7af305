//! How wrong the starts were that were estimated when jobs were submitted.

use serde::Serialize;

use crate::replay::Schedule;
use crate::trace::Workload;

/// Over the jobs that had to wait and of which a start was estimated. Percentiles are values that occurred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Estimates {
    /// How many jobs these are.
    pub jobs: u64,
    /// How many jobs had to wait and were told nothing.
    pub untold: u64,
    /// Between the start that was estimated and the one that came, earlier or later; the median.
    pub off_p50_ms: u64,
    /// The same that nine of ten do not exceed.
    pub off_p90_ms: u64,
    /// The same in parts per million of the wait; the median.
    pub off_of_wait_p50_ppm: u64,
    /// The same that nine of ten do not exceed.
    pub off_of_wait_p90_ppm: u64,
    /// Jobs that started later than was estimated, in parts per million.
    pub later_ppm: u64,
}

impl Estimates {
    /// Of a schedule with estimates.
    pub fn of(workload: &Workload, schedule: &Schedule) -> Estimates {
        let (mut off_ms, mut off_of_wait_ppm, mut later, mut untold) = (Vec::new(), Vec::new(), 0, 0);
        let jobs = workload.jobs.iter().zip(&schedule.spans).zip(&schedule.estimates);
        for ((job, span), estimate) in jobs {
            let Some(span) = span.filter(|span| span.start > job.at) else { continue };
            let Some(estimate) = estimate else {
                untold += 1;
                continue;
            };
            let off = span.start.0.abs_diff(estimate.0);
            off_ms.push(off);
            off_of_wait_ppm.push(off.saturating_mul(1_000_000) / (span.start.0 - job.at.0));
            later += u64::from(span.start > *estimate);
        }
        let jobs = off_ms.len() as u64;
        let [off_p50_ms, off_p90_ms] = percentiles(off_ms);
        let [off_of_wait_p50_ppm, off_of_wait_p90_ppm] = percentiles(off_of_wait_ppm);
        let later_ppm = (later * 1_000_000).checked_div(jobs).unwrap_or(0);
        Estimates { jobs, untold, off_p50_ms, off_p90_ms, off_of_wait_p50_ppm, off_of_wait_p90_ppm, later_ppm }
    }
}

/// The 50th and the 90th (nearest rank).
fn percentiles(mut values: Vec<u64>) -> [u64; 2] {
    values.sort_unstable();
    [50, 90].map(|percent| values.get((values.len() * percent).div_ceil(100).max(1) - 1).copied().unwrap_or(0))
}
