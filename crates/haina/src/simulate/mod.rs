//! `haina simulate`: what a policy would make of a trace, or of a center's own past, in virtual time.

mod chart;
mod check;
mod figures;
mod input;
mod journal;
mod page;
mod palette;

use std::path::{Path, PathBuf};

use anyhow::Context;
use haina_core::{Policy, Refusal};
use haina_simulator::{Estimates, Look, Measures, Scheme, Timeline, audit, checker};
use serde_json::json;

use crate::complaint::{Complaint, FAILED};
use crate::language::{language, say};
use crate::print::{self, Format};
use crate::table::Table;
use input::{Hardware, Input, OwnPast};

/// Stretches of time that a chart tells apart.
const STRETCHES: usize = 300;

/// Options of `haina simulate`.
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("place").args(["cards", "center", "nodes"]))]
pub struct Arguments {
    /// What was submitted: Philly's or openb's CSV, or the Standard Workload Format; generate:JOBS or generate:JOBS:SEED makes it up
    #[arg(long, value_name = "FILE", required_unless_present = "from_journal")]
    trace: Option<String>,
    /// A center's own past: its data directory, its database, or a file of its journal. Nothing of it is changed
    #[arg(long, value_name = "WHERE", conflicts_with = "trace")]
    from_journal: Option<String>,
    /// One pool of so many cards, any of which serve any job
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000),
        required_unless_present_any = ["center", "from_journal"])]
    cards: Option<u32>,
    /// With --from-journal: so many nodes like those of the center, in their order
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000), requires = "from_journal")]
    nodes: Option<u32>,
    /// A center file, whose first pool is used; or openb's list of nodes
    #[arg(long, value_name = "FILE")]
    center: Option<PathBuf>,
    /// So many times the demand: submissions are left out or made again, as the seed decides
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    demand: f64,
    /// Decides which
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Which policy decides; if none is given, fair, or the center's own
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
    /// Have every decision judged by the checker, which shares no code with the scheduler; fail with what it finds first
    #[arg(long)]
    check: bool,
    /// Estimate of each job that has to wait when it will start, and say how far off that was
    #[arg(long)]
    estimates: bool,
    #[command(flatten)]
    format: Format,
}

/// What became of the jobs under one policy, or really.
struct Result {
    policy: String,
    /// Whether it is what really happened.
    is_past: bool,
    cards: u32,
    measures: Measures,
    timeline: Timeline,
    refusal: Option<String>,
    /// What the checker found, if it was asked; it judges the center, not the plain loops.
    judgement: Option<checker::Report>,
    /// How wrong estimated starts were, if that was asked and anybody waited.
    estimates: Option<Estimates>,
}

/// Simulates.
pub fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let mut input = arguments.input()?;
    if arguments.demand != 1.0 {
        input.scale(arguments.demand, arguments.seed)?;
    }
    if arguments.exact_limits {
        input.workload.limit_exactly();
    }
    let schemes = arguments.schemes(&input)?;
    let look = Look { check: arguments.check, estimate: arguments.estimates };
    let mut results: Vec<Result> = input.past.iter().map(as_it_was).collect();
    for (policy, scheme) in schemes {
        results.push(one(&input, policy, scheme, look)?);
    }
    let of_policies = || results.iter().filter(|result| !result.is_past);
    if of_policies().all(|result| result.measures.jobs == 0) {
        let refusal = of_policies().find_map(|result| result.refusal.clone()).unwrap_or_default();
        let what = say("no job of the trace could ever run there", "轨迹中没有任何作业能在此运行");
        return Err(Complaint::new(FAILED, what).because(refusal).into());
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

impl Arguments {
    fn input(&self) -> anyhow::Result<Input> {
        let hardware = match (self.cards, &self.center, self.nodes) {
            (Some(cards), ..) => Hardware::Cards(cards),
            (_, Some(path), _) => Hardware::File(path),
            (.., Some(nodes)) => Hardware::Nodes(nodes),
            _ => Hardware::AsItWas,
        };
        match (&self.from_journal, &self.trace) {
            (Some(from), _) => Input::of_past(from, hardware),
            (None, trace) => Input::of_trace(trace.as_deref().context("one of the two is required")?, hardware),
        }
    }

    /// The policies by their names; that of the past where none is named.
    fn schemes(&self, input: &Input) -> std::result::Result<Vec<(String, Scheme)>, Refusal> {
        let named = self.policy.iter().chain(&self.compare);
        let named: Vec<_> =
            named.map(|name| Ok((name.clone(), Scheme::named(name)?))).collect::<std::result::Result<_, _>>()?;
        let policy = input.past.as_ref().map_or(Policy::default(), |past| past.policy);
        let name = policy.name().unwrap_or(say("its own", "自有策略")).to_owned();
        Ok(if named.is_empty() { vec![(name, Scheme::Center(policy))] } else { named })
    }
}

/// What really happened, measured in the same way.
fn as_it_was(past: &OwnPast) -> Result {
    Result {
        policy: say("as it was", "实际情况").to_owned(),
        is_past: true,
        cards: past.cards,
        measures: Measures::of(&past.workload, &past.schedule, past.cards),
        timeline: Timeline::of(&past.workload, &past.schedule, STRETCHES),
        refusal: None,
        judgement: None,
        estimates: None,
    }
}

fn one(input: &Input, policy: String, scheme: Scheme, look: Look) -> anyhow::Result<Result> {
    let schedule = scheme.schedule(&input.center, input.spread, &input.workload, look)?;
    if look.check {
        // Of a past, attempts that follow each other are one span; only the checker tells them apart.
        let plain = input.workload.details.is_empty() || schedule.judgement.is_none();
        let seen_outside = plain.then(|| audit(&input.workload, &schedule, input.cards)).flatten();
        check::sound(&policy, seen_outside, schedule.judgement.as_ref())?;
    }
    Ok(Result {
        policy,
        is_past: false,
        cards: input.cards,
        measures: Measures::of(&input.workload, &schedule, input.cards),
        timeline: Timeline::of(&input.workload, &schedule, STRETCHES),
        refusal: schedule.refusal.as_ref().map(|refusal| refusal.sentence(language())),
        estimates: (!schedule.estimates.is_empty()).then(|| Estimates::of(&input.workload, &schedule)),
        judgement: schedule.judgement,
    })
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

fn document(input: &Input, results: &[Result]) -> serde_json::Value {
    let policies = results.iter().filter(|result| !result.is_past).map(|result| {
        json!({
            "policy": result.policy,
            "measures": result.measures,
            "refusal": result.refusal,
            "checked": result.judgement.as_ref().map(check::document),
            "estimates": result.estimates,
        })
    });
    json!({
        "trace": input.name,
        "read": input.workload.report,
        "cards": input.cards,
        "as_it_was": results.iter().find(|result| result.is_past).map(|result| json!({
            "cards": result.cards,
            "measures": result.measures,
        })),
        "policies": policies.collect::<Vec<_>>(),
    })
}

fn for_people(input: &Input, results: &[Result], report: Option<&Path>) {
    println!("{}", figures::about(input));
    for line in figures::complaints(input) {
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
    for result in results {
        let told = result.estimates.iter().filter(|estimates| estimates.jobs > 0);
        told.for_each(|estimates| println!("{}", figures::estimates(&result.policy, estimates)));
        result.judgement.iter().for_each(|judgement| println!("{}", check::sentence(&result.policy, judgement)));
    }
    if let Some(path) = report {
        println!("{}", say(format!("The page: {}", path.display()), format!("报告页面：{}", path.display())));
    }
}
