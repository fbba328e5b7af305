//! Random centers, judged by the independent checker. `HAINA_SOAK_CENTERS` asks for more of them than the default, and
//! `HAINA_SOAK_FIRST` for others.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use haina_simulator::checker::Report;
use haina_simulator::plan_log;
use haina_simulator::random_center::{Step, Story, shrink};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What is wrong with a story, in words; nothing if all is well. The center's own assertions count too.
fn complaint(story: &Story) -> Result<Report, String> {
    let judged = catch_unwind(AssertUnwindSafe(|| story.judge()));
    match judged {
        Ok(report) if report.violations.is_empty() => Ok(report),
        Ok(report) => Err(report.violations.iter().take(5).map(|found| format!("{found}\n")).collect()),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().cloned();
            let said = said.or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).to_owned()));
            Err(said.unwrap_or_else(|| "a panic without words".to_owned()))
        }
    }
}

/// The rule that is broken, without which of the things breaks it: a shrunken story must break the same one.
fn kind(complaint: &str) -> String {
    let line = complaint.lines().next().unwrap_or_default();
    let said = line.split_once("µs: ").map_or(line, |(_, said)| said);
    said.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

fn show(story: &Story, complaint: &str) -> String {
    let fails_alike =
        |candidate: &Story| self::complaint(candidate).is_err_and(|found| kind(&found) == kind(complaint));
    let smallest = shrink(story, fails_alike);
    let found = self::complaint(&smallest).expect_err("a shrunken story still fails");
    let steps: Vec<String> = smallest.steps.iter().map(|step| format!("{step:?}")).collect();
    let log = catch_unwind(AssertUnwindSafe(|| plan_log::write(&smallest.play()))).unwrap_or_default();
    format!(
        "{complaint}seed {}, shrunk from {} to {} steps: {found}{}\n{log}",
        story.seed,
        story.steps.len(),
        smallest.steps.len(),
        steps.join("\n")
    )
}

#[test]
fn every_plan_of_a_random_center_keeps_the_rules() {
    let (first, count) = (number("HAINA_SOAK_FIRST", 1), number("HAINA_SOAK_CENTERS", 2000));
    let next = AtomicU64::new(first);
    let work = || {
        let (mut total, mut failures) = (Report::default(), Vec::new());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return (total, failures);
            }
            let story = Story::of(seed);
            match complaint(&story) {
                Ok(report) => total = sum(total, &report),
                Err(complaint) => failures.push((seed, complaint)),
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let parts: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("complaints are caught")).collect()
    });
    let total = parts.iter().fold(Report::default(), |total, (part, _)| sum(total, part));
    let mut failures: Vec<_> = parts.into_iter().flat_map(|(_, failures)| failures).collect();
    failures.sort();
    println!(
        "{count} centers from seed {first}: {} records, {} jobs, {} placements ({} after waiting), {} promises, {} times nothing was left \
         to decide; {} centers fail",
        total.records,
        total.jobs,
        total.placements,
        total.waited,
        total.promises,
        total.settlements,
        failures.len()
    );
    let mut kinds: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    failures
        .into_iter()
        .for_each(|(seed, complaint)| kinds.entry(kind(&complaint)).or_default().push((seed, complaint)));
    for (kind, failures) in &kinds {
        let seeds: Vec<u64> = failures.iter().map(|(seed, _)| *seed).collect();
        println!("{} times: {kind}\nseeds {seeds:?}", seeds.len());
    }
    if let Some((_, failures)) = kinds.first_key_value() {
        let (seed, complaint) = &failures[0];
        panic!("{}", show(&Story::of(*seed), complaint));
    }
    assert!(total.placements as u64 > 10 * count, "the stories are worth judging");
}

fn sum(mut total: Report, part: &Report) -> Report {
    total.records += part.records;
    total.jobs += part.jobs;
    total.placements += part.placements;
    total.waited += part.waited;
    total.promises += part.promises;
    total.settlements += part.settlements;
    total
}

#[test]
fn a_seed_is_a_story() {
    assert_eq!(Story::of(5).play(), Story::of(5).play());
}

#[test]
fn a_story_that_goes_wrong_is_shrunk_to_what_matters() {
    // As if draining the first node were wrong once something has been submitted.
    let fails = |story: &Story| {
        let submitted = story.steps.iter().position(|step| matches!(step, Step::Submit { .. }));
        let drained = story.steps.iter().rposition(|step| matches!(step, Step::SetNode { draining: true, .. }));
        submitted.zip(drained).is_some_and(|(submitted, drained)| submitted < drained)
    };
    let story = (1..).map(Story::of).find(|story| story.steps.len() > 40 && fails(story)).expect("some seed has both");
    let steps = shrink(&story, fails).steps;
    assert!(matches!(steps[..], [Step::Submit { .. }, Step::SetNode { draining: true, .. }]), "{steps:?}");
}
