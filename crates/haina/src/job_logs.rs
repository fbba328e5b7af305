//! `haina job logs`.

use std::io::{IsTerminal, Read, Write};
use std::time::Duration;

use crate::client::{Client, ClientError, escaped};
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
    /// The task's rank
    #[arg(long, visible_alias = "rank", value_name = "RANK", default_value_t = 0)]
    task: u32,
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
    let mut path = format!("/api/v1/jobs/{}/logs?stream={stream}", escaped(&arguments.id));
    path += &match arguments.merged {
        true => "&merged=true".to_owned(),
        false => format!("&task={}", arguments.task),
    };
    if let Some(attempt) = arguments.attempt {
        path += &format!("&attempt={attempt}");
    }
    let tail = arguments.tail.map(|lines| format!("&tail={lines}")).unwrap_or_default();
    if arguments.json {
        let text = client.text(&(path + &tail))?;
        print::json(&serde_json::json!({ "id": arguments.id, "stream": stream, "task": arguments.task, "text": text }));
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
