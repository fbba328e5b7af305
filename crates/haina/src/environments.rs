//! `haina environments`.

use haina_api::{Environment, Page};
use serde_json::Value;

use crate::client::Client;
use crate::language::say;
use crate::print::{self, Format};
use crate::table::Table;

/// As many as tell them apart.
const DIGITS: usize = 12;

/// Options of `haina environments`.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    #[command(flatten)]
    format: Format,
}

/// Lists Python environments.
pub fn list(arguments: &Arguments, client: &Client) -> anyhow::Result<u8> {
    let page: Page<Value> = client.get("/api/v1/environments")?;
    if arguments.format.json {
        print::json(&page.items.into());
        return Ok(0);
    }
    let mut table = Table::new(say(
        ["ENVIRONMENT", "KEPT READY AS", "STATE", "SIZE", "LAST USE", "PACKAGES", "REASON"],
        ["运行环境", "预建名称", "状态", "大小", "最近使用", "软件包", "原因"],
    ))
    .expendable([5, 6, 1]);
    for item in page.items {
        let environment: Environment = print::read(item)?;
        let packages = match environment.packages_file {
            Some(kind) => serde_json::to_value(kind)?.as_str().unwrap_or_default().to_owned(),
            None => environment.requirements.join(" "),
        };
        table.row([
            environment.digest.unwrap_or_default().chars().take(DIGITS).collect(),
            environment.names.join(", "),
            environment.state,
            print::bytes(environment.size_bytes),
            environment.used.map(|used| used.to_string()).unwrap_or_default(),
            packages,
            environment.reason.and_then(|reason| reason.lines().last().map(str::to_owned)).unwrap_or_default(),
        ]);
    }
    table.print();
    Ok(0)
}
