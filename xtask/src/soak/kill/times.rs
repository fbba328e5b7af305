//! When an attempt ran, by its own look at the clock, against what the center measured and charges for.

use std::time::Duration;

use anyhow::ensure;
use serde_json::Value;

use super::money::microseconds;

/// How much longer than a program saw itself its attempt may be charged: a shell must be loaded first, and reaped
/// afterwards, on a machine where hundreds do so at once.
const SURPLUS_MOST: Duration = Duration::from_secs(3);
/// How far the center's clock may be from the programs' clock: it does not follow corrections of the time of day while a
/// server runs.
const APART_MOST_MICROS: i64 = 50_000;
/// The moments of both sides are whole milliseconds or better.
const ROUNDING_MICROS: i64 = 2_000;

/// What the tasks of one attempt wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// Tasks that ran, each once.
    pub tasks: u32,
    /// Of these, those that came to their last line.
    pub finished: u32,
    /// When the first began, in microseconds since 1970.
    pub began: i64,
    /// When the last was known to run or to end.
    pub last: i64,
}

impl Own {
    /// Adds a task that began, and perhaps ended, at these moments.
    pub fn add(&mut self, began: i64, ended: Option<i64>) {
        self.began = if self.tasks == 0 { began } else { self.began.min(began) };
        self.last = self.last.max(ended.unwrap_or(began));
        self.tasks += 1;
        self.finished += u32::from(ended.is_some());
    }
}

/// Holds the start and end that an attempt is charged for against what its tasks wrote. Returns how much longer than
/// them it is, in microseconds, where all of them came to their end.
///
/// # Errors
/// Where the center's times leave out a part of the run, or are too long for it.
pub fn compare(attempt: &Value, own: &Own) -> anyhow::Result<Option<i64>> {
    let (started, ended) = (microseconds(&attempt["started"])?, microseconds(&attempt["ended"])?);
    ensure!(
        started <= own.began + APART_MOST_MICROS,
        "it began {} µs before the center says it started",
        started - own.began
    );
    if attempt["state"] == "lost" {
        // What nobody saw the end of is charged until the last sign of it.
        return Ok(None);
    }
    ensure!(
        ended + APART_MOST_MICROS >= own.last,
        "it still ran {} µs after the center says it ended",
        own.last - ended
    );
    if own.finished < own.tasks {
        return Ok(None);
    }
    let surplus = (ended - started) - (own.last - own.began);
    ensure!(surplus >= -ROUNDING_MICROS, "it ran {} µs longer than it is charged for", -surplus);
    ensure!(surplus <= SURPLUS_MOST.as_micros() as i64, "it is charged for {surplus} µs more than it ran");
    Ok(Some(surplus))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// 2026-11-24T01:00:00Z.
    const HOUR: i64 = 1_795_482_000_000_000;

    fn own(began_ms: i64, ended_ms: Option<i64>) -> Own {
        let mut own = Own::default();
        own.add(HOUR + began_ms * 1000, ended_ms.map(|ms| HOUR + ms * 1000));
        own
    }

    /// An attempt from one second to three seconds past the hour.
    fn verdict(own: &Own) -> String {
        let attempt =
            json!({ "state": "succeeded", "started": "2026-11-24T01:00:01Z", "ended": "2026-11-24T01:00:03Z" });
        compare(&attempt, own).map_or_else(|error| error.to_string(), |surplus| format!("{surplus:?}"))
    }

    #[test]
    fn a_run_lies_within_what_is_charged_and_fills_it() {
        assert_eq!(verdict(&own(1_010, Some(2_980))), "Some(30000)");
        assert_eq!(verdict(&own(1_010, None)), "None");
        for (own, says) in [
            (own(900, Some(2_900)), "before the center says"),
            (own(1_010, Some(3_200)), "after the center says"),
            (own(960, Some(3_040)), "longer than it is charged for"),
        ] {
            let verdict = verdict(&own);
            assert!(verdict.contains(says), "{says}: {verdict}");
        }
        let long = json!({ "state": "failed", "started": "2026-11-24T01:00:01Z", "ended": "2026-11-24T01:00:09Z" });
        let error = compare(&long, &own(1_010, Some(2_980))).unwrap_err().to_string();
        assert!(error.contains("more than it ran"), "{error}");
    }

    #[test]
    fn tasks_of_one_attempt_are_one_run() {
        let mut own = own(1_100, Some(2_000));
        own.add(HOUR + 1_050_000, None);
        assert_eq!(own, Own { tasks: 2, finished: 1, began: HOUR + 1_050_000, last: HOUR + 2_000_000 });
    }
}
