//! Nobody who could start is passed over, and nobody who could start is left waiting.
//!
//! - Best effort: a job that is ahead of another and fits starts before it; once nothing is left to decide, no waiting job
//!   fits.
//! - With promises: the first in line of a pool starts when it fits. Those behind it may be held back for a promise.
//! - Where jobs may wait for funds, neither is judged.
//! - First come, first served: of two jobs that are alike the earlier one starts first, whatever is backfilled.

use std::collections::{BTreeMap, BTreeSet};

use super::fit::fits;
use super::scene::{Job, Scene};
use super::violation::Broken;
use super::waiting::may_start;
use crate::plan_log::{Attempt, Backfill, Event, Order, Record, Shape};

pub fn check(scene: &Scene, record: &Record, broken: &mut Vec<Broken>) {
    match &record.event {
        Event::Placed { attempt, .. } if scene.order == Order::Fifo => {
            broken.extend(passed_over(scene, *attempt, record.at_us));
        }
        Event::Settled if !scene.funds_limited => left_waiting(scene, record.at_us, broken),
        _ => {}
    }
}

/// Higher priority first, then who was submitted first.
fn place_in_line(id: u64, job: &Job) -> (i64, u64) {
    (-i64::from(job.submitted.priority), id)
}

fn passed_over(scene: &Scene, attempt: Attempt, now_us: i64) -> Option<Broken> {
    let job = scene.jobs.get(&attempt.job)?;
    let place = place_in_line(attempt.job, job);
    let mut known: BTreeMap<Shape, bool> = BTreeMap::new();
    let ahead = scene.jobs.iter().filter(|(id, other)| place_in_line(**id, other) < place);
    let mut passed = ahead.filter(|(_, other)| may_start(scene, other, now_us)).filter(|(_, other)| {
        let (shape, others) = (&job.submitted.shape, &other.submitted.shape);
        let alike = shape == others
            && job.submitted.organization == other.submitted.organization
            && job.submitted.limit_ms == other.submitted.limit_ms
            && job.submitted.grace_ms == other.submitted.grace_ms;
        let best_effort = scene.backfill == Backfill::BestEffort && !scene.funds_limited;
        alike || (best_effort && *known.entry(*others).or_insert_with(|| fits(scene, others)))
    });
    passed.next().map(|(waiting, _)| Broken::PassedOver { attempt, waiting: *waiting })
}

fn left_waiting(scene: &Scene, now_us: i64, broken: &mut Vec<Broken>) {
    let waiting = scene.jobs.iter().filter(|(_, job)| may_start(scene, job, now_us));
    let mut line: Vec<(&u64, &Job)> = waiting.collect();
    line.sort_by_key(|(id, job)| place_in_line(**id, job));
    let (mut pools, mut shapes) = (BTreeSet::new(), BTreeSet::new());
    for (id, job) in line {
        let shape = job.submitted.shape;
        let is_first = pools.insert(shape.pool);
        let must_start = match scene.backfill {
            Backfill::BestEffort => true,
            _ => is_first && scene.order == Order::Fifo,
        };
        if must_start && shapes.insert(shape) && fits(scene, &shape) {
            broken.push(Broken::LeftWaiting { job: *id });
        }
    }
}
