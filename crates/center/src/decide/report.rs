//! An engine reports. Reports may come twice, late and out of order; each is taken once.

use haina_core::{
    AttemptId, CardUse, Condition, Ending, FailedTask, JobId, JobState, Milliseconds, Money, Report, TaskUse, Timestamp,
};
use haina_ledger::{Transaction, charge, settle};

use super::Outcome;
use crate::{Attempt, ElementCounts, Fact, Job, Progress, State};

/// Decides a report.
pub fn report(state: &State, report: &Report, now: Timestamp) -> Outcome {
    let id = report.attempt();
    let Some(attempt) = state.view.attempts.get(&id) else { return Outcome::done(Vec::new()) };
    match report {
        Report::Started { at, .. } if attempt.started.is_none() => {
            Outcome::done(vec![Fact::AttemptStarted { attempt: id, at: clamp(*at, attempt.placed, now) }])
        }
        Report::Started { .. } => Outcome::done(Vec::new()),
        Report::Ended { started, at, ending, used, failed_task, .. } => {
            let run = Run::of(attempt, *started, *at, now);
            Outcome::done(ended(state, id, run, ending, *failed_task, *used, now))
        }
    }
}

/// Engines have clocks of their own: a moment is never before the cards were held, nor after now.
fn clamp(moment: Timestamp, placed: Timestamp, now: Timestamp) -> Timestamp {
    moment.clamp(placed, now.max(placed))
}

/// When an attempt ran, as far as the center can believe it.
struct Run {
    /// None where it never started.
    started: Option<Timestamp>,
    ended: Timestamp,
}

impl Run {
    /// The length is what an engine knows best: one report takes both its moments from one clock that is never set, whatever
    /// the time of day there is. Where between placement and now that length lies is of less weight, and is moved to fit.
    ///
    /// A start that was reported before counts only where this report has none: of several tasks, the one that was seen
    /// first need not have been the first.
    fn of(attempt: &Attempt, first: Option<Timestamp>, at: Timestamp, now: Timestamp) -> Run {
        let released = now.max(attempt.placed);
        let Some(first) = first.or(attempt.started) else {
            return Run { started: None, ended: clamp(at, attempt.placed, now) };
        };
        let length = at.0.saturating_sub(first.0).clamp(0, released.0 - attempt.placed.0);
        let ended = at.0.clamp(attempt.placed.0 + length, released.0);
        Run { started: Some(Timestamp(ended - length)), ended: Timestamp(ended) }
    }

    fn length(&self) -> Milliseconds {
        self.started.map_or(Milliseconds(0), |started| self.ended.since(started))
    }
}

fn ended(
    state: &State,
    id: AttemptId,
    run: Run,
    ending: &Ending,
    failed_task: Option<FailedTask>,
    used: TaskUse,
    now: Timestamp,
) -> Vec<Fact> {
    let attempt = &state.view.attempts[&id];
    let job = &state.jobs[&id.job];
    // Metered from the first task's start, and never beyond what was held for it: a late report costs nobody.
    let length = run.length().min(job.longest());
    let metered = attempt.allocation.cards().used_for(length);
    let price = attempt.price_per_card_hour;
    let parts = settle(&attempt.funding, if attempt.funding.is_empty() { CardUse(0) } else { metered });
    let charged = match attempt.funding.is_empty() {
        true => charge(price, metered),
        false => Money { micros: parts.iter().map(|part| part.cost().micros).sum(), ..price },
    };
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
        && let Some(started) = run.started
    {
        facts.push(Fact::AttemptStarted { attempt: id, at: started });
    }
    facts.push(Fact::AttemptEnded {
        attempt: id,
        state: outcome,
        ending: ending.clone(),
        started: run.started,
        ended: run.ended,
        used,
        metered,
        charged,
        retry,
        // What was told to stop has not failed.
        failed_task: failed_task.filter(|_| again),
    });
    if charged.micros > 0 {
        let transaction = match parts.is_empty() {
            true => Transaction::charge(job.organization, id, metered, price),
            false => Transaction::funded_charge(job.organization, id, metered, price, parts),
        };
        facts.push(Fact::Posted { transaction, seal: None });
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
