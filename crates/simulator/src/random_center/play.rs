//! Plays a story: carries its steps to the center, and stands for the machines.

use std::collections::{BTreeMap, BTreeSet};

use haina_center::{Command, Fact, Input, KnownEnd, Reply, RowCollector, State, execute};
use haina_core::center_definition::QuotaDefinition;
use haina_core::{
    Actor, AttemptId, Dependency, Effect, Ending, Epoch, JobId, JobReference, JobRequest, JobTarget, Launch,
    Milliseconds, Quota, QuotaScope, Report, TaskUse, Timestamp, UnusableCard, UserId,
};

use super::steps::Request;
use super::{Step, Story};
use crate::plan_log::Record;
use crate::{PlanOfFacts, Random};

const OPERATOR: Actor = Actor::User(UserId(1));

/// Rounds after which what has not ended never will: the checker then finds what was forgotten.
const ROUNDS_MOST: u32 = 20_000;

struct Player<'a> {
    story: &'a Story,
    now: Timestamp,
    state: State,
    facts: Vec<Fact>,
    plan: PlanOfFacts,
    epoch: u64,
    /// Probes of one decision; a multiple of this where a search needs more.
    fuel: u64,
    /// How many milliseconds a start may take.
    preparing_ms: u64,
    runs: BTreeMap<AttemptId, Run>,
    /// When something happens to a run: its start (false) and its end (true).
    due: BTreeSet<(Timestamp, AttemptId, bool)>,
    accepted: u64,
    ends: BTreeMap<JobId, KnownEnd>,
}

struct Run {
    started: Option<Timestamp>,
    ends: Timestamp,
    ending: Ending,
}

/// The whole log of a story.
pub fn play(story: &Story) -> Vec<Record> {
    let mut random = Random::new(story.seed ^ 0x5EED);
    let mut player = Player {
        story,
        now: Timestamp(1_000_000_000_000),
        state: State::new(),
        facts: Vec::new(),
        plan: PlanOfFacts::default(),
        epoch: 0,
        fuel: random.pick(&[8, 40, 1000]),
        preparing_ms: random.pick(&[1, 1, 30_000]),
        runs: BTreeMap::new(),
        due: BTreeSet::new(),
        accepted: 0,
        ends: BTreeMap::new(),
    };
    player.lead();
    player.command(Actor::Center, Command::Apply { definition: Box::new(story.definition.clone()) });
    story.steps.iter().for_each(|step| player.take(step));
    player.finish();
    player.plan.close(player.now)
}

impl Player<'_> {
    fn take(&mut self, step: &Step) {
        match step {
            Step::Submit { by, requests } => {
                let actor = by.map_or(OPERATOR, |organization| Actor::User(UserId(organization as u32 + 2)));
                let jobs: Vec<JobRequest> = requests.iter().map(|request| self.resolve(request)).collect();
                let known_ends = self.known_ends(&jobs);
                // Refusals are as good an answer as any.
                if let Some(Reply::Submitted(ids)) = self.command(actor, Command::Submit { jobs, known_ends }) {
                    self.accepted = ids.last().map_or(self.accepted, |id| id.0);
                }
            }
            Step::Cancel { back, element } => {
                let job = JobId(self.accepted.saturating_sub(*back));
                self.command(OPERATOR, Command::Cancel { target: JobTarget { job, element: *element } });
            }
            Step::SetNode { node, draining } => self.set_node(*node, *draining),
            Step::SetCards { node, failed } => self.set_cards(*node, *failed),
            Step::SetOrganization { organization, limit, suspended } => {
                self.set_organization(*organization, *limit, *suspended);
            }
            Step::SetQuota(definition) => {
                self.command(OPERATOR, Command::SetQuota { definition: definition.clone() });
            }
            Step::SetPolicy { policy } => _ = self.command(OPERATOR, Command::SetPolicy { policy: *policy }),
            Step::Advance => _ = self.execute(Actor::Center, Command::Advance, self.fuel),
            Step::Lead => self.lead(),
            Step::Pass { milliseconds } => {
                let until = self.now + Milliseconds(*milliseconds);
                self.settle();
                while let Some(next) = self.next_event().filter(|next| *next <= until) {
                    self.happen(next);
                }
                self.now = until;
            }
        }
    }

    fn resolve(&self, request: &Request) -> JobRequest {
        let mut job = request.job.clone();
        job.not_before = request.wait_ms.map(|wait_ms| self.now + Milliseconds(wait_ms));
        let after = request.after.iter().filter(|(back, _)| *back < self.accepted);
        job.dependencies.extend(after.map(|(back, condition)| Dependency {
            on: JobReference::Id(JobId(self.accepted - back)),
            condition: *condition,
        }));
        job
    }

    fn known_ends(&self, jobs: &[JobRequest]) -> Vec<KnownEnd> {
        let on = jobs.iter().flat_map(|job| &job.dependencies).filter_map(|dependency| match dependency.on {
            JobReference::Id(id) => self.ends.get(&id).copied(),
            JobReference::Index(_) => None,
        });
        on.collect()
    }

    fn set_node(&mut self, node: usize, draining: bool) {
        let node = self.story.definition.nodes[node].name.clone();
        self.command(OPERATOR, Command::SetNode { node, draining, reason: String::new() });
    }

    fn set_cards(&mut self, node: usize, failed: u64) {
        let node = &self.story.definition.nodes[node];
        let failed = (0..node.cards as u8).filter(|index| failed >> index & 1 == 1);
        let unusable = failed.map(|index| UnusableCard { index, reason: "hot".to_owned() }).collect();
        self.command(Actor::Engine, Command::SetCards { node: node.name.clone(), unusable });
    }

    fn set_organization(&mut self, organization: usize, limit: u32, suspended: bool) {
        let name = self.story.definition.organizations[organization].name.clone();
        let (card_limit, suspended) = (Some(haina_core::CardMillis::whole(limit)), Some(suspended));
        self.command(
            OPERATOR,
            Command::SetOrganization {
                kind: None,
                qualifications: None,
                name,
                title: None,
                card_limit,
                suspended,
                weight: None,
                guaranteed: None,
            },
        );
    }

    /// The state is taken from the facts, as a new process would.
    fn lead(&mut self) {
        self.state = State::new();
        self.facts.iter().for_each(|fact| self.state.evolve(fact));
        self.epoch += 1;
        self.command(Actor::Center, Command::Lead { epoch: Epoch(self.epoch) });
    }

    fn command(&mut self, actor: Actor, command: Command) -> Option<Reply> {
        self.execute(actor, command, self.fuel).0
    }

    /// The reply, and whether there is more to decide; and whether the fuel did not suffice for anything.
    fn execute(&mut self, actor: Actor, command: Command, fuel: u64) -> (Option<Reply>, bool, bool) {
        let input = Input { actor, command, now: self.now, fuel };
        let executed = execute(&mut self.state, &input, &mut RowCollector::default());
        let starved = executed.more && !executed.changed();
        for fact in executed.facts {
            self.plan.take(self.now, &fact);
            if let Fact::JobEnded { job, organization, state, .. } = &fact {
                self.ends.insert(*job, KnownEnd { job: *job, organization: *organization, state: *state });
            }
            self.facts.push(fact);
        }
        executed.effects.iter().for_each(|effect| self.obey(effect));
        (executed.reply.ok(), executed.more, starved)
    }

    /// The center decides until there is nothing left to decide.
    fn settle(&mut self) {
        let mut fuel = self.fuel;
        loop {
            let (_, more, starved) = self.execute(Actor::Center, Command::Advance, fuel);
            if !more {
                break;
            }
            // As the runtime does.
            fuel = if starved { fuel * 2 } else { self.fuel };
        }
        self.plan.settled(self.now);
    }

    fn next_event(&self) -> Option<Timestamp> {
        let run = self.due.first().map(|(at, _, _)| *at);
        run.into_iter().chain(self.state.next_timer()).min()
    }

    /// What is due at `next` happens, and the center decides.
    fn happen(&mut self, next: Timestamp) {
        self.now = self.now.max(next);
        while let Some((_, attempt, is_end)) = self.due.first().copied().filter(|(at, _, _)| *at <= self.now) {
            self.due.pop_first();
            let run = &self.runs[&attempt];
            let report = match is_end {
                false => Report::Started { attempt, at: self.now },
                true => {
                    let (started, at, ending) = (run.started, run.ends, run.ending.clone());
                    Report::Ended { attempt, started, at, ending, used: TaskUse::default(), failed_task: None }
                }
            };
            self.command(Actor::Engine, Command::Report(report));
        }
        self.settle();
    }

    fn obey(&mut self, effect: &Effect) {
        match effect {
            Effect::Launch(launch) => {
                let run = self.run(launch);
                self.due.extend(run.started.map(|at| (at, launch.attempt, false)));
                self.due.insert((run.ends, launch.attempt, true));
                self.runs.insert(launch.attempt, run);
            }
            Effect::Stop(stop) => {
                let run = self.runs.get_mut(&stop.attempt).expect("only what was launched is stopped");
                let stopped = run.ends.min(self.now + stop.grace);
                self.due.remove(&(run.ends, stop.attempt, true));
                if let Some(started) = run.started.filter(|started| *started > stopped) {
                    self.due.remove(&(started, stop.attempt, false));
                    run.started = None;
                }
                (run.ends, run.ending) = (stopped, Ending::Stopped);
                self.due.insert((stopped, stop.attempt, true));
            }
        }
    }

    /// How long a job runs and how it ends is decided by the seed and by what was submitted, not by when.
    fn run(&self, launch: &Launch) -> Run {
        let payload: [u8; 8] = launch.payload.0[..8].try_into().expect("a digest has more than 8 bytes");
        let of_try = u64::from(launch.attempt.element) << 16 | u64::from(launch.attempt.number);
        let mut random = Random::new(self.story.seed ^ u64::from_le_bytes(payload) ^ of_try);
        let started = self.now + Milliseconds(random.below(self.preparing_ms));
        let length = Milliseconds(1 + random.below(launch.time_limit.0));
        let (started, length, ending) = match random.below(100) {
            0..3 => (None, Milliseconds(0), Ending::Unstartable { reason: String::new() }),
            3..15 => (Some(started), launch.time_limit + launch.grace, Ending::TimedOut),
            15..23 => (Some(started), length, Ending::Exited { code: 1 }),
            23..27 => (Some(started), length, Ending::Lost { reason: String::new() }),
            _ => (Some(started), length, Ending::Exited { code: 0 }),
        };
        Run { started, ends: started.unwrap_or(self.now) + length, ending }
    }

    /// Everything is in service and allowed: all jobs must come to their end.
    /// No quota at all within a scope.
    fn plain_quota(&self, scope: &QuotaScope) -> QuotaDefinition {
        let view = self.state.view();
        QuotaDefinition {
            pool: scope.pool.map(|id| view.pools[&id].name.clone()),
            organization: scope.organization.map(|id| view.organizations[&id].name.clone()),
            project: scope.project.map(|id| view.projects[&id].name.clone()),
            user: scope.user.map(|id| view.users[&id].name.clone()),
            quota: Quota::default(),
        }
    }

    fn finish(&mut self) {
        for node in 0..self.story.definition.nodes.len() {
            self.set_node(node, false);
            self.set_cards(node, 0);
        }
        for organization in 0..self.story.definition.organizations.len() {
            self.set_organization(organization, 100_000, false);
        }
        // Those within others come after them in the order of scopes, and hold others to nothing once they are gone.
        let scopes: Vec<QuotaScope> = self.state.view().quotas.values().map(|set| set.scope).collect();
        let scopes: BTreeSet<QuotaScope> = scopes.into_iter().collect();
        for scope in scopes.into_iter().rev() {
            let definition = self.plain_quota(&scope);
            self.command(OPERATOR, Command::SetQuota { definition })
                .expect("a quota that is taken away contradicts none");
        }
        self.settle();
        for _ in 0..ROUNDS_MOST {
            let Some(next) = self.next_event() else { break };
            self.happen(next);
        }
        self.state.check();
    }
}
