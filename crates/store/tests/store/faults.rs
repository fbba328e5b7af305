//! Commits that fail, end in doubt, or are cut off by SIGKILL. A fail-point is of a whole process: the test runs itself
//! again as another one, which writes into the same database.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use haina_core::Actor;
use haina_store::{CommitError, Location, Store};

use crate::driver::{Driver, OCEAN, job, small_center};
use crate::home::Home;

const DATABASE: &str = "HAINA_STORE_TEST_DATABASE";

/// Not a test by itself: commits three batches, and says how each went.
#[tokio::test]
#[ignore = "run by the tests of faults, in a process of its own"]
async fn writes_into_the_database_of_another_test() {
    let Ok(location) = std::env::var(DATABASE) else { return };
    let store = Store::open(&location.parse().unwrap()).await.unwrap();
    let mut center = Driver::lead(&store).await;
    center.run(Actor::Center, small_center(1)).unwrap();
    center.commit(&store).await.unwrap();
    for name in ["first", "second"] {
        // A batch that was not committed is decided again, on the state that is.
        loop {
            center.submit(OCEAN, vec![job(name)]);
            match center.commit(&store).await {
                Ok(()) => break println!("outcome {name} ok"),
                Err(CommitError::Failed(_)) => println!("outcome {name} failed"),
                Err(CommitError::DiskFull(_)) => {
                    println!("outcome {name} full");
                    store.probe_write().await.unwrap();
                }
                Err(CommitError::Unknown(_)) => println!("outcome {name} unknown"),
                Err(CommitError::LeadershipLost) => panic!("nobody else leads"),
            }
            let loaded = store.load().await.unwrap();
            let is_there = loaded.sequence == center.sequence;
            (center.state, center.sequence, center.position) = (loaded.state, loaded.sequence, loaded.position);
            center.effects = loaded.outbox;
            if is_there {
                break println!("outcome {name} found");
            }
        }
    }
}

fn write_with(home: &Home, failpoint: &str) -> Output {
    let location = match &home.location {
        Location::Sqlite(path) => path.display().to_string(),
        Location::Postgres(url) => url.clone(),
    };
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "faults::writes_into_the_database_of_another_test", "--ignored", "--nocapture"]);
    command.env(DATABASE, location).env("HAINA_FAILPOINT", failpoint).output().unwrap()
}

fn outcomes(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text.lines().filter_map(|line| Some(line.split_once("outcome ")?.1.to_owned())).collect()
}

async fn job_names(home: &Home) -> Vec<String> {
    let store = home.open().await;
    let loaded = store.load().await.unwrap();
    loaded.state.check();
    let jobs = store.jobs(&Default::default(), None, 10).await.unwrap();
    assert_eq!(loaded.state.jobs().len(), jobs.len(), "tables and state agree");
    jobs.into_iter().rev().map(|job| job.name).collect()
}

pub async fn a_commit_that_fails_leaves_nothing(home: Home) {
    let output = write_with(&home, "commit:2:error");
    assert_eq!(outcomes(&output), ["first failed", "first ok", "second ok"]);
    assert_eq!(job_names(&home).await, ["first", "second"]);
}

pub async fn a_commit_of_unknown_outcome_is_found_by_loading(home: Home) {
    let output = write_with(&home, "commit:2:unknown");
    assert_eq!(outcomes(&output), ["first unknown", "first found", "second ok"]);
    assert_eq!(job_names(&home).await, ["first", "second"]);
}

pub async fn a_full_disk_is_told_apart(home: Home) {
    let output = write_with(&home, "commit:3:full");
    assert_eq!(outcomes(&output), ["first ok", "second full", "second ok"]);
    assert_eq!(job_names(&home).await, ["first", "second"]);
}

pub async fn a_process_killed_before_the_commit_has_not_committed(home: Home) {
    let output = write_with(&home, "before_commit:3:kill");
    assert_eq!(output.status.signal(), Some(9));
    assert_eq!(job_names(&home).await, ["first"]);
}

pub async fn a_process_killed_after_the_commit_has_committed(home: Home) {
    let output = write_with(&home, "after_commit:3:kill");
    assert_eq!(output.status.signal(), Some(9));
    assert_eq!(job_names(&home).await, ["first", "second"]);
}
