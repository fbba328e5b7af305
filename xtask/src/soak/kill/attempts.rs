//! The attempts of one job: what the center says of them, against what was planned and what they wrote themselves.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::losses::Losses;
use super::money::{charge, micros, microseconds};
use super::plan::Planned;
use super::times::{self, Own};

/// What the jobs wrote, by attempt.
pub type Written = BTreeMap<String, Own>;

/// An attempt that was charged.
pub struct Charged {
    /// Its id.
    pub attempt: String,
    /// What it must have been charged, in millionths.
    pub micros: i128,
}

/// What kept a job from going as planned.
#[derive(Clone, Copy)]
pub struct Interference {
    /// Somebody asked to cancel it.
    pub cancelled: bool,
    /// It waited for the success of a job that did not succeed.
    pub in_vain: bool,
}

impl Interference {
    /// Whether nothing did.
    pub fn none(self) -> bool {
        !self.cancelled && !self.in_vain
    }
}

/// How a job's attempts ended, for the decision about the job.
#[derive(Default)]
pub struct Ends {
    /// How many there were.
    pub attempts: u32,
    /// Of these, lost.
    pub lost: u32,
    /// Elements whose last try succeeded.
    pub succeeded: u64,
    /// By how many microseconds each attempt that came to its end is charged for longer than it saw itself run.
    pub surpluses: Vec<i64>,
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
    losses: &mut Losses<'_>,
) -> anyhow::Result<Ends> {
    let mut ends = Ends::default();
    let left_alone = interference.none();
    ensure!(attempts.is_empty() || !interference.in_vain, "it was tried, though it waited in vain");
    let mut tries: BTreeMap<u64, Vec<(u64, &str)>> = BTreeMap::new();
    for attempt in attempts {
        let id = attempt["id"].as_str().context("an id")?;
        let state = attempt["state"].as_str().context("a state")?;
        let said = || format!("attempt {id}: {attempt}");
        let end = &attempt["end"];
        ensure!(end.is_object() && attempt["ended"].is_string(), "not ended: {}", said());
        let own = written.remove(id).unwrap_or_default();
        let ran = own.tasks;
        ensure!(own.finished == ran || state != "succeeded", "it succeeded before its last line: {}", said());
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
        if attempt["started"].is_string() && ran > 0 {
            ends.surpluses.extend(times::compare(attempt, &own).with_context(said)?);
        }
        if state == "lost" {
            losses.add(attempt).with_context(said)?;
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
        ends.succeeded += u64::from(last.1 == "succeeded");
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ALONE: Interference = Interference { cancelled: false, in_vain: false };

    fn planned(exit_code: u8, retries: u16) -> Planned {
        let name = "job".to_owned();
        Planned { name, exit_code, retries, elements: 1, tasks: 1, runs_over: false, depends: None }
    }

    /// Two cards for ten seconds at 3.6 an hour: 0.02.
    fn attempt(number: u16, code: u8) -> Value {
        json!({
            "id": format!("7.{number}"), "number": number, "state": if code == 0 { "succeeded" } else { "failed" },
            "started": "2026-11-24T01:00:00Z", "ended": "2026-11-24T01:00:10Z",
            "nodes": [{ "cards": [{ "part": 1.0 }, { "part": 1.0 }] }],
            "price_per_card_hour": { "amount": "3.600000" },
            "end": { "how": "exited", "exit_code": code, "charged": { "amount": "0.020000" } },
        })
    }

    /// Tasks that ran for nearly all of that time.
    fn ran(tasks: u32) -> Own {
        let mut own = Own::default();
        let began = 1_795_482_000_020_000;
        (0..tasks).for_each(|_| own.add(began, Some(began + 9_960_000)));
        own
    }

    fn complaint(attempts: &[Value], plan: &Planned, wrote: &[&str], interference: Interference) -> String {
        let mut written: Written = wrote.iter().map(|id| ((*id).to_owned(), ran(1))).collect();
        look(attempts, plan, &mut written, interference, &mut Losses::new(&[]))
            .map_or_else(|error| format!("{error:#}"), |_| String::new())
    }

    #[test]
    fn what_went_as_planned_is_no_complaint() {
        assert_eq!(complaint(&[attempt(1, 0)], &planned(0, 0), &["7.1"], ALONE), "");
        let twice = [attempt(1, 3), attempt(2, 3)];
        assert_eq!(complaint(&twice, &planned(3, 1), &["7.1", "7.2"], ALONE), "");
    }

    #[test]
    fn every_way_to_go_wrong_is_a_complaint() {
        let changed = |path: &str, value: Value| {
            let mut changed = attempt(1, 0);
            *changed.pointer_mut(path).unwrap() = value;
            [changed]
        };
        let good = planned(0, 0);
        for (attempts, plan, wrote, says) in [
            (&changed("/end/charged/amount", json!("0.020001"))[..], &good, &["7.1"][..], "must be charged 20000"),
            (&changed("/end", Value::Null), &good, &["7.1"], "not ended"),
            (&changed("/end/exit_code", json!(1)), &good, &["7.1"], "otherwise than planned"),
            (&changed("/state", json!("cancelled")), &good, &["7.1"], "otherwise than planned"),
            (&[attempt(1, 0)], &good, &[], "0 of 1 tasks wrote"),
            (&[attempt(1, 0), attempt(2, 0)], &good, &["7.1", "7.2"], "tried again after it had ended"),
            (&[attempt(2, 0)], &good, &["7.2"], "not numbered from 1"),
            (&[attempt(1, 3)], &planned(3, 1), &["7.1"], "1 tries of 2"),
            (&[], &good, &[], "0 of 1 elements were tried"),
            (&changed("/state", json!("lost")), &good, &["7.1"], "otherwise than planned"),
        ] {
            let complaint = complaint(attempts, plan, wrote, ALONE);
            assert!(complaint.contains(says), "{says}: {complaint}");
        }
    }

    #[test]
    fn what_waits_in_vain_is_never_tried_and_nothing_is_lost_without_a_reason() {
        let in_vain = Interference { cancelled: false, in_vain: true };
        assert_eq!(complaint(&[], &planned(0, 0), &[], in_vain), "");
        assert!(complaint(&[attempt(1, 0)], &planned(0, 0), &["7.1"], in_vain).contains("in vain"));
        let mut lost = attempt(1, 0);
        lost["state"] = json!("lost");
        lost["placed"] = lost["started"].clone();
        lost["end"]["how"] = json!("lost");
        let complaint = complaint(&[lost], &planned(0, 0), &["7.1"], ALONE);
        assert!(complaint.contains("no supervisor of that time died"), "{complaint}");
    }

    #[test]
    fn a_task_that_ran_twice_under_one_attempt_is_a_complaint() {
        let mut written = Written::from([("7.1".to_owned(), ran(2))]);
        let error = look(&[attempt(1, 0)], &planned(0, 0), &mut written, ALONE, &mut Losses::new(&[])).err().unwrap();
        assert!(error.to_string().contains("2 of 1 tasks ran"), "{error}");
    }
}
