//! Somebody asks to stop a job.

use haina_core::{Actor, Effect, JobState, JobTarget, Refusal, Stop, UserId};

use super::report::end_job;
use super::{Outcome, require};
use crate::permission::Owner;
use crate::{Action, Fact, Input, Progress, State};

/// What waits ends now; what is under way is told to stop. Asking again changes nothing.
pub fn cancel(state: &State, input: &Input, target: JobTarget) -> Result<Outcome, Refusal> {
    let not_found = || Refusal::not_found(haina_core::Kind::Job, target);
    let job = state.jobs.get(&target.job).ok_or_else(not_found)?;
    let seen = Owner { organization: Some(job.organization), user: Some(job.user), job: Some(target.job) };
    require(state, input, Action::ReadJob, seen).map_err(|_| not_found())?;
    require(state, input, Action::CancelJob, seen)?;
    let by = match input.actor {
        Actor::User(user) => user,
        Actor::Center | Actor::Engine | Actor::Attempt(_) => UserId(0),
    };
    match (target.element, &job.progress) {
        (None, _) => Ok(cancel_job(state, input, target, by)),
        (Some(element), Progress::Array(array)) if element < array.request.count => {
            Ok(cancel_element(state, input, target, element, by))
        }
        _ => Err(not_found()),
    }
}

fn cancel_job(state: &State, input: &Input, target: JobTarget, by: UserId) -> Outcome {
    let job = &state.jobs[&target.job];
    let mut outcome = Outcome::done(Vec::new());
    if job.cancelled {
        return outcome;
    }
    outcome.facts.push(Fact::JobCancelled { job: target.job, by });
    for (attempt, entry) in state.view.attempts_of(target.job).filter(|(_, entry)| !entry.stopping) {
        debug_assert!(!entry.stopping);
        outcome.facts.push(Fact::AttemptStopping { attempt });
        outcome.effects.push(Effect::Stop(Stop { attempt, grace: job.grace }));
    }
    if job.active() == 0 {
        let mut counts = job.counts();
        counts.add(JobState::Cancelled, job.elements() - counts.total());
        end_job(state, target.job, counts, None, input.now, &mut outcome.facts);
    }
    outcome
}

fn cancel_element(state: &State, input: &Input, target: JobTarget, element: u32, by: UserId) -> Outcome {
    let job = &state.jobs[&target.job];
    let Progress::Array(array) = &job.progress else { unreachable!("only arrays have elements") };
    let mut outcome = Outcome::done(Vec::new());
    if array.active.contains_key(&element) {
        let of_element =
            |(id, entry): &(haina_core::AttemptId, &crate::Attempt)| id.element == element && !entry.stopping;
        for (attempt, _) in state.view.attempts_of(target.job).filter(of_element) {
            outcome.facts.push(Fact::AttemptStopping { attempt });
            outcome.effects.push(Effect::Stop(Stop { attempt, grace: job.grace }));
        }
        return outcome;
    }
    let waits = array.returned.contains_key(&element) || (element >= array.next && !array.skipped.contains(&element));
    if waits {
        outcome.facts.push(Fact::ElementCancelled { job: target.job, element, by });
        let mut counts = array.counts;
        counts.add(JobState::Cancelled, 1);
        if counts.total() == array.request.count {
            end_job(state, target.job, counts, None, input.now, &mut outcome.facts);
        }
    }
    outcome
}
