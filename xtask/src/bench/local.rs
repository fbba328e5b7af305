//! `cargo xtask bench local`: the local engine under a real `haina up`, from submission to recorded end. What each part
//! measures stands at its function.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::machine::Machine;
use super::measurements::{Measurements, Must, median, percentile};
use crate::http::Client;
use crate::processes::Workplace;
use crate::server::Home;
use crate::{steps, workspace};

/// Simulated nodes with room for 64 tasks at once; what runs them are this machine's processors.
const CENTER: &str = r#"
name = "local engine benchmark"

[[pools]]
name = "public"

[[nodes]]
name = "node-[1-8]"
cpus = 64
memory = "256GiB"

[[organizations]]
name = "bench"
"#;

/// Tasks of the rate, as the promise names them.
const TASKS: u32 = 10_000;
/// A measurement that takes longer has failed.
const LONGEST: Duration = Duration::from_secs(300);
/// Between two looks at a job: much shorter than what is measured with it.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Measures everything.
///
/// # Errors
/// Where something cannot be measured; with `check`, where a promise is not kept.
pub fn run(check: bool) -> anyhow::Result<()> {
    steps::build_haina()?;
    let place = Workplace::new("bench")?;
    let machine = Machine::look(place.path())?;
    println!("\n{machine}");
    let mut found = Measurements::new("cargo xtask bench local", machine);
    let supervised = steps::step("supervised", || measure(place.path(), "off", &mut found))?.rate;
    let sandboxed = steps::step("sandboxed", || match quiet(Command::new("bwrap").arg("--version")) {
        true => measure(place.path(), "required", &mut found).map(Some),
        false if haina_testkit::require::is_required("bwrap") => bail!("bwrap is required by HAINA_REQUIRE"),
        false => {
            found.skip("sandboxed: bwrap is not installed (Debian: apt-get install bubblewrap)".to_owned());
            Ok(None)
        }
    })?;
    steps::step("environments", || environments(place.path(), &mut found))?;
    steps::step("HyperQueue", || hyperqueue(place.path(), supervised, sandboxed, &mut found))?;
    found.print();
    found.write(&workspace::target().join("bench/local.json"))?;
    let missed = found.missed();
    if check && !missed.is_empty() {
        bail!("{} missed:\n{}", missed.len(), missed.join("\n"));
    }
    Ok(())
}

/// A center of this benchmark, with this confinement.
fn center(parent: &Path, confinement: &str) -> anyhow::Result<Home> {
    let config = parent.join(format!("{confinement}.toml"));
    std::fs::write(&config, format!("{CENTER}\n[local]\nconfinement = \"{confinement}\"\n"))?;
    Home::new(parent, confinement, &config, None)
}

/// What one confinement came to.
struct Measured {
    /// Tasks each second.
    rate: f64,
    /// bwrap with the options that a task's sandbox was made with; empty where there was none.
    sandbox: Vec<String>,
}

/// `/bin/true`: an array of 10,000, whose rate is from its submission to its recorded end; then single ones on a center
/// at rest, from submission to start and to end as the center recorded them; then gangs of 64.
fn measure(parent: &Path, confinement: &'static str, found: &mut Measurements) -> anyhow::Result<Measured> {
    let part = match confinement {
        "off" => "Supervised: /bin/true under a supervisor",
        _ => "Sandboxed: the same in bwrap, landlock and control groups, as a user of its own",
    };
    let home = center(parent, confinement)?;
    let server = home.start(None)?;
    let mut client = home.client()?;
    let task = |name: &str| json!({ "name": name, "organization": "bench", "cpus": 8, "memory": "64MiB", "command": ["/bin/true"] });

    let mut warm = task("warm");
    warm["array"] = json!({ "count": 200 });
    finish(&mut client, &warm)?;
    let mut rates = task("rate");
    rates["array"] = json!({ "count": TASKS });
    let took = finish(&mut client, &rates)?.1;
    let rate = f64::from(TASKS) / took.as_secs_f64();
    let least = if confinement == "off" { 300.0 } else { 120.0 };
    found.add(part, "10,000 tasks, end to end: rate", rate, "/s", Some(Must::AtLeast(least)));

    let mut starts = Vec::new();
    let mut ends = Vec::new();
    for number in 0..100 {
        let (job, _) = finish(&mut client, &task(&format!("single-{number}")))?;
        let attempts = client.list(&format!("/api/v1/jobs/{}/attempts", job["id"].as_str().context("an id")?))?;
        let submitted = moment(&job["submitted"])?;
        starts.push((moment(&attempts[0]["started"])? - submitted) / 1000.0);
        ends.push((moment(&job["ended"])? - submitted) / 1000.0);
    }
    starts.sort_by(f64::total_cmp);
    ends.sort_by(f64::total_cmp);
    found.add(part, "one alone, submission to start: p50", percentile(&starts, 0.5), "ms", Some(Must::AtMost(15.0)));
    found.add(part, "one alone, submission to start: p99", percentile(&starts, 0.99), "ms", None);
    found.add(part, "one alone, submission to end: p50", percentile(&ends, 0.5), "ms", None);

    let mut gangs = Vec::new();
    for number in 0..5 {
        let mut gang = task(&format!("gang-{number}"));
        (gang["nodes"], gang["tasks_per_node"]) = (json!(8), json!(8));
        gangs.push(finish(&mut client, &gang)?.1.as_secs_f64());
    }
    // To the end of the last task: at least as long as to its start.
    found.add(part, "a gang of 64 tasks, submission to end", median(gangs), "s", Some(Must::AtMost(1.0)));
    server.stop()?;
    let order = home.data.join("engine/attempts/1_0.1/task-0/task.json");
    let order: Value = serde_json::from_slice(&std::fs::read(&order).with_context(|| order.display().to_string())?)?;
    let words = order["sandbox"]["wrapper"].as_array().map_or(&[][..], Vec::as_slice);
    Ok(Measured { rate, sandbox: words.iter().filter_map(Value::as_str).map(str::to_owned).collect() })
}

/// Fifty jobs that ask at once for one new environment.
fn environments(parent: &Path, found: &mut Measurements) -> anyhow::Result<()> {
    let home = center(parent, "available")?;
    let server = home.start(None)?;
    let mut client = home.client()?;
    let job = json!({
        "name": "environment", "organization": "bench", "cpus": 1, "memory": "1GiB", "array": { "count": 50 },
        "python": { "requirements": [] }, "command": ["python", "-c", "import sys; sys.exit(sys.prefix == sys.base_prefix)"],
    });
    let (_, took) = finish(&mut client, &job)?;
    let built = std::fs::read_dir(home.data.join("engine/environments"))?.count();
    let builds = std::fs::read_dir(home.data.join("engine/environments"))?
        .map(|entry| {
            Ok(std::fs::read_dir(entry?.path().join("build"))?
                .flatten()
                .filter_map(|build| build.file_name().to_str()?.parse::<u32>().ok())
                .max())
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(built == 1, "{built} environments were made for one content");
    let part = "50 jobs that ask for one new environment";
    found.add(part, "times it was built", f64::from(builds[0].unwrap_or(0)), "", Some(Must::AtMost(1.0)));
    found.add(part, "until all have ended", took.as_secs_f64(), "s", None);
    server.stop()
}

/// The same 10,000 tasks with HyperQueue's Python API, on the same machine in the same run. It keeps nothing on disk and
/// starts no supervisor: what it does less is part of the comparison. It sandboxes nothing by itself; beside the sandboxed
/// rate it starts the same bwrap, without landlock, control groups and a user of the task's own.
fn hyperqueue(
    parent: &Path,
    supervised: f64,
    sandboxed: Option<Measured>,
    found: &mut Measurements,
) -> anyhow::Result<()> {
    const PROGRAM: &str = "import json, sys, time
from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig
with LocalCluster() as cluster:
    cluster.start_worker(WorkerConfig(cores=2))
    client = cluster.client()
    def run(count, words):
        job = Job()
        for _ in range(count):
            job.program(words)
        began = time.time()
        client.wait_for_jobs([client.submit(job)])
        return count / (time.time() - began)
    plain = ['/bin/true']
    run(200, plain)
    print('rate', run(10000, plain))
    sandbox = json.loads(sys.argv[1])
    if sandbox:
        run(200, sandbox + plain)
        print('rate', run(10000, sandbox + plain))
";
    let venv = parent.join("hyperqueue");
    let made = quiet(Command::new("python3").args(["-m", "venv"]).arg(&venv))
        && quiet(Command::new(venv.join("bin/python")).args(["-m", "pip", "install", "--quiet", "hyperqueue"]));
    let words = serde_json::to_string(sandboxed.as_ref().map_or(&[][..], |measured| &measured.sandbox))?;
    let output = made
        .then(|| Command::new(venv.join("bin/python")).args(["-c", PROGRAM, &words]).current_dir(parent).output())
        .transpose()?;
    let said = output.as_ref().map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    // Its own messages stand between.
    let mut rates = said.lines().filter_map(|line| line.rsplit_once("rate ")?.1.trim().parse::<f64>().ok());
    let Some(rate) = rates.next() else {
        let said = output.map(|output| String::from_utf8_lossy(&output.stderr).trim().to_owned());
        let said: String =
            said.unwrap_or_default().chars().rev().take(300).collect::<Vec<_>>().into_iter().rev().collect();
        found.skip(format!("HyperQueue could not be installed or run: {said}"));
        return Ok(());
    };
    let part = "HyperQueue (Python API, nothing durable, no supervisor)";
    found.add(part, "10,000 tasks: rate", rate, "/s", None);
    found.add(part, "Haina supervised ÷ HyperQueue", supervised / rate, "×", Some(Must::AtLeast(1.0)));
    if let Some((sandboxed, rate)) = sandboxed.zip(rates.next()) {
        found.add(part, "10,000 tasks, each started in the same bwrap: rate", rate, "/s", None);
        let ratio = sandboxed.rate / rate;
        found.add(part, "Haina sandboxed ÷ HyperQueue with bwrap", ratio, "×", Some(Must::AtLeast(1.0)));
    }
    Ok(())
}

fn quiet(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
}

/// Submits a job and waits for its good end; the job, and how long that took.
fn finish(client: &mut Client, job: &Value) -> anyhow::Result<(Value, Duration)> {
    let began = Instant::now();
    let id = client.post("/api/v1/jobs", job)?["id"].as_str().context("an id")?.to_owned();
    loop {
        let job = client.get(&format!("/api/v1/jobs/{id}"))?;
        match job["state"].as_str() {
            Some("succeeded") => return Ok((job, began.elapsed())),
            Some("failed" | "cancelled" | "lost") => bail!("job {id} has not succeeded: {job}"),
            _ if began.elapsed() > LONGEST => bail!("job {id} has not ended in {} s", LONGEST.as_secs()),
            _ => std::thread::sleep(LOOK_AGAIN.max(began.elapsed() / 200)),
        }
    }
}

/// A moment of the API (RFC 3339, in UTC) as microseconds of its month.
fn moment(value: &Value) -> anyhow::Result<f64> {
    let text = value.as_str().with_context(|| format!("{value} is no moment"))?;
    let (date, time) = text.trim_end_matches('Z').split_once('T').context("a time")?;
    let day: f64 = date.rsplit('-').next().context("a day")?.parse()?;
    let mut seconds = 0.0;
    for field in time.split(':') {
        seconds = seconds * 60.0 + field.parse::<f64>().with_context(|| text.to_owned())?;
    }
    Ok((day * 86_400.0 + seconds) * 1e6)
}
