//! `haina job`: one job.

use anyhow::Result;
use clap::Subcommand;
use haina_api::{Attempt, Event, Job, Why};
use serde_json::Value;

use crate::client::{Client, escaped};
use crate::failed_task::{end, sentence};
use crate::job_logs;
use crate::job_metrics;
use crate::job_why::{self, Clock};
use crate::language::{language, say};
use crate::print::{self, Format, line};
use crate::printable::Printable;
use crate::table::Table;

/// Attempts in a table.
const ATTEMPTS_OF_TABLE: usize = 50;
/// Attempts in JSON: an array may have hundreds of thousands, which one document should not hold.
const ATTEMPTS_OF_JSON: usize = 1000;

/// What to do with it.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Show the job and its attempts
    Show(OneJob),
    /// Print what it wrote
    Logs(job_logs::Arguments),
    /// Show what it used over time: processors and memory
    Metrics(job_metrics::Arguments),
    /// Say why it is where it is
    Why(OneJob),
    /// List what happened to it
    Events(OneJob),
    /// Cancel it, or one element of an array
    Cancel(OneJob),
}

/// Names a job.
#[derive(clap::Args, Debug)]
pub struct OneJob {
    /// `17`, or `17_3` for one element of an array
    id: String,
    #[command(flatten)]
    format: Format,
}

/// Runs the command.
pub fn run(command: Command, client: &Client) -> Result<u8> {
    match command {
        Command::Show(job) => show(&job, client),
        Command::Logs(arguments) => job_logs::run(&arguments, client),
        Command::Metrics(arguments) => job_metrics::run(&arguments, client),
        Command::Why(job) => why(&job, client),
        Command::Events(job) => events(&job, client),
        Command::Cancel(job) => cancel(&job, client),
    }
}

fn path(job: &OneJob, rest: &str) -> String {
    format!("/api/v1/jobs/{}{rest}", escaped(&job.id))
}

fn show(arguments: &OneJob, client: &Client) -> Result<u8> {
    let mut value: Value = client.get(&path(arguments, ""))?;
    let most = if arguments.format.json { ATTEMPTS_OF_JSON } else { ATTEMPTS_OF_TABLE };
    let (attempts, more) = client.list(&path(arguments, "/attempts"), Some(most))?;
    if arguments.format.json {
        // `attempts` is how many there are, as everywhere.
        value["attempt_list"] = attempts.into();
        print::json(&value);
        if more {
            eprintln!("{}", say("There are more attempts than these.", "还有更多运行未列出。"));
        }
        return Ok(0);
    }
    let attempts = attempts.into_iter().map(print::read).collect::<Result<Vec<Attempt>>>()?;
    describe(&print::read(value)?, &attempts);
    if attempts.is_empty() {
        return Ok(0);
    }
    println!();
    let mut table = Table::new(say(
        ["ATTEMPT", "STATE", "NODES", "CARDS", "PLACED", "RAN", "END", "CHARGED", "CPU", "MEMORY", "READ", "WRITTEN"],
        ["运行", "状态", "节点", "卡", "分配时间", "时长", "结果", "扣费", "CPU", "内存", "读取", "写入"],
    ))
    .expendable([11, 10, 4, 9, 8, 2, 3, 5]);
    let mut reason = None;
    for attempt in attempts {
        reason = attempt.end.as_ref().and_then(|end| end.reason.clone());
        table.row(attempt_row(attempt));
    }
    table.print();
    // What others say may take many lines, of which a table has no room for one.
    if let Some(reason) = reason.filter(|reason| reason.contains('\n')) {
        println!("\n{}", String::from_utf8_lossy(&Printable::default().filter(reason.as_bytes())));
    }
    if more {
        let id = &arguments.id;
        eprintln!(
            "{}",
            say(
                format!("There are more; `haina job show {id} --json` lists them."),
                format!("还有更多；`haina job show {id} --json` 可列出。"),
            )
        );
    }
    Ok(0)
}

fn attempt_row(attempt: Attempt) -> [String; 12] {
    let parts = attempt.nodes.iter().flat_map(|node| &node.cards);
    let cards: f64 = parts.map(|card| card.part).sum();
    // The sum of nothing is -0.
    let cards = (cards * 1000.0).round() / 1000.0 + 0.0;
    let ran = attempt.started.zip(attempt.ended).map(|(from, to)| print::length(to.seconds_since(from)));
    let nodes: Vec<String> = attempt.nodes.into_iter().map(|node| node.node).collect();
    let ended = attempt.end.as_ref().map(|ended| match &ended.failed_task {
        Some(task) => {
            let (how, rank) = (end(ended), task.rank);
            say(format!("{how} (task {rank})"), format!("{how}（任务 {rank}）"))
        }
        None => end(ended),
    });
    let used = attempt.end.as_ref().map(|end| {
        [
            print::length(end.cpu_seconds),
            print::bytes(end.memory_peak_bytes),
            print::bytes(end.read_bytes),
            print::bytes(end.written_bytes),
        ]
    });
    let [cpu, memory, read, written] = used.unwrap_or_default();
    [
        attempt.id,
        attempt.state.word().to_owned(),
        nodes.join(","),
        if attempt.simulated {
            say(format!("{cards} (simulated)"), format!("{cards}（模拟）"))
        } else {
            cards.to_string()
        },
        attempt.placed.to_string(),
        ran.unwrap_or_default(),
        ended.unwrap_or_default(),
        attempt.end.map(|end| end.charged.to_string()).unwrap_or_default(),
        cpu,
        memory,
        read,
        written,
    ]
}

fn describe(job: &Job, attempts: &[Attempt]) {
    line(say("Job", "作业"), format!("{} {}", job.id, job.name));
    line(say("State", "状态"), job.state.word());
    line(say("Organization", "单位"), format!("{} ({})", job.organization, job.user));
    if let Some(project) = &job.project {
        line(say("Project", "项目"), project);
    }
    let array = job.array.map(|array| match array.concurrency {
        Some(cap) => say(
            format!("{} elements, {cap} at once", array.count),
            format!("{} 个任务，最多同时 {cap} 个", array.count),
        ),
        None => say(format!("{} elements", array.count), format!("{} 个任务", array.count)),
    });
    line(say("Array", "数组"), array.unwrap_or_default());
    let model = job.card_model.as_deref().unwrap_or("");
    line(
        say("Asks for", "需求"),
        say(
            format!("{} node(s) in pool {}, each {} card(s) {model}", job.nodes, job.pool, job.cards),
            format!("资源池 {} 中 {} 个节点，每个 {} 张卡 {model}", job.pool, job.nodes, job.cards),
        )
        .trim_end()
        .to_owned()
            + &format!(", {} CPU, {}", job.cpus, print::bytes(job.memory_bytes)),
    );
    line(say("Time limit", "时限"), print::length(job.time_limit_seconds));
    if let Some(program) = &job.program {
        line(say("Runs", "程序"), program.command.join(" ").replace('\n', "; "));
        line(say("Packages", "软件包"), program.requirements.join(", "));
        line(say("Image", "镜像"), program.image.as_deref().unwrap_or_default());
        let ran = attempts.iter().rev().find_map(|attempt| attempt.image_digest.as_deref());
        line(say("Digest", "摘要"), ran.unwrap_or_default());
    }
    let after: Vec<String> = job.after.iter().map(|after| after.job.clone()).collect();
    line(say("After", "依赖"), after.join(", "));
    line(say("Submitted", "提交"), job.submitted);
    line(say("Ended", "结束"), job.ended.map(|at| at.to_string()).unwrap_or_default());
    if let Some(waiting) = &job.waiting {
        line(say("Waits", "等待"), job_why::text(waiting, &Clock::here(), language()));
    }
    if let Some(elements) = job.elements.filter(|_| job.array.is_some()) {
        let counts = format!(
            "{} succeeded, {} failed, {} cancelled, {} lost",
            elements.succeeded, elements.failed, elements.cancelled, elements.lost
        );
        line(say("Elements", "任务"), counts);
    }
    line(say("Exit code", "退出码"), job.exit_code.map(|code| code.to_string()).unwrap_or_default());
    let failed = attempts.last().filter(|_| job.array.is_none()).and_then(|attempt| attempt.end.as_ref());
    if let Some((end, task)) = failed.and_then(|end| Some((end, end.failed_task.as_ref()?))) {
        line(say("Why", "原因"), sentence(end));
        line("", format!("haina job logs {} --task {} --stderr", job.id, task.rank));
    }
    line(say("Card-hours", "卡时"), job.card_hours.as_deref().unwrap_or(""));
    line(say("Charged", "扣费"), print::amount(&job.charged));
}

fn why(arguments: &OneJob, client: &Client) -> Result<u8> {
    let value: Value = client.get(&path(arguments, "/why"))?;
    if arguments.format.json {
        print::json(&value);
        return Ok(0);
    }
    let why: Why = print::read(value)?;
    let text = why.waiting.as_ref().map_or(why.sentence, |waiting| job_why::text(waiting, &Clock::here(), language()));
    println!("{} ({}): {text}", why.id, why.state.word());
    Ok(0)
}

fn events(arguments: &OneJob, client: &Client) -> Result<u8> {
    let (items, _) = client.list(&path(arguments, "/events"), None)?;
    if arguments.format.json {
        print::json(&items.into());
        return Ok(0);
    }
    for item in items {
        let event: Event = print::read(item)?;
        println!("{}  {}", event.at, event.sentence);
    }
    Ok(0)
}

fn cancel(arguments: &OneJob, client: &Client) -> Result<u8> {
    let value: Value = client.post(&path(arguments, "/cancel"), &Value::Null)?;
    if arguments.format.json {
        print::json(&value);
        return Ok(0);
    }
    let job: Job = print::read(value)?;
    println!("{} {}: {}", job.id, job.name, job.state.word());
    Ok(0)
}
