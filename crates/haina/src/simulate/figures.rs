//! Measures as people read them.

use haina_simulator::Estimates;

use super::Result;
use super::input::Input;
use crate::language::{language, say};
use crate::print;

/// One sentence about what is simulated.
pub fn about(input: &Input) -> String {
    let (jobs, days) = (grouped(input.workload.report.jobs), days(last_ms(input)));
    let (name, cards) = (&input.name, grouped(input.cards.into()));
    let span = u128::from(last_ms(input)) * u128::from(input.cards);
    let load = (input.workload.card_use() / 10).checked_div(span).unwrap_or(0);
    say(
        format!("{name}: {jobs} jobs in {days} days, on {cards} cards, of which they ask for {load} %."),
        format!("{name}：{days} 天内 {jobs} 个作业，{cards} 张卡，所需卡时为其 {load} %。"),
    )
}

fn last_ms(input: &Input) -> u64 {
    input.workload.jobs.last().map_or(0, |job| job.at.0)
}

/// Days with one decimal.
pub fn days(ms: u64) -> String {
    format!("{:.1}", ms as f64 / 86_400_000.0)
}

/// What was wrong with lines of the trace, or is to be said of jobs of the past.
pub fn complaints(input: &Input) -> Vec<String> {
    let (english, chinese) = match &input.past {
        Some(_) => ("jobs", "个作业"),
        None => ("lines", "行"),
    };
    let lines = input.workload.report.counts.iter().map(|count| {
        let (lines, first) = (grouped(count.lines), count.first_line);
        let what = count.complaint.phrase();
        let what = what.say(language());
        match count.complaint.is_note() {
            true => say(
                format!("{lines} {english}, the first is {first}: {what}"),
                format!("{lines} {chinese}（首个为 {first}）：{what}"),
            ),
            false => say(
                format!("{lines} {english} left out, the first is {first}: {what}"),
                format!("略去 {lines} {chinese}（首个为 {first}）：{what}"),
            ),
        }
    });
    lines.collect()
}

/// The cells of a policy.
pub fn row(result: &Result) -> [String; 11] {
    let measures = &result.measures;
    let wait = measures.wait_ms;
    [
        result.policy.clone(),
        length(measures.completion_mean_ms),
        length(wait.mean),
        length(wait.p50),
        length(wait.p95),
        length(wait.p99),
        length(wait.most),
        slowdown(measures.slowdown_millis.mean),
        percent(measures.utilisation_ppm),
        percent(measures.idle_while_waiting_ppm),
        measures.fairness_ppm.map_or("–".to_owned(), |ppm| format!("{:.3}", ppm as f64 / 1e6)),
    ]
}

/// What the columns mean.
pub fn legend() -> &'static str {
    say(
        "COMPLETION: submission to end, mean. SLOWDOWN: (wait + run) ÷ run, runs of 10 s at least, mean.\n\
         UTILISATION and IDLE (free while a job waits): until the last submission. FAIRNESS: Jain's index of the organizations' slowdowns.\n\
         Jobs without a limit have none that matters. `reference-…` are plain loops; all but reference-qssf-history, reference-fifo and\n\
         reference-fifo-skip know run times beforehand.",
        "平均完成：从提交到结束。减速比：（等待 + 运行）÷ 运行，运行按至少 10 秒计，取平均。\n\
         利用率与空闲（有作业等待时的空闲卡）：截至最后一次提交。公平性：各单位减速比的 Jain 指数。\n\
         无时限的作业按无时限处理。reference-… 为独立的简单循环；除 reference-qssf-history、reference-fifo 与\n\
         reference-fifo-skip 外，都预先知道运行时间。",
    )
}

/// What was refused under a policy.
pub fn refused(result: &Result) -> String {
    let (policy, count) = (&result.policy, grouped(result.measures.refused));
    let why = result.refusal.as_deref().unwrap_or(say("larger than the pool", "超过资源池规模"));
    say(
        format!("{policy}: {count} jobs refused; the first: {why}"),
        format!("{policy}：拒绝 {count} 个作业；首个原因：{why}"),
    )
}

/// How far off estimated starts were.
pub fn estimates(policy: &str, estimates: &Estimates) -> String {
    let Estimates { jobs, off_p50_ms, off_p90_ms, .. } = *estimates;
    let (jobs, half, most) = (grouped(jobs), length(off_p50_ms), length(off_p90_ms));
    let [of_half, of_most, later] =
        [estimates.off_of_wait_p50_ppm, estimates.off_of_wait_p90_ppm, estimates.later_ppm].map(percent);
    say(
        format!(
            "{policy}, starts estimated at submission of {jobs} jobs that waited: off by {half} (median), {most} (P90); \
             {of_half} and {of_most} of the wait; {later} came later."
        ),
        format!(
            "{policy}：{jobs} 个等待作业在提交时的预计开始时间：误差中位数 {half}，P90 {most}；相当于等待时间的 {of_half} 与 {of_most}；\
             {later} 实际晚于预计。"
        ),
    )
}

/// A length of time.
pub fn length(ms: u64) -> String {
    print::length(ms as f64 / 1000.0)
}

/// Parts per million as percent.
pub fn percent(ppm: u64) -> String {
    format!("{:.1} %", ppm as f64 / 10_000.0)
}

/// Thousandths as a factor.
pub fn slowdown(millis: u64) -> String {
    format!("{:.1}", millis as f64 / 1000.0)
}

/// A number with commas.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
