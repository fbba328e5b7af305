//! Nobody who could start is passed over, and nobody who could start is left waiting.
//!
//! - Best effort: a job that is ahead of another and fits starts before it; once nothing is left to decide, no waiting job
//!   fits.
//! - No backfill: nobody starts before a job that is ahead of it and could use the same cards.
//! - With promises: those behind others may be held back for them; who is ahead of all in its pool starts when it fits,
//!   unless others hold promises.
//! - Of two jobs that are alike, the one that is ahead starts first, whatever is backfilled.
//! - Where jobs may wait for funds, only the last is judged.

use std::collections::{BTreeMap, BTreeSet};

use super::fit::fits;
use super::line::{Waiting, is_ahead};
use super::scene::{Job, Scene};
use super::violation::Broken;
use super::waiting::may_start;
use crate::plan_log::{Attempt, Backfill, Event, Record, Shape};

pub fn check(scene: &Scene, record: &Record, broken: &mut Vec<Broken>) {
    match &record.event {
        Event::Placed { attempt, .. } => broken.extend(passed_over(scene, *attempt, record.at_us)),
        Event::Settled if !scene.funds_limited => left_waiting(scene, record.at_us, broken),
        _ => {}
    }
}

fn passed_over(scene: &Scene, attempt: Attempt, now_us: i64) -> Option<Broken> {
    let job = scene.jobs.get(&attempt.job)?;
    let mut known: BTreeMap<Shape, bool> = BTreeMap::new();
    // With promises only those that are alike are compared; that they are is seen at a glance.
    let only_alike = scene.funds_limited || matches!(scene.backfill, Backfill::Easy | Backfill::Conservative);
    let compared = scene.jobs.iter().filter(|(_, other)| !only_alike || are_alike(job, other));
    let waiting = compared.filter(|(_, other)| may_start(scene, other, now_us));
    let ahead = waiting.filter(|(id, other)| is_ahead(scene, now_us, (**id, other), (attempt.job, job)));
    let mut passed = ahead.filter(|(_, other)| {
        let others = &other.submitted.shape;
        let might_start = match scene.backfill {
            _ if scene.funds_limited => false,
            Backfill::BestEffort => *known.entry(*others).or_insert_with(|| fits(scene, others)),
            Backfill::None => compete(others, &job.submitted.shape),
            Backfill::Easy | Backfill::Conservative => false,
        };
        // Who was promised a start keeps it, also against one that is tried again at its old place.
        might_start || (are_alike(job, other) && !scene.promises.contains_key(&attempt.job))
    });
    passed.next().map(|(waiting, _)| Broken::PassedOver { attempt, waiting: *waiting })
}

/// What could start the one could start the other, for as long.
fn are_alike(job: &Job, other: &Job) -> bool {
    let alike = |job: &Job| {
        let submitted = &job.submitted;
        let of = (submitted.organization, submitted.project, submitted.user);
        (of, submitted.shape, submitted.limit_ms, submitted.grace_ms)
    };
    alike(job) == alike(other)
}

/// Whether two shapes could use the same cards.
fn compete(one: &Shape, other: &Shape) -> bool {
    let with_cards = one.cards_per_node_millis > 0 && other.cards_per_node_millis > 0;
    let same_model = one.model.is_none() || other.model.is_none() || one.model == other.model;
    one.pool == other.pool && same_model && with_cards
}

fn left_waiting(scene: &Scene, now_us: i64, broken: &mut Vec<Broken>) {
    let waiting: Vec<Waiting> =
        scene.jobs.iter().filter(|(_, job)| may_start(scene, job, now_us)).map(|(id, job)| (*id, job)).collect();
    let mut shapes = BTreeSet::new();
    for (id, job) in &waiting {
        let shape = job.submitted.shape;
        let known = shapes.contains(&shape);
        let must_start = || scene.backfill == Backfill::BestEffort || leads(scene, now_us, (*id, job), &waiting);
        if !known && must_start() && fits(scene, &shape) {
            shapes.insert(shape);
            broken.push(Broken::LeftWaiting { job: *id });
        }
    }
}

/// Whether a job is ahead of all that wait for its pool, and nobody else there was promised anything.
fn leads(scene: &Scene, now_us: i64, waiting: Waiting, all: &[Waiting]) -> bool {
    let pool = waiting.1.submitted.shape.pool;
    let others = all.iter().filter(|(id, other)| *id != waiting.0 && other.submitted.shape.pool == pool);
    let ahead_of_all = others.into_iter().all(|other| is_ahead(scene, now_us, waiting, *other));
    let promised_to_others = scene
        .promises
        .keys()
        .any(|job| *job != waiting.0 && scene.jobs.get(job).is_some_and(|job| job.submitted.shape.pool == pool));
    ahead_of_all && !promised_to_others
}
