//! Who may start: within its organization's quota (invariant 6), when its moment has come and what it waits for has
//! ended, and with no more elements at once than its array allows.

use super::scene::{Job, Scene};
use super::violation::Broken;
use crate::plan_log::{After, Event, Record, State};

pub fn check(scene: &Scene, record: &Record, broken: &mut Vec<Broken>) {
    let Event::Placed { attempt, .. } = &record.event else { return };
    let Some(job) = scene.jobs.get(&attempt.job) else { return };
    let (attempt, submitted) = (*attempt, &job.submitted);
    let organization = submitted.organization;
    if let Some(payer) = scene.organizations.get(&organization) {
        if payer.suspended {
            broken.push(Broken::Suspended { attempt, organization });
        }
        let asked = submitted.shape.cards_millis();
        let held_millis = payer.held_millis + asked;
        if let Some(limit_millis) = payer.limit_millis.filter(|limit| asked > 0 && held_millis > u64::from(*limit)) {
            broken.push(Broken::QuotaExceeded { attempt, organization, held_millis, limit_millis });
        }
    }
    if let Some(not_before_us) = submitted.not_before_us.filter(|at| *at > record.at_us) {
        broken.push(Broken::TooEarly { attempt, not_before_us });
    }
    if let Some(after) = submitted.after.iter().find(|after| !is_met(scene, after)) {
        broken.push(Broken::DependencyUnmet { attempt, on: after.job });
    }
    if let Some(concurrency) = cap(job).filter(|cap| job.under_way() as u32 >= *cap) {
        broken.push(Broken::TooManyElements { attempt, concurrency });
    }
}

/// Whether something of a job could start at `now_us` if only it fitted.
pub fn may_start(scene: &Scene, job: &Job, now_us: i64) -> bool {
    let submitted = &job.submitted;
    let payer_may = scene.organizations.get(&submitted.organization).is_none_or(|payer| {
        let held_millis = payer.held_millis + submitted.shape.cards_millis();
        !payer.suspended && payer.limit_millis.is_none_or(|limit| held_millis <= u64::from(limit))
    });
    payer_may && is_in_line(scene, job, now_us)
}

/// Whether something of a job waits for nothing but its turn, cards, and what its organization may.
pub fn is_in_line(scene: &Scene, job: &Job, now_us: i64) -> bool {
    let due = job.submitted.not_before_us.is_none_or(|at| at <= now_us);
    let below_cap = cap(job).is_none_or(|cap| (job.under_way() as u32) < cap);
    let met = job.submitted.after.iter().all(|after| is_met(scene, after));
    due && below_cap && met && !job.cancelled && job.has_waiting()
}

fn is_met(scene: &Scene, after: &After) -> bool {
    scene.ended.get(&after.job).is_some_and(|state| !after.succeeded || *state == State::Succeeded)
}

fn cap(job: &Job) -> Option<u32> {
    job.submitted.array.and_then(|array| array.concurrency)
}
