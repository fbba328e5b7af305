//! The attempts of one job: what the center says of them, against what was planned and what they wrote themselves.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::money::{charge, micros, microseconds};
use super::plan::Planned;

/// What the jobs wrote: tasks that ran, each once, by attempt.
pub type Written = BTreeMap<String, u32>;

/// An attempt that was charged.
pub struct Charged {
    /// Its id.
    pub attempt: String,
    /// What it must have been charged, in millionths.
    pub micros: i128,
}

/// What people did to a job after they had submitted it.
#[derive(Clone, Copy)]
pub struct Interference {
    /// Somebody asked to cancel it.
    pub cancelled: bool,
}

/// How a job's attempts ended, for the decision about the job.
#[derive(Default)]
pub struct Ends {
    /// How many there were.
    pub attempts: u32,
    /// Of these, lost.
    pub lost: u32,
    /// Those that were charged.
    pub charged: Vec<Charged>,
}

/// Looks at all attempts of a job.
///
/// # Errors
/// Where one did not end, ran twice, is charged wrongly, or ended as nobody planned.
pub fn look(
    attempts: &[Value],
    planned: &Planned,
    written: &mut Written,
    interference: Interference,
) -> anyhow::Result<Ends> {
    let mut ends = Ends::default();
    let left_alone = !interference.cancelled && !planned.depends;
    let mut tries: BTreeMap<u64, Vec<(u64, &str)>> = BTreeMap::new();
    for attempt in attempts {
        let id = attempt["id"].as_str().context("an id")?;
        let state = attempt["state"].as_str().context("a state")?;
        let said = || format!("attempt {id}: {attempt}");
        let end = &attempt["end"];
        ensure!(end.is_object() && attempt["ended"].is_string(), "not ended: {}", said());
        let ran = written.remove(id).unwrap_or(0);
        ensure!(ran <= planned.tasks, "{ran} of {} tasks ran: {}", planned.tasks, said());
        let how = end["how"].as_str().unwrap_or_default();
        let code = end["exit_code"].as_u64();
        let (must_have_run, how_is_right) = match (state, how) {
            ("succeeded", "exited") => (true, code == Some(0) && planned.exit_code == 0),
            ("failed", "exited") => (true, code == Some(planned.exit_code.into()) && planned.exit_code != 0),
            ("failed", "timed_out") => (true, planned.runs_over),
            ("cancelled", _) => (false, interference.cancelled),
            ("lost", "lost") => (false, true),
            _ => (false, false),
        };
        ensure!(how_is_right, "it ended otherwise than planned ({planned:?}): {}", said());
        // Where one task of several fails, the others may not have come to write.
        let least = if state == "succeeded" { planned.tasks } else { u32::from(must_have_run) };
        ensure!(ran >= least, "it says that it ran, but {ran} of {} tasks wrote: {}", planned.tasks, said());
        if ran > 0 && how != "lost" {
            ensure!(attempt["started"].is_string(), "it ran but never started: {}", said());
        }
        let due = due(attempt, planned).with_context(said)?;
        ensure!(micros(&end["charged"])? == due, "it must be charged {due} millionths: {}", said());
        if due > 0 {
            ends.charged.push(Charged { attempt: id.to_owned(), micros: due });
        }
        ends.attempts += 1;
        ends.lost += u32::from(state == "lost");
        let (element, number) =
            (attempt["element"].as_u64().unwrap_or(0), attempt["number"].as_u64().context("a number")?);
        tries.entry(element).or_default().push((number, state));
    }
    for (element, tries) in &mut tries {
        tries.sort_unstable();
        let numbered = tries.iter().enumerate().all(|(index, (number, _))| *number == index as u64 + 1);
        ensure!(numbered, "tries of element {element} of {} are not numbered from 1: {tries:?}", planned.name);
        let (last, before) = tries.split_last().context("a try")?;
        let retried = before.iter().all(|(_, state)| matches!(*state, "failed" | "lost"));
        ensure!(retried, "element {element} of {} was tried again after it had ended: {tries:?}", planned.name);
        if left_alone && matches!(last.1, "failed" | "lost") {
            let wanted = usize::from(planned.retries) + 1;
            ensure!(
                tries.len() == wanted,
                "element {element} of {} had {} tries of {wanted}",
                planned.name,
                tries.len()
            );
        }
    }
    if left_alone {
        ensure!(
            tries.len() == planned.elements as usize,
            "{} of {} elements were tried: {planned:?}",
            tries.len(),
            planned.elements
        );
    }
    Ok(ends)
}

/// What an attempt must be charged: its price, its cards, its time from start to end.
fn due(attempt: &Value, planned: &Planned) -> anyhow::Result<i128> {
    if attempt["started"].is_null() {
        return Ok(0);
    }
    let milliseconds = (microseconds(&attempt["ended"])? - microseconds(&attempt["started"])?) / 1000;
    ensure!(milliseconds >= 0, "it ended before it started");
    let nodes = attempt["nodes"].as_array().context("nodes")?;
    let cards = nodes.iter().filter_map(|node| node["cards"].as_array()).flatten();
    let card_millis: i128 = cards.map(|card| (card["part"].as_f64().unwrap_or(0.0) * 1000.0).round() as i128).sum();
    Ok(charge(
        micros(&attempt["price_per_card_hour"])?,
        card_millis,
        i128::from(milliseconds).min(planned.longest_ms()),
    ))
}
