//! Which attempts may be lost: those that ran under a supervisor that was made to die with what it knew, and no other.

use anyhow::ensure;
use serde_json::Value;

use super::failpoints::{Deadly, Failpoint};
use super::money::microseconds;

/// A supervisor takes this long at most from being started to starting its task.
const LATE_MOST_MICROS: i64 = 5_000_000;

/// The times in which losses are expected, with what was lost in each.
pub struct Losses<'a> {
    deadly: &'a [Deadly],
    lost: Vec<usize>,
}

impl<'a> Losses<'a> {
    /// Nothing lost so far.
    pub fn new(deadly: &'a [Deadly]) -> Losses<'a> {
        Losses { deadly, lost: vec![0; deadly.len()] }
    }

    /// Takes a lost attempt.
    ///
    /// # Errors
    /// Where none of the supervisors that died can have had it.
    pub fn add(&mut self, attempt: &Value) -> anyhow::Result<()> {
        // Where it is not known that it started, it was placed then or before, and ended then or later.
        let placed = microseconds(&attempt["placed"])?;
        let ended = microseconds(&attempt["ended"])?;
        let (earliest, latest) = match attempt["started"].is_null() {
            true => (placed, ended),
            false => (microseconds(&attempt["started"])?, microseconds(&attempt["started"])?),
        };
        let of = self.deadly.iter().position(|time| earliest <= time.to + LATE_MOST_MICROS && latest >= time.from);
        ensure!(of.is_some(), "it is lost, and no supervisor of that time died");
        of.into_iter().for_each(|index| self.lost[index] += 1);
        Ok(())
    }

    /// Every such time lost something, and no more than supervisors died.
    ///
    /// # Errors
    /// Where that is not so.
    pub fn check(&self) -> anyhow::Result<()> {
        for (time, lost) in self.deadly.iter().zip(&self.lost) {
            let died = Failpoint::acted(&time.trace);
            ensure!(*lost > 0, "{died} supervisors died before they recorded an end, and nothing is lost");
            ensure!(*lost <= died, "{lost} attempts are lost, but only {died} supervisors died");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_started_in_a_deadly_time_may_be_lost() {
        let hour = 1_795_482_000_000_000;
        let directory = tempfile::tempdir().unwrap();
        let trace = directory.path().join("trace");
        std::fs::write(&trace, "before_exit_record 1\n").unwrap();
        let deadly = [Deadly { from: hour + 60_000_000, to: hour + 62_000_000, trace }];
        let lost = |started: Value| json!({ "placed": "2026-11-24T01:00:30Z", "started": started, "ended": "2026-11-24T01:01:40Z" });
        let mut losses = Losses::new(&deadly);
        assert!(losses.check().is_err(), "nothing is lost yet");
        assert!(losses.add(&lost(json!("2026-11-24T01:00:59.5Z"))).is_err(), "too early");
        assert!(losses.add(&lost(json!("2026-11-24T01:01:10Z"))).is_err(), "too late");
        losses.add(&lost(json!("2026-11-24T01:01:01Z"))).unwrap();
        losses.check().unwrap();
        losses.add(&lost(Value::Null)).unwrap();
        assert!(losses.check().is_err(), "more is lost than died");
    }
}
