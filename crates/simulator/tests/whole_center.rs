//! Random histories of a whole center. `HAINA_SOAK_SEEDS` asks for more of them than the default.

use haina_simulator::{Summary, World};

fn seeds() -> u64 {
    std::env::var("HAINA_SOAK_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60)
}

fn histories(first_seed: u64, faults: bool) -> Vec<Summary> {
    (first_seed..first_seed + seeds()).map(|seed| World::new(seed, faults).run(400)).collect()
}

#[test]
fn every_history_without_faults_keeps_the_invariants() {
    let summaries = histories(1, false);
    let jobs: usize = summaries.iter().map(|summary| summary.jobs).sum();
    let attempts: usize = summaries.iter().map(|summary| summary.attempts).sum();
    let prices_changed: u32 = summaries.iter().map(|summary| summary.prices_changed).sum();
    println!("{} histories, {jobs} jobs, {attempts} attempts, {prices_changed} changed prices", summaries.len());
    assert!(jobs > 1000 && attempts > 1000 && prices_changed > 30, "the workload is worth checking");
    let agreed: u32 = summaries.iter().map(|summary| summary.funded.0).sum();
    let shared: u32 = summaries.iter().map(|summary| summary.funded.1).sum();
    println!("agreements paid for {agreed} attempts, vouchers a share of {shared}");
    assert!(agreed > 100 && shared > 50, "agreements and vouchers are worth checking");
}

#[test]
fn every_history_with_failing_commits_and_crashes_keeps_the_invariants() {
    let summaries = histories(1_000_000, true);
    let crashes: u32 = summaries.iter().map(|summary| summary.crashes).sum();
    let refusals: u32 = summaries.iter().map(|summary| summary.refusals).sum();
    println!("{} histories, {crashes} crashes, {refusals} refusals", summaries.len());
    assert!(crashes > 100 && refusals > 100, "the faults are worth checking");
}

#[test]
fn a_seed_is_a_history() {
    assert_eq!(World::new(7, true).run(300), World::new(7, true).run(300));
}
