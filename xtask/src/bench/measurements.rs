//! What was measured, what was promised, and how the two compare.

use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use super::machine::Machine;

/// A bound that was promised.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Must {
    /// Not less than this.
    AtLeast(f64),
    /// Not more than this.
    AtMost(f64),
}

/// One number.
#[derive(Debug, Serialize)]
pub struct Measurement {
    /// Which part of the benchmark.
    pub part: &'static str,
    /// What was measured.
    pub what: String,
    /// The number.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// What was promised of it, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub must: Option<Must>,
    /// Whether that was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<bool>,
}

/// All of one benchmark.
#[derive(Debug, Serialize)]
pub struct Measurements {
    /// The command that measures this.
    pub command: String,
    /// Where.
    pub machine: Machine,
    /// The numbers, in the order in which they were taken.
    pub measurements: Vec<Measurement>,
    /// Parts that were left out, with the reason.
    pub skipped: Vec<String>,
}

impl Measurements {
    /// Nothing measured yet.
    pub fn new(command: &str, machine: Machine) -> Measurements {
        Measurements { command: command.to_owned(), machine, measurements: Vec::new(), skipped: Vec::new() }
    }

    /// Notes a number and prints it.
    pub fn add(
        &mut self,
        part: &'static str,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        must: Option<Must>,
    ) {
        let kept = must.map(|must| match must {
            Must::AtLeast(bound) => value >= bound,
            Must::AtMost(bound) => value <= bound,
        });
        let measurement = Measurement { part, what: what.into(), value, unit, must, kept };
        println!("  {}", line(&measurement));
        self.measurements.push(measurement);
    }

    /// Notes that a part was left out.
    pub fn skip(&mut self, why: String) {
        println!("  SKIPPED: {why}");
        self.skipped.push(why);
    }

    /// The numbers by which a promise was not kept.
    pub fn missed(&self) -> Vec<String> {
        self.measurements.iter().filter(|m| m.kept == Some(false)).map(|m| format!("{}: {}", m.part, line(m))).collect()
    }

    /// All numbers again, by part.
    pub fn print(&self) {
        println!("\n{}\n{}", self.command, self.machine);
        let mut part = "";
        for measurement in &self.measurements {
            if measurement.part != part {
                part = measurement.part;
                println!("\n{part}");
            }
            println!("  {}", line(measurement));
        }
        self.skipped.iter().for_each(|why| println!("\nSKIPPED: {why}"));
    }

    /// Writes all of it as JSON.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(path.parent().context("a directory")?)?;
        std::fs::write(path, serde_json::to_string_pretty(self)? + "\n").with_context(|| path.display().to_string())?;
        println!("\nwritten to {}", path.display());
        Ok(())
    }
}

fn line(measurement: &Measurement) -> String {
    let value = match measurement.value {
        value if value >= 1000.0 => grouped(value),
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    };
    let must = match measurement.must {
        None => String::new(),
        Some(Must::AtLeast(bound)) => format!("  must be at least {}", grouped(bound)),
        Some(Must::AtMost(bound)) => format!("  must be at most {}", grouped(bound)),
    };
    let kept = measurement.kept.map_or("", |kept| if kept { " – kept" } else { " – MISSED" });
    format!("{:<52} {value:>12} {:<7}{must}{kept}", measurement.what, measurement.unit)
}

/// Whole numbers with commas.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The middle one; the mean of the two in the middle where their number is even.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => (values[count / 2 - 1] + values[count / 2]) / 2.0,
    }
}

/// The value that `share` of all do not exceed (nearest rank).
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let sorted: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(
            (percentile(&sorted, 0.5), percentile(&sorted, 0.99), percentile(&sorted, 1.0)),
            (100.0, 198.0, 200.0)
        );
        assert_eq!(percentile(&[7.0], 0.99), 7.0);
        assert_eq!(median(vec![3.0, 1.0, 2.0, 10.0]), 2.5);
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0.0, 999.0, 1000.0, 1_234_567.0].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
