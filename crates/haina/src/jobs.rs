//! `haina jobs`.

use haina_api::{Job, Moment};

use crate::client::{Client, escaped};
use crate::language::say;
use crate::print::{self, Format};
use crate::table::Table;

/// Rows of a table if nothing is said.
const ROWS: usize = 100;

/// Waiting jobs whose starts are asked for, to put them in order.
const READ_FOR_STARTS: usize = 10_000;

/// Options of `haina jobs`.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Also jobs that have ended
    #[arg(long)]
    all: bool,
    /// Only jobs in these states, separated by commas
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only jobs of this organization
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// Only jobs of this user
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only waiting jobs, with when each will probably start, and in that order; of more than 10,000 the newest
    #[arg(long, conflicts_with_all = ["all", "state"])]
    start: bool,
    /// At most so many; 0 for all. Tables have 100 rows if nothing is said, JSON has all
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    format: Format,
}

/// Lists jobs.
pub fn run(arguments: &Arguments, client: &Client) -> anyhow::Result<u8> {
    let mut path = format!("/api/v1/jobs?all={}", arguments.all);
    for (name, value) in
        [("state", &arguments.state), ("organization", &arguments.organization), ("user", &arguments.user)]
    {
        if let Some(value) = value {
            path += &format!("&{name}={}", escaped(value));
        }
    }
    if arguments.start {
        path += "&state=waiting&estimates=true";
    }
    let shown = limit(arguments.limit, arguments.format, ROWS);
    let (mut items, mut more) = client.list(&path, if arguments.start { Some(READ_FOR_STARTS) } else { shown })?;
    if arguments.start {
        items.sort_by_key(|item| {
            let start = item["estimated_start"].as_str().map(|start| start.trim_end_matches('Z').to_owned());
            (start.is_none(), start)
        });
        let kept = shown.unwrap_or(items.len());
        more |= items.len() > kept;
        items.truncate(kept);
    }
    if arguments.format.json {
        print::json(&items.into());
        print::more(more);
        return Ok(0);
    }
    let (last, last_zh) = if arguments.start { ("STARTS", "预计开始") } else { ("SUBMITTED", "提交时间") };
    let mut table = Table::new(say(
        ["ID", "NAME", "STATE", "ORGANIZATION", "USER", "NODES", "CARDS", last],
        ["编号", "名称", "状态", "单位", "用户", "节点", "卡", last_zh],
    ))
    .expendable(if arguments.start { [2, 4, 5, 3, 6] } else { [4, 5, 7, 3, 6] });
    for item in items {
        let job: Job = print::read(item)?;
        let name = match job.array {
            Some(array) => format!("{} [{}]", job.name, array.count),
            None => job.name,
        };
        let last = match (arguments.start, job.estimated_start) {
            (false, _) => second(job.submitted),
            (true, None) => "–".to_owned(),
            (true, Some(start)) => {
                let least = if job.estimated_start_is_least == Some(true) { "≥ " } else { "" };
                format!("{least}{}", second(start))
            }
        };
        table.row([
            job.id,
            name,
            job.state.word().to_owned(),
            job.organization,
            job.user,
            job.nodes.to_string(),
            job.cards_total.to_string(),
            last,
        ]);
    }
    table.print();
    print::more(more);
    Ok(0)
}

/// To the second.
pub fn second(moment: Moment) -> String {
    let text = moment.to_string();
    text.split('.').next().unwrap_or(&text).trim_end_matches('Z').to_owned() + "Z"
}

/// How many things are read: what was asked for; else all for JSON, and so many rows for people.
pub fn limit(asked: Option<usize>, format: Format, rows: usize) -> Option<usize> {
    match asked {
        Some(0) => None,
        Some(limit) => Some(limit),
        None if format.json => None,
        None => Some(rows),
    }
}
