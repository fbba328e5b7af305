//! What the demo runs: examples/elnino, with the names and numbers that make it compete.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use haina_api::{JobsSpec, Problem};
use serde_json::{Value, json};

use super::framework::Framework;
use crate::client::{Client, ClientError};

/// The programs, as they stand in examples/elnino.
const PROGRAMS: [(&str, &str); 7] = [
    ("exercise.py", include_str!("../../../../examples/elnino/exercise.py")),
    ("prepare.py", include_str!("../../../../examples/elnino/prepare.py")),
    ("train.py", include_str!("../../../../examples/elnino/train.py")),
    ("choose.py", include_str!("../../../../examples/elnino/choose.py")),
    ("together.py", include_str!("../../../../examples/elnino/together.py")),
    ("train_jax.py", include_str!("../../../../examples/elnino/train_jax.py")),
    ("train_mindspore.py", include_str!("../../../../examples/elnino/train_mindspore.py")),
];
const REQUIREMENTS: &str = include_str!("../../../../examples/elnino/requirements.txt");

/// Nodes of the gang, and its tasks on each.
pub const GANG: (u32, u32) = (2, 4);

/// Settings in each family's grid, as `train.py --list` shows them.
const SETTINGS: u32 = 14;

/// One of the two organizations that compete.
#[derive(Clone, Copy, Debug)]
pub struct Team {
    /// Who pays.
    pub organization: &'static str,
    /// Who submits.
    pub user: &'static str,
    /// Which family of models it believes in.
    pub family: &'static str,
}

impl Team {
    /// Both.
    pub const ALL: [Team; 2] = [
        Team { organization: "ocean-institute", user: "ocean-developer", family: "linear" },
        Team { organization: "harbour-intelligence", user: "harbour-developer", family: "trees" },
    ];

    /// The third, whose model is trained by a gang.
    pub const OF_GANG: Team =
        Team { organization: "qingdao-university", user: "university-developer", family: "networks" };
}

/// Writes the programs where the jobs find them.
pub fn write_files(data: &Path) -> Result<PathBuf> {
    let directory = programs(data);
    fs::create_dir_all(&directory)?;
    for (name, text) in PROGRAMS {
        fs::write(directory.join(name), text).with_context(|| format!("writing {name}"))?;
    }
    Ok(directory)
}

/// Where the programs are: the demo's center shows this directory to all jobs.
pub fn programs(data: &Path) -> PathBuf {
    data.join("elnino")
}

/// A team's workflow, in its organization's own directory.
pub fn jobs(team: &Team, framework: Framework, programs: &Path) -> Result<JobsSpec> {
    let job = |name, program| job(team, framework, name, &programs.join(program));
    let mut train = job("train", "train.py");
    train["after"] = json!(["elnino-prepare"]);
    train["array"] = json!({ "count": SETTINGS });
    train["cards"] = json!(8);
    train["card_model"] = json!("ascend-910");
    let mut choose = job("choose", "choose.py");
    choose["after"] = json!(["elnino-train"]);
    Ok(serde_json::from_value(json!({ "jobs": [prepare(team, framework, programs), train, choose] }))?)
}

/// The workflow of the gang's team: one model, one card for each task.
pub fn gang(team: &Team, framework: Framework, programs: &Path) -> Result<JobsSpec> {
    let (nodes, tasks_per_node) = GANG;
    let mut gang = job(team, framework, "together", &programs.join(framework.program()));
    gang["after"] = json!(["elnino-prepare"]);
    gang["nodes"] = json!(nodes);
    gang["tasks_per_node"] = json!(tasks_per_node);
    gang["cards"] = json!(tasks_per_node);
    gang["card_model"] = json!("ascend-910");
    gang["cpus"] = json!(tasks_per_node);
    gang["memory"] = json!("8GiB");
    Ok(serde_json::from_value(json!({ "jobs": [prepare(team, framework, programs), gang] }))?)
}

fn prepare(team: &Team, framework: Framework, programs: &Path) -> Value {
    let mut prepare = job(team, framework, "prepare", &programs.join("prepare.py"));
    prepare["retries"] = json!(1);
    prepare
}

/// All jobs have the same requirements, so that there is one environment to make and to keep.
fn job(team: &Team, framework: Framework, name: &str, program: &Path) -> Value {
    let lines = REQUIREMENTS.lines().chain(framework.requirements().lines()).map(str::trim);
    let requirements: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    json!({
        "name": format!("elnino-{name}"),
        "pool": "research",
        "memory": "2GiB",
        "time_limit": "10m",
        "python": { "requirements": requirements },
        "env": { "HAINA_FAMILY": team.family },
        "labels": { "demo": "elnino" },
        "command": ["python", program],
    })
}

/// Asks for more than an account covers, and returns how it was refused.
pub fn too_expensive(maker: &Client) -> Result<Problem> {
    let wish = json!({ "name": "dream", "cards": 8, "time_limit": "24h", "command": ["true"] });
    match maker.post::<haina_api::SubmittedJob>("/api/v1/jobs", &wish) {
        Ok(job) => bail!("job {} was accepted, but its account does not cover it", job.id),
        Err(ClientError::Refused(problem)) if problem.code == "insufficient_funds" => Ok(*problem),
        Err(other) => Err(other.into()),
    }
}
