//! `haina job metrics`.

use haina_api::{CardMetrics, CardMetricsPoint, JobMetrics, MetricsPoint};
use serde_json::Value;

use crate::client::{Client, escaped};
use crate::language::say;
use crate::print::{self, Format};
use crate::table::Table;

/// Cells of a course.
const WIDTH: usize = 40;
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Options of `haina job metrics`.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// `17`, or `17_3` for one element of an array
    id: String,
    /// The attempt's number, from 1; the last one's if absent
    #[arg(long, value_name = "N")]
    attempt: Option<u16>,
    #[command(flatten)]
    format: Format,
}

/// Prints what an attempt used over time.
pub fn run(arguments: &Arguments, client: &Client) -> anyhow::Result<u8> {
    let mut path = format!("/api/v1/jobs/{}/metrics", escaped(&arguments.id));
    if let Some(attempt) = arguments.attempt {
        path += &format!("?attempt={attempt}");
    }
    let value: Value = client.get(&path)?;
    if arguments.format.json {
        print::json(&value);
        return Ok(0);
    }
    let metrics: JobMetrics = print::read(value)?;
    if metrics.nodes.iter().all(|node| node.points.is_empty()) {
        eprintln!(
            "{}",
            say("Nothing was measured: it has not run for some seconds.", "没有测量数据：运行时间不足数秒。")
        );
        return Ok(0);
    }
    let mut table = Table::new(say(
        ["NODE", "USE", "HOLDS", "MEAN", "PEAK", "RAN", "COURSE"],
        ["节点", "用量", "占有", "平均", "峰值", "时长", "变化"],
    ))
    .expendable([5, 2]);
    for node in &metrics.nodes {
        let ran = node.points.iter().map(|point| point.seconds).sum();
        let cores = |cores: f64| format!("{cores:.2}");
        let of_node = |holds, of: fn(&MetricsPoint) -> (f64, f64)| {
            let points = node.points.iter().map(|point| (point.seconds, of(point)));
            Course::of(Some(holds), points.collect())
        };
        let processors = of_node(node.cpus, |point| (point.cpus, point.cpus_peak));
        let memory =
            of_node(node.memory_bytes as f64, |point| (point.memory_bytes as f64, point.memory_peak_bytes as f64));
        table.row(processors.row(&node.node, "CPU", ran, cores));
        table.row(memory.row("", say("memory", "内存"), ran, |bytes| print::bytes(bytes as u64)));
        for card in &node.cards {
            card_rows(&mut table, card);
        }
    }
    table.print();
    let cards: Vec<&CardMetrics> = metrics.nodes.iter().flat_map(|node| &node.cards).collect();
    if let Some(told) = told_of_all(&cards) {
        println!("{told}");
    }
    Ok(0)
}

/// What was read of a card; quantities that its driver does not say have no row.
fn card_rows(table: &mut Table, card: &CardMetrics) {
    let is_healthy = |point: &CardMetricsPoint| point.health.as_deref().is_none_or(|health| health == "healthy");
    let mark = if card.points.iter().all(is_healthy) { "" } else { say(" (not well)", "（曾有异常）") };
    type Of = fn(&CardMetricsPoint) -> Option<(f64, f64)>;
    let ran: f64 = card.points.iter().map(|point| point.seconds).sum();
    let mut row = |what: &str, holds: Option<f64>, of: Of, show: fn(f64) -> String| {
        let what = format!("{} {}{mark} {what}", say("card", "卡"), card.index);
        let points: Vec<_> = card.points.iter().filter_map(|point| Some((point.seconds, of(point)?))).collect();
        if !points.is_empty() {
            table.row(Course::of(holds, points).row("", &what, ran, show));
        }
    };
    let load: Of = |point| point.utilization_percent.zip(point.utilization_percent_peak);
    let memory: Of = |point| Some((point.memory_bytes? as f64, point.memory_peak_bytes? as f64));
    let power: Of = |point| point.power_watts.zip(point.power_watts_peak);
    let temperature: Of = |point| point.temperature_celsius.zip(point.temperature_celsius_peak);
    row(say("load", "利用率"), Some(100.0 * card.held), load, |percent| format!("{percent:.0}%"));
    row(say("memory", "显存"), Some(card.memory_bytes as f64 * card.held), memory, |bytes| {
        print::bytes(bytes as u64)
    });
    row(say("power", "功耗"), None, power, |watts| format!("{watts:.0} W"));
    row(say("temperature", "温度"), None, temperature, |celsius| format!("{celsius:.0} °C"));
}

/// Mean load and energy of all cards, where they were read.
fn told_of_all(cards: &[&CardMetrics]) -> Option<String> {
    let loads: Vec<f64> = cards.iter().filter_map(|card| card.utilization_percent).collect();
    let energies: Vec<f64> = cards.iter().filter_map(|card| card.energy_joules).collect();
    let mut told = Vec::new();
    if !loads.is_empty() {
        let load = loads.iter().sum::<f64>() / loads.len() as f64;
        told.push(format!("{} {load:.0}%", say("mean load of its cards", "卡平均利用率")));
    }
    if !energies.is_empty() {
        let hours = energies.iter().sum::<f64>() / 3_600_000.0;
        told.push(format!("{} {hours:.3} kWh", say("energy that they drew", "卡耗电")));
    }
    (!told.is_empty()).then(|| told.join(say("; ", "；")))
}

/// One quantity over time.
struct Course {
    /// None where one does not hold it.
    holds: Option<f64>,
    mean: f64,
    peak: f64,
    line: String,
}

impl Course {
    /// `points` are lengths, each with a mean and a peak.
    fn of(holds: Option<f64>, points: Vec<(f64, (f64, f64))>) -> Course {
        let peak = points.iter().map(|(_, (_, peak))| *peak).fold(0.0, f64::max);
        let points: Vec<(f64, f64)> = points.into_iter().map(|(seconds, (mean, _))| (seconds, mean)).collect();
        let seconds: f64 = points.iter().map(|(seconds, _)| seconds).sum();
        let mean = points.iter().map(|(seconds, value)| seconds * value).sum::<f64>() / seconds.max(f64::MIN_POSITIVE);
        // What is full is what it holds; where it holds little or nothing, what it used at most.
        let line = line(&points, holds.unwrap_or(0.0).max(peak), WIDTH);
        Course { holds, mean, peak, line }
    }

    fn row(self, node: &str, what: &str, ran: f64, show: impl Fn(f64) -> String) -> [String; 7] {
        let holds = self.holds.map(&show).unwrap_or_default();
        [node.to_owned(), what.to_owned(), holds, show(self.mean), show(self.peak), print::length(ran), self.line]
    }
}

/// Values with their lengths as a line of at most `width` heights, of which the highest is `full`.
fn line(points: &[(f64, f64)], full: f64, width: usize) -> String {
    let cells = points.len().min(width);
    let cell = |cell: usize| {
        let of_it = &points[cell * points.len() / cells..(cell + 1) * points.len() / cells];
        let seconds: f64 = of_it.iter().map(|(seconds, _)| seconds).sum();
        let mean = of_it.iter().map(|(seconds, value)| seconds * value).sum::<f64>() / seconds.max(f64::MIN_POSITIVE);
        let height = (mean / full.max(f64::MIN_POSITIVE) * HEIGHTS.len() as f64).ceil() as usize;
        HEIGHTS[height.clamp(1, HEIGHTS.len()) - 1]
    };
    (0..cells).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_is_as_high_as_what_is_used_of_what_is_held() {
        let points = |values: &[f64]| values.iter().map(|value| (5.0, *value)).collect::<Vec<_>>();
        assert_eq!(line(&points(&[0.0, 1.0, 2.0, 3.0, 4.0]), 4.0, 40), "▁▂▄▆█");
        assert_eq!(line(&points(&[4.0; 100]), 8.0, 10), "▄▄▄▄▄▄▄▄▄▄");
        assert_eq!(line(&[(1.0, 8.0), (7.0, 0.0)], 8.0, 1), "▁", "long points weigh more");
        assert_eq!(line(&[], 8.0, 10), "");
        assert_eq!(line(&points(&[0.0]), 0.0, 10), "▁");
    }
}
