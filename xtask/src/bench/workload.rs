//! The jobs that are submitted: such as people submit, each with a script of its own.

use std::time::Duration;

use serde_json::{Value, json};

use super::load::Request;
use crate::http::Client;
use crate::server::Home;
use crate::workspace;

/// Organizations of the sample center that can pay.
pub const ORGANIZATIONS: [&str; 3] = ["ocean-institute", "qingdao-university", "harbour-intelligence"];

/// One job that asks for a card for an hour.
pub fn job(number: u64) -> Value {
    json!({
        "name": format!("forecast-{number}"),
        "organization": ORGANIZATIONS[number as usize % ORGANIZATIONS.len()],
        "cards": 1,
        "cpus": 4,
        "memory": "16GiB",
        "time_limit": "1h",
        "script": format!("set -e\ncd \"$HOME/forecast\"\npython3 train.py --horizon 3 --seed {number} --out \"runs/{number}\"\n"),
        "env": { "OMP_NUM_THREADS": "4" },
    })
}

/// A submission of one job.
pub fn single(number: u64) -> Request {
    ("POST", "/api/v1/jobs".to_owned(), job(number).to_string().into_bytes())
}

/// A submission of `size` jobs.
pub fn batch(number: u64, size: u64) -> Request {
    let jobs: Vec<Value> = (0..size).map(|index| job(number * size + index)).collect();
    ("POST", "/api/v1/jobs/batch".to_owned(), json!({ "jobs": jobs }).to_string().into_bytes())
}

/// A submission of a job array of `count` elements.
pub fn array(number: u64, count: u64) -> Request {
    let mut job = job(number);
    job["array"] = json!({ "count": count });
    ("POST", "/api/v1/jobs".to_owned(), job.to_string().into_bytes())
}

/// The sample center in a new directory, with its nodes out of service where `drained`: jobs are accepted and wait.
pub fn sample_center(parent: &std::path::Path, name: &str) -> anyhow::Result<Home> {
    let config = workspace::root().join("examples/centers/qingdao-100p.toml");
    Home::new(parent, name, &config, None)
}

/// Takes all nodes out of service, so that every job waits: what is measured is the center, not the starting of processes.
pub fn drain_all(client: &mut Client) -> anyhow::Result<()> {
    for node in client.list("/api/v1/nodes")? {
        let name = node["name"].as_str().unwrap_or_default();
        client.post(&format!("/api/v1/nodes/{name}/drain"), &json!({ "reason": "benchmark" }))?;
    }
    Ok(())
}

/// Waits until the server has been at rest for a while: what it does after an answer must not be taken for idling.
pub fn settle(length: Duration) {
    std::thread::sleep(length);
}
