//! Two servers on one database.

use haina_testkit::postgres::Postgres;

use crate::caller::{Caller, expect_problem};
use crate::program::Center;

#[test]
fn a_server_that_was_replaced_says_so_and_ends() {
    let Some(postgres) = Postgres::shared() else { return };
    let database = postgres.fresh_database();
    let start = || {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        Center::start_with(directory, data, &["--database", &database])
    };
    let mut first = start();
    let id = Caller::of(&first).accepted("before", &["true"]);
    Caller::of(&first).until_ended(&id);

    let second = start();
    let caller = Caller::of(&first);
    caller.until_ready_is(503, "another process leads this center now");
    expect_problem(caller.submit("late", &["true"]), 503, "unavailable");
    let said = first.ends_with(3);
    assert!(said.contains("another process leads this center now"), "{said}");

    let caller = Caller::of(&second);
    caller.until_ready_is(200, "");
    assert_eq!(caller.until_ended(&id)["state"], "succeeded");
    let late = caller.accepted("late", &["true"]);
    assert_eq!(caller.until_ended(&late)["state"], "succeeded");
}
