//! `--check`: what those who look from outside say of a schedule.

use haina_simulator::checker::Report;
use serde_json::{Value, json};

use super::figures::grouped;
use crate::complaint::{Complaint, FAILED};
use crate::language::say;

/// Violations that are shown.
const SHOWN_MOST: usize = 5;

/// Complains where a schedule has what none may have, or the checker objects to a decision.
pub fn sound(policy: &str, seen_outside: Option<String>, judgement: Option<&Report>) -> Result<(), Complaint> {
    let violations = judgement.map_or(&[][..], |report| &report.violations);
    let shown = violations.iter().take(SHOWN_MOST).map(ToString::to_string);
    let faults: Vec<String> = seen_outside.into_iter().chain(shown).collect();
    if faults.is_empty() {
        return Ok(());
    }
    let what = say(format!("the schedule of {policy} is not sound"), format!("策略 {policy} 的调度结果不成立"));
    let more = violations.len().saturating_sub(SHOWN_MOST);
    let more = say(format!("{more} more violations"), format!("另有 {more} 处违规"));
    let hint = if violations.len() > SHOWN_MOST { more } else { String::new() };
    Err(Complaint::new(FAILED, what).because(faults.join("\n  ")).hint(hint))
}

/// One line for people.
pub fn sentence(policy: &str, report: &Report) -> String {
    let [placements, waited, promises, violations] =
        [report.placements, report.waited, report.promises, report.violations.len()].map(|count| grouped(count as u64));
    say(
        format!(
            "{policy}, checked: {placements} placements ({waited} after a wait), {promises} promises, {violations} violations"
        ),
        format!(
            "{policy} 已核查：{placements} 次分配（其中 {waited} 次经过等待），{promises} 个承诺，{violations} 处违规"
        ),
    )
}

/// The same for scripts.
pub fn document(report: &Report) -> Value {
    json!({
        "placements": report.placements,
        "waited": report.waited,
        "promises": report.promises,
        "violations": report.violations.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use haina_simulator::checker;
    use haina_simulator::plan_log::{self, Record};

    use super::*;

    #[test]
    fn the_first_violations_are_said_and_the_others_counted() {
        let ended = |job: u64| format!(r#"{{"at_us":0,"record":"job_ended","job":{job},"state":"succeeded"}}"#);
        let log: Vec<Record> = plan_log::read(&(1..=7).map(|job| ended(job) + "\n").collect::<String>()).unwrap();
        let complaint = sound("fair", None, Some(&checker::check(&log))).unwrap_err();
        assert_eq!((complaint.exit, complaint.why.lines().count()), (FAILED, SHOWN_MOST), "{complaint}");
        assert!(complaint.why.contains("job 1 was never accepted") && complaint.hint.starts_with('2'), "{complaint}");
        assert!(sound("fair", None, Some(&checker::check(&[]))).is_ok());
        assert!(sound("reference-fifo", Some("a card is held twice".to_owned()), None).is_err());
    }
}
