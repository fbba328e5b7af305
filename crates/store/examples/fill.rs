//! Measures the store with a real center on it: commits of a thousand jobs, questions among many ended jobs, and loading
//! many waiting ones.
//!
//! `cargo run --release -p haina-store --example fill -- [--ended N] [--waiting N] [LOCATION]`; a million
//! of each and an SQLite file in a temporary directory unless told otherwise. Use an empty database. With
//! `--load LOCATION` it only starts up on what is there.

#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../tests/store/driver.rs"]
mod driver;

use std::time::{Duration, Instant};

use driver::{Driver, OCEAN, OPERATOR, job, small_center};
use haina_core::*;
use haina_store::{JobFilter, Location, Store};

const BATCH: u64 = 1000;
const PAGE: u32 = 100;
const QUESTIONS: u64 = 300;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let (mut ended, mut waiting, mut location) = (1_000_000, 1_000_000, None);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, place, digest @ ..] = arguments.as_slice()
        && flag == "--load"
    {
        return load(place, digest.first().map(String::as_str)).await;
    }
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|text| text.parse().ok()).expect("a number follows");
        match argument.as_str() {
            "--ended" => ended = number(),
            "--waiting" => waiting = number(),
            _ => location = Some(argument),
        }
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("center.db");
    let location: Location = match location {
        Some(text) => text.parse().expect("any text is a location"),
        None => Location::Sqlite(file.clone()),
    };
    println!("{location}");
    let store = Store::open(&location).await.expect("the database opens");
    let mut center = Driver::lead(&store).await;
    center.run(Actor::Center, small_center(125)).expect("the center is applied");
    center.commit(&store).await.expect("the center is committed");
    println!("opened: {} MiB resident", resident_mib());

    fill_ended(&store, &mut center, ended).await;
    if ended > 0 {
        ask(&store, ended).await;
    }
    println!("after the questions: {} MiB resident", resident_mib());
    fill_waiting(&store, &mut center, waiting).await;
    if waiting > 0 && ended > 0 {
        ask(&store, ended).await;
    }
    if let Ok(metadata) = std::fs::metadata(&file) {
        println!("file: {} MiB", metadata.len() >> 20);
    }
    let digest = (waiting <= 10_000).then(|| center.state.digest());
    let place = match &location {
        Location::Sqlite(path) => path.display().to_string(),
        Location::Postgres(url) => url.clone(),
    };
    drop((center, store));
    // In a process of its own, as after a restart: this one's memory tells nothing.
    let mut again = std::process::Command::new(std::env::current_exe().expect("this program has a path"));
    again.arg("--load").arg(place).args(digest.map(|digest| digest.to_string()));
    assert!(again.status().expect("it starts").success());
}

/// Starts up on what is there. With a digest, checks that it is the state of that digest.
async fn load(location: &str, digest: Option<&str>) {
    let before = resident_mib();
    let began = Instant::now();
    let store = Store::open(&location.parse().expect("any text is a location")).await.expect("the database opens");
    let loaded = store.load().await.expect("the state loads");
    let (jobs, effects) = (loaded.state.jobs().len(), loaded.outbox.len());
    println!("load of {jobs} waiting jobs and {effects} effects: {:.2} s", began.elapsed().as_secs_f64());
    println!("resident: {before} MiB before, {} MiB after, {} MiB at most", resident_mib(), memory_mib("VmHWM:"));
    assert!(digest.is_none_or(|digest| digest == loaded.state.digest().to_string()));
}

/// Jobs that live their whole life: 1,000 at a time are submitted, placed, started and ended. Every tenth fails, every
/// hundredth is cancelled; one in a thousand is another organization's.
async fn fill_ended(store: &Store, center: &mut Driver, count: u64) {
    let (mut committing, mut lives) = (Duration::ZERO, Duration::ZERO);
    let began = Instant::now();
    for round in 0..count / BATCH {
        let jobs = (0..BATCH).map(|number| {
            let (mut request, payload) = job(format!("job-{round}"));
            if number == 7 {
                request.organization = Some("harbour".to_owned());
            } else {
                request.organization = Some("ocean".to_owned());
            }
            (request, payload)
        });
        let (operators, developers): (Vec<_>, Vec<_>) =
            jobs.partition(|(request, _)| request.organization.as_deref() == Some("harbour"));
        let submitting = Instant::now();
        center.submit(OCEAN, developers);
        center.submit(OPERATOR, operators);
        center.commit(store).await.expect("it is committed");
        committing += submitting.elapsed();

        let living = Instant::now();
        let placed = center.advance();
        center.commit(store).await.expect("it is committed");
        placed.iter().for_each(|attempt| center.start(*attempt));
        center.effects.clone().iter().for_each(|effect| center.done(effect.key()));
        center.commit(store).await.expect("it is committed");
        for attempt in placed {
            let ending = match attempt.job.0 % 100 {
                50 => Ending::Stopped,
                number if number % 10 == 0 => Ending::Exited { code: 1 },
                _ => Ending::Exited { code: 0 },
            };
            center.end(attempt, ending);
        }
        center.commit(store).await.expect("it is committed");
        lives += living.elapsed();
    }
    if count > 0 {
        println!("{count} jobs ended in {:.0} s", began.elapsed().as_secs_f64());
        println!("  submit, execute and commit: {:.0} jobs/s", count as f64 / committing.as_secs_f64());
        println!("  place, start and end: {:.0} jobs/s", count as f64 / lives.as_secs_f64());
    }
}

async fn fill_waiting(store: &Store, center: &mut Driver, count: u64) {
    let (mut executing, mut committing) = (Duration::ZERO, Vec::new());
    let before = resident_mib();
    for round in 0..count / BATCH {
        let jobs: Vec<_> = (0..BATCH).map(|_| job(format!("waiting-{round}"))).collect();
        let began = Instant::now();
        center.submit(OCEAN, jobs);
        let batch = center.close();
        executing += began.elapsed();
        let began = Instant::now();
        store.commit(&batch).await.expect("it is committed");
        committing.push(began.elapsed());
    }
    if count > 0 {
        let total = committing.iter().sum::<Duration>();
        println!("{count} jobs wait: {before} MiB resident before, {} MiB after", resident_mib());
        println!(
            "  execute {:.0} jobs/s, commit {:.0} jobs/s, both {:.0} jobs/s; commit of {BATCH}: {}",
            count as f64 / executing.as_secs_f64(),
            count as f64 / total.as_secs_f64(),
            count as f64 / (executing + total).as_secs_f64(),
            spread(committing)
        );
    }
}

async fn ask(store: &Store, ended: u64) {
    let (month, began) = (Month { year: 2026, month: 12 }, Instant::now());
    for _ in 0..QUESTIONS {
        let months = store.months(OrganizationId(1), month).await.expect("the months are read");
        assert!(!months.moved.is_empty(), "an organization has postings");
    }
    let each = began.elapsed().as_secs_f64() * 1e3 / QUESTIONS as f64;
    println!("a month's statement of {ended} jobs: {each:.2} ms");
    let mut shows = Vec::new();
    for number in 0..QUESTIONS {
        let id = JobId(1 + number * 7919 % ended);
        let began = Instant::now();
        assert!(store.job(id).await.expect("it is read").is_some());
        shows.push(began.elapsed());
    }
    println!("job(): {}", spread(shows));
    let none = JobFilter::default();
    let (ocean, harbour) = (Some(OrganizationId(1)), Some(OrganizationId(2)));
    let (operator, developer) = (Some(UserId(1)), Some(UserId(2)));
    let live: Vec<JobState> = JobState::ALL.into_iter().filter(|state| !state.is_ended()).collect();
    let states = |states: &[JobState]| JobFilter { states: states.to_vec(), ..Default::default() };
    let filters = [
        ("all", none.clone()),
        ("live", states(&live)),
        ("waiting", states(&[JobState::Waiting])),
        ("failed", states(&[JobState::Failed])),
        ("lost: none is", states(&[JobState::Lost])),
        ("organization", JobFilter { organization: ocean, ..none.clone() }),
        ("organization, few", JobFilter { organization: harbour, ..none.clone() }),
        ("organization, live", JobFilter { organization: harbour, states: live.clone(), ..none.clone() }),
        ("user", JobFilter { user: developer, ..none.clone() }),
        ("user, few", JobFilter { user: operator, ..none.clone() }),
        ("user in organization", JobFilter { organization: ocean, user: developer, ..none.clone() }),
        ("user not in organization", JobFilter { organization: harbour, user: developer, ..none.clone() }),
        ("user and state", JobFilter { user: developer, states: vec![JobState::Cancelled], ..none.clone() }),
        ("all four", JobFilter { organization: ocean, user: developer, states: vec![JobState::Failed] }),
    ];
    for (name, filter) in filters {
        let (mut lists, mut shown) = (Vec::new(), 0);
        for number in 0..QUESTIONS {
            let before = (number % 2 == 1).then(|| JobId(1 + number * 7919 % ended));
            let began = Instant::now();
            shown += store.jobs(&filter, before, PAGE).await.expect("it is read").len();
            lists.push(began.elapsed());
        }
        println!("jobs({name}), {} rows on average: {}", shown as u64 / QUESTIONS, spread(lists));
    }
    let (mut facts, mut attempts, mut postings) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..QUESTIONS {
        let id = JobId(1 + number * 7919 % ended);
        let began = Instant::now();
        store.facts_of_job(id, 0, PAGE).await.expect("it is read");
        facts.push(began.elapsed());
        let began = Instant::now();
        store.attempts(id, None, None, PAGE).await.expect("it is read");
        attempts.push(began.elapsed());
        let began = Instant::now();
        store.postings(OrganizationId(1), Some(1 + number * 7919), PAGE).await.expect("it is read");
        postings.push(began.elapsed());
    }
    println!("facts_of_job(): {}", spread(facts));
    println!("attempts(): {}", spread(attempts));
    println!("postings(): {}", spread(postings));
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1000.0;
    format!("p50 {:.2} ms, p99 {:.2} ms, most {:.2} ms", at(50), at(99), at(100))
}

fn resident_mib() -> u64 {
    memory_mib("VmRSS:")
}

fn memory_mib(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|text| text.strip_prefix(line));
    line.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
