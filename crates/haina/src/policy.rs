//! `haina policy`.

use anyhow::Context;
use haina_api::{PolicyRequest, PolicyState, PriorityWeightsSpec};
use serde_json::{Map, Value};

use crate::client::Client;
use crate::language::say;
use crate::print::{self, Format, line};

/// Options of `haina policy`.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Schedule by this policy from now on: fair, fair-tree, multifactor, throughput, teaching,
    /// deadline, easy, conservative, fifo, fifo-skip
    name: Option<String>,
    /// For multifactor, what each factor is worth: age=1000,size=1000,fair_share=10000,priority=10000,max_age=7d; what is
    /// absent is as here
    #[arg(long, value_name = "FACTOR=POINTS,…", requires = "name")]
    weights: Option<String>,
    #[command(flatten)]
    format: Format,
}

/// Shows the policy, or changes it.
pub fn run(arguments: &Arguments, client: &Client) -> anyhow::Result<u8> {
    let answer: Value = match &arguments.name {
        None => client.get("/api/v1/policy")?,
        Some(name) => {
            let weights = arguments.weights.as_deref().map(read_weights).transpose()?;
            client.put("/api/v1/policy", &PolicyRequest { policy: name.clone(), weights })?
        }
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
    if let Some(weights) = policy.weights {
        line(say("Weights", "权重"), show_weights(&weights)?);
    }
    line(say("Others", "可选策略"), policy.names.join(", "));
    Ok(0)
}

/// `age=1000,max_age=7d`. What no factor may be worth is the center's to say.
fn read_weights(text: &str) -> anyhow::Result<PriorityWeightsSpec> {
    let mut weights = Map::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let expected = || say("expected FACTOR=POINTS,…", "应为 因素=分值,…");
        let (factor, points) = part.split_once('=').with_context(expected)?;
        let points = points.parse::<i64>().map_or_else(|_| Value::from(points), Value::from);
        weights.insert(factor.to_owned(), points);
    }
    Ok(serde_json::from_value(weights.into())?)
}

fn show_weights(weights: &PriorityWeightsSpec) -> anyhow::Result<String> {
    let Value::Object(weights) = serde_json::to_value(weights)? else { unreachable!("weights have names") };
    let shown = weights.iter().map(|(factor, points)| match (factor.as_str(), points.as_f64()) {
        ("max_age", Some(seconds)) => format!("max_age={}", print::length(seconds)),
        _ => format!("{factor}={points}"),
    });
    Ok(shown.collect::<Vec<_>>().join(", "))
}
