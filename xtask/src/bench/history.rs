//! Questions to a center that has a long past: a million ended jobs.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::load::Load;
use super::measurements::{Measurements, Must};
use super::workload::{self, ORGANIZATIONS};
use crate::http::Client;

const PART: &str = "1,000,000 ended jobs in the database";
const JOBS: u64 = 1_000_000;
const BATCH: u64 = 10_000;

/// Fills a center by its own interface, then asks for lists and single jobs.
///
/// # Errors
/// Where it cannot be filled or does not answer.
pub fn million(parent: &Path, found: &mut Measurements) -> anyhow::Result<()> {
    let home = workload::sample_center(parent, "history")?;
    let server = home.start(None)?;
    let mut client = home.client()?;
    workload::drain_all(&mut client)?;
    let begun = std::time::Instant::now();
    fill(&mut client, &home)?;
    println!("  filled in {}", crate::steps::seconds(begun.elapsed()));
    let live = client.metric("haina_jobs_live")?;
    ensure!(live == 0, "{live} jobs have not ended");
    // As after a night: nothing of the filling is left in caches of the process.
    server.stop()?;
    let server = home.start(None)?;

    let cursor = |fraction: u64| (JOBS / 4 * fraction).to_string();
    let lists = [
        ("without a filter (none live)", "/api/v1/jobs".to_owned()),
        ("all", "/api/v1/jobs?all=true".to_owned()),
        ("all, from the middle", format!("/api/v1/jobs?all=true&cursor={}", cursor(2))),
        ("all, 1,000 a page", "/api/v1/jobs?all=true&limit=1000".to_owned()),
        ("of a state", "/api/v1/jobs?state=cancelled".to_owned()),
        ("of a state that none is in", "/api/v1/jobs?state=failed".to_owned()),
        (
            "of several states, from the middle",
            format!("/api/v1/jobs?state=failed,cancelled,lost&cursor={}", cursor(2)),
        ),
        ("of an organization", format!("/api/v1/jobs?all=true&organization={}", ORGANIZATIONS[1])),
        ("of an organization and state", format!("/api/v1/jobs?state=cancelled&organization={}", ORGANIZATIONS[0])),
        ("of a user, from the middle", format!("/api/v1/jobs?all=true&user=ocean-developer&cursor={}", cursor(2))),
        ("of a user and state", "/api/v1/jobs?state=cancelled&user=university-developer".to_owned()),
        (
            "of an organization, user and states",
            format!("/api/v1/jobs?state=cancelled,failed&organization={}&user=ocean-developer", ORGANIZATIONS[0]),
        ),
    ];
    let token = home.token()?;
    let load = Load { address: home.address, token: &token, clients: 1, length: Duration::from_secs(3), rate: None };
    let most_ms = Some(Must::AtMost(50.0));
    for (words, path) in lists {
        let pace = load.run(&|_| ("GET", path.clone(), Vec::new())).with_context(|| path.clone())?;
        found.add(PART, format!("list {words}: p50"), pace.p50_ms(), "ms", None);
        found.add(PART, format!("list {words}: p99"), pace.p99_ms(), "ms", most_ms);
    }
    for (words, suffix) in [("show a job", ""), ("its events", "/events"), ("its attempts", "/attempts")] {
        // Ids all over the database, in no order.
        let path =
            |number: u64| format!("/api/v1/jobs/{}{suffix}", 1 + number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % JOBS);
        let pace = load.run(&|number| ("GET", path(number), Vec::new()))?;
        found.add(PART, format!("{words}: p50"), pace.p50_ms(), "ms", None);
        found.add(PART, format!("{words}: p99"), pace.p99_ms(), "ms", most_ms);
    }
    server.stop()?;
    std::fs::remove_dir_all(&home.data)?;
    Ok(())
}

/// In each batch all jobs wait for the first; as it is cancelled, so are they. By several organizations and users.
fn fill(operator: &mut Client, home: &crate::server::Home) -> anyhow::Result<()> {
    let users = ["ocean-developer", "university-developer", "harbour-developer"];
    let mut clients = Vec::new();
    for user in users {
        let issued = operator.post(&format!("/api/v1/users/{user}/tokens"), &json!({ "label": "benchmark" }))?;
        let token = issued["secret"].as_str().with_context(|| format!("no secret in {issued}"))?;
        clients.push(Client::new(home.address, token));
    }
    for number in 0..JOBS / BATCH {
        let which = number as usize % clients.len();
        let client = &mut clients[which];
        let jobs: Vec<Value> = (0..BATCH)
            .map(|index| {
                let mut job = workload::job(number * BATCH + index);
                job["organization"] = json!(ORGANIZATIONS[which]);
                if index > 0 {
                    job["after"] = json!([format!("forecast-{}", number * BATCH)]);
                }
                job
            })
            .collect();
        let accepted = client.post("/api/v1/jobs/batch", &json!({ "jobs": jobs }))?;
        let first = accepted["jobs"][0]["id"].as_str().context("an id")?;
        client.post(&format!("/api/v1/jobs/{first}/cancel"), &json!({}))?;
    }
    Ok(())
}
