//! What a center costs at rest, and with a million jobs that wait.

use std::path::Path;
use std::time::Duration;

use super::measurements::{Measurements, Must};
use super::workload;
use crate::server::Server;

const MEBIBYTE: f64 = 1_048_576.0;

/// A fresh sample center that nobody asks anything.
///
/// # Errors
/// Where it does not come up.
pub fn idle(parent: &Path, found: &mut Measurements) -> anyhow::Result<()> {
    const PART: &str = "At rest (fresh sample center)";
    let home = workload::sample_center(parent, "idle")?;
    let server = home.start(None)?;
    workload::settle(Duration::from_secs(5));
    let watched = Duration::from_secs(20);
    let before = server.processor_time()?;
    std::thread::sleep(watched);
    let used = server.processor_time()? - before;
    let share = used.as_secs_f64() / watched.as_secs_f64() * 100.0;
    found.add(PART, "resident memory", server.resident_bytes()? as f64 / MEBIBYTE, "MiB", Some(Must::AtMost(60.0)));
    found.add(PART, "processor over 20 s, of one core", share, "%", Some(Must::AtMost(1.0)));
    server.stop()?;
    std::fs::remove_dir_all(&home.data)?;
    Ok(())
}

/// A million single jobs, none of which can start; then the server starts again.
///
/// # Errors
/// Where they are not accepted, or not all there after the start.
pub fn million(parent: &Path, found: &mut Measurements) -> anyhow::Result<()> {
    const PART: &str = "1,000,000 waiting jobs";
    const BATCH: u64 = 10_000;
    let home = workload::sample_center(parent, "waiting")?;
    let server = home.start(None)?;
    let mut client = home.client()?;
    workload::drain_all(&mut client)?;
    let begun = std::time::Instant::now();
    for number in 0..1_000_000 / BATCH {
        let (method, path, body) = workload::batch(number, BATCH);
        let answer = client.send(method, &path, None, &body)?;
        anyhow::ensure!(answer.status == 201, "{path}: {}", answer.text());
    }
    let rate = 1_000_000.0 / begun.elapsed().as_secs_f64();
    found.add(PART, "one client, batches of 10,000: rate", rate, "jobs/s", None);
    let resident = |server: &Server| -> anyhow::Result<f64> {
        workload::settle(Duration::from_secs(5));
        Ok(server.resident_bytes()? as f64 / MEBIBYTE)
    };
    let most = Some(Must::AtMost(600.0));
    found.add(PART, "resident memory after the submissions", resident(&server)?, "MiB", most);
    server.stop()?;
    let server = home.start(None)?;
    let live = home.client()?.metric("haina_jobs_live")?;
    anyhow::ensure!(live == 1_000_000, "{live} jobs are there after the start");
    let most_seconds = Some(Must::AtMost(10.0));
    found.add(PART, "start-up, until it is ready", server.start_took.as_secs_f64(), "s", most_seconds);
    found.add(PART, "resident memory after the start", resident(&server)?, "MiB", most);
    server.stop()?;
    std::fs::remove_dir_all(&home.data)?;
    Ok(())
}
