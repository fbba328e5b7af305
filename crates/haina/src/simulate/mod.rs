//! `haina simulate`: what a policy would make of a trace, in virtual time.

mod chart;
mod figures;
mod input;
mod page;
mod palette;

use std::path::{Path, PathBuf};

use anyhow::Context;
use haina_simulator::{Measures, Scheme, Timeline, audit};
use serde_json::json;

use crate::complaint::{Complaint, FAILED};
use crate::language::{language, say};
use crate::print::{self, Format};
use crate::table::Table;
use input::Input;

/// Stretches of time that a chart tells apart.
const STRETCHES: usize = 300;

/// Options of `haina simulate`.
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("place").required(true).args(["cards", "center"]))]
pub struct Arguments {
    /// What was submitted: Philly's or openb's CSV, or the Standard Workload Format; generate:JOBS or generate:JOBS:SEED makes it up
    #[arg(long, value_name = "FILE")]
    trace: String,
    /// One pool of so many cards, any of which serve any job
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    cards: Option<u32>,
    /// A center file, whose first pool is used; or openb's list of nodes
    #[arg(long, value_name = "FILE")]
    center: Option<PathBuf>,
    /// Which policy decides; fair if none is given
    #[arg(long, value_name = "POLICY", conflicts_with = "compare")]
    policy: Option<String>,
    /// Several policies, side by side
    #[arg(long, value_name = "POLICY,…", value_delimiter = ',')]
    compare: Vec<String>,
    /// Let each job's time limit be exactly as long as it runs, as if users knew
    #[arg(long)]
    exact_limits: bool,
    /// Also write a page with charts
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Look at each schedule from outside: fail where cards are given out twice or a job is lost
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    format: Format,
}

/// What one policy made of the trace.
struct Result {
    policy: String,
    measures: Measures,
    timeline: Timeline,
    refusal: Option<String>,
}

/// Simulates.
pub fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let mut input = input::read(&arguments.trace, arguments.cards, arguments.center.as_deref())?;
    if arguments.exact_limits {
        input.workload.limit_exactly();
    }
    let mut names = arguments.compare.clone();
    if names.is_empty() {
        names.push(arguments.policy.clone().unwrap_or_else(|| "fair".to_owned()));
    }
    let schemes: Vec<Scheme> = names.iter().map(|name| Scheme::named(name)).collect::<std::result::Result<_, _>>()?;
    let mut results = Vec::new();
    for (policy, scheme) in names.into_iter().zip(schemes) {
        results.push(one(&input, policy, scheme, arguments.check)?);
    }
    if results.iter().all(|result| result.measures.jobs == 0) {
        let what = say("no job of the trace could ever run there", "轨迹中没有任何作业能在此运行");
        return Err(Complaint::new(FAILED, what).because(results[0].refusal.as_deref().unwrap_or("")).into());
    }
    if let Some(path) = &arguments.report {
        write(path, &page::page(&input, &results))?;
    }
    match arguments.format.json {
        true => print::json(&document(&input, &results)),
        false => for_people(&input, &results, arguments.report.as_deref()),
    }
    Ok(0)
}

fn one(input: &Input, policy: String, scheme: Scheme, check: bool) -> anyhow::Result<Result> {
    let schedule = scheme.schedule(&input.center, input.spread, &input.workload)?;
    if check && let Some(fault) = audit(&input.workload, &schedule, input.cards) {
        let what = say(format!("the schedule of {policy} is not sound"), format!("策略 {policy} 的调度结果不成立"));
        return Err(Complaint::new(FAILED, what).because(fault).into());
    }
    Ok(Result {
        policy,
        measures: Measures::of(&input.workload, &schedule, input.cards),
        timeline: Timeline::of(&input.workload, &schedule, STRETCHES),
        refusal: schedule.refusal.map(|refusal| refusal.sentence(language())),
    })
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

fn document(input: &Input, results: &[Result]) -> serde_json::Value {
    let policies = results.iter().map(|result| {
        json!({
            "policy": result.policy,
            "measures": result.measures,
            "refusal": result.refusal,
        })
    });
    json!({
        "trace": input.name,
        "read": input.workload.report,
        "cards": input.cards,
        "policies": policies.collect::<Vec<_>>(),
    })
}

fn for_people(input: &Input, results: &[Result], report: Option<&Path>) {
    println!("{}", figures::about(input));
    for line in figures::complaints(&input.workload.report) {
        println!("  {line}");
    }
    println!();
    let mut table = Table::new(say(
        ["POLICY", "COMPLETION", "WAIT", "P50", "P95", "P99", "LONGEST", "SLOWDOWN", "UTILISATION", "IDLE", "FAIRNESS"],
        ["策略", "平均完成", "平均等待", "P50", "P95", "P99", "最长", "减速比", "利用率", "空闲", "公平性"],
    ))
    .expendable([6, 3, 9, 10, 4]);
    for result in results {
        table.row(figures::row(result));
    }
    table.print();
    println!("\n{}", figures::legend());
    for result in results.iter().filter(|result| result.measures.refused > 0) {
        println!("{}", figures::refused(result));
    }
    if let Some(path) = report {
        println!("{}", say(format!("The page: {}", path.display()), format!("报告页面：{}", path.display())));
    }
}
