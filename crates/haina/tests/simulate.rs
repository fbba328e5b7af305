//! `haina simulate` as users and scripts meet it.

#[allow(dead_code, reason = "other tests use the rest")]
mod program;

use program::{command, haina};

const TRACE: &str = "timestamp,duration,num_gpus,gpu_time,cluster\n\
                     2017-10-09 07:00:00,600,4,2400,a\n\
                     2017-10-09 07:00:10,600,2,1200,a\n\
                     2017-10-09 07:00:20,60,1,60,<b>\n\
                     2017-10-09 07:00:30,60,9,540,a\n\
                     2017-10-09 07:00:40,-60,1,60,a\n";

/// A directory with the trace in it, and the trace's path.
fn trace() -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trace.csv");
    std::fs::write(&path, TRACE).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (directory, path)
}

#[test]
fn a_trace_is_simulated_and_measured_under_several_policies() {
    let (_directory, trace) = trace();
    let compare = "fifo,fifo-skip,reference-fifo,reference-fifo-skip";
    let done = haina(&["simulate", "--trace", &trace, "--cards", "5", "--compare", compare, "--check", "--json"]);
    let document = done.expect(0).json();
    assert_eq!((&document["cards"], &document["read"]["jobs"]), (&5.into(), &4.into()));
    assert_eq!(document["read"]["counts"][0]["complaint"], "negative");
    let of = |number: usize| &document["policies"][number]["measures"];
    // On five cards the job of four runs at once, that of two waits 590 s; that of one waits for it, or passes it.
    for (number, mean_wait_ms) in [(0, (590_000 + 580_000) / 3), (1, 590_000 / 3)] {
        assert_eq!(of(number)["wait_ms"]["mean"], mean_wait_ms, "{document}");
        assert_eq!((&of(number)["jobs"], &of(number)["refused"]), (&3.into(), &1.into()));
        for measure in ["completion_mean_ms", "wait_ms", "slowdown_millis", "utilisation_ppm", "makespan_ms"] {
            assert_eq!(of(number)[measure], of(number + 2)[measure], "{measure}: the center as the plain loop");
        }
    }
    assert!(document["policies"][0]["refusal"].as_str().unwrap().contains("9 nodes"), "{document}");
    let sound = serde_json::json!({ "placements": 3, "waited": 2, "promises": 0, "violations": [] });
    assert_eq!(document["policies"][0]["checked"], sound, "the center is judged by the checker");
    assert!(document["policies"][2]["checked"].is_null(), "the plain loops are not");
}

#[test]
fn people_get_a_table_and_a_page_that_needs_nothing_else() {
    let (directory, trace) = trace();
    let page = directory.path().join("report.html");
    let page_name = page.to_str().unwrap();
    let done = haina(&["simulate", "--trace", &trace, "--cards", "5", "--report", page_name, "--check"]);
    let text = &done.expect(0).stdout;
    for part in [
        "4 jobs",
        "1 lines left out, the first is 6: a negative time",
        "fair",
        "1 jobs refused",
        "fair, checked: 3 placements",
        page_name,
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("<svg"), "{page}");
    for foreign in ["<script", "http:", "https:", "src=", "<b>"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let mut chinese = command(&["simulate", "--trace", &trace, "--cards", "5"]);
    chinese.env("LANG", "zh_CN.UTF-8");
    let text = program::Printed::of(chinese).expect(0).stdout.clone();
    assert!(text.contains("平均等待") && text.contains("时间为负"), "{text}");
}

#[test]
fn a_center_file_says_which_nodes_there_are() {
    let (directory, trace) = trace();
    let center = directory.path().join("center.toml");
    let nodes = "name = \"small\"\n[[card_models]]\nname = \"card\"\nvendor = \"none\"\nmemory = \"32GiB\"\ntflops_fp16 = 1\n\
                 watts = 1\nsimulated = true\nprice_per_card_hour = \"8\"\n[[pools]]\nname = \"public\"\n[[nodes]]\n\
                 name = \"node-[1-2]\"\ncard_model = \"card\"\ncards = 4\ncpus = 8\nmemory = \"8GiB\"\n";
    std::fs::write(&center, nodes).unwrap();
    let done = haina(&["simulate", "--trace", &trace, "--center", center.to_str().unwrap(), "--check", "--json"]);
    let document = done.expect(0).json();
    assert_eq!((&document["cards"], &document["policies"][0]["policy"]), (&8.into(), &"fair".into()));
    assert_eq!(document["policies"][0]["measures"]["wait_ms"]["most"], 0, "all three fit at once: {document}");
}

#[test]
fn what_cannot_be_simulated_is_said_with_an_exit_code() {
    let (directory, trace) = trace();
    let empty = directory.path().join("empty.csv");
    std::fs::write(&empty, "timestamp,duration,num_gpus,gpu_time,cluster\n").unwrap();
    let empty = empty.to_str().unwrap();
    for (options, code, words) in [
        (&["--trace", "/nowhere", "--cards", "5"][..], 1, "reading /nowhere"),
        (&["--trace", empty, "--cards", "5"], 1, "at least one job"),
        (&["--trace", &trace, "--cards", "5", "--policy", "wishful"], 1, "fifo-skip"),
        (&["--trace", "generate:none", "--cards", "5"], 1, "generate:JOBS"),
        (&["--trace", &trace], 2, "--cards"),
        (&["--trace", &trace, "--cards", "0"], 2, "--cards"),
        (&["--trace", &trace, "--cards", "5", "--center", empty], 2, "cannot be used with"),
        (&["--cards", "5"], 2, "--trace"),
    ] {
        let done = haina(&[&["simulate"], options].concat());
        done.expect(code);
        assert!(done.stderr.contains(words), "{options:?}: {}", done.stderr);
    }
}

/// A journal that was recorded of a real center: 15 tasks of 12 jobs ran, one failed twice, two still run.
fn recorded() -> String {
    let journals = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../center/tests/journals");
    journals.join("2.jsonl").to_str().unwrap().to_owned()
}

#[test]
fn a_recorded_past_is_played_again_beside_what_really_happened() {
    let journal = recorded();
    let done = haina(&["simulate", "--from-journal", &journal, "--compare", "fair,fifo-skip", "--check", "--json"]);
    let document = done.expect(0).json();
    let was = &document["as_it_was"]["measures"];
    assert_eq!((&document["cards"], &was["jobs"], &was["refused"]), (&16.into(), &16.into(), &0.into()));
    let counts = |index: usize, field: &str| document["read"]["counts"][index][field].clone();
    assert_eq!((counts(0, "complaint"), counts(0, "lines")), ("never_started".into(), 3.into()));
    assert_eq!((counts(1, "complaint"), counts(1, "lines")), ("still_ran".into(), 2.into()));
    for policy in document["policies"].as_array().unwrap() {
        assert_eq!(policy["checked"]["placements"], 17, "the task that failed is tried again: {policy}");
        assert_eq!(policy["checked"]["violations"], serde_json::json!([]));
        for (measure, close_ms) in [("completion_mean_ms", 100), ("makespan_ms", 300)] {
            let [then, now] = [was, &policy["measures"]].map(|measures| measures[measure].as_u64().unwrap());
            assert!(then.abs_diff(now) <= close_ms, "{measure}: {then} ms then, {now} ms again");
        }
    }
}

#[test]
fn a_past_is_played_on_other_hardware_and_with_other_demand() {
    let journal = recorded();
    let simulate = |more: &[&str]| {
        haina(&[&["simulate", "--from-journal", &journal, "--check", "--json"], more].concat()).expect(0).json()
    };
    let wait = |document: &serde_json::Value| document["policies"][0]["measures"]["wait_ms"]["mean"].as_u64().unwrap();
    let (own, one_node, flat) = (simulate(&[]), simulate(&["--nodes", "1"]), simulate(&["--cards", "4"]));
    assert_eq!((&one_node["cards"], &flat["cards"]), (&8.into(), &4.into()));
    assert_eq!(one_node["as_it_was"], own["as_it_was"], "what was is as it was");
    assert!(wait(&own) < wait(&one_node), "with half of the nodes jobs wait longer");
    assert!(flat["policies"][0]["measures"]["refused"].as_u64().unwrap() > 0, "8 cards are more than 4: {flat}");
    let jobs = |document: &serde_json::Value| document["policies"][0]["measures"]["jobs"].clone();
    assert_eq!((jobs(&own), jobs(&simulate(&["--demand", "3"]))), (16.into(), 48.into()));
    let half = jobs(&simulate(&["--demand", "0.5", "--seed", "3"]));
    assert!((1..16).contains(&half.as_u64().unwrap()), "{half}");
    assert_eq!(half, jobs(&simulate(&["--demand", "0.5", "--seed", "3"])));
}

#[test]
fn the_past_of_a_running_center_is_read_without_disturbing_it() {
    let center = program::Center::start();
    center.run(&["submit", "--organization", "ocean-institute", "--cards", "1", "--wait", "--", "true"]).expect(0);
    let data = center.data();
    let data = data.to_str().unwrap();
    for from in [data.to_owned(), format!("{data}/center.db")] {
        let done = haina(&["simulate", "--from-journal", &from, "--policy", "easy", "--check"]);
        let text = &done.expect(0).stdout;
        assert!(text.contains("as it was") && text.contains("easy, checked: 1 placements"), "{text}");
    }
    center.run(&["submit", "--organization", "ocean-institute", "--wait", "--", "true"]).expect(0);
}

#[test]
fn what_is_no_past_is_refused() {
    let (directory, trace) = trace();
    let empty = directory.path().to_str().unwrap();
    for (from, words) in [
        ("/nowhere", "from-journal"),
        (empty, "(invalid_value)"),
        (&trace, "line 1"),
        ("postgres://nobody:secret@127.0.0.1:1/none", "127.0.0.1:1/none"),
    ] {
        let done = haina(&["simulate", "--from-journal", from]);
        done.expect(1);
        assert!(done.stderr.contains(words) && done.stderr.contains("haina up"), "{from}: {}", done.stderr);
        assert!(!done.stderr.contains("secret"), "{}", done.stderr);
    }
    for (options, code) in [
        (&["--from-journal", &trace, "--trace", &trace][..], 2),
        (&["--trace", &trace, "--nodes", "4"], 2),
        (&["--from-journal", &trace, "--nodes", "4", "--cards", "4"], 2),
        (&["--trace", &trace, "--cards", "4", "--demand=-1"], 1),
        (&["--trace", &trace, "--cards", "4", "--demand", "99"], 1),
    ] {
        haina(&[&["simulate"], options].concat()).expect(code);
    }
}

#[test]
fn a_past_keeps_its_projects_and_quotas_and_has_less_guaranteed_on_fewer_nodes() {
    let center = program::Center::start();
    let quota = ["quota", "set", "--organization", "ocean-institute"];
    center.run(&["project", "add", "sonar", "--organization", "ocean-institute"]).expect(0);
    center.run(&[&quota[..], &["--project", "sonar", "--limit", "2"]].concat()).expect(0);
    center.run(&[&quota[..], &["--pool", "public", "--guaranteed", "96", "--lendable", "64"]].concat()).expect(0);
    // Two elements with two cards each: one after the other, because the project may hold no more.
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("two.toml");
    let job = "name = \"two\"\norganization = \"ocean-institute\"\nproject = \"sonar\"\ncards = 2\ntime_limit = \"1m\"\n\
               command = [\"sleep\", \"0.5\"]\narray = { count = 2 }\n";
    std::fs::write(&file, job).unwrap();
    center.run(&["submit", file.to_str().unwrap(), "--wait"]).expect(0);
    let data = center.data();
    for more in [&[][..], &["--nodes", "2"]] {
        let done =
            haina(&[&["simulate", "--from-journal", data.to_str().unwrap(), "--check", "--json"], more].concat());
        let longest = done.expect(0).json()["policies"][0]["measures"]["wait_ms"]["most"].as_u64().unwrap();
        assert!(longest >= 500, "{more:?}: the second waits for the first, {longest} ms");
    }
}
