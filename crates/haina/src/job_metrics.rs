//! `haina job metrics`.

use haina_api::{JobMetrics, MetricsPoint, NodeMetrics};
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
        let processors = Course::of(node, node.cpus, |point| (point.cpus, point.cpus_peak));
        let memory = Course::of(node, node.memory_bytes as f64, |point| {
            (point.memory_bytes as f64, point.memory_peak_bytes as f64)
        });
        table.row(processors.row(&node.node, "CPU", ran, cores));
        table.row(memory.row("", say("memory", "内存"), ran, |bytes| print::bytes(bytes as u64)));
    }
    table.print();
    Ok(0)
}

/// One quantity over time.
struct Course {
    holds: f64,
    mean: f64,
    peak: f64,
    line: String,
}

impl Course {
    /// `of` says a point's mean and peak.
    fn of(node: &NodeMetrics, holds: f64, of: impl Fn(&MetricsPoint) -> (f64, f64)) -> Course {
        let points: Vec<(f64, f64)> = node.points.iter().map(|point| (point.seconds, of(point).0)).collect();
        let seconds: f64 = points.iter().map(|(seconds, _)| seconds).sum();
        let peak = node.points.iter().map(|point| of(point).1).fold(0.0, f64::max);
        let mean = points.iter().map(|(seconds, value)| seconds * value).sum::<f64>() / seconds.max(f64::MIN_POSITIVE);
        // What is full is what it holds; where it holds little or nothing, what it used at most.
        let line = line(&points, holds.max(peak), WIDTH);
        Course { holds, mean, peak, line }
    }

    fn row(self, node: &str, what: &str, ran: f64, show: impl Fn(f64) -> String) -> [String; 7] {
        let [holds, mean, peak] = [self.holds, self.mean, self.peak].map(show);
        [node.to_owned(), what.to_owned(), holds, mean, peak, print::length(ran), self.line]
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
