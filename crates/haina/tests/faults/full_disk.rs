//! The center's disk is really full.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use haina_testkit::small_disk;
use serde_json::json;

use crate::caller::{Caller, expect_problem};
use crate::program::Center;

#[test]
fn a_full_disk_makes_the_center_read_only_until_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    small_disk::run(directory.path(), "24m", "full_disk::fills_the_disk_that_another_test_mounted");
}

/// Not a test by itself.
#[test]
#[ignore = "run by the test above, with a small disk"]
fn fills_the_disk_that_another_test_mounted() {
    let Some(disk) = small_disk::directory() else { return };
    let mut center = Center::start_with(tempfile::tempdir().unwrap(), disk.join("data"), &[]);
    let caller = Caller::of(&center);
    let mut accepted = vec![caller.accepted("first", &["echo", "hello"])];
    caller.until_ended(&accepted[0]);

    let ballast = disk.join("ballast");
    fill(&ballast);
    // The database's log has some room left.
    let refused = loop {
        let key = format!("job-{}", accepted.len());
        match caller.submit(&key, &["true"]) {
            (201, job) => accepted.push(job["id"].as_str().unwrap().to_owned()),
            (_, problem) if problem["code"] == "unavailable" => {}
            refused => break refused,
        }
        assert!(accepted.len() < 10_000, "the disk is full at last");
    };
    expect_problem(refused, 503, "read_only");
    caller.until_ready_is(503, "read-only");
    expect_problem(caller.submit("refused", &["true"]), 503, "read_only");
    let drain = caller.post("/api/v1/nodes/ascend-01/drain", "drain", &json!({ "reason": "fan" }));
    expect_problem(drain, 503, "read_only");
    // Questions are still answered.
    assert_eq!(caller.get("/api/v1/jobs/1").1["state"], "succeeded");
    let (status, jobs) = caller.get("/api/v1/jobs?all=true");
    assert_eq!(status, 200, "{jobs}");
    center.run(&["job", "logs", "1"]).expect(0).prints("hello\n");

    std::fs::remove_file(&ballast).unwrap();
    caller.until_ready_is(200, "");
    for id in &accepted {
        let job = caller.until_ended(id);
        assert_eq!((job["state"].as_str(), job["attempts"].as_u64()), (Some("succeeded"), Some(1)), "{job}");
    }
    let after = caller.accepted("refused", &["true"]);
    assert_eq!(caller.until_ended(&after)["state"], "succeeded");
    center.stop();
}

/// Writes until nothing fits any more.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for size in [1 << 16, 1 << 12, 1 << 8] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
}
