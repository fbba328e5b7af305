//! The gang: what it trained, and where its tasks were.

use anyhow::{Context, Result, ensure};
use haina_api::Center;
use serde::Deserialize;

use super::follow::Followed;
use crate::language::say;
use crate::table::Table;

/// The last line that task 0 prints.
#[derive(Deserialize)]
pub struct Trained {
    /// Name and version.
    pub framework: String,
    /// The model.
    pub name: String,
    tasks: u32,
    steps: u32,
    digest: String,
    difference: f64,
    /// On the test years.
    pub rmse: f64,
    /// How much less than that of persistence, as a part of it.
    pub skill_vs_persistence: f64,
    /// The same for climatology.
    pub skill_vs_climatology: f64,
    rank_table: Vec<Rank>,
    start_seconds: f64,
    train_seconds: f64,
}

/// A line of the rank table.
#[derive(Deserialize)]
struct Rank {
    rank: u32,
    node: String,
    card: u8,
    address: String,
}

/// What task 0 said.
pub fn trained(gang: &Followed) -> Result<Trained> {
    let job = gang.jobs.last().context("a team has jobs")?;
    let log = gang.client.text(&format!("/api/v1/jobs/{}/logs?stream=stdout", job.id))?;
    let line = log.lines().last().context("task 0 prints a result")?;
    serde_json::from_str(line).with_context(|| format!("reading `{line}`"))
}

/// That it was one training.
pub fn proof(trained: &Trained) {
    let Trained { tasks, steps, digest, difference, framework, start_seconds, train_seconds, .. } = trained;
    let lines = say(
        [
            format!("{tasks} tasks, {framework}: started in {start_seconds} s, trained for {train_seconds} s."),
            format!("All {tasks} hold the same parameters after {steps} steps (sha256 {digest}…)."),
            format!("One process alone, on all months, forecasts the same to within {difference:.0e} °C."),
        ],
        [
            format!("{tasks} 个任务，{framework}：启动 {start_seconds} 秒，训练 {train_seconds} 秒。"),
            format!("{steps} 步之后，{tasks} 个任务的参数完全一致（sha256 {digest}…）。"),
            format!("单进程用全部月份训练，预报与之相差不超过 {difference:.0e} °C。"),
        ],
    );
    for line in lines {
        println!("  {line}");
    }
}

/// Which card of which ring each task got, as the rank table that the tasks were given has it.
pub fn placement(gang: &Followed, trained: &Trained) -> Result<()> {
    let job = gang.jobs.last().context("a team has jobs")?;
    let attempts = gang.attempts(&job.id)?;
    let attempt = attempts.last().context("it has run")?;
    let held: Vec<(&str, u8)> =
        attempt.nodes.iter().flat_map(|node| node.cards.iter().map(|card| (node.node.as_str(), card.index))).collect();
    let told: Vec<(&str, u8)> = trained.rank_table.iter().map(|rank| (rank.node.as_str(), rank.card)).collect();
    ensure!(held == told, "the rank table names other cards than the attempt holds: {told:?}, {held:?}");
    let center: Center = gang.client.get("/api/v1/center")?;
    let model = center.card_models.iter().find(|model| Some(&model.name) == job.card_model.as_ref());
    let ring = model.map_or(0, |model| model.ring).max(1);
    let mut table = Table::new(say(
        ["rank", "node", "ring", "card", "address (made up)"],
        ["序号", "节点", "环", "卡", "地址（虚拟）"],
    ));
    for rank in &trained.rank_table {
        let first = u32::from(rank.card) / ring * ring;
        table.row([
            rank.rank.to_string(),
            rank.node.clone(),
            say(format!("cards {first}-{}", first + ring - 1), format!("卡 {first}-{}", first + ring - 1)),
            rank.card.to_string(),
            rank.address.clone(),
        ]);
    }
    table.print();
    Ok(())
}
