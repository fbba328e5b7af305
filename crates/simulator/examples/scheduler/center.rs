//! A center under load: people submit, a simulated engine ends what was started, and every call into the core is timed.
//!
//! The core is called as the server calls it, `haina_center::execute` with the server's fuel, but for the rows that the
//! server's database gets: nobody stores anything here.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use haina_center::{Command, Executed, Fact, Input, Reply, State, execute_without_rows};
use haina_core::{
    Actor, AttemptId, Effect, Ending, Epoch, JobRequest, Launch, Milliseconds, Report, TaskUse, Timestamp, UserId,
};
use haina_simulator::Random;

use crate::work::{self, CARDS_OF_NODE, Size, Work};

/// Probes of one `Advance`, as in the server.
const FUEL: u64 = 2_500;
/// When time begins.
const BEGINNING: Timestamp = Timestamp(1_700_000_000_000_000);

/// What was decided, and how long that took.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    /// Attempts that got their cards.
    pub placements: u64,
    /// Classes of jobs that were found to have to wait, for a reason that is news.
    pub first_blocks: u64,
    /// Classes that were looked at again and wait for the reason that was known.
    pub retests: u64,
    /// Starts that were promised.
    pub promises: u64,
    /// Attempts that ended.
    pub ends: u64,
    /// In the core.
    pub time: Duration,
    /// Of that, deciding: who starts where, who waits for what, what is promised; not the submissions and ends in between.
    pub deciding: Duration,
    /// The longest single call.
    pub longest_call: Duration,
}

impl Counts {
    fn note(&mut self, command: &Command, executed: &Executed, time: Duration) {
        let count = |is_such: fn(&Fact) -> bool| executed.facts.iter().filter(|fact| is_such(fact)).count() as u64;
        let blocks = count(|fact| matches!(fact, Fact::ClassBlocked { .. }));
        self.placements += count(|fact| matches!(fact, Fact::AttemptPlaced { .. }));
        self.first_blocks += blocks;
        self.retests += u64::from(executed.set_aside) - blocks;
        self.promises += count(|fact| matches!(fact, Fact::PromiseMade { .. }));
        self.ends += count(|fact| matches!(fact, Fact::AttemptEnded { .. }));
        self.time += time;
        self.deciding += if matches!(command, Command::Advance) { time } else { Duration::ZERO };
        self.longest_call = self.longest_call.max(time);
    }

    /// Placements and blocks that are news.
    pub fn decisions(&self) -> u64 {
        self.placements + self.first_blocks
    }

    /// Both together.
    pub fn and(self, more: Counts) -> Counts {
        Counts {
            placements: self.placements + more.placements,
            first_blocks: self.first_blocks + more.first_blocks,
            retests: self.retests + more.retests,
            promises: self.promises + more.promises,
            ends: self.ends + more.ends,
            time: self.time + more.time,
            deciding: self.deciding + more.deciding,
            longest_call: self.longest_call.max(more.longest_call),
        }
    }
}

/// The center with its users and its engine.
pub struct Center {
    state: State,
    now: Timestamp,
    random: Random,
    size: Size,
    /// What runs, the next end first.
    running: BinaryHeap<Reverse<(Timestamp, AttemptId, Timestamp)>>,
    waiting: u64,
    is_counted: bool,
}

/// Callgrind counts the instructions from the entry into the function of this name to its return.
#[inline(never)]
fn instructions_counted(state: &mut State, input: &Input) -> Executed {
    execute_without_rows(state, input)
}

impl Center {
    /// One on which nothing runs.
    pub fn new(size: Size) -> Center {
        let (random, running) = (Random::new(42), BinaryHeap::new());
        let mut center =
            Center { state: State::new(), now: BEGINNING, random, size, running, waiting: 0, is_counted: false };
        center.order(Command::Lead { epoch: Epoch(1) });
        center.order(Command::Apply { definition: Box::new(work::center(size)) });
        center
    }

    /// From now on the instructions of every call are counted, where somebody counts.
    pub fn count_instructions(&mut self) {
        self.is_counted = true;
    }

    /// Time passes.
    pub fn pass(&mut self, time: Milliseconds) {
        self.now = self.now + time;
    }

    /// Attempts that run.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Jobs that wait.
    pub fn waiting(&self) -> u64 {
        self.waiting
    }

    /// Thousandths of the cards that are held.
    pub fn held_permille(&self) -> u64 {
        let held = self.state.view().attempts.values().map(|attempt| u64::from(attempt.allocation.cards().0));
        held.sum::<u64>() / u64::from(self.size.nodes * CARDS_OF_NODE)
    }

    /// The center itself orders.
    pub fn order(&mut self, command: Command) {
        self.send(Actor::Center, command, &mut Counts::default());
    }

    /// How long an order takes.
    pub fn timed_order(&mut self, command: Command) -> Duration {
        let mut counts = Counts::default();
        self.send(Actor::Center, command, &mut counts);
        counts.time
    }

    /// How long it takes to tell each of so many waiting jobs all that it is told, spread over the line.
    pub fn timed_prospects(&self, jobs: usize) -> Vec<Duration> {
        let waiting: Vec<_> =
            self.state.jobs().filter(|(_, job)| job.startable().is_some()).map(|(id, _)| id).collect();
        let chosen = waiting.iter().step_by((waiting.len() / jobs).max(1)).take(jobs);
        let timed = chosen.map(|id| {
            let begun = Instant::now();
            std::hint::black_box(self.state.prospect(*id, self.now)).expect("the job waits");
            begun.elapsed()
        });
        timed.collect()
    }

    fn user(&mut self) -> Actor {
        let users = u64::from(self.size.organizations * self.size.users_of_each);
        Actor::User(UserId(1 + self.random.below(users) as u32))
    }

    /// A user submits jobs.
    pub fn submit(&mut self, user: UserId, jobs: Vec<JobRequest>) {
        self.send(Actor::User(user), Command::Submit { jobs, known_ends: Vec::new() }, &mut Counts::default());
    }

    /// Users submit until so many jobs wait, though all start that can.
    pub fn fill(&mut self, work: Work, waiting: u64) {
        while self.waiting < waiting {
            self.add(work, waiting - self.waiting);
            self.advance();
        }
    }

    /// So many jobs are submitted, a hundred at once by a user drawn at random.
    pub fn add(&mut self, work: Work, jobs: u64) {
        let mut left = jobs;
        while left > 0 {
            let of_one = left.min(100);
            let jobs = (0..of_one).map(|_| work.job(&mut self.random)).collect();
            let user = self.user();
            self.send(user, Command::Submit { jobs, known_ends: Vec::new() }, &mut Counts::default());
            left -= of_one;
        }
    }

    /// The next so many attempts end, each at its moment; then so many users submit a job each; then the center looks what
    /// it can start, until nothing is left to look at. Only the calls into the core are timed.
    pub fn cycle(&mut self, work: Work, ends: usize, submissions: usize) -> Counts {
        let mut counts = Counts::default();
        for _ in 0..ends {
            let Some(Reverse((at, attempt, started))) = self.running.pop() else { break };
            self.now = self.now.max(at);
            let (ending, used) = (Ending::Exited { code: 0 }, TaskUse::default());
            let report = Report::Ended { attempt, started: Some(started), at, ending, used, failed_task: None };
            self.send(Actor::Engine, Command::Report(report), &mut counts);
        }
        for _ in 0..submissions {
            let (user, jobs) = (self.user(), vec![work.job(&mut self.random)]);
            self.send(user, Command::Submit { jobs, known_ends: Vec::new() }, &mut counts);
        }
        counts.and(self.advance())
    }

    /// All that can be decided is decided, in calls as short as the server's.
    pub fn advance(&mut self) -> Counts {
        let (mut counts, mut fuel) = (Counts::default(), FUEL);
        while let Some(starved) = self.advance_once(fuel, &mut counts) {
            // As the server does: what needs more than all of it gets more the next time.
            fuel = if starved { fuel * 2 } else { FUEL };
        }
        counts
    }

    /// None where nothing is left; else whether the fuel did not suffice for anything.
    fn advance_once(&mut self, fuel: u64, counts: &mut Counts) -> Option<bool> {
        let input = Input { actor: Actor::Center, command: Command::Advance, now: self.now, fuel };
        let executed = self.execute(&input, counts);
        executed.more.then_some(!executed.changed())
    }

    fn send(&mut self, actor: Actor, command: Command, counts: &mut Counts) {
        let input = Input { actor, command, now: self.now, fuel: FUEL };
        let executed = self.execute(&input, counts);
        if let Reply::Submitted(jobs) = executed.reply.expect("nothing is refused here") {
            self.waiting += jobs.len() as u64;
        }
    }

    fn execute(&mut self, input: &Input, counts: &mut Counts) -> Executed {
        let begun = Instant::now();
        let executed = match self.is_counted {
            true => instructions_counted(&mut self.state, input),
            false => execute_without_rows(&mut self.state, input),
        };
        counts.note(&input.command, &executed, begun.elapsed());
        for effect in &executed.effects {
            if let Effect::Launch(launch) = effect {
                self.launch(launch);
            }
        }
        executed
    }

    /// It runs for a fifth of its limit at least and all of it at most, whoever asks when.
    fn launch(&mut self, launch: &Launch) {
        self.waiting -= 1;
        let share = 20 + Random::new(launch.attempt.job.0).below(81);
        let run = Milliseconds(launch.time_limit.0 * share / 100);
        self.running.push(Reverse((self.now + run, launch.attempt, self.now)));
    }
}
