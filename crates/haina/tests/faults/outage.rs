//! PostgreSQL stops under a running center.

use haina_testkit::postgres::Postgres;

use crate::caller::{Caller, expect_problem};
use crate::program::Center;

/// A center on a server of its own, which the test may stop.
fn center(postgres: &Postgres) -> Center {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    Center::start_with(directory, data, &["--database", &postgres.fresh_database()])
}

#[test]
fn a_database_that_stops_is_noticed_and_nothing_is_lost() {
    let Some(postgres) = Postgres::start() else { return };
    let center = center(&postgres);
    let caller = Caller::of(&center);
    caller.until_ready_is(200, "PostgreSQL has no synchronous standby");

    let ended = caller.accepted("ended", &["true"]);
    caller.until_ended(&ended);
    // In the organization's own directory, where its jobs start.
    let marker = center.data().join("engine/work/ocean-institute/go");
    let running = caller.accepted("running", &["sh", "-c", "until [ -e go ]; do sleep 0.05; done"]);
    let path = format!("/api/v1/jobs/{running}");
    crate::program::wait("the job to run", || (caller.get(&path).1["state"] == "running").then_some(()));

    postgres.stop();
    // Nothing was asked of the database since: only who asks for readiness has it noticed.
    caller.until_ready_is(503, "the database does not answer");
    expect_problem(caller.submit("refused", &["true"]), 503, "unavailable");
    caller.until_ready_is(503, "the database does not answer");
    expect_problem(caller.submit("refused", &["true"]), 503, "unavailable");
    expect_problem(caller.get(&path), 503, "unavailable");
    assert_eq!(caller.get("/api/v1/nodes").0, 200, "what is in memory is answered");
    std::fs::write(&marker, "").unwrap();

    postgres.start_again();
    caller.until_ready_is(200, "PostgreSQL has no synchronous standby");
    let job = caller.until_ended(&running);
    assert_eq!((job["state"].as_str(), job["attempts"].as_u64()), (Some("succeeded"), Some(1)), "{job}");
    assert_eq!(caller.until_ended(&ended)["state"], "succeeded");
    let after = caller.accepted("refused", &["true"]);
    assert_eq!(caller.accepted("refused", &["true"]), after, "the same key is the same job");
    assert_eq!(caller.until_ended(&after)["state"], "succeeded");
    let (_, jobs) = caller.get("/api/v1/jobs?all=true");
    assert_eq!(jobs["items"].as_array().unwrap().len(), 3, "a refused submission left no job: {jobs}");
}

#[test]
fn a_center_ends_when_it_is_told_to_although_its_database_is_down() {
    let Some(postgres) = Postgres::start() else { return };
    let mut center = center(&postgres);
    let caller = Caller::of(&center);
    postgres.stop();
    expect_problem(caller.submit("refused", &["true"]), 503, "unavailable");
    caller.until_ready_is(503, "the database does not answer");
    center.stop();
    // And comes back when it does.
    postgres.start_again();
    center.start_again();
    Caller::of(&center).until_ready_is(200, "");
}
