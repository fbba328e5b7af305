//! What the demo runs: examples/elnino, with the names and numbers that make it compete.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use haina_api::{JobsSpec, Problem};
use serde_json::json;

use crate::client::{Client, ClientError};

/// The programs, as they stand in examples/elnino.
const PROGRAMS: [(&str, &str); 3] = [
    ("prepare.py", include_str!("../../../../examples/elnino/prepare.py")),
    ("train.py", include_str!("../../../../examples/elnino/train.py")),
    ("choose.py", include_str!("../../../../examples/elnino/choose.py")),
];
const REQUIREMENTS: &str = include_str!("../../../../examples/elnino/requirements.txt");

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
pub fn jobs(team: &Team, programs: &Path) -> Result<JobsSpec> {
    let requirements: Vec<&str> =
        REQUIREMENTS.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let program = |name: &str| json!(["python", programs.join(name)]);
    let job = |name: &str, command| {
        json!({
            "name": format!("elnino-{name}"),
            "pool": "research",
            "memory": "2GiB",
            "time_limit": "10m",
            "python": { "requirements": requirements },
            "env": { "HAINA_FAMILY": team.family },
            "labels": { "demo": "elnino" },
            "command": command,
        })
    };
    let mut prepare = job("prepare", program("prepare.py"));
    prepare["retries"] = json!(1);
    let mut train = job("train", program("train.py"));
    train["after"] = json!(["elnino-prepare"]);
    train["array"] = json!({ "count": SETTINGS });
    train["cards"] = json!(8);
    train["card_model"] = json!("ascend-910");
    let mut choose = job("choose", program("choose.py"));
    choose["after"] = json!(["elnino-train"]);
    Ok(serde_json::from_value(json!({ "jobs": [prepare, train, choose] }))?)
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
