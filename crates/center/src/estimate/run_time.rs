//! How long what is expected to run for a mean time really runs: most runs are far shorter than their mean, and a few much
//! longer. A pass in which all took their mean would see nothing end for a long time, and then everything.

use haina_core::{JobId, Milliseconds};

/// Sixteen equally likely run times in thousandths of their mean: those of a lognormal distribution with σ = 2. Run times
/// of one user, name and size on Philly's trace are spread around the mean of those before in the same way, up to the
/// longest (0.003 to 3.3 instead of 0.005 to 8.4).
const SPREAD_MILLIS: [u64; 16] = [5, 15, 27, 43, 64, 91, 127, 174, 238, 327, 455, 648, 962, 1535, 2842, 8447];

/// How much longer a job probably takes that is expected to take `mean` and has taken `elapsed`: one of the times that
/// are left to it, always the same of the same job. One that has outlived them all is taken to be half way.
pub fn likely(mean: Milliseconds, elapsed: Milliseconds, job: JobId) -> Milliseconds {
    let times = SPREAD_MILLIS.map(|part| mean.0.saturating_mul(part) / 1000);
    let past = times.iter().filter(|time| **time <= elapsed.0).count();
    let left = times.len() - past;
    if left == 0 {
        return elapsed.max(Milliseconds(1));
    }
    // Numbers in a row are spread evenly (Knuth's multiplicative hashing).
    let spread = job.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let chosen = past + ((spread as usize * left) >> 32);
    Milliseconds(times[chosen] - elapsed.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_times_are_spread_around_their_mean() {
        let hour = Milliseconds::from_seconds(3600);
        let sum: u64 = (0..16_000).map(|job| likely(hour, Milliseconds(0), JobId(job)).0).sum();
        assert!(sum.abs_diff(16_000 * hour.0) < 16_000 * hour.0 / 50, "{}", sum / 16_000);
        let median = |elapsed| {
            let mut left: Vec<u64> = (0..999).map(|job| likely(hour, elapsed, JobId(job)).0).collect();
            left.sort_unstable();
            left[500]
        };
        assert!(median(Milliseconds(0)) < hour.0 / 3, "most are shorter than the mean");
        assert!(median(hour) > hour.0 / 2, "what has run for long will run for long");
        assert_eq!(likely(hour, Milliseconds(100 * hour.0), JobId(7)), Milliseconds(100 * hour.0));
    }
}
