//! What is simulated: the trace and the center, read from files.

use std::path::Path;

use anyhow::Context;
use haina_api::parse_center_file;
use haina_core::center_definition::CenterDefinition;
use haina_core::{Refusal, both};
use haina_simulator::Workload;
use haina_simulator::pool::{self, Spread};
use haina_simulator::trace::{Generation, generate, openb};

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
}

/// Reads both.
pub fn read(trace: &str, cards: Option<u32>, center: Option<&Path>) -> anyhow::Result<Input> {
    let center = match (center, cards) {
        (Some(path), _) => read_center(path)?,
        (None, cards) => pool::flat(cards.context("the command line has one of the two")?),
    };
    let (cards, spread) = (pool::cards(&center), pool::spread(&center));
    if cards == 0 {
        let rule = both("a center whose first pool has cards", "首个资源池带卡的中心");
        return Err(Refusal::invalid_value("center", &center.name, rule).into());
    }
    let workload = match trace.strip_prefix("generate:") {
        Some(what) => generate(generation(what, cards)?),
        None => Workload::read(&text(Path::new(trace))?)?,
    };
    let name = Path::new(trace).file_name().map_or(trace.into(), |name| name.to_string_lossy().into_owned());
    Ok(Input { name, workload, center, spread, cards })
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
