//! One frame of `haina top`. Pure.

use std::collections::BTreeMap;

use haina_api::Job;

use super::snapshot::Snapshot;
use crate::language::say;
use crate::print::length;
use crate::table::Table;
use crate::terminal::cut;

/// The lines, none wider than `width` where there is one; `trouble` says why they are old.
pub fn draw(seen: &Snapshot, width: Option<usize>, trouble: Option<&str>) -> Vec<String> {
    let center = &seen.center;
    let mut lines = vec![say(
        format!("{}  {}  {} jobs, {} attempts under way", center.name, seen.now, center.jobs, center.attempts),
        format!("{}  {}  作业 {}，正在运行 {}", center.name, seen.now, center.jobs, center.attempts),
    )];
    lines.extend(trouble.map(|why| say(format!("the center does not answer: {why}"), format!("中心无应答：{why}"))));
    let mut part = |title: String, table: Table| {
        lines.push(String::new());
        lines.push(title);
        lines.extend(table.text(width).lines().map(str::to_owned));
    };
    part(say("Pools", "资源池").to_owned(), pools(seen));
    part(say("Cards", "卡").to_owned(), models(seen));
    let more = if seen.has_more_running { "+" } else { "" };
    part(say("Running", "运行中").to_owned() + &format!(" ({}{more})", seen.running.len()), running(seen));
    let title = say(format!("Jobs of {}", seen.user.name), format!("{} 的作业", seen.user.name));
    part(title, own(seen));
    // Titles hold what people chose.
    lines.into_iter().map(|line| cut(&line, width.unwrap_or(usize::MAX))).collect()
}

fn pools(seen: &Snapshot) -> Table {
    let mut table = Table::new(say(
        ["POOL", "CARDS USED", "AVAILABLE", "INSTALLED", "WAITING JOBS", ""],
        ["资源池", "已用卡", "可用", "装机", "等待作业", ""],
    ))
    .expendable([5, 3]);
    for pool in &seen.center.pools {
        let waiting = seen.waiting.iter().filter(|job| job.pool == pool.name).count();
        let more = if seen.has_more_waiting { "+" } else { "" };
        table.row([
            pool.name.clone(),
            pool.cards_allocated.to_string(),
            pool.cards_available.to_string(),
            pool.cards_installed.to_string(),
            format!("{waiting}{more}"),
            bar(pool.cards_allocated, pool.cards_available),
        ]);
    }
    table
}

fn models(seen: &Snapshot) -> Table {
    let mut table = Table::new(say(["MODEL", "USED", "TOTAL", "NODES", ""], ["型号", "已用", "总数", "节点", ""]));
    let mut models: BTreeMap<String, (f64, u32, u32)> = BTreeMap::new();
    for node in seen.nodes.iter().filter(|node| node.cards > 0) {
        let model = node.card_model.clone().unwrap_or_default();
        let model = if node.simulated { model + say(" (simulated)", "（模拟）") } else { model };
        let (used, total, nodes) = models.entry(model).or_default();
        *used += node.cards_allocated;
        *total += node.cards;
        *nodes += 1;
    }
    for (model, (used, total, nodes)) in models {
        let bar = bar(used, total.into());
        table.row([model, round(used).to_string(), total.to_string(), nodes.to_string(), bar]);
    }
    table
}

/// Sums of parts of cards, without what adding them up left over.
fn round(cards: f64) -> f64 {
    (cards * 1000.0).round() / 1000.0
}

fn running(seen: &Snapshot) -> Table {
    let mut table = Table::new(say(
        ["ID", "NAME", "STATE", "ORGANIZATION", "CARDS", "RAN", "LIMIT", ""],
        ["编号", "名称", "状态", "单位", "卡", "已运行", "时限", ""],
    ))
    .expendable([7, 3, 2]);
    for (job, started) in &seen.running {
        let ran = started.map(|started| seen.now.seconds_since(started).max(0.0));
        table.row([
            job.id.clone(),
            name(job),
            job.state.word().to_owned(),
            job.organization.clone(),
            job.cards_total.to_string(),
            ran.map(length).unwrap_or_default(),
            length(job.time_limit_seconds),
            ran.map(|ran| bar(ran, job.time_limit_seconds)).unwrap_or_default(),
        ]);
    }
    table
}

fn own(seen: &Snapshot) -> Table {
    let mut table = Table::new(say(
        ["ID", "NAME", "STATE", "NODES", "CARDS", "SUBMITTED"],
        ["编号", "名称", "状态", "节点", "卡", "提交时间"],
    ))
    .expendable([3, 5]);
    for job in &seen.own {
        table.row([
            job.id.clone(),
            name(job),
            job.state.word().to_owned(),
            job.nodes.to_string(),
            job.cards_total.to_string(),
            job.submitted.to_string(),
        ]);
    }
    table
}

fn name(job: &Job) -> String {
    job.array.map_or_else(|| job.name.clone(), |array| format!("{} [{}]", job.name, array.count))
}

/// How much of a whole, in ten steps.
fn bar(part: f64, whole: f64) -> String {
    let full = if whole > 0.0 { (part / whole * 10.0).round().clamp(0.0, 10.0) as usize } else { 0 };
    format!("[{}{}]", "#".repeat(full), "·".repeat(10 - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_never_longer_than_they_are() {
        for (part, whole, expected) in [
            (0.0, 8.0, "[··········]"),
            (4.0, 8.0, "[#####·····]"),
            (9.0, 8.0, "[##########]"),
            (1.0, 0.0, "[··········]"),
        ] {
            assert_eq!(bar(part, whole), expected);
        }
    }
}
