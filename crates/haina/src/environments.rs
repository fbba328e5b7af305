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

/// Lists environments.
pub fn list(arguments: &Arguments, client: &Client) -> anyhow::Result<u8> {
    let page: Page<Value> = client.get("/api/v1/environments")?;
    if arguments.format.json {
        print::json(&page.items.into());
        return Ok(0);
    }
    let mut table = Table::new(say(
        ["ENVIRONMENT", "KEPT READY AS", "STATE", "SIZE", "LAST USE", "CONTENT", "REASON"],
        ["运行环境", "预建名称", "状态", "大小", "最近使用", "内容", "原因"],
    ))
    .expendable([5, 6, 1]);
    for item in page.items {
        let environment: Environment = print::read(item)?;
        let content = match (environment.image, environment.packages_file) {
            (Some(image), _) => with_digest(image, environment.image_digest),
            (None, Some(kind)) => serde_json::to_value(kind)?.as_str().unwrap_or_default().to_owned(),
            (None, None) => environment.requirements.join(" "),
        };
        table.row([
            environment.digest.unwrap_or_default().chars().take(DIGITS).collect(),
            environment.names.join(", "),
            environment.state,
            print::bytes(environment.size_bytes),
            environment.used.map(|used| used.to_string()).unwrap_or_default(),
            content,
            environment.reason.and_then(|reason| reason.lines().last().map(str::to_owned)).unwrap_or_default(),
        ]);
    }
    table.print();
    Ok(0)
}

/// An image, and the beginning of its digest unless the reference has it whole.
fn with_digest(image: String, digest: Option<String>) -> String {
    let hexadecimal = digest.as_deref().and_then(|digest| digest.strip_prefix("sha256:"));
    match hexadecimal {
        Some(digits) if !image.contains('@') => {
            format!("{image} ({})", digits.chars().take(DIGITS).collect::<String>())
        }
        _ => image,
    }
}
