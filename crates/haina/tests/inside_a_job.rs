//! What a job's own programs can ask of the center, with the address and the token that they are given.

#[allow(dead_code, reason = "other tests use the rest")]
mod program;

use program::Center;
use serde_json::json;

/// One node; jobs see the directory of the program.
fn center() -> Center {
    let directory = tempfile::tempdir().unwrap();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_haina")).parent().unwrap();
    let text = format!(
        r#"
        name = "Inside"
        [[local.mounts]]
        path = {program:?}
        [[pools]]
        name = "public"
        [[nodes]]
        name = "node"
        cpus = 4
        memory = "8GiB"
        [[organizations]]
        name = "ocean"
        title = "Ocean Institute"
        [[users]]
        name = "li"
        role = "developer"
        organization = "ocean"
        "#
    );
    let config = directory.path().join("center.toml");
    std::fs::write(&config, text).unwrap();
    let data = directory.path().join("data");
    Center::start_with(directory, data, &["--config", config.to_str().unwrap()])
}

#[test]
fn a_job_asks_about_itself_and_is_refused_the_rest() {
    let mut center = center();
    let haina = env!("CARGO_BIN_EXE_haina");
    let script = format!(
        "set -u; echo $HAINA_TOKEN > token; \
         until {haina} job why $HAINA_JOB_ID | grep -q running; do sleep 0.02; done; \
         {haina} job show $HAINA_JOB_ID --json > shown.json && {haina} job why $HAINA_JOB_ID && \
         {haina} job logs $HAINA_JOB_ID && {haina} job events $HAINA_JOB_ID > /dev/null || exit 3; \
         {haina} submit -- true; echo $?; {haina} job cancel $HAINA_JOB_ID; echo $?; {haina} jobs; echo $?; \
         cat shown.json"
    );
    let submit = ["submit", "--organization", "ocean", "--name", "asking", "--wait", "--", "sh", "-c", &script];
    center.run(&submit).expect(0);
    let said = center.run(&["job", "logs", "1"]).expect(0).stdout.clone();
    let (lines, shown) = said.split_at(said.find('{').unwrap());
    assert_eq!(lines, "1 (running): It runs.\n1 (running): It runs.\n1\n1\n1\n");
    let shown: serde_json::Value = serde_json::from_str(shown).unwrap();
    assert_eq!((&shown["name"], &shown["state"]), (&json!("asking"), &json!("running")));
    let complaints = center.run(&["job", "logs", "1", "--stderr"]).expect(0).stdout.clone();
    assert_eq!(complaints.matches("forbidden").count(), 3, "{complaints}");
    assert!(complaints.contains("A job's own token reads that job and nothing else."), "{complaints}");

    // The token is as dead as the attempt; and a server that starts again knows those of jobs that run.
    let token = std::fs::read_to_string(center.data().join("engine/work/ocean/token")).unwrap();
    let mut late = program::command(&["job", "show", "1", "--url", center.url()]);
    late.env("HAINA_TOKEN", token.trim());
    assert!(program::Printed::of(late).expect(1).stderr.contains("unauthenticated"));

    let script = "echo $HAINA_TOKEN > token; : > up; while [ ! -e end ]; do sleep 0.05; done";
    center.run(&["submit", "--organization", "ocean", "--", "sh", "-c", script]).expect(0);
    let home = center.data().join("engine/work/ocean");
    program::wait("the second job to run", || home.join("up").exists().then_some(()));
    center.run(&["job", "metrics", "2"]).expect(0).prints("");
    let is_measured = |metrics: &serde_json::Value| metrics["nodes"][0]["points"][0]["memory_peak_bytes"].is_u64();
    center.until(&["job", "metrics", "2", "--json"], is_measured);
    let table = center.run(&["job", "metrics", "2"]).expect(0).stdout.clone();
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NODE", "USE", "HOLDS", "MEAN", "PEAK", "RAN", "COURSE"], "{table}");
    assert_eq!((lines[1][0], lines[1][1], lines[2][0]), ("node", "CPU", "memory"), "{table}");
    let is_course = |text: &&str| text.chars().all(|height| ('▁'..='█').contains(&height));
    assert!(lines[1..].iter().all(|line| line.last().is_some_and(is_course)), "{table}");
    center.stop();
    center.start_again();
    let mut again = program::command(&["job", "why", "2", "--url", center.url()]);
    again.env("HAINA_TOKEN", std::fs::read_to_string(home.join("token")).unwrap().trim());
    program::Printed::of(again).expect(0).prints("2 (running): It runs.\n");
    std::fs::write(home.join("end"), "").unwrap();
    center.until(&["job", "show", "2", "--json"], |job| job["state"] == "succeeded");
}

#[test]
fn the_secret_of_tokens_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let center = center();
    let secret = center.data().join("job-token.secret");
    let found = std::fs::metadata(&secret).unwrap();
    assert_eq!((found.permissions().mode() & 0o777, found.len()), (0o600, 32));
}
