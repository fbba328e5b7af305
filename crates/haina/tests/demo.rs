//! `haina demo`, where it needs more than any machine may be asked for. CI runs the demo with JAX as it is.

#[allow(dead_code, reason = "other tests use the rest")]
mod program;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use haina_testkit::require;
use program::{Center, Printed, command};

/// Adds up the ranks.
const SUM: &str = r#"
import mindspore
from mindspore import Tensor, communication, ops
mindspore.set_device("CPU")
communication.init()
rank = communication.get_rank()
total = ops.AllReduce()(Tensor([rank], mindspore.float32)).asnumpy()[0]
print(f"rank {rank} of {communication.get_group_size()}: {total}", flush=True)
"#;
const REQUIREMENTS: [&str; 2] = [
    include_str!("../../../examples/elnino/requirements.txt"),
    include_str!("../../../examples/elnino/requirements-mindspore.txt"),
];

#[test]
fn a_gang_trains_with_mindspore() {
    if !require::is_required("mindspore") {
        require::skip("mindspore", "downloads 900 MB; HAINA_REQUIRE=mindspore runs it");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let arguments = ["demo", "--framework", "mindspore", "--exit", "--data"];
    let printed = Printed::of(command(&[&arguments[..], &[data.to_str().unwrap()]].concat()));
    printed.expect(0);
    eprintln!("{}", printed.stdout);
    for part in ["8 tasks, MindSpore 2", "All 8 hold the same parameters after ", "Done in "] {
        assert!(printed.stdout.contains(part), "`{part}`: {}", printed.stdout);
    }
    // Rank, node, ring, card, made-up address; two rings of one node, or rings of two.
    let row = |rank: usize| {
        let rows = printed.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        rows.into_iter().find(|row| row.len() == 6 && row[0] == rank.to_string() && row[2] == "cards").expect("a row")
    };
    let nodes: Vec<&str> = (0..8).map(|rank| row(rank)[1]).collect();
    assert!(nodes[..4].iter().all(|node| *node == nodes[0]) && nodes[4..].iter().all(|node| *node == nodes[4]));
    assert_ne!(nodes[0], nodes[4]);
    the_template_runs(directory, &data);
}

/// In a center on what the demo left: the environment is there already.
fn the_template_runs(directory: tempfile::TempDir, data: &Path) {
    let (program, config) = (data.join("elnino/sum.py"), data.join("demo.toml"));
    std::fs::write(&program, SUM).unwrap();
    let mut center = Center::start_with(directory, data.to_owned(), &["--config", config.to_str().unwrap()]);
    let requirements: Vec<&str> = REQUIREMENTS.iter().flat_map(|text| text.lines()).collect();
    let requirements: Vec<&&str> = requirements.iter().filter(|line| !line.starts_with('#')).collect();
    let set = [
        format!("PROGRAM={}", program.display()),
        format!("python.requirements={requirements:?}"),
        "cards=2".to_owned(),
        "time_limit=10m".to_owned(),
    ];
    let mut arguments = vec!["submit", "--json", "--wait", "--organization", "ocean-institute"];
    arguments.extend(["--template", "mindspore"]);
    arguments.extend(set.iter().flat_map(|pair| ["--set", pair.as_str()]));
    let job = center.run(&arguments).expect(0).json();
    let output = center.run(&["job", "logs", job["id"].as_str().unwrap()]);
    for line in ["rank 0 of 2: 1.0\n", "rank 1 of 2: 1.0\n"] {
        assert!(output.stdout.contains(line), "{}", output.stdout);
    }
    center.stop();
}

#[test]
fn a_python_without_the_packages_is_refused_before_anything_starts() {
    let directory = tempfile::tempdir().unwrap();
    let python = directory.path().join("python3");
    std::fs::write(&python, "#!/bin/sh\necho 3 13\n").unwrap();
    std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
    let data = directory.path().join("data");
    let mut demo = command(&["demo", "--framework", "mindspore", "--exit", "--data", data.to_str().unwrap()]);
    demo.env("PATH", format!("{}:/usr/bin:/bin", directory.path().display()));
    let refused = Printed::of(demo);
    assert!(refused.expect(1).stderr.contains("Python 3.11 to 3.12\n  python3 on the path is Python 3.13."));
    assert!(!data.exists());
}
