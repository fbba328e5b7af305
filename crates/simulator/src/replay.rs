//! A trace in virtual time: the same center that serves decides, and a simulated engine runs what it places. Nothing
//! fails here; see `world` for that.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use haina_center::{Command, Fact, Input, KnownEnd, Reply, State, execute_without_rows};
use haina_core::center_definition::CenterDefinition;
use haina_core::{
    Actor, ArrayRequest, AttemptId, Dependency, Digest, Effect, Ending, Epoch, JobId, JobReference, JobRequest,
    Milliseconds, Refusal, TaskUse, Timestamp, UserId,
};

use crate::checker::Report;
use crate::judge::Judge;
use crate::pool::{self, Spread};
use crate::trace::{Detail, Label, Submission, Workload};

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
    /// What the checker says of the plan, if it was asked.
    pub judgement: Option<Report>,
    /// By job: the start that was estimated when it was submitted, if that was asked and it had to wait.
    pub estimates: Vec<Option<Milliseconds>>,
}

/// What is looked at beside the schedule.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// Whether the checker follows what the center does.
    pub check: bool,
    /// Whether it is estimated of each job that waits when it will start.
    pub estimate: bool,
}

/// What is heard of an attempt, and when.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Moment {
    at: Timestamp,
    attempt: AttemptId,
    is_end: bool,
    /// When its first task started, if one did.
    started: Option<Timestamp>,
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
    /// What runs, the next thing to hear of it first.
    moments: BinaryHeap<Reverse<Moment>>,
    /// How jobs ended, where others may wait for them.
    ended: BTreeMap<JobId, KnownEnd>,
    schedule: Schedule,
    judge: Option<Judge>,
    /// The jobs of this moment whose starts are estimated once it is decided who starts now.
    asked: Option<Vec<JobId>>,
}

/// Replays a trace on a center.
///
/// # Errors
/// Where the center cannot be made so.
pub fn replay(center: CenterDefinition, spread: Spread, workload: &Workload, look: Look) -> Result<Schedule, Refusal> {
    let mut replay = Replay {
        workload,
        spread,
        payload: Digest::of(b"replayed"),
        state: State::new(),
        users: BTreeMap::new(),
        jobs: Vec::with_capacity(workload.jobs.len()),
        moments: BinaryHeap::new(),
        ended: BTreeMap::new(),
        schedule: Schedule { spans: vec![None; workload.jobs.len()], ..Schedule::default() },
        judge: look.check.then(Judge::default),
        asked: look.estimate.then(Vec::new),
    };
    replay.set_up(pool::with_tenants(center, workload))?;
    let last = replay.run();
    replay.schedule.judgement = replay.judge.map(|judge| judge.close(last));
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

    /// At each moment what ends comes first, then what is submitted, then what starts. Returns the last moment.
    fn run(&mut self) -> Timestamp {
        let (mut next, mut last) = (0, BEGIN);
        loop {
            let submitted = self.workload.jobs.get(next).map(|job| BEGIN + job.at);
            let heard = self.moments.peek().map(|Reverse(moment)| moment.at);
            // Where something waits for a moment that its job named.
            let due = self.state.next_timer();
            let Some(now) = submitted.into_iter().chain(heard).chain(due).min() else { return last };
            last = now;
            while let Some(Reverse(moment)) = self.moments.peek().copied()
                && moment.at == now
            {
                self.moments.pop();
                self.report(moment);
            }
            while let Some(job) = self.workload.jobs.get(next)
                && BEGIN + job.at == now
            {
                self.submit(next, job, now);
                next += 1;
            }
            while self.send(Actor::Center, Command::Advance, now).expect("time is never refused").1 {}
            self.judge.iter_mut().for_each(|judge| judge.settled(now));
            self.estimate(now);
        }
    }

    fn submit(&mut self, index: usize, job: &Submission, now: Timestamp) {
        let (user, organization) = self.users[&(job.organization, job.user)].clone();
        let mut request = JobRequest {
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
        let mut known_ends = Vec::new();
        if let Some(detail) = self.workload.details.get(index) {
            if detail.elements == 0 {
                return;
            }
            self.ask_as_then(&mut request, detail, &mut known_ends);
        }
        let submit = Command::Submit { jobs: vec![request], known_ends };
        match self.send(Actor::User(user), submit, now) {
            Ok((Reply::Submitted(ids), _)) => {
                assert_eq!(ids, [JobId(self.jobs.len() as u64 + 1)], "jobs are counted from 1");
                self.jobs.push(index as u32);
                self.asked.iter_mut().for_each(|asked| asked.extend(&ids));
            }
            Ok(other) => panic!("a submission is answered {other:?}"),
            Err(refusal) => _ = self.schedule.refusal.get_or_insert(refusal),
        }
    }

    /// Lets a request be what it was in the past.
    fn ask_as_then(&self, request: &mut JobRequest, detail: &Detail, known_ends: &mut Vec<KnownEnd>) {
        if self.spread != Spread::Flat {
            request.shape = detail.shape.clone();
        }
        (request.project, request.pool) = (detail.project.clone(), detail.pool.clone());
        (request.priority, request.retries, request.grace) = (detail.priority, detail.retries, detail.grace);
        request.not_before = detail.not_before.map(|at| BEGIN + at);
        let count = detail.elements;
        request.array = (count > 1).then_some(ArrayRequest { count, concurrency: detail.concurrency });
        for (index, condition) in &detail.after {
            // Who was refused is waited for by nobody.
            let Ok(number) = self.jobs.binary_search(index) else { continue };
            let id = JobId(number as u64 + 1);
            request.dependencies.push(Dependency { on: JobReference::Id(id), condition: *condition });
            known_ends.extend(self.ended.get(&id));
        }
    }

    fn estimate(&mut self, now: Timestamp) {
        for id in self.asked.as_mut().map(std::mem::take).unwrap_or_default() {
            let index = self.jobs[id.0 as usize - 1] as usize;
            if self.schedule.spans[index].is_none() {
                self.schedule.estimates.resize(self.workload.jobs.len(), None);
                let estimate = self.state.estimated_start(id, now);
                self.schedule.estimates[index] = estimate.map(|estimate| estimate.start.since(BEGIN));
            }
        }
    }

    fn report(&mut self, moment: Moment) {
        let Moment { at, attempt, started, is_end } = moment;
        let report = match (is_end, started) {
            (false, None) => return,
            (false, Some(at)) => haina_core::Report::Started { attempt, at },
            (true, _) => {
                let (ending, used) = (self.ending(attempt), TaskUse::default());
                haina_core::Report::Ended { attempt, started, at, ending, used, failed_task: None }
            }
        };
        self.send(Actor::Engine, Command::Report(report), at).expect("a report is never refused");
    }

    fn ending(&self, attempt: AttemptId) -> Ending {
        let detail = self.workload.details.get(self.index(attempt));
        detail.map_or(Ending::Exited { code: 0 }, |detail| detail.run(attempt.number).ending.clone())
    }

    /// The answer, and whether there is more to decide.
    fn send(&mut self, actor: Actor, command: Command, now: Timestamp) -> Result<(Reply, bool), Refusal> {
        let input = Input { actor, command, now, fuel: FUEL };
        let executed = execute_without_rows(&mut self.state, &input);
        self.judge.iter_mut().for_each(|judge| judge.take(now, &executed.facts));
        if !self.workload.details.is_empty() {
            self.ended.extend(executed.facts.iter().filter_map(known_end));
        }
        for effect in &executed.effects {
            if let Effect::Launch(launch) = effect {
                self.launch(launch.attempt, now);
            }
        }
        executed.reply.map(|reply| (reply, executed.more))
    }

    fn launch(&mut self, attempt: AttemptId, now: Timestamp) {
        let index = self.index(attempt);
        let job = &self.workload.jobs[index];
        let (prepares, holds) = match self.workload.details.get(index) {
            Some(detail) => {
                let run = detail.run(attempt.number);
                (run.prepares, run.holds)
            }
            None => (Some(Milliseconds(0)), job.limit.map_or(job.run, |limit| job.run.min(limit))),
        };
        let (start, started, at) = (now.since(BEGIN), prepares.map(|prepares| now + prepares), now + holds);
        let end = start + holds;
        // Further attempts prolong what the first began.
        let span = self.schedule.spans[index].get_or_insert(Span { start, end });
        span.end = end;
        self.moments.push(Reverse(Moment { at, attempt, is_end: true, started }));
        if let Some(at) = started.filter(|started| *started > now) {
            self.moments.push(Reverse(Moment { at, attempt, is_end: false, started }));
        }
    }

    /// The job of the trace.
    fn index(&self, attempt: AttemptId) -> usize {
        self.jobs[attempt.job.0 as usize - 1] as usize + attempt.element as usize
    }
}

fn known_end(fact: &Fact) -> Option<(JobId, KnownEnd)> {
    match fact {
        Fact::JobEnded { job, organization, state, .. } => {
            Some((*job, KnownEnd { job: *job, organization: *organization, state: *state }))
        }
        _ => None,
    }
}

/// A name as a center takes it.
fn printable(text: &str) -> String {
    let name: String = text.chars().filter(|c| !c.is_control()).take(30).collect();
    if name.is_empty() { "job".to_owned() } else { name }
}
