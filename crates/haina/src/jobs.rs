//! `haina jobs`.

use haina_api::Job;

use crate::client::{Client, escaped};
use crate::language::say;
use crate::print::{self, Format};
use crate::table::Table;

/// Rows of a table if nothing is said.
const ROWS: usize = 100;

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
    let (items, more) = client.list(&path, limit(arguments.limit, arguments.format, ROWS))?;
    if arguments.format.json {
        print::json(&items.into());
        print::more(more);
        return Ok(0);
    }
    let mut table = Table::new(say(
        ["ID", "NAME", "STATE", "ORGANIZATION", "USER", "NODES", "CARDS", "SUBMITTED"],
        ["编号", "名称", "状态", "单位", "用户", "节点", "卡", "提交时间"],
    ))
    .expendable([4, 5, 7, 3, 6]);
    for item in items {
        let job: Job = print::read(item)?;
        let name = match job.array {
            Some(array) => format!("{} [{}]", job.name, array.count),
            None => job.name,
        };
        let submitted = job.submitted.to_string();
        table.row([
            job.id,
            name,
            job.state.word().to_owned(),
            job.organization,
            job.user,
            job.nodes.to_string(),
            job.cards_total.to_string(),
            submitted.split('.').next().unwrap_or(&submitted).trim_end_matches('Z').to_owned() + "Z",
        ]);
    }
    table.print();
    print::more(more);
    Ok(0)
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
