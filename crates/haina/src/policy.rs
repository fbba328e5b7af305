//! `haina policy`.

use haina_api::{PolicyRequest, PolicyState};
use serde_json::Value;

use crate::client::Client;
use crate::language::say;
use crate::print::{self, Format, line};

/// Options of `haina policy`.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Schedule by this policy from now on: fair, fair-tree, throughput, teaching, fifo, fifo-skip, easy, deadline
    name: Option<String>,
    #[command(flatten)]
    format: Format,
}

/// Shows the policy, or changes it.
pub fn run(arguments: &Arguments, client: &Client) -> anyhow::Result<u8> {
    let answer: Value = match &arguments.name {
        None => client.get("/api/v1/policy")?,
        Some(name) => client.put("/api/v1/policy", &PolicyRequest { policy: name.clone() })?,
    };
    if arguments.format.json {
        print::json(&answer);
        return Ok(0);
    }
    let policy: PolicyState = print::read(answer)?;
    line(say("Policy", "调度策略"), policy.policy.as_deref().unwrap_or("-"));
    line(say("Order", "排序"), policy.order);
    line(say("Backfill", "回填"), policy.backfill);
    line(say("Placement", "放置"), policy.placement);
    line(say("Others", "可选策略"), policy.names.join(", "));
    Ok(0)
}
