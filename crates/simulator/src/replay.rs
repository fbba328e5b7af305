//! A trace in virtual time: the same center that serves decides, and a simulated engine runs what it places. Nothing
//! fails here; see `world` for that.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use haina_center::{Command, Input, Reply, State, execute_without_rows};
use haina_core::center_definition::CenterDefinition;
use haina_core::{
    Actor, AttemptId, Digest, Effect, Ending, Epoch, JobId, JobRequest, Milliseconds, Refusal, Report, TaskUse,
    Timestamp, UserId,
};

use crate::pool::{self, Spread};
use crate::trace::{Label, Submission, Workload};

/// Where virtual time begins.
const BEGIN: Timestamp = Timestamp(1_000_000_000_000);
/// The longest time limit that a center accepts, told of jobs without one. They are not stopped by it.
const LIMIT_MOST: Milliseconds = Milliseconds(30 * 24 * 3_600_000);
/// Probes of one `Advance`: large, as there is nobody else to be served.
const FUEL: u64 = 1 << 32;

/// When a job held its cards, from the beginning of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// From.
    pub start: Milliseconds,
    /// To.
    pub end: Milliseconds,
}

/// What became of the jobs of a trace.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    /// By job; none where it was refused.
    pub spans: Vec<Option<Span>>,
    /// The first refusal, if there was one.
    pub refusal: Option<Refusal>,
}

struct Replay<'a> {
    workload: &'a Workload,
    spread: Spread,
    /// All jobs run the same.
    payload: Digest,
    state: State,
    users: BTreeMap<(Label, Label), (UserId, String)>,
    /// The job of the trace that each job of the center is; ids count from 1.
    jobs: Vec<u32>,
    /// What runs, the next end first.
    ends: BinaryHeap<Reverse<(Timestamp, AttemptId)>>,
    schedule: Schedule,
}

/// Replays a trace on a center.
///
/// # Errors
/// Where the center cannot be made so.
pub fn replay(center: CenterDefinition, spread: Spread, workload: &Workload) -> Result<Schedule, Refusal> {
    let mut replay = Replay {
        workload,
        spread,
        payload: Digest::of(b"replayed"),
        state: State::new(),
        users: BTreeMap::new(),
        jobs: Vec::with_capacity(workload.jobs.len()),
        ends: BinaryHeap::new(),
        schedule: Schedule { spans: vec![None; workload.jobs.len()], refusal: None },
    };
    replay.set_up(pool::with_tenants(center, workload))?;
    replay.run();
    Ok(replay.schedule)
}

impl Replay<'_> {
    fn set_up(&mut self, definition: CenterDefinition) -> Result<(), Refusal> {
        self.send(Actor::Center, Command::Lead { epoch: Epoch(1) }, BEGIN)?;
        self.send(Actor::Center, Command::Apply { definition: Box::new(definition) }, BEGIN)?;
        for job in &self.workload.jobs {
            self.users.entry((job.organization, job.user)).or_insert_with(|| {
                let name = pool::user_name(job.organization, job.user);
                let organization = pool::name_of(self.workload, job.organization, "organization");
                (self.state.view().user_of_name[&name], organization)
            });
        }
        Ok(())
    }

    /// At each moment what ends comes first, then what is submitted, then what starts.
    fn run(&mut self) {
        let mut next = 0;
        loop {
            let submitted = self.workload.jobs.get(next).map(|job| BEGIN + job.at);
            let ended = self.ends.peek().map(|Reverse((at, _))| *at);
            let Some(now) = submitted.into_iter().chain(ended).min() else { return };
            while let Some(Reverse((at, attempt))) = self.ends.peek().copied()
                && at == now
            {
                self.ends.pop();
                self.end(attempt, now);
            }
            while let Some(job) = self.workload.jobs.get(next)
                && BEGIN + job.at == now
            {
                self.submit(next, job, now);
                next += 1;
            }
            while self.send(Actor::Center, Command::Advance, now).expect("time is never refused").1 {}
        }
    }

    fn submit(&mut self, index: usize, job: &Submission, now: Timestamp) {
        let (user, organization) = self.users[&(job.organization, job.user)].clone();
        let request = JobRequest {
            name: printable(self.workload.text(job.name)),
            organization: Some(organization),
            project: None,
            pool: None,
            shape: pool::shape(job, self.spread),
            priority: 0,
            time_limit: job.limit.unwrap_or(LIMIT_MOST).clamp(Milliseconds(1000), LIMIT_MOST),
            grace: Milliseconds(0),
            retries: 0,
            not_before: None,
            array: None,
            dependencies: Vec::new(),
            payload: self.payload,
        };
        let submit = Command::Submit { jobs: vec![request], known_ends: Vec::new() };
        match self.send(Actor::User(user), submit, now) {
            Ok((Reply::Submitted(ids), _)) => {
                assert_eq!(ids, [JobId(self.jobs.len() as u64 + 1)], "jobs are counted from 1");
                self.jobs.push(index as u32);
            }
            Ok(other) => panic!("a submission is answered {other:?}"),
            Err(refusal) => _ = self.schedule.refusal.get_or_insert(refusal),
        }
    }

    fn end(&mut self, attempt: AttemptId, now: Timestamp) {
        let started = self.schedule.spans[self.index(attempt.job)].map(|span| BEGIN + span.start);
        let (ending, used) = (Ending::Exited { code: 0 }, TaskUse::default());
        let report = Report::Ended { attempt, started, at: now, ending, used, failed_task: None };
        self.send(Actor::Engine, Command::Report(report), now).expect("a report is never refused");
    }

    /// The answer, and whether there is more to decide.
    fn send(&mut self, actor: Actor, command: Command, now: Timestamp) -> Result<(Reply, bool), Refusal> {
        let input = Input { actor, command, now, fuel: FUEL };
        let executed = execute_without_rows(&mut self.state, &input);
        for effect in &executed.effects {
            if let Effect::Launch(launch) = effect {
                self.launch(launch.attempt, now);
            }
        }
        executed.reply.map(|reply| (reply, executed.more))
    }

    fn launch(&mut self, attempt: AttemptId, now: Timestamp) {
        let index = self.index(attempt.job);
        let job = &self.workload.jobs[index];
        let run = job.limit.map_or(job.run, |limit| job.run.min(limit));
        let start = now.since(BEGIN);
        self.schedule.spans[index] = Some(Span { start, end: start + run });
        self.ends.push(Reverse((now + run, attempt)));
    }

    fn index(&self, job: JobId) -> usize {
        self.jobs[job.0 as usize - 1] as usize
    }
}

/// A name as a center takes it.
fn printable(text: &str) -> String {
    let name: String = text.chars().filter(|c| !c.is_control()).take(30).collect();
    if name.is_empty() { "job".to_owned() } else { name }
}
