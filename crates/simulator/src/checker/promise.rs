//! No promised start slips (invariant 8), unless something happened since that the promise could not know of: a node or
//! card of it went out of service, a job of a higher priority came, an organization or the policy was changed, or an
//! attempt outstayed its limit, or began to count it after the promise was made.

use super::scene::{Promise, Scene};
use super::violation::Broken;
use crate::plan_log::{Event, Record};

pub fn check(scene: &Scene, record: &Record, broken: &mut Vec<Broken>) {
    match &record.event {
        Event::Promised { job, start_us, .. } => {
            let Some(before) = scene.promises.get(job) else { return };
            if *start_us > before.start_us && before.excuse.is_none() && !scene.outstayed(record.at_us) {
                broken.push(Broken::PromiseMoved { job: *job, from_us: before.start_us, to_us: *start_us });
            }
        }
        Event::Placed { attempt, .. } => {
            let promise = scene.promises.get(&attempt.job);
            broken.extend(promise.and_then(|promise| late(scene, attempt.job, promise, record.at_us)));
        }
        Event::Closed => {
            let late = |(job, promise): (&u64, &Promise)| late(scene, *job, promise, record.at_us);
            broken.extend(scene.promises.iter().filter_map(late));
        }
        _ => {}
    }
}

fn late(scene: &Scene, job: u64, promise: &Promise, now_us: i64) -> Option<Broken> {
    let is_late = now_us > promise.start_us && promise.excuse.is_none() && !scene.outstayed(now_us);
    is_late.then_some(Broken::PromiseBroken { job, start_us: promise.start_us })
}

impl Scene {
    /// Notes what excuses that promises slip.
    pub fn note_excuses(&mut self, record: &Record) {
        match &record.event {
            Event::NodeDraining { node, draining: true } => {
                self.excuse("a node of it was drained", |_, promise| promise.nodes.contains(node));
            }
            Event::CardsUnusable { node, .. } => {
                self.excuse("cards of a node of it failed", |_, promise| promise.nodes.contains(node));
            }
            Event::OrganizationSet { .. } => self.excuse("an organization was changed", |_, _| true),
            Event::PolicySet { .. } => self.excuse("the policy was changed", |_, _| true),
            Event::Submitted(submitted) => {
                let lower = |priority: Option<i32>| priority.is_some_and(|priority| priority < submitted.priority);
                self.excuse("a job of a higher priority came", |priority, _| lower(priority));
            }
            Event::Placed { attempt, shares } => {
                let taken = |promise: &Promise| shares.iter().any(|share| promise.nodes.contains(&share.node));
                let of_taker = self.jobs.get(&attempt.job).map(|job| job.submitted.priority);
                self.excuse("a job of a higher priority took it", |priority, promise| {
                    priority < of_taker && taken(promise)
                });
            }
            // Its limit counts from its start, which a promise that was made before could not know.
            Event::Started { attempt, since_us } => {
                let since_us = since_us.unwrap_or(record.at_us);
                let Some(held) = self.held.get(attempt).filter(|held| held.from_us < since_us) else { return };
                let nodes: Vec<u32> = held.shares.iter().map(|share| share.node).collect();
                self.excuse("an attempt started after it was placed", |_, promise| {
                    nodes.iter().any(|node| promise.nodes.contains(node))
                });
            }
            Event::Ended { .. } if self.outstayed(record.at_us) => {
                self.excuse("an attempt outstayed its limit", |_, _| true);
            }
            _ => {}
        }
    }

    fn excuse(&mut self, why: &'static str, applies: impl Fn(Option<i32>, &Promise) -> bool) {
        for (job, promise) in &mut self.promises {
            let priority = self.jobs.get(job).map(|job| job.submitted.priority);
            if promise.excuse.is_none() && applies(priority, promise) {
                promise.excuse = Some(why);
            }
        }
    }

    /// Whether some attempt holds what it has for longer than its limit and grace allow.
    fn outstayed(&self, now_us: i64) -> bool {
        self.held.iter().any(|(attempt, held)| {
            let longest_ms = self.jobs.get(&attempt.job).map(|job| job.submitted.limit_ms + job.submitted.grace_ms);
            longest_ms.is_some_and(|longest_ms| now_us - held.from_us > longest_ms as i64 * 1000)
        })
    }
}
