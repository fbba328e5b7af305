//! Orders that cannot be given at first: the job that was placed waits for them.

use std::path::{Path, PathBuf};

use haina_testkit::postgres::Postgres;
use serde_json::json;

use crate::caller::Caller;
use crate::program::{Center, wait};

const NOT_YET: &str = "an order could not be given";

/// A center with one node, so that draining it keeps jobs waiting.
fn one_node(directory: &Path) -> PathBuf {
    let path = directory.join("center.toml");
    let text = r#"
        name = "One node"
        [[card_models]]
        name = "ascend-910"
        vendor = "Huawei"
        memory = "32GiB"
        tflops_fp16 = 320
        watts = 310
        simulated = true
        price_per_card_hour = "8.00"
        [[pools]]
        name = "public"
        [[nodes]]
        name = "node"
        card_model = "ascend-910"
        cards = 8
        cpus = 64
        memory = "64GiB"
        [[organizations]]
        name = "ocean-institute"
        title = "Ocean Institute"
        opening_balance = "1000"
    "#;
    std::fs::write(&path, text).unwrap();
    path
}

fn until_said(center: &Center, text: &str) {
    wait(text, || center.log().contains(text).then_some(()));
}

#[test]
fn an_order_that_the_engines_disk_does_not_take_is_given_once_it_does() {
    let center = Center::start();
    let caller = Caller::of(&center);
    let attempts = center.data().join("engine/attempts");
    // A file where the directory must be fails for root as well.
    std::fs::write(&attempts, "in the way").unwrap();
    let id = caller.accepted("patient", &["true"]);
    until_said(&center, NOT_YET);
    assert_eq!(caller.get(&format!("/api/v1/jobs/{id}")).1["state"], "starting");
    std::fs::remove_file(&attempts).unwrap();
    let job = caller.until_ended(&id);
    assert_eq!((job["state"].as_str(), job["attempts"].as_u64()), (Some("succeeded"), Some(1)), "{job}");
}

#[test]
fn an_order_that_the_database_does_not_show_is_given_once_it_does() {
    let Some(postgres) = Postgres::shared() else { return };
    let database = postgres.fresh_database();
    let name = database.split("localhost/").nth(1).and_then(|rest| rest.split('?').next()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (data, config) = (directory.path().join("data"), one_node(directory.path()));
    let center = Center::start_with(directory, data, &["--database", &database, "--config", config.to_str().unwrap()]);
    let caller = Caller::of(&center);

    caller.post("/api/v1/nodes/node/drain", "drain", &json!({ "reason": "so that the job waits" }));
    let id = caller.accepted("patient", &["true"]);
    postgres.execute(name, "ALTER TABLE center.payloads RENAME TO payloads_away");
    caller.post("/api/v1/nodes/node/resume", "resume", &json!(null));
    until_said(&center, NOT_YET);
    postgres.execute(name, "ALTER TABLE center.payloads_away RENAME TO payloads");
    let job = caller.until_ended(&id);
    assert_eq!((job["state"].as_str(), job["attempts"].as_u64()), (Some("succeeded"), Some(1)), "{job}");
}
