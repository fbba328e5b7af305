//! `haina account statement`: a month as a table, as CSV, or as a page to print.

use std::fmt::Write;

use anyhow::{Context, Result};
use haina_api::{Statement, StatementAccount};
use serde_json::Value;

use crate::language::say;
use crate::print::{self, line};
use crate::table::Table;

/// Options of the command.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The organization; your own if absent
    pub organization: Option<String>,
    /// Which month: `2026-11`; this one if absent
    #[arg(long)]
    pub month: Option<String>,
    /// The work of this project only
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    /// The work of this user only
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Print the work as comma-separated values
    #[arg(long, conflicts_with_all = ["json", "html"])]
    csv: bool,
    /// Write a page to print
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    html: Option<std::path::PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Prints or writes it.
pub fn show(value: Value, arguments: &Arguments) -> Result<u8> {
    let mut statement: Statement = print::read(value)?;
    if let Some(project) = &arguments.project {
        statement.work.retain(|work| work.project.as_ref() == Some(project));
    }
    if let Some(user) = &arguments.user {
        statement.work.retain(|work| work.user == *user);
    }
    if arguments.json {
        print::json(&serde_json::to_value(&statement)?);
    } else if arguments.csv {
        print!("{}", csv(&statement));
    } else if let Some(path) = &arguments.html {
        let is_part = arguments.project.is_some() || arguments.user.is_some();
        std::fs::write(path, page(&statement, is_part)).with_context(|| path.display().to_string())?;
    } else {
        table(&statement);
    }
    Ok(0)
}

fn kind(word: &str) -> &str {
    let (english, chinese) = match word {
        "top_up" => ("paid in", "充值"),
        "charge" => ("charges", "扣费"),
        "adjustment" => ("adjustments", "调账"),
        "commitment" => ("committed by agreements", "合同承诺"),
        "payment" => ("paid for agreements", "合同付款"),
        other => (other, other),
    };
    say(english, chinese)
}

fn headers() -> [&'static str; 5] {
    say(["PROJECT", "USER", "ATTEMPTS", "CARD-HOURS", "COST"], ["项目", "用户", "运行次数", "卡时", "费用"])
}

fn about(statement: &Statement) -> String {
    match statement.complete {
        true => say("The month is over.", "本月已结束。").to_owned(),
        false => say(
            format!("The month goes on; as of {}.", statement.made),
            format!("本月尚未结束，截至 {}。", statement.made),
        ),
    }
}

/// The account, and what is owed, as rows of a name and an amount.
fn movements(statement: &Statement) -> Vec<(String, String)> {
    let rows = |account: &StatementAccount, opening: &str, closing: &str| {
        let first = (opening.to_owned(), account.opening.to_string());
        let within = account
            .movements
            .iter()
            .map(|moved| (format!("{} ({})", kind(&moved.kind), moved.postings), moved.amount.to_string()));
        let last = (closing.to_owned(), account.closing.to_string());
        [first].into_iter().chain(within).chain([last]).collect::<Vec<_>>()
    };
    let mut all = rows(&statement.account, say("Account before", "期初余额"), say("Account after", "期末余额"));
    let owes = !statement.owed.movements.is_empty() || !statement.owed.opening.amount.starts_with("0.000000");
    if owes {
        all.extend(rows(&statement.owed, say("Owed before", "期初应付"), say("Owed after", "期末应付")));
    }
    let paid = statement.paid_by.iter().map(|payer| {
        let name = say(format!("Paid by {}", payer.account), format!("由 {} 支付", payer.account));
        (name, payer.amount.to_string())
    });
    all.extend(paid);
    all
}

fn table(statement: &Statement) {
    line(say("Organization", "单位"), format!("{} {}", statement.organization, statement.title));
    line(say("Month", "月份"), format!("{} {}", statement.month, about(statement)));
    for (name, amount) in movements(statement) {
        line(&name, amount);
    }
    let mut table = Table::new(headers());
    for work in &statement.work {
        table.row([
            work.project.clone().unwrap_or_default(),
            work.user.clone(),
            work.total.attempts.to_string(),
            work.total.card_hours.clone(),
            work.total.cost.to_string(),
        ]);
    }
    table.print();
    let total = &statement.total;
    line(
        say("All work", "全部作业"),
        say(
            format!("{} attempts, {} card-hours, {}", total.attempts, total.card_hours, total.cost),
            format!("{} 次运行，{} 卡时，{}", total.attempts, total.card_hours, total.cost),
        ),
    );
}

/// A line for each project and user. Quoted where needed, and never read as a formula.
fn csv(statement: &Statement) -> String {
    let mut text = String::from("month,organization,project,user,attempts,card_hours,cost,currency\r\n");
    for work in &statement.work {
        let cells = [
            &statement.month,
            &statement.organization,
            work.project.as_ref().unwrap_or(&String::new()),
            &work.user,
            &work.total.attempts.to_string(),
            &work.total.card_hours,
            &work.total.cost.amount,
            &work.total.cost.currency,
        ]
        .map(|cell| quoted(cell));
        _ = write!(text, "{}\r\n", cells.join(","));
    }
    text
}

fn quoted(cell: &str) -> String {
    let cell = if cell.starts_with(['=', '+', '@']) { format!("'{cell}") } else { cell.to_owned() };
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const STYLE: &str = "body{font:15px/1.5 system-ui,'Noto Sans CJK SC',sans-serif;color:#1b2430;background:#fff;margin:0}\
    main{max-width:46rem;margin:2.5rem auto;padding:0 1.25rem}h1{font-size:1.5rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .5rem}\
    p{margin:.25rem 0;color:#4a5563}table{border-collapse:collapse;width:100%}\
    th,td{text-align:left;padding:.4rem .5rem;border-bottom:1px solid #d8dee6}th{font-weight:600;color:#4a5563}\
    td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}tfoot td{font-weight:600;border-bottom:0}\
    footer{margin-top:2.5rem;font-size:.85rem;color:#4a5563}@media print{main{margin:0;max-width:none}}";

/// One page that needs nothing else.
fn page(statement: &Statement, is_part: bool) -> String {
    let title = say("Statement", "结算单");
    let rows: String = movements(statement)
        .iter()
        .map(|(name, amount)| format!("<tr><td>{}</td><td class=\"n\">{}</td></tr>", escaped(name), escaped(amount)))
        .collect();
    let cell = |index: usize, text: &str| {
        let class = if index >= 2 { " class=\"n\"" } else { "" };
        format!("<td{class}>{}</td>", escaped(text))
    };
    let row =
        |cells: [&str; 5]| -> String { cells.iter().enumerate().map(|(index, text)| cell(index, text)).collect() };
    let work: String = statement
        .work
        .iter()
        .map(|work| {
            let total = &work.total;
            let (attempts, cost) = (total.attempts.to_string(), total.cost.to_string());
            let project = work.project.as_deref().unwrap_or_default();
            format!("<tr>{}</tr>", row([project, &work.user, &attempts, &total.card_hours, &cost]))
        })
        .collect();
    let total = &statement.total;
    let (attempts, cost) = (total.attempts.to_string(), total.cost.to_string());
    let foot = match is_part {
        true => String::new(),
        false => {
            let cells = row([say("All work", "合计"), "", &attempts, &total.card_hours, &cost]);
            format!("<tfoot><tr>{cells}</tr></tfoot>")
        }
    };
    let head: String = headers()
        .iter()
        .enumerate()
        .map(|(index, name)| format!("<th{}>{name}</th>", if index >= 2 { " class=\"n\"" } else { "" }))
        .collect();
    let (account, jobs) = (say("Account", "账户"), say("Work", "作业"));
    let legend = say(
        "Work counts in the month in which it ended. Months begin at midnight in China Standard Time (UTC+8). This is no tax invoice.",
        "作业计入其结束所在的月份，月份以北京时间（UTC+8）零点为界。本结算单不是税务发票。",
    );
    let language = say("en", "zh-CN");
    let heading = format!("{title} {} · {}", statement.month, escaped(&statement.title));
    format!(
        "<!doctype html>\n<html lang=\"{language}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{heading}</title>\
         <style>{STYLE}</style></head>\n<body><main><h1>{heading}</h1><p>{} · {}</p><p>{}</p>\
         <h2>{account}</h2><table><tbody>{rows}</tbody></table>\
         <h2>{jobs}</h2><table><thead><tr>{head}</tr></thead><tbody>{work}</tbody>{foot}</table>\
         <footer>{legend}</footer></main></body></html>\n",
        escaped(&statement.center),
        escaped(&statement.organization),
        escaped(&about(statement)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_neither_formulas_nor_columns() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("=1+1"), "'=1+1");
    }
}
