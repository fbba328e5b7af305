//! Every attempt is one that was due, ends once, and no accepted job is forgotten (invariant 3).

use super::scene::{Element, Scene};
use super::violation::Broken;
use crate::plan_log::{Attempt, Event, Record, State};

pub fn check(scene: &Scene, record: &Record, broken: &mut Vec<Broken>) {
    if record.at_us < scene.now_us {
        broken.push(Broken::TimeWentBack { before_us: scene.now_us });
    }
    match &record.event {
        Event::Submitted(submitted) => {
            let job = submitted.job;
            if scene.jobs.contains_key(&job) || scene.ended.contains_key(&job) {
                broken.push(Broken::JobTwice { job });
            }
        }
        Event::Placed { attempt, .. } => broken.extend(placed(scene, *attempt)),
        Event::Started { attempt, .. } if !scene.held.contains_key(attempt) => {
            broken.push(Broken::NotUnderWay { attempt: *attempt });
        }
        Event::Ended { attempt, state, retry, .. } => broken.extend(ended(scene, *attempt, *state, *retry)),
        Event::JobEnded { job, state } => broken.extend(job_ended(scene, *job, *state)),
        Event::Promised { job, .. }
        | Event::PromiseWithdrawn { job }
        | Event::JobCancelled { job }
        | Event::ElementCancelled { job, .. }
            if !scene.jobs.contains_key(job) =>
        {
            broken.push(Broken::NoSuchJob { job: *job });
        }
        Event::Closed => {
            broken.extend(scene.held.keys().map(|attempt| Broken::NeverEnded { attempt: *attempt }));
            let left = scene.jobs.iter().filter(|(_, job)| job.under_way() == 0);
            broken.extend(left.map(|(job, _)| Broken::Forgotten { job: *job }));
        }
        _ => {}
    }
}

fn placed(scene: &Scene, attempt: Attempt) -> Option<Broken> {
    let Some(job) = scene.jobs.get(&attempt.job) else { return Some(Broken::NoSuchJob { job: attempt.job }) };
    let element = job.elements.get(&attempt.element).copied().unwrap_or_default();
    if job.cancelled || attempt.element >= job.elements() || element.under_way || element.done {
        return Some(Broken::NotWaiting { attempt });
    }
    let expected = element.made + 1;
    (attempt.number != expected).then_some(Broken::WrongNumber { attempt, expected })
}

fn ended(scene: &Scene, attempt: Attempt, state: State, retry: bool) -> Option<Broken> {
    if !scene.held.contains_key(&attempt) {
        return Some(Broken::NotUnderWay { attempt });
    }
    let job = scene.jobs.get(&attempt.job)?;
    let tried_again = matches!(state, State::Failed | State::Lost) && !job.cancelled;
    let is_due = tried_again && attempt.number <= job.submitted.retries;
    (retry && !is_due).then_some(Broken::RetryNotDue { attempt })
}

/// A job ends when all its elements are done, or when none is under way and the rest will not be.
fn job_ended(scene: &Scene, id: u64, state: State) -> Option<Broken> {
    let Some(job) = scene.jobs.get(&id) else { return Some(Broken::NoSuchJob { job: id }) };
    let in_vain =
        job.submitted.after.iter().any(|after| {
            after.succeeded && scene.ended.get(&after.job).is_some_and(|state| *state != State::Succeeded)
        });
    let given_up = (job.cancelled || in_vain) && state != State::Succeeded;
    let done = |element: &Element| element.done;
    let all_done = job.elements.len() as u64 == u64::from(job.elements()) && job.elements.values().all(done);
    let is_over = job.under_way() == 0 && (all_done || given_up);
    (!is_over).then_some(Broken::JobEndedEarly { job: id })
}
