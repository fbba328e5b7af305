//! This machine as a node of the center, with cards of which a program in the place of `npu-smi` tells.

#[allow(dead_code, reason = "other tests use the rest")]
mod program;

use std::path::{Path, PathBuf};
use std::process::Command;

use program::{Center, Printed};

/// A program that answers like `npu-smi` on a machine with the recorded cards; what it says of them is in `info`.
fn npu_smi(directory: &Path) -> PathBuf {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/fixtures/npu-smi");
    std::fs::copy(recorded.join("info-910b3-busy.txt"), directory.join("info")).unwrap();
    let program = directory.join("npu-smi");
    let (info, map) = (directory.join("info"), recorded.join("map-910b3.txt"));
    let text = format!(
        "#!/bin/sh\ncase \"$*\" in info) exec cat {};; 'info -m') exec cat {};; esac\nexit 1\n",
        info.display(),
        map.display()
    );
    // By another process: a program that this one has open for writing cannot be started.
    let write = "printf %s \"$1\" > \"$2\" && chmod 755 \"$2\"";
    let written = Command::new("sh").args(["-c", write, "sh", &text]).arg(&program).status().unwrap();
    assert!(written.success());
    program
}

/// Runs the program without a center.
fn alone(npu_smi: &Path, arguments: &[&str]) -> Printed {
    let mut command = program::command(arguments);
    command.env("HAINA_NPU_SMI", npu_smi);
    Printed::of(command)
}

#[test]
fn what_this_machine_has_is_shown_without_a_center() {
    let directory = tempfile::tempdir().unwrap();
    let npu_smi = npu_smi(directory.path());
    let seen = alone(&npu_smi, &["node", "discover", "--json"]);
    let seen = seen.expect(0).json();
    assert!(seen["cpus"].as_f64().unwrap() >= 1.0 && seen["memory_bytes"].as_u64().unwrap() > 1 << 20, "{seen}");
    let of_huawei: Vec<_> =
        seen["cards"].as_array().unwrap().iter().filter(|card| card["vendor"] == "Huawei").cloned().collect();
    assert_eq!(of_huawei.len(), 2, "{seen}");
    let card = &of_huawei[0];
    assert_eq!((&card["model"], &card["health"]), (&"Ascend 910B3".into(), &"healthy".into()));
    assert_eq!((card["power_watts"].as_f64(), card["utilization_percent"].as_u64()), (Some(290.4), Some(87)));
    assert_eq!(card["devices"][0], "/dev/davinci0");
    let text = alone(&npu_smi, &["node", "discover"]).expect(0).stdout.clone();
    assert!(text.contains("290 W") && text.contains("matches = \"Ascend 910B3\""), "{text}");
    std::fs::write(directory.path().join("info"), "dcmi module initialize failed.\n").unwrap();
    let broken = alone(&npu_smi, &["node", "discover", "--json"]).expect(0).json();
    assert!(broken["problems"][0].as_str().unwrap().contains("no table"), "{broken}");
}

#[test]
fn a_machine_with_cards_is_a_center_and_an_unfit_card_gets_no_work() {
    let directory = tempfile::tempdir().unwrap();
    let info = directory.path().join("info");
    let npu_smi = npu_smi(directory.path());
    let mut center = Center::start_on_cards(directory, npu_smi);
    assert!(center.log().contains("with its own cards"), "{}", center.log());
    let nodes = center.run(&["nodes", "--json"]).expect(0).json();
    let node = &nodes[0];
    let name = node["name"].as_str().unwrap().to_owned();
    assert_eq!((&node["cards"], &node["simulated"]), (&2.into(), &false.into()), "{nodes}");
    assert_eq!(node["card_model"], "ascend-910b3");

    let show = ["sh", "-c", "echo $HAINA_CARDS; exec sleep 60"];
    let submit = ["submit", "--organization", "main", "--cards", "1", "--"];
    center.run(&[&submit[..], &show].concat()).expect(0);
    center.until(&["job", "show", "1", "--json"], |job| job["state"] == "running");
    let shown = center.run(&["node", "show", &name, "--json"]).expect(0).json();
    assert_eq!(shown["real_cards"][0]["attempts"][0], "1.1", "{shown}");
    assert_eq!(shown["real_cards"][0]["temperature_celsius"], 52);
    let text = center.run(&["node", "show", &name]).expect(0).stdout.clone();
    assert!(text.contains("290 W") && text.contains("1.1"), "{text}");
    let metrics = center.metrics();
    let labels = format!("{{node=\"{name}\",card=\"0\",model=\"Ascend 910B3\"}}");
    for line in ["haina_card_power_watts", "haina_card_utilization_percent", "haina_card_fit"] {
        assert!(metrics.contains(&format!("{line}{labels}")), "{metrics}");
    }
    let metrics = center.until(&["job", "metrics", "1", "--json"], |metrics| {
        metrics["nodes"][0]["cards"][0]["utilization_percent"].is_number()
    });
    let card = &metrics["nodes"][0]["cards"][0];
    assert_eq!((&card["index"], &card["held"], &card["utilization_percent"]), (&0.into(), &1.0.into(), &87.0.into()));
    assert!(card["energy_joules"].as_f64().unwrap() > 290.4, "{card}");
    let point = card["points"].as_array().unwrap().last().unwrap();
    assert_eq!((&point["power_watts"], &point["health"]), (&290.4.into(), &"healthy".into()));
    let text = center.run(&["job", "metrics", "1"]).expect(0).stdout.clone();
    for part in ["card 0 load", "87%", "290 W", "52 °C", "mean load of its cards 87%; energy that they drew"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    center.run(&["job", "cancel", "1"]).expect(0);
    center.until(&["job", "show", "1", "--json"], |job| job["ended"].is_string());

    // Its driver raises an alarm: the next job takes the other card, and one for two cards waits.
    let well = std::fs::read_to_string(&info).unwrap();
    let ill = well.replacen("| OK            ", "| Alarm         ", 1);
    replace(&info, &ill);
    let ill = center.until(&["node", "show", &name, "--json"], |node| {
        node["cards_unusable"].as_array().is_some_and(|c| c.len() == 1)
    });
    assert_eq!(ill["cards_unusable"][0]["reason"], "npu-smi says Alarm");
    assert_eq!(ill["cards_free"], serde_json::json!([0.0, 1.0]));
    let look = ["sh", "-c", "echo $HAINA_CARDS"];
    center
        .run(&["submit", "--organization", "main", "--cards", "1", "--wait", "--", look[0], look[1], look[2]])
        .expect(0);
    center.run(&["job", "logs", "2"]).expect(0).prints("1\n");
    center.run(&["submit", "--organization", "main", "--cards", "2", "--", "true"]).expect(0);
    let refused = center.run(&["job", "show", "3", "--json"]).expect(0).json();
    assert_eq!(refused["state"], "waiting");

    // That outlasts a restart, and ends with the alarm.
    center.stop();
    center.start_again();
    assert_eq!(center.run(&["job", "show", "3", "--json"]).expect(0).json()["state"], "waiting");
    replace(&info, &well);
    center.until(&["job", "show", "3", "--json"], |job| job["state"] == "succeeded");

    // A card that is gone leaves a gap; the node stays as it was.
    center.stop();
    let lines: Vec<&str> = well.lines().collect();
    replace(&info, &[&lines[..6], &lines[9..]].concat().join("\n"));
    center.start_again();
    let gone = center.run(&["node", "show", &name, "--json"]).expect(0).json();
    assert_eq!((&gone["cards"], &gone["cards_unusable"][0]["index"]), (&2.into(), &0.into()), "{gone}");
    assert_eq!(gone["real_cards"][1]["health"], "healthy");
}

/// So that nobody reads half of it.
fn replace(path: &Path, text: &str) {
    let partial = path.with_extension("partial");
    std::fs::write(&partial, text).unwrap();
    std::fs::rename(partial, path).unwrap();
}

#[test]
fn a_center_file_that_does_not_know_the_cards_is_refused_with_the_entry() {
    let directory = tempfile::tempdir().unwrap();
    let npu_smi = npu_smi(directory.path());
    let config = directory.path().join("center.toml");
    let up = |text: &str| {
        std::fs::write(&config, text).unwrap();
        let data = directory.path().join("data");
        let (data, config) = (data.to_str().unwrap(), config.to_str().unwrap());
        alone(&npu_smi, &["up", "--data", data, "--listen", "127.0.0.1:0", "--config", config])
    };
    let node = "name = \"c\"\n[[pools]]\nname = \"main\"\n[[nodes]]\nname = \"here\"\ndiscover = true\n";
    let refused = up(node);
    refused.expect(1);
    assert!(refused.stderr.contains("2 × Ascend 910B3"), "{}", refused.stderr);
    assert!(refused.stderr.contains("name = \"ascend-910b3\""), "{}", refused.stderr);
    let known = format!(
        "{node}cards = 3\n[[card_models]]\nname = \"b3\"\nmatches = \"Ascend 910B3\"\nvendor = \"Huawei\"\nmemory = \"64GiB\"\n\
         tflops_fp16 = 0\nwatts = 0\nsimulated = false\nprice_per_card_hour = \"0\"\n"
    );
    let refused = up(&known);
    refused.expect(1);
    assert!(refused.stderr.contains("at most 2, which is what this machine has"), "{}", refused.stderr);
}
