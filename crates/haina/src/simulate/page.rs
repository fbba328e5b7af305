//! The report: one page that needs nothing else, for screens of any width, light or dark, and for paper.

use std::fmt::Write;

use super::chart::{self, Series, Ticks, escaped, round_scale};
use super::input::Input;
use super::{Result, figures, palette};
use crate::language::say;

/// The page.
pub fn page(input: &Input, results: &[Result]) -> String {
    let title = say("Simulation", "模拟");
    let mut body = format!("<h1>{title}: {}</h1><p>{}</p>", escaped(&input.name), escaped(&figures::about(input)));
    let notes = figures::complaints(input).into_iter();
    let notes = notes.chain(results.iter().filter(|result| result.measures.refused > 0).map(figures::refused));
    let notes: String = notes.map(|note| format!("<li>{}</li>", escaped(&note))).collect();
    if !notes.is_empty() {
        _ = write!(body, "<ul>{notes}</ul>");
    }
    body += &table(results);
    body += "<div class=\"charts\">";
    body += &utilisation(results);
    body += &waits(results);
    body += &queue(results);
    for result in results.iter().filter(|result| result.timeline.organizations.len() > 1) {
        body += &shares(result, results.len() > 1);
    }
    body += "</div>";
    _ = write!(body, "<footer>{}</footer>", escaped(figures::legend()));
    let language = say("en", "zh-CN");
    format!(
        "<!doctype html>\n<html lang=\"{language}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title}: {}</title><style>{}</style></head>\n<body><main>{body}</main></body></html>\n",
        escaped(&input.name),
        palette::STYLE
    )
}

fn table(results: &[Result]) -> String {
    let headers = say(
        ["Policy", "Completion", "Wait", "P50", "P95", "P99", "Longest", "Slowdown", "Utilisation", "Idle", "Fairness"],
        ["策略", "平均完成", "平均等待", "P50", "P95", "P99", "最长", "减速比", "利用率", "空闲", "公平性"],
    );
    let headers: String = headers.iter().map(|header| format!("<th>{header}</th>")).collect();
    let rows: String = results
        .iter()
        .map(|result| {
            let cells: String = figures::row(result).iter().map(|cell| format!("<td>{}</td>", escaped(cell))).collect();
            format!("<tr>{cells}</tr>")
        })
        .collect();
    format!("<div class=\"scroll\"><table><thead><tr>{headers}</tr></thead><tbody>{rows}</tbody></table></div>")
}

fn figure(title: &str, about: &str, chart: &str) -> String {
    format!("<figure><h2>{}</h2><p>{}</p>{chart}</figure>", escaped(title), escaped(about))
}

/// The longest of the policies in days, which is the end of the scale, with ticks.
fn days(results: &[Result]) -> (f64, Ticks) {
    let ends = results.iter().map(|result| result.timeline.stretch_ms * result.timeline.held.len() as u64);
    let end = ends.max().unwrap_or(0).max(1) as f64 / 86_400_000.0;
    let unit = say("d", "天");
    let (scale, ticks) = round_scale(end, |value| format!("{} {unit}", plain(value)));
    (end, ticks.into_iter().map(|(at, text)| (at * scale / end, text)).filter(|(at, _)| *at <= 1.0).collect())
}

/// A row over time, scaled.
fn over_time(name: &str, stretch_ms: u64, values: &[u64], days: f64, most: f64) -> Series {
    let at = |index: usize| (index as f64 + 0.5) * stretch_ms as f64 / 86_400_000.0 / days;
    let points = values.iter().enumerate().map(|(index, value)| (at(index), *value as f64 / 1000.0 / most));
    Series { name: name.to_owned(), points: points.collect() }
}

fn utilisation(results: &[Result]) -> String {
    let (end, right) = days(results);
    let up = (0..=4).map(|quarter| (f64::from(quarter) / 4.0, format!("{} %", quarter * 25))).collect();
    let series: Vec<Series> = results
        .iter()
        .map(|result| {
            let timeline = &result.timeline;
            over_time(&result.policy, timeline.stretch_ms, &timeline.held, end, f64::from(result.cards))
        })
        .collect();
    figure(
        say("Cards held", "已分配的卡"),
        say("Of all cards, over time", "占全部卡的比例，随时间变化"),
        &chart::lines(&right, &up, &series),
    )
}

fn queue(results: &[Result]) -> String {
    let (end, right) = days(results);
    let most = results.iter().flat_map(|result| &result.timeline.waiting).max().copied().unwrap_or(0);
    let (most, up) = round_scale(most as f64 / 1000.0, plain);
    let series: Vec<Series> = results
        .iter()
        .map(|result| {
            let timeline = &result.timeline;
            over_time(&result.policy, timeline.stretch_ms, &timeline.waiting, end, most)
        })
        .collect();
    figure(
        say("Jobs waiting", "等待的作业"),
        say("How many, over time", "数量，随时间变化"),
        &chart::lines(&right, &up, &series),
    )
}

/// How many percent of the jobs waited at most so long; the time is logarithmic.
fn waits(results: &[Result]) -> String {
    let ticks = [(1.0, "1 s", "1 秒"), (60.0, "1 min", "1 分"), (3600.0, "1 h", "1 时"), (86_400.0, "1 d", "1 天")];
    let ticks = ticks.into_iter().chain([(864_000.0, "10 d", "10 天"), (8_640_000.0, "100 d", "100 天")]);
    let longest = results.iter().map(|result| result.measures.wait_ms.most).max().unwrap_or(0) as f64 / 1000.0;
    let ticks: Vec<_> = ticks.collect();
    let end = ticks.iter().map(|tick| tick.0).find(|tick| *tick >= longest).unwrap_or(longest);
    let place = |seconds: f64| (seconds.max(1.0).ln() / end.max(2.0).ln()).min(1.0);
    let right = ticks
        .iter()
        .filter(|tick| tick.0 <= end)
        .map(|tick| match tick.0 {
            1.0 => (0.0, format!("≤ {}", say(tick.1, tick.2))),
            seconds => (place(seconds), say(tick.1, tick.2).to_owned()),
        })
        .collect();
    let up = (0..=4).map(|quarter| (f64::from(quarter) / 4.0, format!("{} %", quarter * 25))).collect();
    let series: Vec<Series> = results
        .iter()
        .map(|result| {
            let waits = &result.timeline.wait_percentiles_ms;
            let points = waits.iter().enumerate();
            let points = points.map(|(percent, ms)| (place(*ms as f64 / 1000.0), percent as f64 / 100.0));
            Series { name: result.policy.clone(), points: points.collect() }
        })
        .collect();
    figure(
        say("Waits", "等待时间"),
        say("Jobs that waited at most so long", "等待不超过该时间的作业比例"),
        &chart::lines(&right, &up, &series),
    )
}

fn shares(result: &Result, named: bool) -> String {
    let timeline = &result.timeline;
    let (end, right) = days(std::slice::from_ref(result));
    let up = (0..=4).map(|quarter| (f64::from(quarter) / 4.0, format!("{} %", quarter * 25))).collect();
    let series: Vec<Series> = timeline
        .organizations
        .iter()
        .map(|(name, held)| {
            let name = name.as_deref().unwrap_or(say("others", "其他"));
            over_time(name, timeline.stretch_ms, held, end, f64::from(result.cards))
        })
        .collect();
    let title = say("Cards held by organization", "各单位已分配的卡");
    let title = if named { format!("{title}: {}", result.policy) } else { title.to_owned() };
    let about = say("Of all cards, over time", "占全部卡的比例，随时间变化");
    figure(&title, about, &chart::areas(&right, &up, &series))
}

/// A number of a scale without needless decimals.
fn plain(value: f64) -> String {
    if value >= 1000.0 {
        figures::grouped(value.round() as u64)
    } else {
        format!("{}", (value * 100.0).round() / 100.0)
    }
}
