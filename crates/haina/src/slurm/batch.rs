//! A batch script inside its job: runs once, on the first node, as Slurm's does.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::agent;
use super::file_names::{Values, expand};
use super::step::{exit_code, meeting_place};
use super::tee::{self, Output};
use super::variables::{Variables, array_task, job, nodes, of_script};
use crate::environment;

/// What `haina sbatch` hands over to the job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Batch {
    /// Tasks of a step, if it does not say.
    pub tasks: u32,
    /// `--ntasks-per-node`.
    pub tasks_per_node: Option<u32>,
    /// `--cpus-per-task`.
    pub cpus_per_task: Option<u32>,
    /// Processors on each node.
    pub cpus_on_node: u32,
    /// Memory on each node.
    pub memory_mib: u64,
    /// The array's indices; empty if it is none.
    pub array: Vec<u32>,
    /// `--output`.
    pub output: Option<String>,
    /// `--error`.
    pub error: Option<String>,
    /// `--input`.
    pub input: Option<String>,
    /// Whether files are written on at their end.
    pub append: bool,
    /// The pool, if it is known.
    pub partition: Option<String>,
    /// Whether it was told where to start.
    pub chdir: bool,
    /// Where it was submitted.
    pub submit_directory: String,
    /// On which machine.
    pub submit_host: String,
}

/// Whether this process was told to stop. The script was too.
static IS_TOLD: AtomicBool = AtomicBool::new(false);

/// Runs the job: `words` are the [`Batch`], the script, and its arguments.
pub fn run(words: &[String]) -> Result<u8> {
    let [batch, script, arguments @ ..] = words else { bail!("called without a script") };
    let mut batch: Batch = serde_json::from_str(batch).context("the batch job cannot be read")?;
    let own = environment::all();
    let node: u32 = own.get("HAINA_RANK").and_then(|rank| rank.parse().ok()).unwrap_or(0);
    if node > 0 {
        return agent::serve(&meeting_place(&own)?, node).context("waiting for srun");
    }
    // The script is told to stop as this is, and may take its time; a handler is not inherited.
    ctrlc::set_handler(|| IS_TOLD.store(true, Ordering::Relaxed))?;
    settle(&mut batch)?;
    let tools = Tools::make(script, &own)?;
    let mut variables = of_script(&batch, &own);
    let path = variables.get("PATH").map_or_else(String::new, |path| format!(":{path}"));
    variables.insert("PATH".to_owned(), format!("{}{path}", tools.directory.display()));
    variables.insert("HAINA_STEPS".to_owned(), tools.directory.display().to_string());
    let code = run_script(&batch, &variables, &tools, arguments)?;
    drop(tools);
    match code {
        0 => end_agents(&own)?,
        // The engine ends the other nodes.
        _ if nodes(&own).len() > 1 => agent::leave(&meeting_place(&own)?),
        _ => {}
    }
    Ok(code)
}

/// Goes where the job was submitted, if the job sees that place and was not sent elsewhere. What it does not see, scripts
/// cannot go back to either: then the place where they start is the one.
fn settle(batch: &mut Batch) -> Result<()> {
    let asked = Path::new(&batch.submit_directory);
    let is_seen = is_shown(asked) && (batch.chdir || std::env::set_current_dir(asked).is_ok());
    if !is_seen {
        let here = std::env::current_dir()?.display().to_string();
        if !batch.chdir {
            eprintln!("sbatch: the job does not see {}; it starts in {here}", batch.submit_directory);
        }
        batch.submit_directory = here;
    }
    Ok(())
}

/// Whether there is such a directory, and not only because a sandbox made it, empty, on the way to what it shows.
fn is_shown(place: &Path) -> bool {
    /// The kernel's number for file systems in memory, of which a sandbox's root is one.
    const TMPFS: i64 = 0x0102_1994;
    let root = Path::new("/");
    let device = |path: &Path| std::fs::metadata(path).map(|found| found.dev()).ok();
    let is_sandbox = rustix::fs::statfs(root).is_ok_and(|found| found.f_type == TMPFS);
    place.is_dir() && !(is_sandbox && device(place) == device(root))
}

fn run_script(batch: &Batch, variables: &Variables, tools: &Tools, arguments: &[String]) -> Result<u8> {
    let values = values(batch, variables);
    let input = match &batch.input {
        Some(pattern) => Stdio::from(opened(&expand(pattern, &values), OpenOptions::new().read(true))?),
        None => Stdio::null(),
    };
    let default = if batch.array.is_empty() { "slurm-%j.out" } else { "slurm-%A_%a.out" };
    let output = expand(batch.output.as_deref().unwrap_or(default), &values);
    let error = batch.error.as_deref().map(|pattern| expand(pattern, &values)).filter(|name| *name != output);
    let write = |name: &str, is_asked_for: bool| {
        let mut options = OpenOptions::new();
        options.write(true).create(true).append(batch.append).truncate(!batch.append);
        match opened(name, &options) {
            Ok(file) => Ok(Some(file)),
            Err(error) if is_asked_for => Err(error),
            Err(error) => {
                eprintln!("sbatch: {error:#}; `haina job logs` has the output");
                Ok(None)
            }
        }
    };
    let mut outputs = Vec::new();
    let (pipe, stdout) = io::pipe()?;
    outputs.push(Output { pipe, file: write(&output, batch.output.is_some())?, log: Box::new(io::stdout()) });
    let stderr = match &error {
        None => stdout.try_clone()?,
        Some(name) => {
            let (pipe, stderr) = io::pipe()?;
            outputs.push(Output { pipe, file: write(name, true)?, log: Box::new(io::stderr()) });
            stderr
        }
    };
    let mut command = Command::new(&tools.script);
    command.args(arguments).env_clear().envs(variables).stdin(input).stdout(stdout).stderr(stderr);
    let spawned = command.spawn();
    // Its copies of the pipes' ends go with it.
    drop(command);
    let mut child = spawned.with_context(|| {
        let first = fs::read_to_string(&tools.script).unwrap_or_default();
        format!("the script cannot be run ({})", first.lines().next().unwrap_or_default())
    })?;
    Ok(exit_code(tee::run(&mut child, outputs)?))
}

fn opened(name: &str, options: &OpenOptions) -> Result<File> {
    options.open(name).with_context(|| format!("could not open {name}"))
}

fn values(batch: &Batch, variables: &Variables) -> Values {
    let text = |name: &str| variables.get(name).cloned().unwrap_or_default();
    Values {
        job: job(variables),
        array_job: text("HAINA_JOB_ID"),
        array_task: array_task(batch, variables),
        job_name: text("HAINA_JOB_NAME"),
        user: text("USER"),
        node_name: text("HAINA_NODE"),
        node: 0,
        task: 0,
        step: "batch".to_owned(),
    }
}

/// Tells the other nodes that the script has ended well; without that they would wait for ever.
fn end_agents(own: &Variables) -> Result<()> {
    let count = nodes(own).len() as u32;
    if count < 2 {
        return Ok(());
    }
    let place = meeting_place(own)?;
    for node in 1..count {
        let stream = agent::connect(&place, node, || !IS_TOLD.load(Ordering::Relaxed))?;
        agent::end(stream)?;
    }
    agent::leave(&place);
    Ok(())
}

/// The script as a file, and what it finds in its path.
struct Tools {
    directory: PathBuf,
    script: PathBuf,
}

impl Tools {
    fn make(script: &str, own: &Variables) -> Result<Tools> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
        let directory = std::env::temp_dir().join(format!("slurm-{:016x}", u64::from_ne_bytes(random)));
        DirBuilder::new().mode(0o700).create(&directory).with_context(|| directory.display().to_string())?;
        let tools = Tools { script: directory.join("slurm_script"), directory };
        let program = own.get("HAINA_PROGRAM").context("HAINA_PROGRAM is not set")?;
        for name in ["srun", "scontrol"] {
            symlink(program, tools.directory.join(name))?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o700).open(&tools.script)?;
        file.write_all(script.as_bytes())?;
        Ok(tools)
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.directory);
    }
}
