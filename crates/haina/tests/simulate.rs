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
}

#[test]
fn people_get_a_table_and_a_page_that_needs_nothing_else() {
    let (directory, trace) = trace();
    let page = directory.path().join("report.html");
    let page_name = page.to_str().unwrap();
    let done = haina(&["simulate", "--trace", &trace, "--cards", "5", "--report", page_name]);
    let text = &done.expect(0).stdout;
    for part in ["4 jobs", "1 lines left out, the first is 6: a negative time", "fair", "1 jobs refused", page_name] {
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
