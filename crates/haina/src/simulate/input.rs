//! What is simulated: the trace and the center, read from files.

use std::path::Path;

use anyhow::{Context, bail};
use haina_api::parse_center_file;
use haina_core::center_definition::CenterDefinition;
use haina_core::{Policy, Refusal, both};
use haina_simulator::past::{Past, with_nodes};
use haina_simulator::pool::{self, Spread};
use haina_simulator::trace::{Detail, Generation, generate, openb};
use haina_simulator::{Schedule, Workload};

use super::journal;
use crate::up::bad_center_file;

/// The largest workload that is made up.
const GENERATED_MOST: u32 = 10_000_000;
/// Card-time that is asked of a pool by work that is made up, of what it has.
const LOAD_PERCENT: u64 = 85;

/// What is simulated.
pub struct Input {
    /// Where the trace is from.
    pub name: String,
    /// Its jobs.
    pub workload: Workload,
    /// Where they run.
    pub center: CenterDefinition,
    /// How they are spread over its nodes.
    pub spread: Spread,
    /// Its cards.
    pub cards: u32,
    /// What really happened, where that is known.
    pub past: Option<OwnPast>,
}

/// What really happened.
pub struct OwnPast {
    /// The policy in force at the end.
    pub policy: Policy,
    /// What was asked.
    pub workload: Workload,
    /// What became of it.
    pub schedule: Schedule,
    /// The cards of that time.
    pub cards: u32,
}

/// Where jobs run, as the command line says.
#[derive(Clone, Copy)]
pub enum Hardware<'a> {
    /// One flat pool of so many cards.
    Cards(u32),
    /// A center file, or openb's list of nodes.
    File(&'a Path),
    /// So many nodes of the past's own.
    Nodes(u32),
    /// That of the past.
    AsItWas,
}

impl Input {
    /// A trace on some hardware.
    pub fn of_trace(trace: &str, hardware: Hardware) -> anyhow::Result<Input> {
        let center = match hardware {
            Hardware::File(path) => read_center(path)?,
            Hardware::Cards(cards) | Hardware::Nodes(cards) => pool::flat(cards),
            Hardware::AsItWas => bail!("a trace tells of no hardware"),
        };
        let (cards, spread) = (pool::cards(&center), pool::spread(&center));
        check_cards(cards, &center)?;
        let workload = match trace.strip_prefix("generate:") {
            Some(what) => generate(generation(what, cards)?),
            None => Workload::read(&text(Path::new(trace))?)?,
        };
        Ok(Input { name: file_name(trace), workload, center, spread, cards, past: None })
    }

    /// A center's own past, on its own hardware or on other.
    pub fn of_past(from: &str, hardware: Hardware) -> anyhow::Result<Input> {
        let Past { center: own, policy, workload, schedule } = journal::read(from)?;
        let cards_then = all_cards(&own);
        let past = OwnPast { policy, workload: workload.clone(), schedule, cards: cards_then };
        let (mut workload, organizations) = (workload, own.organizations.clone());
        let center = match hardware {
            Hardware::AsItWas => own,
            Hardware::Nodes(count) => with_nodes(own, count),
            Hardware::Cards(cards) => CenterDefinition { organizations, ..pool::flat(cards) },
            Hardware::File(path) => read_center(path)?,
        };
        match hardware {
            Hardware::Cards(_) => workload.details.iter_mut().for_each(Detail::anywhere),
            Hardware::File(_) => {
                for (detail, job) in workload.details.iter_mut().zip(&workload.jobs) {
                    detail.fit_into(&center, &workload.labels[job.organization.0 as usize]);
                }
            }
            Hardware::Nodes(_) | Hardware::AsItWas => {}
        }
        let (cards, spread) = (all_cards(&center), pool::spread(&center));
        check_cards(cards, &center)?;
        let name = if center.name.is_empty() { from.to_owned() } else { center.name.clone() };
        Ok(Input { name, workload, center, spread, cards, past: Some(past) })
    }

    /// Scales what is asked for.
    pub fn scale(&mut self, demand: f64, seed: u64) -> Result<(), Refusal> {
        let rule = both("a number from 0.01 to 20", "0.01 到 20 之间的数");
        if !(0.01..=20.0).contains(&demand) {
            return Err(Refusal::invalid_value("demand", demand, rule));
        }
        self.workload = self.workload.with_demand((demand * 1000.0).round() as u64, seed);
        match self.workload.jobs.is_empty() {
            true => {
                Err(Refusal::invalid_value("demand", demand, both("so much that a job is left", "至少保留一个作业")))
            }
            false => Ok(()),
        }
    }
}

fn check_cards(cards: u32, center: &CenterDefinition) -> Result<(), Refusal> {
    let rule = both("a center whose pool has cards", "资源池带卡的中心");
    if cards == 0 { Err(Refusal::invalid_value("center", &center.name, rule)) } else { Ok(()) }
}

/// Of all pools.
fn all_cards(center: &CenterDefinition) -> u32 {
    center.nodes.iter().map(|node| node.cards).sum()
}

fn file_name(path: &str) -> String {
    Path::new(path).file_name().map_or(path.into(), |name| name.to_string_lossy().into_owned())
}

fn read_center(path: &Path) -> anyhow::Result<CenterDefinition> {
    let text = text(path)?;
    match openb::begins_as_nodes(&text) {
        true => Ok(openb::center(&text)?),
        false => {
            Ok(parse_center_file(&text).map_err(|refusal| bad_center_file(&path.display().to_string(), &refusal))?)
        }
    }
}

/// The text of a file; bytes that are no UTF-8 become fields that cannot be read.
fn text(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `JOBS` or `JOBS:SEED`.
fn generation(what: &str, cards: u32) -> Result<Generation, Refusal> {
    let (jobs, seed) = what.split_once(':').unwrap_or((what, "1"));
    let jobs = jobs.parse().ok().filter(|jobs| (1..=GENERATED_MOST).contains(jobs));
    match (jobs, seed.parse()) {
        (Some(jobs), Ok(seed)) => Ok(Generation { jobs, seed, cards, load_percent: LOAD_PERCENT }),
        _ => {
            let rule = both(
                format!("generate:JOBS or generate:JOBS:SEED, with 1 to {GENERATED_MOST} jobs"),
                format!("generate:作业数 或 generate:作业数:种子，作业数为 1 到 {GENERATED_MOST}"),
            );
            Err(Refusal::invalid_value("trace", format!("generate:{what}"), rule))
        }
    }
}
