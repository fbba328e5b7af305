//! `haina job logs`.

use std::io::{IsTerminal, Read, Write};
use std::time::Duration;

use crate::client::{Client, ClientError, escaped};
use crate::failed_task;
use crate::language::say;
use crate::print;
use crate::printable::Printable;

/// How long a center may be away while its output is followed.
const AWAY_MOST: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(500);

/// Options of `haina job logs`.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// `17`, or `17_3` for one element of an array
    id: String,
    /// Go on until the task ends, also where it has not begun
    #[arg(short, long)]
    follow: bool,
    /// What it wrote to standard error instead of standard output
    #[arg(long)]
    stderr: bool,
    /// The attempt's number, from 1; the last one's if absent
    #[arg(long, value_name = "N")]
    attempt: Option<u16>,
    /// The task's rank; that of the task that failed first if absent, else 0
    #[arg(long, visible_alias = "rank", value_name = "RANK")]
    task: Option<u32>,
    /// All tasks as one, each line behind its rank; with --follow as they write, else one task after the other
    #[arg(long, conflicts_with_all = ["task", "json"])]
    merged: bool,
    /// Only the last so many lines, with --merged of each task
    #[arg(long, value_name = "LINES")]
    tail: Option<u32>,
    /// Print one JSON document: the whole output as text
    #[arg(long, conflicts_with = "follow")]
    json: bool,
}

/// Prints what a task wrote: as it is, but to a terminal nothing that commands it. A center that comes back is followed
/// where it was left.
pub fn run(arguments: &Arguments, client: &Client) -> anyhow::Result<u8> {
    let stream = if arguments.stderr { "stderr" } else { "stdout" };
    let task = match arguments.task {
        Some(task) => task,
        None if arguments.merged => 0,
        None => task_of_interest(arguments, client)?,
    };
    let mut path = format!("/api/v1/jobs/{}/logs?stream={stream}", escaped(&arguments.id));
    path += &match arguments.merged {
        true => "&merged=true".to_owned(),
        false => format!("&task={task}"),
    };
    if let Some(attempt) = arguments.attempt {
        path += &format!("&attempt={attempt}");
    }
    let tail = arguments.tail.map(|lines| format!("&tail={lines}")).unwrap_or_default();
    if arguments.json {
        let text = client.text(&(path + &tail))?;
        print::json(&serde_json::json!({ "id": arguments.id, "stream": stream, "task": task, "text": text }));
        return Ok(0);
    }
    let mut output = std::io::stdout().lock();
    let mut printable = output.is_terminal().then(Printable::default);
    let mut offset = None;
    let mut away = Duration::ZERO;
    loop {
        let from = match offset {
            Some(offset) => format!("&offset={offset}"),
            None => tail.clone(),
        };
        let from = format!("{path}&follow={}{from}", arguments.follow);
        let outcome = client.output(&from).and_then(|(begin, pieces)| {
            away = Duration::ZERO;
            copy(pieces, &mut output, printable.as_mut(), offset.insert(begin), client.url())
        });
        // Of several tasks nobody can say where they were left.
        let may_go_on = arguments.follow && !(arguments.merged && offset.is_some());
        match outcome {
            Ok(()) => return Ok(0),
            Err(ClientError::Unreachable { .. }) if may_go_on && away < AWAY_MOST => {
                std::thread::sleep(PAUSE);
                away += PAUSE;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The task that failed first, where one did, and a word about it; else the first.
fn task_of_interest(arguments: &Arguments, client: &Client) -> anyhow::Result<u32> {
    let attempt = failed_task::attempt(client, &arguments.id, arguments.attempt)?;
    let Some(end) = attempt.and_then(|attempt| attempt.end) else { return Ok(0) };
    let Some(task) = &end.failed_task else { return Ok(0) };
    let sentence = failed_task::sentence(&end);
    let others = say("`--task RANK` shows another's output.", "`--task 序号` 可查看其他任务的输出。");
    let errors = say("`--stderr` shows its errors. ", "`--stderr` 可查看其错误输出。");
    eprintln!("{sentence}\n{}{others}", if arguments.stderr { "" } else { errors });
    Ok(task.rank)
}

fn copy(
    mut from: impl Read,
    to: &mut impl Write,
    mut printable: Option<&mut Printable>,
    offset: &mut u64,
    url: &str,
) -> Result<(), ClientError> {
    let mut piece = vec![0; 64 << 10];
    loop {
        let read = from.read(&mut piece);
        let length = read.map_err(|error| ClientError::Unreachable {
            url: url.to_owned(),
            reason: error.to_string(),
            was_connected: true,
        })?;
        if length == 0 {
            return Ok(());
        }
        *offset += length as u64;
        let written = match &mut printable {
            Some(printable) => to.write_all(&printable.filter(&piece[..length])),
            None => to.write_all(&piece[..length]),
        };
        if written.and_then(|()| to.flush()).is_err() {
            return Ok(());
        }
    }
}
