//! The policy is changed while very many jobs wait: the center goes on answering, and nothing is lost or started twice.

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::*;
use haina_center::{Command, Executed, Fact, Input, Reply, State, execute_without_rows};
use haina_core::*;

/// Jobs that wait; a tenth more come while they are put in line anew.
const JOBS: u64 = 100_000;

#[derive(Default)]
struct Center {
    state: State,
    now: i64,
    running: BTreeSet<AttemptId>,
    starts: BTreeMap<JobId, u32>,
}

impl Center {
    fn send(&mut self, actor: Actor, command: Command, fuel: u64) -> Executed {
        self.now += 1;
        let executed =
            execute_without_rows(&mut self.state, &Input { actor, command, now: Timestamp(self.now * 1000), fuel });
        for fact in &executed.facts {
            match fact {
                Fact::AttemptPlaced { attempt, .. } => {
                    *self.starts.entry(attempt.job).or_default() += 1;
                    self.running.insert(*attempt);
                }
                Fact::AttemptEnded { attempt, .. } => _ = self.running.remove(attempt),
                _ => {}
            }
        }
        executed
    }

    fn submit(&mut self, count: u64) -> Vec<JobId> {
        let jobs = (0..count).map(|index| job(["train", "test", "tune"][index as usize % 3], 1.0)).collect();
        let submit = Command::Submit { jobs, known_ends: Vec::new() };
        match self.send(HARBOUR, submit, 0).reply.expect("the jobs are accepted") {
            Reply::Submitted(ids) => ids,
            other => panic!("{other:?} is no answer to a submission"),
        }
    }

    fn cancel(&mut self, job: JobId) {
        self.send(HARBOUR, Command::Cancel { target: JobTarget { job, element: None } }, 0).reply.unwrap();
    }

    fn set_policy(&mut self, name: &str) {
        self.send(OPERATOR, Command::SetPolicy { policy: Policy::named(name).unwrap() }, 0).reply.unwrap();
    }

    /// Whether there is more to decide.
    fn advance(&mut self, fuel: u64) -> bool {
        self.send(Actor::Center, Command::Advance, fuel).more
    }

    fn end_one(&mut self) {
        let attempt = *self.running.first().expect("something runs");
        let (started, at) = (Some(Timestamp(self.now * 1000)), Timestamp(self.now * 1000));
        let (ending, used) = (SUCCESS, TaskUse::default());
        let report = Report::Ended { attempt, started, at, ending, used, failed_task: None };
        self.send(Actor::Engine, Command::Report(report), 0).reply.unwrap();
    }
}

#[test]
fn a_policy_is_changed_in_slices_while_very_many_jobs_wait_and_each_starts_once() {
    let mut center = Center::default();
    center.send(Actor::Center, Command::Lead { epoch: Epoch(1) }, 0).reply.unwrap();
    let mut free = definition();
    free.card_models[0].price_per_card_hour = Money::zero(Currency::CNY);
    center.send(Actor::Center, Command::Apply { definition: Box::new(free) }, 0).reply.unwrap();
    let mut jobs: Vec<JobId> = (0..JOBS / 1000).flat_map(|_| center.submit(1000)).collect();
    while center.advance(1000) {}
    assert_eq!(center.running.len(), 16, "one job on each card");
    center.state.check();

    // In the midst of it jobs end, come and are cancelled, and the policy is changed once more.
    center.set_policy("fifo-skip");
    let mut cancelled = Vec::new();
    for slice in 0..JOBS / 1000 {
        assert!(center.advance(1000), "a slice is no more than the fuel allows");
        assert_eq!(center.starts.len(), 16, "nobody starts before all are in line");
        if slice % 10 == 5 {
            jobs.extend(center.submit(1000));
            // One that is in line again, and one that is not yet.
            for job in [jobs[20 + slice as usize], jobs[(JOBS - 1 - slice) as usize]] {
                center.cancel(job);
                cancelled.push(job);
            }
            center.state.check();
        }
        if slice == 50 {
            center.set_policy("throughput");
            center.end_one();
        }
    }
    while center.advance(1000) {}
    center.state.check();
    while !center.running.is_empty() {
        center.end_one();
        center.advance(1000);
    }
    center.state.check();
    assert_eq!(center.state.jobs().len(), 0, "all have ended");
    let expected: BTreeMap<JobId, u32> =
        jobs.iter().filter(|job| !cancelled.contains(job)).map(|job| (*job, 1)).collect();
    assert!(center.starts == expected, "each that was not cancelled has started once");
}
