//! The plain loops against published averages, and the center against the plain loops.

use haina_simulator::reference::{self, Rule};
use haina_simulator::trace::{Generation, generate};
use haina_simulator::{Look, Measures, Schedule, Scheme, Workload, pool};

/// The trace, or nothing where `HAINA_TRACES` does not lead to it.
fn philly() -> Option<Workload> {
    let Some(directory) = std::env::var_os("HAINA_TRACES") else {
        eprintln!("SKIPPED: HAINA_TRACES does not name a directory with philly.csv");
        return None;
    };
    let text = std::fs::read_to_string(std::path::Path::new(&directory).join("philly.csv")).unwrap();
    Some(Workload::read(&text).unwrap())
}

fn center_schedule(workload: &Workload, cards: u32) -> Schedule {
    let center = pool::flat(cards);
    Scheme::named("fifo-skip").unwrap().schedule(&center, pool::spread(&center), workload, Look::default()).unwrap()
}

#[test]
fn plain_loops_reach_the_published_averages() {
    let Some(workload) = philly() else { return };
    assert_eq!((workload.report.jobs, workload.report.unsorted, workload.report.skipped()), (82_247, true, 0));
    let easy = Rule::Easy { look_ahead: 2000 };
    for (rule, cards, published_s) in [
        (Rule::Fifo, 512, 488_880),
        (easy, 512, 451_004),
        (Rule::FifoSkip, 512, 132_720),
        (Rule::Shortest, 512, 25_284),
        (Rule::Smallest, 512, 24_820),
        (Rule::Fifo, 768, 14_478),
        (easy, 768, 14_286),
        (Rule::FifoSkip, 768, 14_170),
        (Rule::Shortest, 768, 13_744),
        (Rule::Smallest, 768, 13_733),
    ] {
        let measures = Measures::of(&workload, &reference::run(&workload, cards, rule), cards);
        let mean_s = measures.completion_mean_ms / 1000;
        let within = mean_s.abs_diff(published_s) * 100 <= published_s;
        assert!(within, "{rule:?} on {cards} cards: {mean_s} s, published {published_s} s");
    }
}

#[test]
fn the_center_decides_as_the_plain_loop_does_on_the_trace() {
    let Some(workload) = philly() else { return };
    let plain = reference::run(&workload, 768, Rule::FifoSkip);
    assert_eq!(center_schedule(&workload, 768).spans, plain.spans);
}

#[test]
fn the_center_decides_as_the_plain_loop_does_on_generated_work() {
    for seed in 1..=5 {
        let cards = 24 + 8 * seed as u32;
        let workload = generate(Generation { jobs: 2000, seed, cards, load_percent: 130 });
        let plain = reference::run(&workload, cards, Rule::FifoSkip);
        let waits = Measures::of(&workload, &plain, cards).wait_ms;
        assert!(waits.p50 > 0, "the pool of seed {seed} is contended");
        assert_eq!(center_schedule(&workload, cards).spans, plain.spans, "seed {seed}");
    }
}
