//! A history: people ask, time passes, commits fail, processes die. Invariants are checked after every step.

use haina_center::{BooksCheck, Command, Fact, Input, KnownEnd, Reply, RowCollector, State, execute};
use haina_core::{
    Actor, AgreementTerms, AtEnd, AttemptId, Effect, Ending, Epoch, JobId, JobReference, Milliseconds, Refusal, Report,
    TaskUse, Timestamp,
};

use haina_ledger::{AgreementStage, VoucherStage};

use crate::engine::SimulatedEngine;
use crate::oracle::Oracle;
use crate::workload;
use crate::workload_of_agreements;
use crate::{Journal, Outcome, PlanOfFacts, Random, checker};

/// Fuel of one command; small, so that it often runs out.
const FUEL: u64 = 40;

/// When every history begins.
const BEGINNING: Timestamp = Timestamp(1_000_000_000_000);

/// The world of one seed.
pub struct World {
    random: Random,
    now: Timestamp,
    state: State,
    journal: Journal,
    seen: usize,
    engine: SimulatedEngine,
    oracle: Oracle,
    faults: bool,
    fuel_to_advance: u64,
    /// Whether the last input could not decide even one thing.
    starved: bool,
    crashes: u32,
    refusals: u32,
}

/// What a history came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say what is counted")]
pub struct Summary {
    pub jobs: usize,
    pub attempts: usize,
    pub facts: usize,
    pub crashes: u32,
    pub refusals: u32,
    pub prices_changed: u32,
    /// Attempts that an agreement, and that a voucher, paid a part of.
    pub funded: (u32, u32),
}

impl World {
    /// A fresh center; with `faults`, commits fail and processes die.
    pub fn new(seed: u64, faults: bool) -> World {
        let mut world = World {
            random: Random::new(seed),
            now: BEGINNING,
            state: State::new(),
            journal: Journal::default(),
            seen: 0,
            engine: SimulatedEngine::default(),
            oracle: Oracle::default(),
            faults: false,
            fuel_to_advance: FUEL,
            starved: false,
            crashes: 0,
            refusals: 0,
        };
        world.lead();
        let definition = Box::new(workload::center());
        _ = world.send(Actor::Center, Command::Apply { definition });
        if world.random.chance(50) {
            for (actor, command) in workload_of_agreements::opening(BEGINNING, &mut world.random) {
                _ = world.send(actor, command);
            }
        }
        world.faults = faults;
        world
    }

    /// Takes so many steps, lets everything end, and checks the whole history.
    pub fn run(mut self, steps: u32) -> Summary {
        for _ in 0..steps {
            self.step();
        }
        self.finish();
        self.check_replay();
        self.check_plan();
        self.check_books();
        let (jobs, attempts) = self.oracle.counts();
        let (crashes, refusals) = (self.crashes, self.refusals);
        let prices_changed = self.oracle.prices_changed();
        let funded = self.oracle.funded();
        Summary { jobs, attempts, facts: self.journal.facts.len(), crashes, refusals, prices_changed, funded }
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0..45 => {
                let (actor, command) = workload::random_command(&self.state, self.now, &mut self.random);
                self.refuse_to_attempts(&command);
                _ = self.send(actor, command);
            }
            45..75 => self.advance(),
            75..97 => self.pass(),
            _ if self.faults => self.crash(),
            _ => self.pass(),
        }
        self.state.check();
        self.oracle.check_charges();
    }

    /// What an attempt's own token is shown for changes nothing, whether the attempt runs or has ended.
    fn refuse_to_attempts(&mut self, command: &Command) {
        let running = self.state.view().attempts.keys().next().copied();
        let ended = AttemptId { job: JobId(0), in_array: false, element: 0, number: 1 };
        for attempt in running.into_iter().chain([ended]) {
            let actor = Actor::Attempt(attempt);
            let input = Input { actor, command: command.clone(), now: self.now, fuel: FUEL };
            let executed = execute(&mut self.state, &input, &mut RowCollector::default());
            assert!(executed.reply.is_err() && !executed.changed(), "{attempt} may {command:?}");
        }
    }

    /// Sends a command; whoever got an id holds the center to it.
    fn send(&mut self, actor: Actor, mut command: Command) -> Result<Reply, Refusal> {
        if let Command::Submit { jobs, known_ends } = &mut command {
            let named = jobs.iter().flat_map(|job| &job.dependencies).filter_map(|dependency| match dependency.on {
                JobReference::Id(id) => Some(id),
                JobReference::Index(_) => None,
            });
            let named: Vec<_> = named.collect();
            *known_ends = self.journal.facts.iter().filter_map(|(_, fact)| known_end(fact)).collect();
            known_ends.retain(|end| named.contains(&end.job));
        }
        let input = Input { actor, command, now: self.now, fuel: FUEL };
        let (reply, committed) = self.batch(vec![input]);
        if reply.is_err() {
            self.refusals += 1;
        }
        if committed && let Ok(Reply::Submitted(jobs)) = &reply {
            jobs.iter().for_each(|job| self.oracle.was_given(*job));
        }
        reply
    }

    fn advance(&mut self) {
        let (actor, command, fuel) = (Actor::Center, Command::Advance, self.fuel_to_advance);
        self.starved = false;
        _ = self.batch(vec![Input { actor, command, now: self.now, fuel }]);
        // As the runtime does: what needs more than all of it gets more the next time.
        self.fuel_to_advance = if self.starved { fuel * 2 } else { FUEL };
    }

    /// Time passes, and the engine reports.
    fn pass(&mut self) {
        // Seldom a day: vouchers expire.
        let seconds = if self.random.chance(1) { 86_400 } else { self.random.pick(&[0, 1, 10, 100, 1000]) };
        self.now = self.now + Milliseconds(1000 * seconds + self.random.below(1000));
        if self.random.chance(10) {
            self.engine.set_clock(&mut self.random);
        }
        self.report();
    }

    fn report(&mut self) {
        for report in self.engine.reports(self.now, &mut self.random) {
            let attempt = report.attempt();
            let ended = matches!(report, Report::Ended { .. });
            let input = Input { actor: Actor::Engine, command: Command::Report(report), now: self.now, fuel: FUEL };
            let (_, committed) = self.batch(vec![input]);
            if committed && ended {
                self.engine.acknowledge(attempt);
            }
        }
    }

    /// Executes and commits; on any doubt the state is dropped and taken from what is committed.
    fn batch(&mut self, inputs: Vec<Input>) -> (Result<Reply, Refusal>, bool) {
        let (mut journaled, mut facts, mut effects) = (Vec::new(), Vec::new(), Vec::new());
        let mut reply = Ok(Reply::Done);
        for input in inputs {
            let executed = execute(&mut self.state, &input, &mut RowCollector::default());
            let changed = executed.changed();
            self.starved = executed.more && !changed;
            facts.extend(executed.facts.into_iter().map(|fact| (input.now, fact)));
            effects.extend(executed.effects);
            reply = executed.reply;
            if changed {
                journaled.push(input);
            }
        }
        let outcome = self.outcome();
        self.journal.commit(outcome, journaled, facts, &effects);
        self.observe();
        if outcome == Outcome::Committed {
            self.release(effects);
            return (reply, true);
        }
        self.restart();
        (reply, false)
    }

    fn outcome(&mut self) -> Outcome {
        if !self.faults || !self.random.chance(4) {
            return Outcome::Committed;
        }
        self.random.pick(&[Outcome::Failed, Outcome::UnknownCommitted, Outcome::UnknownFailed])
    }

    fn observe(&mut self) {
        for (_, fact) in &self.journal.facts[self.seen..] {
            self.oracle.see(fact);
            if let Fact::AttemptEnded { attempt, metered, .. } = fact
                && let Some((started, ended, launch)) = self.engine.truth(*attempt)
            {
                let ran = started.map_or(Milliseconds(0), |started| ended.since(started));
                let most = launch.time_limit + launch.grace;
                let used = launch.allocation.cards().used_for(ran.min(most));
                assert_eq!(
                    *metered, used,
                    "attempt {attempt} is metered as it really ran, whatever the engine's clock"
                );
            }
        }
        self.seen = self.journal.facts.len();
    }

    /// Effects reach the engine, some of them late: those stay in the outbox.
    fn release(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if !self.faults || self.random.chance(95) {
                self.engine.order(&effect, self.now, &mut self.random);
                if self.random.chance(90) {
                    self.journal.outbox.remove(&effect.key());
                }
            }
        }
    }

    /// The process dies, perhaps between an effect and the note that it was done, and another takes over.
    fn crash(&mut self) {
        self.crashes += 1;
        self.restart();
    }

    fn restart(&mut self) {
        self.state = self.journal.fold();
        self.check_loading();
        let faults = std::mem::replace(&mut self.faults, false);
        self.lead();
        self.faults = faults;
        let outbox: Vec<Effect> = self.journal.outbox.values().cloned().collect();
        let live: Vec<_> = self.state.view().attempts.keys().copied().collect();
        for effect in outbox {
            self.engine.order(&effect, self.now, &mut self.random);
            self.journal.outbox.remove(&effect.key());
        }
        for attempt in live {
            if !self.engine.knows(attempt) {
                let ending = Ending::Lost { reason: "the engine has no record of it".to_owned() };
                let (at, used) = (self.now, TaskUse::default());
                let report = Report::Ended { attempt, started: None, at, ending, used, failed_task: None };
                let input = Input { actor: Actor::Engine, command: Command::Report(report), now: self.now, fuel: FUEL };
                _ = self.batch(vec![input]);
            }
        }
    }

    fn lead(&mut self) {
        let epoch = Epoch(self.journal.epoch().0 + 1);
        _ = self.batch(vec![Input {
            actor: Actor::Center,
            command: Command::Lead { epoch },
            now: self.now,
            fuel: FUEL,
        }]);
    }

    /// Nothing new is asked, nothing fails: everything that was accepted must come to an end.
    fn finish(&mut self) {
        self.faults = false;
        self.restart();
        let operator = Actor::User(haina_core::UserId(1));
        for node in ["a1", "a2", "a3", "b1", "d1"] {
            let (node, reason) = (node.to_owned(), String::new());
            _ = self.send(Actor::Engine, Command::SetCards { node: node.clone(), unusable: Vec::new() });
            _ = self.send(operator, Command::SetNode { node, draining: false, reason });
        }
        for name in ["ocean", "harbour", "maker"] {
            let card_limit = Some(haina_core::CardMillis::whole(10_000));
            let (name, title, suspended) = (name.to_owned(), None, Some(false));
            _ = self.send(
                operator,
                Command::SetOrganization {
                    kind: None,
                    qualifications: None,
                    name: name.clone(),
                    title,
                    card_limit,
                    suspended,
                    weight: None,
                    guaranteed: None,
                },
            );
            let amount = haina_core::Money::units(1_000_000, haina_core::Currency::CNY);
            let reference = "so that nothing waits for funds".to_owned();
            _ = self.send(operator, Command::TopUp { organization: name, amount, reference });
        }
        let agreements: Vec<_> =
            self.state.view().ledger.agreements.iter().map(|(id, known)| (*id, known.clone())).collect();
        for (agreement, known) in agreements {
            let terms = AgreementTerms { at_end: AtEnd::OnDemand, ..known.terms };
            let (version, reason) = (known.version, "so that no work is stopped".to_owned());
            _ = self.send(operator, Command::AmendAgreement { agreement, version, terms, oversell: None, reason });
        }
        let mut rounds = 0;
        while self.state.jobs().len() > 0 || self.state.next_timer().is_some() {
            rounds += 1;
            assert!(rounds < 100_000, "{} jobs never end", self.state.jobs().len());
            self.advance();
            if !self.state.has_work(self.now) {
                let timers = [self.engine.next_event(self.now), self.state.next_timer()];
                if let Some(next) = timers.into_iter().flatten().min() {
                    self.now = self.now.max(next);
                }
            }
            self.report();
            self.state.check();
        }
        self.oracle.check_finished();
        let ledger = &self.state.view().ledger;
        let is_open = |stage| matches!(stage, AgreementStage::Signed | AgreementStage::Begun);
        let open = ledger.agreements.values().filter(|agreement| is_open(agreement.stage)).count();
        let issued = ledger.vouchers.values().filter(|voucher| voucher.stage == VoucherStage::Issued).count();
        assert_eq!((open, issued), (0, 0), "time closes every agreement and every voucher");
        for (attempt, starts) in &self.engine.starts {
            assert_eq!(*starts, 1, "attempt {attempt} was started more than once");
        }
    }

    /// Invariant 9: the live state, the state folded from facts and the state loaded from stored things are equal, and
    /// the same inputs give the same facts.
    fn check_replay(&self) {
        assert_eq!(self.journal.fold().digest(), self.state.digest(), "folding the facts gives the live state");
        self.check_loading();
        let mut replayed = State::new();
        let mut facts = self.journal.facts.iter().map(|(_, fact)| fact);
        for input in &self.journal.inputs {
            for fact in execute(&mut replayed, input, &mut RowCollector::default()).facts {
                assert_eq!(Some(&fact), facts.next(), "the same inputs give the same facts");
            }
        }
        assert_eq!(facts.next(), None, "the same inputs give all facts");
    }

    /// Nothing in the plan is what an independent judge would object to.
    fn check_plan(&self) {
        let mut plan = PlanOfFacts::default();
        plan.funds_limited(BEGINNING);
        self.journal.facts.iter().for_each(|(now, fact)| plan.take(*now, fact));
        let report = checker::check(&plan.close(self.now));
        let violations: Vec<String> = report.violations.iter().map(ToString::to_string).collect();
        assert!(violations.is_empty(), "{}", violations.join("\n"));
    }

    /// The books prove right from the journal alone (invariants 4 and 5).
    fn check_books(&self) {
        let mut books = BooksCheck::default();
        for (position, (at, fact)) in (1..).zip(&self.journal.facts) {
            books.take(position, *at, fact);
        }
        let report = books.finish(&self.state);
        let wrong: Vec<String> = report.wrong.iter().map(ToString::to_string).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert_eq!(report.unsealed, 0, "every transaction is sealed");
    }

    /// The state loaded from stored things is the live one, and is sound: also what is derived from it.
    fn check_loading(&self) {
        let mut loaded = State::new();
        for key in self.state.keys() {
            let body = self.state.encode(key).expect("a key of the state has a thing");
            loaded.load(key, &body).expect("what was encoded can be read");
        }
        loaded.rebuild();
        loaded.check();
        assert_eq!(loaded.digest(), self.state.digest(), "loading what is stored gives the live state");
        let nodes = |state: &State| -> Vec<_> {
            state.view().cluster.nodes().map(|node| (node.spec.id, node.state, node.unusable, node.allocated)).collect()
        };
        assert_eq!(nodes(&loaded), nodes(&self.state), "loaded nodes take work, or not, as the live ones do");
    }
}

fn known_end(fact: &Fact) -> Option<KnownEnd> {
    match fact {
        Fact::JobEnded { job, organization, state, .. } => {
            Some(KnownEnd { job: *job, organization: *organization, state: *state })
        }
        _ => None,
    }
}
