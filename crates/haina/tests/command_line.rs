//! The program as users and scripts meet it: exit codes, JSON documents, error texts, files.

#[allow(dead_code, reason = "other tests use the rest")]
mod program;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Stdio;

use program::{Center, haina};
use serde_json::{Value, json};

#[test]
fn a_command_runs_and_its_exit_code_is_the_jobs() {
    let center = Center::start();
    let done =
        center.run(&["submit", "--organization", "ocean-institute", "--cards", "0.5", "--wait", "--", "echo", "hello"]);
    done.expect(0);
    assert!(done.stderr.contains("Job 1 ended as succeeded."), "{}", done.stderr);
    assert_eq!(done.stdout, "", "what a script reads is only the exit code");
    center.run(&["job", "logs", "1"]).expect(0).prints("hello\n");
    let submit = ["submit", "--organization", "ocean-institute", "--wait", "--", "sh", "-c"];
    center.run(&[&submit[..], &["exit 7"]].concat()).expect(7);
    center.run(&[&submit[..], &["kill -KILL $$"]].concat()).expect(137);
    let options = ["submit", "--organization", "ocean-institute", "--time-limit", "1s", "--wait", "--", "sleep", "60"];
    center.run(&options).expect(124);
    center.run(&["job", "logs", "-f", "2"]).expect(0).prints("");
}

#[test]
fn a_dry_run_says_what_a_job_would_cost_and_submits_nothing() {
    let center = Center::start();
    let dry = ["submit", "--organization", "ocean-institute", "--cards", "2", "--time-limit", "30m", "--dry-run"];
    let told = center.run(&[&dry[..], &["--json", "--", "true"]].concat()).expect(0).json();
    // Two cards at 8 yuan an hour for half an hour, and ten seconds of grace.
    assert_eq!((&told[0]["name"], &told[0]["cost_most"]["amount"]), (&json!("true"), &json!("8.044445")), "{told}");
    assert!(told[0]["earliest_start"].is_string(), "{told}");
    let table = center.run(&[&dry[..], &["--", "true"]].concat()).expect(0).stdout.clone();
    assert!(table.starts_with("NAME  ORGANIZATION"), "{table}");
    assert_eq!(center.run(&["jobs", "--all", "--json"]).expect(0).json(), json!([]));
}

#[test]
fn a_gang_that_fails_says_which_task_it_was_and_shows_its_output() {
    let center = Center::start();
    let script = "echo I am $RANK; test $RANK = 0 && : > up; test $RANK = 5 || exec sleep 60; \
                  until test -e up; do sleep 0.01; done; echo no such file: ocean.nc >&2; exit 7";
    let gang = ["submit", "--organization", "ocean-institute", "--nodes", "2", "--tasks-per-node", "4", "--wait"];
    let done = center.run(&[&gang[..], &["--", "sh", "-c", script]].concat());
    done.expect(7);
    let attempt = center.run(&["job", "show", "1", "--json"]).expect(0).json()["attempt_list"][0].clone();
    let node = attempt["nodes"][1]["node"].as_str().unwrap();
    assert_eq!(attempt["end"]["failed_task"], json!({ "rank": 5, "tasks": 8, "node": node }));
    let sentence = format!("task 5 of 8 (node {node}) failed first: exit code 7");
    for line in [
        &format!("Attempt 1.1 ended as failed: {sentence}."),
        "  | no such file: ocean.nc",
        "All that it wrote: haina job logs 1 --task 5 [--stderr]",
    ] {
        assert!(done.stderr.contains(line), "{line}\n{}", done.stderr);
    }
    let shown = center.run(&["job", "show", "1"]).expect(0).stdout.clone();
    assert!(shown.contains(&sentence) && shown.contains("exit code 7 (task 5)"), "{shown}");
    let logs = center.run(&["job", "logs", "1"]);
    logs.expect(0).prints("I am 5\n");
    assert!(logs.stderr.starts_with(&sentence), "{}", logs.stderr);
    center.run(&["job", "logs", "1", "--stderr"]).expect(0).prints("no such file: ocean.nc\n");
    center.run(&["job", "logs", "1", "--task", "0"]).expect(0).prints("I am 0\n");
    let events = center.run(&["job", "events", "1", "--json"]).expect(0).json();
    let ended = events.as_array().unwrap().iter().find(|event| event["kind"] == "attempt_ended").unwrap();
    assert_eq!((&ended["values"]["task"], &ended["values"]["node"]), (&"5".into(), &node.into()));
}

#[test]
fn lists_and_things_are_one_json_document() {
    let center = Center::start();
    let submitted = center.run(&["submit", "--organization", "ocean-institute", "--name", "a", "--json", "--", "true"]);
    let submitted = submitted.expect(0).json();
    assert_eq!((submitted["id"].as_str(), submitted["state"].as_str()), (Some("1"), Some("waiting")));
    center.run(&["submit", "--organization", "ocean-institute", "--wait", "--", "true"]).expect(0);
    let all = center.run(&["jobs", "--all", "--json"]).expect(0).json();
    let seen: Vec<_> = all.as_array().unwrap().iter().map(|job| (&job["id"], &job["state"])).collect();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|(id, state)| id.is_string() && *state == "succeeded"), "{seen:?}");
    for arguments in [
        &["jobs", "--json"][..],
        &["job", "show", "1", "--json"],
        &["job", "why", "1", "--json"],
        &["job", "events", "1", "--json"],
        &["job", "logs", "1", "--json"],
        &["nodes", "--json"],
        &["node", "show", "ascend-01", "--json"],
        &["node", "drain", "ascend-01", "--reason", "fan", "--json"],
        &["node", "resume", "ascend-01", "--json"],
        &["account", "--json"],
        &["account", "ocean-institute", "--json"],
        &["account", "ocean-institute", "--postings", "--json"],
        &["account", "top-up", "ocean-institute", "100", "--json"],
        &["user", "list", "--json"],
        &["user", "me", "--json"],
        &["user", "add", "li", "--role", "developer", "--organization", "ocean-institute", "--json"],
        &["token", "issue", "li", "--json"],
        &["shares", "--json"],
        &["schema", "job"],
    ] {
        let document = center.run(arguments).expect(0).json();
        let things = document.as_array().cloned().unwrap_or_else(|| vec![document]);
        let named_by = match arguments[0] {
            "schema" => "$schema",
            "shares" => "organization",
            _ => "id",
        };
        assert!(things.iter().all(|thing| thing[named_by].is_string()), "{arguments:?}");
    }
    assert_eq!(center.run(&["nodes", "--json"]).json().as_array().unwrap().len(), 39);
}

#[test]
fn tables_are_plain_when_piped_and_speak_the_users_language() {
    let center = Center::start();
    center
        .run(&["submit", "--organization", "ocean-institute", "--name", "海浪预报", "--wait", "--", "true"])
        .expect(0);
    let tables: [&[&str]; 6] =
        [&["jobs", "--all"], &["job", "show", "1"], &["nodes"], &["account"], &["user", "list"], &["shares"]];
    for arguments in tables {
        let printed = center.run(arguments).expect(0).stdout.clone();
        assert!(printed.lines().count() >= 2 && !printed.contains('\u{1b}'), "{arguments:?}:\n{printed}");
    }
    let printed = center.command(&["jobs", "--all"]).env("LANG", "zh_CN.UTF-8").output().unwrap();
    assert!(String::from_utf8_lossy(&printed.stdout).contains("状态"));
    let printed = center.command(&["job", "show", "9"]).env("LC_ALL", "zh_CN.UTF-8").output().unwrap();
    assert!(String::from_utf8_lossy(&printed.stderr).contains("没有您可查看的"), "{printed:?}");
}

#[test]
fn templates_are_job_files_with_other_values() {
    let center = Center::start();
    let listed = haina(&["template", "list", "--json"]).expect(0).json();
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|template| template["id"].as_str().unwrap()).collect();
    assert!(names.contains(&"single-card") && names.contains(&"torchrun"), "{names:?}");
    let set = ["--set", "PROGRAM=-c print(6*7)", "--set", "cards=0.5", "--set", "memory=64MiB", "--set", "name=answer"];
    let submit = ["submit", "--template", "single-card", "--organization", "ocean-institute", "--wait", "--json"];
    let ended = center.run(&[&submit[..], &set[..]].concat()).expect(0).json();
    assert_eq!((ended["name"].as_str(), ended["cards_total"].as_f64()), (Some("answer"), Some(0.5)));
    center.run(&["job", "logs", "1"]).expect(0).prints("42\n");
    let misspelt = center.run(&["submit", "--template", "sweep", "--set", "crads=1"]);
    assert!(misspelt.expect(1).stderr.contains("unknown field `crads`"), "{}", misspelt.stderr);
    assert!(center.run(&["submit", "--template", "nosuch"]).expect(2).stderr.contains("single-card"));
    center.run(&["submit", "--template", "sweep", "--cards", "1"]).expect(2);
}

#[test]
fn top_prints_one_frame_where_there_is_no_terminal() {
    let center = Center::start();
    let submit = ["submit", "--organization", "ocean-institute", "--cards", "3", "--name"];
    center.run(&[&submit[..], &["海浪预报", "--", "sleep", "1000"]].concat()).expect(0);
    center.until(&["job", "show", "1", "--json"], |job| job["state"] == "running");
    let frame = center.run(&["top"]).expect(0).stdout.clone();
    for text in ["1 jobs, 1 attempts under way", "Running (1)", "海浪预报", "ocean-institute", "Jobs of operator"] {
        assert!(frame.contains(text), "{text}: {frame}");
    }
    let pool = frame.lines().find(|line| line.starts_with("public ")).unwrap();
    assert_eq!(pool.split_whitespace().nth(1), Some("3"), "{frame}");
    assert!(!frame.contains('\u{1b}'));
    let chinese = center.command(&["top", "--once"]).env("LANG", "zh_CN.UTF-8").output().unwrap();
    assert!(String::from_utf8_lossy(&chinese.stdout).contains("正在运行 1"));
}

#[test]
fn a_job_file_is_submitted_as_a_whole_or_refused_with_its_place() {
    let center = Center::start();
    let file = |text: &str| {
        let path = center.directory().join("job.toml");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let workflow = "
        [[job]]
        name = 'prepare'
        organization = 'ocean-institute'
        command = ['true']
        [[job]]
        name = 'train'
        organization = 'ocean-institute'
        after = ['prepare']
        array = { count = 3 }
        script = 'echo element $HAINA_ARRAY_INDEX'
    ";
    let ended = center.run(&["submit", &file(workflow), "--wait", "--json"]).expect(0).json();
    assert_eq!(ended[1]["elements"]["succeeded"], 3);
    center.run(&["job", "logs", "2_2"]).expect(0).prints("element 2\n");

    for (text, expected) in [
        (
            "name = 'a'\ncrads = 1\ncommand = ['true']",
            "job.toml: line 2, column 1: unknown field `crads`; the nearest known one is `cards` (invalid_request)",
        ),
        ("name = 'a'\ncards = -1\ncommand = ['true']", "`cards` is -1, but must be"),
        ("name = 'a'\nmemory = '99999999999999TiB'\ncommand = ['true']", "`memory` is 99999999999999TiB"),
        ("name = 'a'\ncpus = 1e30\ncommand = ['true']", "`cpus` is 1000000000000000000000000000000"),
        (
            "[[job]]\nname='a'\nafter=['b']\nscript='true'\norganization='maker-wang'\n[[job]]\nname='b'\nafter=['a']\nscript='true'\norganization='maker-wang'",
            "wait for each other in a circle: a, b. (dependency_cycle)",
        ),
        ("name = 'a'\ncards = 8\nnodes = 40\norganization = 'maker-wang'\ncommand = ['true']", "(impossible_request)"),
        (
            "name = 'a'\ncards = 8\norganization = 'maker-wang'\ncommand = ['true']",
            "One attempt may cost up to 64.177778 CNY, but maker-wang has 2.000000 CNY. (insufficient_funds)",
        ),
    ] {
        let refused = center.run(&["submit", &file(text)]);
        refused.expect(1);
        assert!(refused.stderr.contains(expected), "{text}\n{}", refused.stderr);
        assert!(refused.stderr.lines().count() >= 2, "there is a hint: {}", refused.stderr);
    }
}

#[test]
fn wrong_usage_and_absent_centers_have_their_own_exit_codes() {
    for arguments in [
        &["jbos"][..],
        &["submit"],
        &["jobs", "--no-such"],
        &["submit", "a", "--", "b"],
        &["job", "show"],
        &["submit", "--cards", "x", "--", "true"],
    ] {
        haina(arguments).expect(2);
    }
    haina(&["submit", "no-such-file.toml"]).expect(2);
    haina(&["--help"]).expect(0);
    haina(&["--version"]).expect(0);
    let absent = haina(&["--url", "http://127.0.0.1:9", "jobs"]);
    absent.expect(3);
    assert!(absent.stderr.contains("no center answers at http://127.0.0.1:9"), "{}", absent.stderr);
    haina(&["schema", "job"]).expect(0);
}

#[test]
fn a_data_directory_is_served_by_one() {
    let center = Center::start();
    let token = std::fs::metadata(center.data().join("admin.token")).unwrap();
    assert_eq!(token.permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(center.data()).unwrap().mode() & 0o777, 0o700);

    let second = haina(&["up", "--data", center.data().to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    second.expect(3);
    assert!(second.stderr.contains("another server") && second.stderr.contains("process"), "{}", second.stderr);

    let other = tempfile::tempdir().unwrap();
    let address = center.url().trim_start_matches("http://").to_owned();
    let taken = haina(&["up", "--data", other.path().to_str().unwrap(), "--listen", &address]);
    taken.expect(3);
    assert!(taken.stderr.contains("another program listens there"), "{}", taken.stderr);

    let unusable = haina(&["up", "--data", "/proc/no-such-place", "--listen", "127.0.0.1:0"]);
    unusable.expect(1);
    assert!(unusable.stderr.contains("cannot be used"), "{}", unusable.stderr);

    let config = other.path().join("center.toml");
    std::fs::write(&config, "name = 'x'\nponds = 1").unwrap();
    let bad = haina(&["up", "--data", other.path().join("d").to_str().unwrap(), "--config", config.to_str().unwrap()]);
    bad.expect(1);
    assert!(bad.stderr.contains("line 2, column 1: unknown field `ponds`"), "{}", bad.stderr);
}

#[test]
fn a_start_that_cannot_be_made_durable_says_so_and_is_unavailable() {
    for (failpoint, expected) in [("commit:1:error", "not committed"), ("commit:1:full", "disk is full")] {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().to_str().unwrap();
        let mut up = program::command(&["up", "--data", data, "--listen", "127.0.0.1:0"]);
        up.env("HAINA_FAILPOINT", failpoint);
        let refused = program::Printed::of(up);
        refused.expect(3);
        assert!(refused.stderr.contains("the center cannot start"), "{}", refused.stderr);
        assert!(refused.stderr.contains(expected), "{}", refused.stderr);
        assert!(!refused.stderr.contains("center file"), "{}", refused.stderr);
    }
}

#[test]
fn a_server_that_dies_before_it_answers_is_asked_again_and_does_it_once() {
    let mut center = Center::start();
    center.stop();
    // The same start as the next one: it tells how many commits that will take.
    center.start_again();
    let before = center.batches();
    let address = center.url().trim_start_matches("http://").to_owned();
    center.stop();
    center.start_at(&address, &format!("before_reply:{}:kill", before + 1));
    let mut submit = center.command(&["submit", "--organization", "ocean-institute", "--json", "--", "true"]);
    let submitting = submit.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    center.dies();
    center.start_at(&address, "");
    let output = submitting.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("asking again"), "{said}");
    let submitted: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(submitted["id"], "1");
    let all = center.run(&["jobs", "--all", "--json"]).expect(0).json();
    assert_eq!(all.as_array().unwrap().len(), 1, "it was submitted once");
}

#[test]
fn a_database_does_not_take_over_what_another_centers_jobs_left() {
    let mut center = Center::start();
    center.run(&["submit", "--organization", "ocean-institute", "--wait", "--", "false"]).expect(1);
    center.stop();
    for name in ["center.db", "center.db-wal", "center.db-shm"] {
        _ = std::fs::remove_file(center.data().join(name));
    }
    let refused = haina(&["up", "--data", center.data().to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    refused.expect(1);
    let engine = center.data().canonicalize().unwrap().join("engine");
    assert!(
        refused.stderr.contains(&format!("{} holds the attempts of center", engine.display())),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("move"), "there is a hint: {}", refused.stderr);
    std::fs::rename(&engine, center.directory().join("engine-of-before")).unwrap();
    center.start_again();
    center.run(&["submit", "--organization", "ocean-institute", "--wait", "--", "true"]).expect(0);
}

#[test]
fn cards_are_visible_to_the_vendors_runtime() {
    let center = Center::start();
    let show = ["sh", "-c", "echo $HAINA_CARDS/$ASCEND_RT_VISIBLE_DEVICES/$CUDA_VISIBLE_DEVICES"];
    let submit = ["submit", "--organization", "ocean-institute", "--cards", "2", "--wait", "--"];
    center.run(&[&submit[..], &show].concat()).expect(0);
    center.run(&["job", "logs", "1"]).expect(0).prints("0,1/0,1/\n");
}

#[test]
fn jobs_go_on_while_the_server_is_away() {
    let mut center = Center::start();
    // In the organization's own directory, where its jobs start.
    let marker = center.data().join("engine/work/ocean-institute/go");
    let script = "until [ -e go ]; do sleep 0.05; done; echo done";
    center.run(&["submit", "--organization", "ocean-institute", "--", "sh", "-c", script]).expect(0);
    center.until(&["job", "show", "1", "--json"], |job| job["state"] == "running");
    let said = center.stop();
    assert!(said.contains("1 job(s) have not ended"), "{said}");
    std::fs::write(&marker, "").unwrap();
    center.start_again();
    let job = center.until(&["job", "show", "1", "--json"], |job| job["ended"].is_string());
    assert_eq!((&job["state"], &job["attempts"]), (&Value::from("succeeded"), &Value::from(1)));
    let end = &job["attempt_list"][0]["end"];
    assert!(end["cpu_seconds"].is_number() && end["memory_peak_bytes"].is_number(), "{job}");
    assert!(end["read_bytes"].is_number() && end["written_bytes"].is_number(), "{job}");
    center.run(&["job", "logs", "1"]).expect(0).prints("done\n");
}

#[test]
fn the_books_prove_right_while_the_center_runs_and_when_it_does_not() {
    let mut center = Center::start();
    let submit = ["submit", "--organization", "ocean-institute", "--cards", "1"];
    center.run(&[&submit[..], &["--wait", "--", "sleep", "0.2"]].concat()).expect(0);
    center.run(&[&submit[..], &["--", "sleep", "60"]].concat()).expect(0);
    center.until(&["job", "show", "2", "--json"], |job| job["state"] == "running");
    let data = center.data().to_str().unwrap().to_owned();
    let checked = center.run(&["admin", "check", &data, "--json"]).expect(0).json();
    assert_eq!((&checked["wrong"], &checked["unsealed"], &checked["charges"]), (&json!([]), &json!(0), &json!(1)));
    assert_eq!(checked["transactions"], checked["sealed"]);
    center.run(&["job", "cancel", "2"]).expect(0);
    center.until(&["job", "show", "2", "--json"], |job| job["ended"].is_string());
    center.stop();
    let checked = center.run(&["admin", "check", &format!("{data}/center.db")]);
    assert!(checked.expect(0).stdout.ends_with("The books are right.\n"), "{}", checked.stdout);

    // Somebody makes a charge smaller.
    let change = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(\"UPDATE facts SET body = \
                  REPLACE(body, '\\\"amount\\\":\\\"0', '\\\"amount\\\":\\\"1') WHERE organization IS NOT NULL\"); c.commit()";
    let changed = std::process::Command::new("python3").args(["-c", change, &format!("{data}/center.db")]).output();
    assert!(changed.unwrap().status.success());
    let checked = center.run(&["admin", "check", &data]);
    assert!(checked.expect(1).stdout.contains("this transaction was changed"), "{}", checked.stdout);
    center.run(&["admin", "check", "/there/is/none"]).expect(1);
}

#[test]
fn outputs_of_a_gang_are_read_by_rank_merged_and_from_their_end() {
    let center = Center::start();
    let script = "echo one $HAINA_RANK; printf 'two %s\\377' $HAINA_RANK; echo loud >&2";
    let gang =
        ["submit", "--organization", "ocean-institute", "--tasks-per-node", "3", "--wait", "--", "sh", "-c", script];
    center.run(&gang).expect(0);
    let read = |arguments: &[&str]| {
        let output = program::Printed::bytes(center.command(&[&["job", "logs", "1"], arguments].concat()));
        String::from_utf8_lossy(&output).replace('\u{fffd}', "?")
    };
    assert_eq!(read(&["--rank", "2"]), "one 2\ntwo 2?");
    assert_eq!(read(&["--tail", "1"]), "two 0?");
    assert_eq!(read(&["--tail", "1", "--follow"]), "two 0?");
    assert_eq!(read(&["--merged"]), "[0] one 0\n[0] two 0?\n[1] one 1\n[1] two 1?\n[2] one 2\n[2] two 2?\n");
    assert_eq!(read(&["--merged", "--stderr", "--tail", "1"]), "[0] loud\n[1] loud\n[2] loud\n");
    let followed = read(&["--merged", "--follow"]);
    let mut lines: Vec<&str> = followed.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["[0] one 0", "[0] two 0?", "[1] one 1", "[1] two 1?", "[2] one 2", "[2] two 2?"]);
    let wrong = center.run(&["job", "logs", "1", "--rank", "3"]);
    assert!(wrong.expect(1).stderr.contains("0 to 2"), "{}", wrong.stderr);
}

#[test]
fn packages_come_from_a_file_beside_the_job_file() {
    let center = Center::start();
    let directory = tempfile::tempdir().unwrap();
    let job = directory.path().join("job.toml");
    let file = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    let submit = ["submit", "--organization", "ocean-institute", "--wait", job.to_str().unwrap()];
    file("job.toml", "name = 'a'\ncommand = ['true']\npython = { requirements_file = 'needs.txt' }");
    let absent = center.run(&submit);
    assert!(absent.expect(1).stderr.contains("needs.txt"), "{}", absent.stderr);
    file("needs.txt", "nothing @ file:///no/such/nothing-1.0-py3-none-any.whl\n");
    center.run(&submit).expect(1);
    // Why, in the installer's words: where the job is shown and where its output is.
    let said = "/no/such/nothing-1.0-py3-none-any.whl";
    let shown = center.run(&["job", "show", "1"]);
    assert!(shown.expect(0).stdout.contains(said), "{}", shown.stdout);
    let logs = center.run(&["job", "logs", "1", "--stderr"]);
    assert!(logs.expect(0).stdout.contains(said), "{}", logs.stdout);
    let shown = center.run(&["job", "show", "1", "--json"]).expect(0).json();
    assert_eq!(shown["program"]["packages_file"], "requirements");
    let listed = center.run(&["environments", "--json"]).expect(0).json();
    assert_eq!((&listed[0]["state"], &listed[0]["packages_file"]), (&"incomplete".into(), &"requirements".into()));
    file("needs.txt", "-r others.txt\n");
    let refused = center.run(&submit);
    assert!(refused.expect(1).stderr.contains("stands alone"), "{}", refused.stderr);
}

#[test]
fn a_login_is_kept_for_its_owner_only() {
    let center = Center::start();
    let home = tempfile::tempdir().unwrap();
    let token = center.run(&["token", "issue", "ocean-developer"]).expect(0).stdout.clone();
    let login = |arguments: &[&str], token: &str| {
        let mut command = program::command(arguments);
        command.env("XDG_CONFIG_HOME", home.path());
        if !token.is_empty() {
            command.env("HAINA_TOKEN", token.trim());
        }
        program::Printed::of(command)
    };
    login(&["--url", center.url(), "login"], "wrong").expect(1);
    login(&["--url", center.url(), "login"], &token).expect(0);
    let profile = home.path().join("haina/profile.toml");
    assert_eq!(std::fs::metadata(&profile).unwrap().permissions().mode() & 0o777, 0o600);
    let me = login(&["user", "me", "--json"], "").expect(0).json();
    assert_eq!(me["name"], "ocean-developer");
    login(&["nodes"], "").expect(0);
    login(&["node", "drain", "ascend-01"], "").expect(1);
}

#[test]
fn an_agreement_and_a_voucher_pay_for_work_and_the_books_prove_right() {
    let center = Center::start();
    // The rules are those that docs/tenancy.md shows.
    let programme = center.directory().join("spark.toml");
    let documented = include_str!("../../../docs/tenancy.md").split("```toml\n").nth(1).unwrap();
    let rules = documented.split("```").next().unwrap().replace("2027-01-01", "2099-01-01");
    std::fs::write(&programme, rules).unwrap();
    let contract = center.directory().join("contract.pdf");
    std::fs::write(&contract, "what was signed").unwrap();
    let organization = center.run(&["organization", "list", "--json"]).expect(0).json()[0]["name"].clone();
    let organization = organization.as_str().unwrap();

    let standing = ["--kind", "institute", "--qualification", "专精特新=GR2026001@2099-06-30"];
    center.run(&[&["organization", "set", organization][..], &standing].concat()).expect(0);
    let document = contract.to_str().unwrap();
    let terms =
        ["--title", "HT-1", "--amount", "100", "--price", "3.6", "--until", "2099-12-31", "--document", document];
    let drafted = center.run(&[&["agreement", "draft", organization, "--json"][..], &terms].concat()).expect(0).json();
    let sha256 = "646415a487f617a6e1af6f21f05e7d0dd645752577403df70b1f985ef39ee7d2";
    assert_eq!(drafted["documents"][0]["sha256"], sha256);
    center.run(&["agreement", "sign", "1"]).expect(0);
    center.run(&["voucher", "set-programme", "spark", programme.to_str().unwrap()]).expect(0);
    center.run(&["voucher", "set-programme", "spark", programme.to_str().unwrap()]).expect(0);
    let claim = |amount| {
        let claim =
            ["voucher", "claim", "spark", amount, "--agreement", "1", "--purpose", "海洋模型训练", "--unrelated"];
        center.run(&[&claim[..], &["--organization", organization]].concat())
    };
    claim("40").expect(1);
    claim("30").expect(0);
    let own = center.run(&["voucher", "issue", "1"]);
    own.expect(1);
    assert!(own.stderr.contains("another person must review it"), "{own:?}");
    center.run(&["user", "add", "clerk", "--role", "finance"]).expect(0);
    let token = center.run(&["token", "issue", "clerk", "--json"]).expect(0).json()["secret"].clone();
    center.run_as(token.as_str().unwrap(), &["voucher", "issue", "1"]).expect(0);

    let one = ["submit", "--organization", organization, "--cards", "1", "--time-limit", "1h"];
    let dry = center.run(&[&one[..], &["--dry-run", "--", "true"]].concat());
    dry.expect(0);
    assert!(dry.stdout.contains("voucher/1, agreement/1"), "{dry:?}");
    center.run(&[&one[..], &["--wait", "--", "sleep", "0.3"]].concat()).expect(0);
    let charge = center.run(&["account", organization, "--postings", "--json"]).expect(0).json()[0].clone();
    assert_eq!((&charge["kind"], &charge["amount"]["amount"]), (&"charge".into(), &"0.000000".into()), "{charge}");
    let part = &charge["parts"][0];
    assert_eq!((&part["payer"], &part["voucher"]), (&"agreement/1".into(), &"1".into()));
    let shown = center.run(&["agreement", "show", "1"]).expect(0).stdout.clone();
    assert!(shown.contains("begun") && shown.contains("contract.pdf"), "{shown}");
    center.run(&["agreement", "list"]).expect(0);
    center.run(&["voucher", "list"]).expect(0);
    center.run(&["voucher", "programmes"]).expect(0);
    // The month's statement: as a table, as CSV, as a page, as JSON.
    center.run(&["project", "add", "seas", "--organization", organization]).expect(0);
    let in_project = ["--project", "seas", "--wait", "--", "sleep", "0.3"];
    center.run(&[&one[..], &in_project].concat()).expect(0);
    let statement = |more: &[&str]| center.run(&[&["account", "statement", organization][..], more].concat());
    let document = statement(&["--json"]).expect(0).json();
    let charged = |account: &str| {
        let paid = document["paid_by"].as_array().unwrap().iter().find(|paid| paid["account"] == account);
        paid.map_or(0.0, |paid| paid["amount"]["amount"].as_str().unwrap().parse::<f64>().unwrap())
    };
    let total: f64 = document["total"]["cost"]["amount"].as_str().unwrap().parse().unwrap();
    assert!((charged("agreement/1") + charged("voucher/1") - total).abs() < 1e-6 && total > 0.0, "{document}");
    assert_eq!((&document["total"]["attempts"], &document["work"][1]["project"]), (&2.into(), &"seas".into()));
    assert_eq!(document["owed"]["closing"]["amount"], "100.000000");
    statement(&[]).expect(0);
    let csv = statement(&["--csv", "--project", "seas"]).expect(0).stdout.clone();
    assert_eq!((csv.lines().count(), csv.contains(",seas,operator,1,")), (2, true), "{csv}");
    let page = center.directory().join("statement.html");
    statement(&["--html", page.to_str().unwrap()]).expect(0);
    assert!(std::fs::read_to_string(&page).unwrap().contains("<td>seas</td>"));
    statement(&["--month", "soon"]).expect(1);

    let books = center.run(&["admin", "check", center.data().to_str().unwrap()]);
    books.expect(0);
    assert!(books.stdout.contains("right"), "{books:?}");
}
