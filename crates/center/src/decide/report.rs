//! An engine reports. Reports may come twice, late and out of order; each is taken once.

use haina_core::{AttemptId, Condition, Ending, JobId, JobState, Milliseconds, Report, TaskUse, Timestamp};
use haina_ledger::{Transaction, charge};

use super::Outcome;
use crate::{ElementCounts, Fact, Job, Progress, State};

/// Decides a report.
pub fn report(state: &State, report: &Report, now: Timestamp) -> Outcome {
    let id = report.attempt();
    let Some(attempt) = state.view.attempts.get(&id) else { return Outcome::done(Vec::new()) };
    match report {
        Report::Started { at, .. } if attempt.started.is_none() => {
            Outcome::done(vec![Fact::AttemptStarted { attempt: id, at: clamp(*at, attempt.placed, now) }])
        }
        Report::Started { .. } => Outcome::done(Vec::new()),
        Report::Ended { started, at, ending, used, .. } => {
            let reported = started.map(|started| clamp(started, attempt.placed, now));
            Outcome::done(ended(state, id, attempt.started.or(reported), *at, ending, *used, now))
        }
    }
}

/// Engines have clocks of their own: a moment is never before the cards were held, nor after now.
fn clamp(moment: Timestamp, placed: Timestamp, now: Timestamp) -> Timestamp {
    moment.clamp(placed, now.max(placed))
}

fn ended(
    state: &State,
    id: AttemptId,
    started: Option<Timestamp>,
    at: Timestamp,
    ending: &Ending,
    used: TaskUse,
    now: Timestamp,
) -> Vec<Fact> {
    let attempt = &state.view.attempts[&id];
    let job = &state.jobs[&id.job];
    let ended = clamp(at, started.unwrap_or(attempt.placed), now);
    // Metered from the first task's start, and never beyond what was held for it: a late report costs nobody.
    let length = started.map_or(Milliseconds(0), |started| ended.since(started)).min(job.longest());
    let metered = attempt.allocation.cards().used_for(length);
    let charged = charge(attempt.price_per_card_hour, metered);
    let outcome = match ending {
        Ending::Exited { code: 0 } => JobState::Succeeded,
        Ending::Lost { .. } => JobState::Lost,
        Ending::Stopped => JobState::Cancelled,
        _ if attempt.stopping => JobState::Cancelled,
        Ending::Exited { .. }
        | Ending::Signalled { .. }
        | Ending::OutOfMemory
        | Ending::TimedOut
        | Ending::Unstartable { .. } => JobState::Failed,
    };
    let again = matches!(outcome, JobState::Failed | JobState::Lost);
    let retry = again && !attempt.stopping && !job.cancelled && id.number <= job.retries;
    let mut facts = Vec::new();
    if attempt.started.is_none()
        && let Some(started) = started
    {
        facts.push(Fact::AttemptStarted { attempt: id, at: started });
    }
    facts.push(Fact::AttemptEnded {
        attempt: id,
        state: outcome,
        ending: ending.clone(),
        started,
        ended,
        used,
        metered,
        charged,
        retry,
    });
    if charged.micros > 0 {
        let transaction = Transaction::charge(job.organization, id, metered, attempt.price_per_card_hour);
        facts.push(Fact::Posted { transaction });
    }
    if !retry {
        let mut counts = job.counts();
        counts.add(outcome, 1);
        if counts.total() == job.elements() {
            end_job(state, id.job, counts, None, now, &mut facts);
        }
    }
    facts
}

/// The end of a job, and of those that waited for its success in vain, and of those that waited for these.
pub fn end_job(
    state: &State,
    job: JobId,
    counts: ElementCounts,
    cause: Option<JobId>,
    at: Timestamp,
    facts: &mut Vec<Fact>,
) {
    let outcome = counts.outcome();
    let entry = &state.jobs[&job];
    let (organization, class) = (entry.organization, entry.class);
    facts.push(Fact::JobEnded { job, organization, class, state: outcome, counts, cause, at });
    if outcome == JobState::Succeeded {
        return;
    }
    let mut failed = vec![job];
    let mut seen = std::collections::BTreeSet::from([job]);
    while let Some(upstream) = failed.pop() {
        for dependent in state.dependents.get(&upstream).into_iter().flatten() {
            let entry = &state.jobs[dependent];
            let in_vain = entry.dependencies.contains(&(upstream, Condition::Succeeded));
            if in_vain && seen.insert(*dependent) {
                let mut counts = entry.counts();
                counts.add(JobState::Cancelled, entry.elements() - counts.total());
                facts.push(Fact::JobEnded {
                    job: *dependent,
                    organization: entry.organization,
                    class: entry.class,
                    state: JobState::Cancelled,
                    counts,
                    cause: Some(upstream),
                    at,
                });
                failed.push(*dependent);
            }
        }
    }
}

impl Job {
    /// Elements; a single job has one.
    pub fn elements(&self) -> u32 {
        match &self.progress {
            Progress::Single { .. } => 1,
            Progress::Array(array) => array.request.count,
        }
    }

    /// Elements that have ended.
    pub fn counts(&self) -> ElementCounts {
        match &self.progress {
            Progress::Single { .. } => ElementCounts::default(),
            Progress::Array(array) => array.counts,
        }
    }
}
