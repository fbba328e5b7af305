//! The task of a gang that failed first, which is what people look for when a gang has failed.

use std::io::Read;

use anyhow::Result;
use haina_api::{Attempt, Ended, Job};
use haina_core::JobState;

use crate::client::{Client, escaped};
use crate::language::say;
use crate::printable::Printable;

/// Lines of its standard error that are shown where somebody waited for the job.
const LINES: usize = 20;
/// Bytes of them at most: a line may be long.
const LONGEST: u64 = 8 << 10;

/// How an attempt ended: `exit code 7`.
pub fn end(end: &Ended) -> String {
    match (end.exit_code, end.signal, &end.reason) {
        (Some(code), _, _) => say(format!("exit code {code}"), format!("退出码 {code}")),
        (_, Some(signal), _) => say(format!("signal {signal}"), format!("信号 {signal}")),
        (_, _, Some(reason)) => format!("{}: {}", end.how, reason.lines().next().unwrap_or_default()),
        _ => end.how.clone(),
    }
}

/// The same, and which task of a gang it was.
pub fn sentence(ended: &Ended) -> String {
    let how = end(ended);
    let Some(task) = &ended.failed_task else { return how };
    let (rank, tasks, node) = (task.rank, task.tasks, &task.node);
    say(
        format!("task {rank} of {tasks} (node {node}) failed first: {how}"),
        format!("首先失败的是任务 {rank}（共 {tasks} 个，节点 {node}）：{how}"),
    )
}

/// The attempt with this number, or the last one, if a task of it failed.
pub fn attempt(client: &Client, id: &str, number: Option<u16>) -> Result<Option<Attempt>> {
    let (attempts, _) = client.list(&format!("/api/v1/jobs/{}/attempts", escaped(id)), Some(1000))?;
    let mut attempts = attempts.into_iter().filter_map(|value| serde_json::from_value::<Attempt>(value).ok());
    let attempt = attempts.rfind(|attempt| number.is_none_or(|number| attempt.number == number));
    Ok(attempt.filter(|attempt| attempt.end.as_ref().is_some_and(|end| end.failed_task.is_some())))
}

/// Tells who waited for a gang that failed which task it was, and its last words.
pub fn tell(client: &Client, job: &Job) -> Result<()> {
    let is_gang = job.nodes.saturating_mul(job.tasks_per_node) > 1;
    if !is_gang || !matches!(job.state, JobState::Failed | JobState::Lost) || job.array.is_some() {
        return Ok(());
    }
    let Some(Attempt { end: Some(end), .. }) = attempt(client, &job.id, None)? else { return Ok(()) };
    let Some(task) = &end.failed_task else { return Ok(()) };
    let path = format!("/api/v1/jobs/{}/logs?stream=stderr&task={}&tail={LINES}", job.id, task.rank);
    let mut words = Vec::new();
    client.stream(&path, "text/plain", &[])?.take(LONGEST).read_to_end(&mut words)?;
    let words = Printable::default().filter(&words);
    eprintln!("{}", sentence(&end));
    for line in String::from_utf8_lossy(&words).lines() {
        eprintln!("  | {line}");
    }
    let (id, rank) = (&job.id, task.rank);
    eprintln!(
        "{}",
        say(
            format!("All that it wrote: haina job logs {id} --task {rank} [--stderr]"),
            format!("完整输出：haina job logs {id} --task {rank} [--stderr]"),
        )
    );
    Ok(())
}
