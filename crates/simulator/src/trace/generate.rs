//! Workloads from a seed, with integers only: the same seed gives the same jobs on every machine.
//!
//! - Submissions: a Poisson process whose rate follows the hour of the day. Given how many jobs there are, its moments are
//!   independent draws with that density.
//! - Sizes: 1 card 70 %, 2 and 4 and 8 cards 20 %, gangs of 16 to 64 cards 10 % — fewer where the pool is small.
//! - Run times: the median of their program × 2^x, x nearly normal with a deviation of about 1.6; programs' medians are
//!   spread in the same way around twenty minutes. Limits: one to four times the run time, as people guess.
//! - Eight organizations, of which the first submits most; each has five users, each user four programs.

use haina_core::{CardMillis, Milliseconds};

use super::{Builder, Submission, Workload};
use crate::Random;

/// Submissions by the hour, relative to the busiest.
const BY_HOUR: [u64; 24] =
    [25, 20, 15, 12, 10, 10, 15, 25, 50, 80, 95, 100, 80, 75, 95, 100, 95, 90, 75, 60, 55, 50, 40, 30];
const HOUR_MS: u64 = 3_600_000;
const MEDIAN_MS: u64 = 1_200_000;
/// Ten days: what 2^x would make longer is cut.
const RUN_MOST_MS: u64 = 240 * HOUR_MS;

/// What to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    /// How many jobs.
    pub jobs: u32,
    /// The seed.
    pub seed: u64,
    /// The pool that they are for.
    pub cards: u32,
    /// Cards × run time of all jobs, in percent of what the pool has while they are submitted.
    pub load_percent: u64,
}

/// Generates.
pub fn generate(generation: Generation) -> Workload {
    let mut random = Random::new(generation.seed);
    let mut builder = Builder::default();
    let mut jobs: Vec<Submission> = (0..generation.jobs).map(|_| job(&mut builder, &mut random, generation)).collect();
    let used: u128 = jobs.iter().map(|job| u128::from(job.cards.0 / 1000) * u128::from(job.run.0)).sum();
    let capacity_percent = u128::from(generation.cards) * u128::from(generation.load_percent.max(1));
    let span_ms = (used * 100 / capacity_percent.max(1)).max(1) as u64;
    for job in &mut jobs {
        job.at = moment(&mut random, span_ms);
    }
    jobs.into_iter().for_each(|job| builder.job(job));
    let mut workload = builder.finish();
    workload.report.unsorted = false;
    workload.report.cards = Some(generation.cards);
    workload
}

fn job(builder: &mut Builder, random: &mut Random, generation: Generation) -> Submission {
    // The lesser of two draws: the first organization submits 15 times as much as the last.
    let organization = random.below(8).min(random.below(8));
    let user = organization * 5 + random.below(5);
    let program = user * 4 + random.below(4);
    let mut of_program = Random::new(program.wrapping_add(generation.seed << 16));
    let median = scaled(MEDIAN_MS, &mut of_program);
    let run = scaled(median, random).clamp(1000, RUN_MOST_MS);
    let exponent = match random.below(100) {
        0..70 => 0,
        70..90 => 1 + random.below(3),
        _ => 4 + random.below(3),
    };
    let cards = (1_u64 << exponent).min(u64::from(generation.cards.max(4) / 4)) as u32;
    let limit = run + run * random.below(4) * random.below(100) / 100;
    Submission {
        at: Milliseconds(0),
        run: Milliseconds(run),
        limit: Some(Milliseconds(limit)),
        cards: CardMillis::whole(cards),
        cpu: Default::default(),
        memory: Default::default(),
        organization: builder.label(&format!("organization-{}", organization + 1)),
        user: builder.label(&format!("user-{}", user + 1)),
        name: builder.label(&format!("program-{}", program + 1)),
    }
}

/// `median` × 2^x: x is the sum of six draws from −2 to 2 (in 1/1024), and 2^fraction is taken as linear.
fn scaled(median: u64, random: &mut Random) -> u64 {
    let ups: u64 = (0..6).map(|_| random.below(4097)).sum();
    // 12 × 1024 is the middle: shift so that the exponent is never negative, and back.
    let (whole, fraction) = (ups / 1024, ups % 1024);
    (((u128::from(median) << whole) * u128::from(1024 + fraction) / 1024) >> 12) as u64
}

/// A moment in the span, more likely in busy hours.
fn moment(random: &mut Random, span_ms: u64) -> Milliseconds {
    loop {
        let at = random.below(span_ms);
        let hour = at / HOUR_MS % 24;
        if random.below(100) < BY_HOUR[hour as usize] {
            return Milliseconds(at);
        }
    }
}
