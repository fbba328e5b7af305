//! `srun` inside a batch script: starts a command as the job's tasks, each on its node, and waits for them.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, PipeReader, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal};

use super::agent::{self, TERMINATE};
use super::file_names::{Values, expand};
use super::options::Fate::{Ignored, Refused, Used};
use super::options::Takes::{Maybe, Nothing, Value};
use super::options::{Fate, Given, Known, Takes};
use super::step::{Streams, Task, meeting_place};
use super::variables::{TaskPlace, Variables, job, nodes};
use super::{hosts, layout};
use crate::environment;

const HELD: Fate = Ignored("a step's tasks share what the job holds", "步骤的任务共用作业持有的资源");

const fn option(long: &'static str, short: Option<char>, takes: Takes, fate: Fate) -> Known {
    Known { long, short, takes, fate }
}

const KNOWN: &[Known] = &[
    option("chdir", Some('D'), Value, Used),
    option("cpus-per-task", Some('c'), Value, Used),
    option("error", Some('e'), Value, Used),
    option("export", None, Value, Used),
    option("input", Some('i'), Value, Used),
    option("kill-on-bad-exit", Some('K'), Maybe, Used),
    option("label", Some('l'), Nothing, Used),
    option("mpi", None, Value, Used),
    option("nodelist", Some('w'), Value, Used),
    option("nodes", Some('N'), Value, Used),
    option("ntasks", Some('n'), Value, Used),
    option("ntasks-per-node", None, Value, Used),
    option("output", Some('o'), Value, Used),
    option("account", Some('A'), Value, HELD),
    option("cpu-bind", None, Value, HELD),
    option("cpus-per-gpu", None, Value, HELD),
    option("distribution", Some('m'), Value, HELD),
    option("exact", None, Nothing, HELD),
    option("exclusive", None, Maybe, HELD),
    option("gpu-bind", None, Value, HELD),
    option("gpus", Some('G'), Value, HELD),
    option("gpus-per-node", None, Value, HELD),
    option("gpus-per-task", None, Value, HELD),
    option("gres", None, Value, HELD),
    option("hint", None, Value, HELD),
    option("immediate", Some('I'), Maybe, HELD),
    option("job-name", Some('J'), Value, HELD),
    option("jobid", None, Value, HELD),
    option("mem", None, Value, HELD),
    option("mem-bind", None, Value, HELD),
    option("mem-per-cpu", None, Value, HELD),
    option("mem-per-gpu", None, Value, HELD),
    option("ntasks-per-socket", None, Value, HELD),
    option("open-mode", None, Value, HELD),
    option("overcommit", Some('O'), Nothing, HELD),
    option("overlap", None, Nothing, HELD),
    option("partition", Some('p'), Value, HELD),
    option("quiet", Some('Q'), Nothing, HELD),
    option("threads-per-core", None, Value, HELD),
    option("time", Some('t'), Value, HELD),
    option("unbuffered", Some('u'), Nothing, HELD),
    option("verbose", Some('v'), Nothing, HELD),
    option("wait", Some('W'), Value, HELD),
    option(
        "multi-prog",
        None,
        Nothing,
        Refused("Start each program with an srun of its own.", "请为每个程序分别使用 srun。"),
    ),
    option(
        "pty",
        None,
        Maybe,
        Refused("`haina shell JOB` opens a terminal in a job.", "`haina shell 作业` 可在作业中打开终端。"),
    ),
];

/// What happens while a step runs.
enum Event {
    /// A task has ended; none where its node is gone.
    Ended { rank: u32, code: Option<u8> },
    /// The step is to end.
    Told,
}

/// How a task is reached.
enum Reach {
    Here(OwnedFd, Pid),
    There(UnixStream),
}

/// Runs a step; the highest exit code of its tasks.
pub fn run(words: &[String]) -> Result<u8> {
    let mut given = Given::default();
    let end = given.read(KNOWN, words)?;
    let command = &words[end..];
    if command.is_empty() {
        bail!("no command was given to execute");
    }
    let own = environment::all();
    if !own.contains_key("SLURM_JOB_ID") {
        bail!("this works inside of a job of `haina sbatch`");
    }
    if let Some(kind) = given.get("mpi").filter(|kind| *kind != "none") {
        bail!("--mpi={kind}: tasks get no process manager here; start MPI programs with mpirun");
    }
    let places = places(&given, &own)?;
    let (events, happened) = mpsc::channel();
    let told = events.clone();
    ctrlc::set_handler(move || _ = told.send(Event::Told))?;
    let mut copies = Vec::new();
    let mut reached = Vec::new();
    for (node, place) in &places {
        let streams = streams(&given, &own, place, &mut copies)?;
        let task = Task {
            command: command.to_vec(),
            directory: directory(&given)?,
            variables: variables(&given, &own),
            place: place.clone(),
        };
        reached.push(start(&task, *node, streams, &own, &events)?);
    }
    let code = wait(&given, reached.len(), &reached, &happened);
    copies.into_iter().for_each(|copy| _ = copy.join());
    Ok(code)
}

/// Each task's node in the job, and its place in the step.
fn places(given: &Given, own: &Variables) -> Result<Vec<(u32, TaskPlace)>> {
    let number = |name: &str| -> Result<Option<u32>> {
        let Some(text) = given.get(name) else { return Ok(None) };
        let text = text.split('-').next().unwrap_or_default();
        Ok(Some(
            text.parse().ok().filter(|count| *count > 0).with_context(|| format!("Invalid --{name} specification"))?,
        ))
    };
    let of_job = |name: &str| own.get(name).and_then(|text| text.parse::<u32>().ok()).unwrap_or(1).max(1);
    let all = nodes(own);
    let chosen: Vec<u32> = match given.get("nodelist") {
        None => (0..all.len() as u32).collect(),
        Some(list) => {
            let names = hosts::expand(list).with_context(|| format!("Invalid hostlist: {list}"))?;
            let place = |name: &String| all.iter().position(|node| node == name).map(|at| at as u32);
            let found = names.iter().map(|name| place(name).with_context(|| format!("{name} is no node of this job")));
            found.collect::<Result<_>>()?
        }
    };
    let per_node = number("ntasks-per-node")?;
    let nodes = number("nodes")?.unwrap_or(chosen.len() as u32);
    if nodes as usize > chosen.len() {
        bail!("the job has only {} node(s)", chosen.len());
    }
    let usual = match (given.get("nodelist"), given.get("nodes"), per_node) {
        (_, _, Some(per_node)) => per_node.saturating_mul(nodes),
        (None, None, None) => of_job("SLURM_NTASKS"),
        _ => nodes,
    };
    let tasks = number("ntasks")?.unwrap_or(usual);
    let most = of_job("SLURM_NTASKS").max(of_job("SLURM_CPUS_ON_NODE").saturating_mul(all.len() as u32));
    if tasks > most {
        bail!("Unable to create step: more processors requested than permitted ({tasks} tasks, at most {most})");
    }
    let nodes = nodes.min(tasks);
    let counts = layout::spread(tasks, nodes);
    let step = next_step(own)?;
    let names: Vec<&str> = chosen.iter().take(nodes as usize).map(|node| all[*node as usize].as_str()).collect();
    let names = names.join(",");
    let mut places = Vec::new();
    for (node, &count) in counts.iter().enumerate() {
        for local_rank in 0..count {
            let rank = places.len() as u32;
            let node_list = names.clone();
            let place =
                TaskPlace { rank, tasks, local_rank, local_tasks: count, node: node as u32, nodes, node_list, step };
            places.push((chosen[node], place));
        }
    }
    Ok(places)
}

/// The number of this step: each appends a byte to a file, and is where that byte is.
fn next_step(own: &Variables) -> Result<u32> {
    let Some(directory) = own.get("HAINA_STEPS") else { return Ok(0) };
    let mut steps = open(&format!("{directory}/steps"), OpenOptions::new().append(true).create(true))?;
    steps.write_all(b".")?;
    Ok(u32::try_from(steps.stream_position()?.saturating_sub(1)).unwrap_or(u32::MAX))
}

fn directory(given: &Given) -> Result<PathBuf> {
    let here = std::env::current_dir().context("the working directory")?;
    Ok(given.get("chdir").map_or_else(|| here.clone(), |path| here.join(path)))
}

fn variables(given: &Given, own: &Variables) -> Variables {
    let mut variables = match given.get("export") {
        Some(list) if !list.split(',').any(|word| word == "ALL") => own
            .iter()
            .filter(|(name, _)| {
                name.starts_with("SLURM_") || *name == "PATH" || list.split(',').any(|word| word == name.as_str())
            })
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        _ => own.clone(),
    };
    for (name, value) in
        given.get("export").into_iter().flat_map(|list| list.split(',')).filter_map(|word| word.split_once('='))
    {
        variables.insert(name.to_owned(), value.to_owned());
    }
    if let Some(cpus) = given.get("cpus-per-task") {
        variables.insert("SLURM_CPUS_PER_TASK".to_owned(), cpus.to_owned());
    }
    variables
}

/// What a task reads and writes. Only a task that is alone has the step's standard input.
fn streams(given: &Given, own: &Variables, place: &TaskPlace, copies: &mut Vec<JoinHandle<()>>) -> Result<Streams> {
    let names = Values {
        job: job(own),
        array_job: own.get("HAINA_JOB_ID").cloned().unwrap_or_default(),
        array_task: own.get("SLURM_ARRAY_TASK_ID").and_then(|task| task.parse().ok()),
        job_name: own.get("SLURM_JOB_NAME").cloned().unwrap_or_default(),
        user: own.get("USER").cloned().unwrap_or_default(),
        node_name: nodes(own).get(place.node as usize).cloned().unwrap_or_default(),
        node: place.node,
        task: place.rank,
        step: place.step.to_string(),
    };
    let input: OwnedFd = match given.get("input") {
        Some(pattern) => open(&expand(pattern, &names), OpenOptions::new().read(true))?.into(),
        None if place.tasks == 1 => io::stdin().as_fd().try_clone_to_owned()?,
        None => File::open("/dev/null")?.into(),
    };
    // Several tasks may write one file: each at its end, so that nothing is written over.
    let file = |pattern: &str| {
        let name = expand(pattern, &names);
        if place.rank == 0 || pattern.contains(['t', 'n', 'N']) && name != pattern {
            drop(open(&name, OpenOptions::new().write(true).create(true).truncate(true))?);
        }
        open(&name, OpenOptions::new().append(true).create(true)).map(OwnedFd::from)
    };
    let mut written = |own: OwnedFd, to: fn() -> Box<dyn Write + Send>| -> Result<OwnedFd> {
        if !given.has("label") {
            return Ok(own);
        }
        let (reader, writer) = io::pipe()?;
        let rank = place.rank;
        copies.push(std::thread::spawn(move || label(rank, reader, to())));
        Ok(writer.into())
    };
    let output = match given.get("output") {
        Some(pattern) => file(pattern)?,
        None => written(io::stdout().as_fd().try_clone_to_owned()?, || Box::new(io::stdout()))?,
    };
    let error = match (given.get("error"), given.get("output")) {
        (Some(pattern), _) => file(pattern)?,
        (None, Some(_)) => output.try_clone()?,
        (None, None) => written(io::stderr().as_fd().try_clone_to_owned()?, || Box::new(io::stderr()))?,
    };
    Ok([input, output, error])
}

fn open(name: &str, options: &OpenOptions) -> Result<File> {
    options.open(Path::new(name)).with_context(|| format!("could not open {name}"))
}

fn label(rank: u32, from: PipeReader, mut to: Box<dyn Write + Send>) {
    let mut line = Vec::new();
    let mut reader = BufReader::new(from);
    while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
        let mut labelled = format!("{rank}: ").into_bytes();
        labelled.append(&mut line);
        _ = to.write_all(&labelled).and_then(|()| to.flush());
    }
}

fn start(task: &Task, node: u32, streams: Streams, own: &Variables, events: &Sender<Event>) -> Result<Reach> {
    let (rank, events) = (task.place.rank, events.clone());
    if node == 0 {
        let program = &task.command[0];
        let mut child = task.start(streams).with_context(|| format!("execve(): {program}"))?;
        let handle = agent::handle(&child)?;
        let group = Pid::from_raw(child.id().cast_signed()).context("a process number")?;
        let reach = Reach::Here(handle.try_clone()?, group);
        std::thread::spawn(move || {
            let code = agent::finish(&mut child, handle.as_fd()).unwrap_or(1);
            events.send(Event::Ended { rank, code: Some(code) })
        });
        return Ok(reach);
    }
    let stream = agent::connect(&meeting_place(own)?, node, || true).context("the job's other nodes do not answer")?;
    agent::send(&stream, task, &streams).context("the job's other nodes do not answer")?;
    let reach = Reach::There(stream.try_clone()?);
    std::thread::spawn(move || events.send(Event::Ended { rank, code: agent::outcome(&stream) }));
    Ok(reach)
}

fn wait(given: &Given, mut left: usize, reached: &[Reach], happened: &mpsc::Receiver<Event>) -> u8 {
    let kills = given.get("kill-on-bad-exit").is_some_and(|value| value != "0");
    let mut worst = 0;
    while left > 0 {
        match happened.recv() {
            Ok(Event::Ended { rank, code }) => {
                left -= 1;
                let code = code.unwrap_or_else(|| {
                    eprintln!("srun: error: task {rank}: its node is gone");
                    1
                });
                if code != 0 && worst == 0 {
                    eprintln!("srun: error: task {rank}: Exited with exit code {code}");
                }
                worst = worst.max(code);
                if code != 0 && kills {
                    reached.iter().for_each(|reach| tell(reach, Signal::KILL));
                }
            }
            Ok(Event::Told) => reached.iter().for_each(|reach| tell(reach, Signal::TERM)),
            Err(_) => break,
        }
    }
    worst
}

fn tell(reach: &Reach, signal: Signal) {
    match reach {
        Reach::Here(handle, group) => agent::signal(handle.as_fd(), *group, signal),
        Reach::There(stream) if signal == Signal::TERM => _ = { stream }.write_all(&[TERMINATE]),
        // The agent ends what nobody waits for; what it then says is the task's end.
        Reach::There(stream) => _ = stream.shutdown(std::net::Shutdown::Write),
    }
}
