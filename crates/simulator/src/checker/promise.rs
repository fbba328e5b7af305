//! No promised start slips (invariant 8), unless something happened since that the promise could not know of: a node or
//! card of it went out of service, a job of a higher priority came, an organization or the policy was changed, an attempt
//! outstayed its limit, or took its time to start.
//!
//! A promise is broken when its moment has passed, the scheduler has decided all that it could since, and the job waits: a
//! scheduler that is not asked in time breaks nothing. That attempts end before they must would hide most slips. So whenever nothing is left to decide, every promise must be
//! one that can be kept even if none does.

use super::scene::{Promise, Scene};
use super::violation::Broken;
use crate::plan_log::{Attempt, Event, Order, Record, Share};

pub fn check(scene: &Scene, record: &Record, broken: &mut Vec<Broken>) {
    match &record.event {
        Event::Promised { job, start_us, .. } => {
            let Some(before) = scene.promises.get(job) else { return };
            if *start_us > before.start_us && before.excuse.is_none() && !scene.outstayed(record.at_us) {
                broken.push(Broken::PromiseMoved { job: *job, from_us: before.start_us, to_us: *start_us });
            }
        }
        Event::Settled => {
            let unexcused = scene.promises.iter().filter(|(_, promise)| promise.excuse.is_none());
            let alive = unexcused.filter(|_| !scene.outstayed(record.at_us));
            broken.extend(alive.filter_map(|(job, promise)| {
                late(*job, promise, record.at_us).or_else(|| hopeless(scene, *job, promise))
            }));
        }
        _ => {}
    }
}

fn late(job: u64, promise: &Promise, now_us: i64) -> Option<Broken> {
    (now_us > promise.start_us).then_some(Broken::PromiseBroken { job, start_us: promise.start_us })
}

/// Whether something that is promised is held by somebody who may keep it beyond the start, or promised to somebody else
/// for that time. A promise that may slip may be void.
fn hopeless(scene: &Scene, job: u64, promise: &Promise) -> Option<Broken> {
    let start_us = promise.start_us;
    let stays = scene.held.iter().filter(|(attempt, held)| scene.latest_end(attempt.job, held.from_us) > start_us);
    let others = scene.promises.iter().filter(|(other, others)| {
        others.excuse.is_none()
            && (others.start_us, **other) < (start_us, job)
            && scene.latest_end(**other, others.start_us) > start_us
    });
    let taken: Vec<&Share> =
        stays.flat_map(|(_, held)| &held.shares).chain(others.flat_map(|(_, others)| &others.shares)).collect();
    let fits = |share: &&Share| fits_beside(scene, share, &taken);
    let share = promise.shares.iter().find(|share| !fits(share))?;
    Some(Broken::PromiseHopeless { job, start_us, node: share.node })
}

/// Whether a share fits on its node beside others.
fn fits_beside(scene: &Scene, share: &Share, others: &[&Share]) -> bool {
    let Some(node) = scene.nodes.get(&share.node) else { return false };
    let there = || others.iter().filter(|other| other.node == share.node);
    let cpu_millis: u64 = there().map(|other| other.cpu_millis).sum::<u64>() + share.cpu_millis;
    let memory_bytes: u64 = there().map(|other| other.memory_bytes).sum::<u64>() + share.memory_bytes;
    let cards = share.cards.iter().all(|slot| {
        let slots = there().flat_map(|other| &other.cards).filter(|other| other.index == slot.index);
        let millis: u32 = slots.map(|other| u32::from(other.millis)).sum::<u32>() + u32::from(slot.millis);
        millis <= 1000 && !node.unusable.contains(&slot.index)
    });
    cards && cpu_millis <= node.cpu_millis && memory_bytes <= node.memory_bytes && !node.draining
}

impl Scene {
    /// Notes what excuses that promises slip.
    pub fn note_excuses(&mut self, record: &Record) {
        // By points, a priority is no class that goes before others.
        let is_class = self.order != Order::Multifactor;
        match &record.event {
            Event::NodeDraining { node, draining: true } => {
                self.excuse("a node of it was drained", |_, promise| promise.is_on(*node));
            }
            Event::CardsUnusable { node, .. } => {
                self.excuse("cards of a node of it failed", |_, promise| promise.is_on(*node));
            }
            Event::OrganizationSet { .. } => self.excuse("an organization was changed", |_, _| true),
            Event::QuotaSet { .. } => self.excuse("a quota was changed", |_, _| true),
            Event::PolicySet { .. } => self.excuse("the policy was changed", |_, _| true),
            Event::Submitted(submitted) => {
                let lower =
                    |priority: Option<i32>| is_class && priority.is_some_and(|known| known < submitted.priority);
                self.excuse("a job of a higher priority came", |priority, _| lower(priority));
            }
            Event::Placed { attempt, shares } => {
                let of_taker = self.jobs.get(&attempt.job).map(|job| job.submitted.priority);
                self.excuse("a job of a higher priority took it", |priority, promise| {
                    is_class && priority < of_taker && shares.iter().any(|share| promise.is_on(share.node))
                });
            }
            Event::Started { attempt, since_us }
                if self.was_slow_to_start(*attempt, since_us.unwrap_or(record.at_us)) =>
            {
                self.excuse("an attempt took its time to start", |_, _| true);
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

    /// A limit counts from the start, so that what was placed ends later than it looked.
    fn was_slow_to_start(&self, attempt: Attempt, since_us: i64) -> bool {
        self.held.get(&attempt).is_some_and(|held| held.from_us < since_us)
    }

    /// When an attempt of a job that has been there since `from_us` must have ended.
    fn latest_end(&self, job: u64, from_us: i64) -> i64 {
        let longest_ms = self.jobs.get(&job).map_or(0, |job| job.submitted.limit_ms + job.submitted.grace_ms);
        from_us.saturating_add(i64::try_from(longest_ms).unwrap_or(i64::MAX).saturating_mul(1000))
    }

    /// Whether some attempt holds what it has for longer than its limit and grace allow.
    fn outstayed(&self, now_us: i64) -> bool {
        self.held.iter().any(|(attempt, held)| now_us > self.latest_end(attempt.job, held.from_us))
    }
}

impl Promise {
    fn is_on(&self, node: u32) -> bool {
        self.shares.iter().any(|share| share.node == node)
    }
}
