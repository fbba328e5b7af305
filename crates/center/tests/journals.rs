//! Recorded journals of real runs, each of one release: what was asked, what was decided, and what it came to by the
//! tables of the database.
//!
//! Facts of every journal must fold to the recorded balances, ends and allocations for ever: whoever changes a fact's
//! form sees to it that the old one is still read (`serde` defaults, or an upcaster). Once its release is out, a
//! journal is never changed or removed.
//!
//! Decisions may differ from build to build. Where only the inputs of the newest journal give other facts than it has,
//! record another one: `cargo test --release -p haina --test record_journal -- --ignored` writes
//! `crates/center/tests/journals/new.jsonl`; give that the next number and add it below.

use std::collections::BTreeMap;

use haina_center::{BooksCheck, Fact, Input, RowCollector, State, execute};
use haina_core::{JobState, Timestamp};
use serde::Deserialize;

/// By number, with the release that recorded it. The newest is the last.
const JOURNALS: &[(&str, &str)] =
    &[("1 (0.1.0)", include_str!("journals/1.jsonl")), ("2 (0.1.0)", include_str!("journals/2.jsonl"))];

/// A line of a journal.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Input { sequence: u64, body: Input },
    Fact { position: u64, at: Timestamp, body: Fact },
    Outcome(Outcome),
}

/// What the database's tables said at the end. Amounts as text.
#[derive(Debug, Default, PartialEq, Deserialize)]
struct Outcome {
    digest: String,
    balances: BTreeMap<String, String>,
    held: BTreeMap<String, String>,
    revenue: String,
    cash: String,
    jobs: BTreeMap<String, String>,
    allocations: BTreeMap<String, Vec<String>>,
}

#[derive(Default)]
struct Journal {
    inputs: Vec<Input>,
    facts: Vec<Fact>,
    moments: Vec<Timestamp>,
    outcome: Outcome,
}

fn read(text: &str) -> Journal {
    let mut journal = Journal::default();
    let (mut sequence_before, mut moment_before) = (0, Timestamp(0));
    for line in text.lines() {
        match serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")) {
            Line::Input { sequence, body } => {
                assert!(sequence > sequence_before && body.now >= moment_before, "inputs are in order: {line}");
                (sequence_before, moment_before) = (sequence, body.now);
                journal.inputs.push(body);
            }
            Line::Fact { position, at, body } => {
                journal.facts.push(body);
                journal.moments.push(at);
                assert_eq!(position, journal.facts.len() as u64, "no fact is missing");
                assert!(at <= moment_before, "its input stands before it");
            }
            Line::Outcome(outcome) => journal.outcome = outcome,
        }
    }
    journal
}

fn fold(facts: &[Fact]) -> State {
    let mut state = State::new();
    for fact in facts {
        state.evolve(fact);
    }
    state.check();
    state
}

/// What a state that was folded from `facts` came to, but for the digest: the stored form may have grown since.
fn outcome(state: &State, facts: &[Fact], digest: String) -> Outcome {
    let view = state.view();
    let text = |money: Option<haina_core::Money>| money.map(|money| money.to_string()).unwrap_or_default();
    let mut jobs: BTreeMap<String, JobState> = BTreeMap::new();
    for fact in facts {
        if let Fact::JobEnded { job, state, .. } = fact {
            jobs.insert(job.to_string(), *state);
        }
    }
    jobs.extend(state.jobs().map(|(id, _)| (id.to_string(), state.job_state(id).unwrap())));
    let accounts = || view.ledger.accounts.iter().map(|(id, account)| (view.organizations[id].name.clone(), account));
    let allocations = view.attempts.iter().map(|(id, attempt)| {
        let shares = attempt.allocation.shares.iter();
        let on = shares.map(|share| {
            let millis: u32 = share.cards.iter().map(|slot| u32::from(slot.millis)).sum();
            format!("{} of {}", millis, view.nodes[&share.node].name)
        });
        (id.to_string(), on.collect())
    });
    Outcome {
        digest,
        balances: accounts().map(|(name, account)| (name, account.balance.to_string())).collect(),
        held: accounts().map(|(name, account)| (name, account.held.to_string())).collect(),
        revenue: text(view.ledger.revenue),
        cash: text(view.ledger.cash),
        jobs: jobs.into_iter().map(|(id, state)| (id, state.word().to_owned())).collect(),
        allocations: allocations.collect(),
    }
}

#[test]
fn the_facts_of_every_release_fold_to_what_they_came_to() {
    for (name, text) in JOURNALS {
        let journal = read(text);
        let state = fold(&journal.facts);
        let found = outcome(&state, &journal.facts, journal.outcome.digest.clone());
        assert_eq!(found, journal.outcome, "journal {name}");
    }
}

#[test]
fn the_books_of_every_release_prove_right() {
    for (name, text) in JOURNALS {
        let Journal { facts, moments, .. } = read(text);
        let mut books = BooksCheck::default();
        for ((position, at), fact) in (1..).zip(&moments).zip(&facts) {
            books.take(position, *at, fact);
        }
        let report = books.finish(&fold(&facts));
        assert_eq!(report.wrong, [], "journal {name}");
        assert_eq!(report.transactions, report.unsealed + report.chain.length);
        assert_eq!(report.unsealed == 0, !name.starts_with('1'), "journal 1 was written before there were seals");
    }
}

#[test]
fn the_newest_inputs_give_the_newest_facts_again() {
    let (name, text) = JOURNALS.last().unwrap();
    let journal = read(text);
    let (mut state, mut facts) = (State::new(), Vec::new());
    for input in &journal.inputs {
        let executed = execute(&mut state, input, &mut RowCollector::default());
        let expected = &journal.facts[facts.len()..][..executed.facts.len().min(journal.facts.len() - facts.len())];
        assert_eq!(executed.facts, expected, "journal {name}: {input:?}");
        facts.extend(executed.facts);
        state.check();
    }
    assert_eq!(facts.len(), journal.facts.len(), "every recorded fact was decided again");
    assert_eq!(state.digest(), fold(&facts).digest(), "the live state is the folded one");
    assert_eq!(state.digest().to_string(), journal.outcome.digest, "and the stored one, in the newest form");
}

#[test]
fn the_newest_journal_has_something_of_everything() {
    let journal = read(JOURNALS.last().unwrap().1);
    for state in ["succeeded", "failed", "cancelled", "running", "waiting"] {
        assert!(journal.outcome.jobs.values().any(|found| found == state), "a job that is {state}");
    }
    let charged = |fact: &Fact| matches!(fact, Fact::AttemptEnded { .. });
    assert!(journal.facts.iter().filter(|fact| charged(fact)).count() > 10, "many ends");
    assert_ne!(journal.outcome.revenue, "", "charges");
    assert!(journal.outcome.allocations.len() > 1, "attempts under way");
    let leaderships = journal.facts.iter().filter(|fact| matches!(fact, Fact::LeadershipTaken { .. }));
    assert_eq!(leaderships.count(), 2, "a restart");
}
