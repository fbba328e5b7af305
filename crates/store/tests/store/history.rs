//! What is committed is what is loaded, what is folded from facts, and what people look up.

use haina_center::{Command, Fact, RowCollector, State};
use haina_core::*;
use haina_store::{JournalReader, Store};

use crate::driver::{Driver, HARBOUR, OCEAN, OPERATOR, job, small_center};
use crate::home::Home;

/// Commits, and checks that the stored state is the live one.
async fn commit(center: &mut Driver, store: &Store) {
    center.commit(store).await.unwrap();
    center.state.check();
    let loaded = store.load().await.unwrap();
    loaded.state.check();
    assert_eq!(loaded.state.digest(), center.state.digest(), "the stored state is the live one");
    assert_eq!((loaded.sequence, loaded.position), (center.sequence, center.position));
    assert_eq!((loaded.epoch, loaded.last_input_at), (center.epoch, center.last_input_at));
    assert_eq!(loaded.outbox, center.effects);
}

/// Something of everything: singles, a gang, an array with a cap and retries, dependencies, a timer, a cancelled job, a
/// drained node, money, tokens, and a second leadership half way.
pub async fn busy_history(store: &Store) -> Driver {
    let mut center = Driver::lead(store).await;
    center.run(Actor::Center, small_center(3)).unwrap();
    commit(&mut center, store).await;

    let singles = center.submit(OCEAN, (0..12).map(|n| job(format!("single-{n}"))).collect());
    let (mut array, payload) = job("array");
    array.array = Some(ArrayRequest { count: 6, concurrency: Some(3) });
    array.retries = 1;
    let array = center.submit(HARBOUR, vec![(array, payload)])[0];
    let (mut gang, payload) = job("gang");
    (gang.shape.nodes, gang.shape.cards_per_node) = (3, CardMillis::whole(8));
    center.submit(OCEAN, vec![(gang, payload)]);
    let mut chain: Vec<_> = ["prepare", "train", "report"].map(job).into();
    for (index, (next, _)) in chain.iter_mut().enumerate().skip(1) {
        next.dependencies =
            vec![Dependency { on: JobReference::Index(index as u32 - 1), condition: Condition::Succeeded }];
    }
    let chain = center.submit(HARBOUR, chain);
    let (mut later, payload) = job("later");
    later.not_before = Some(center.now + Milliseconds(40));
    center.submit(OCEAN, vec![(later, payload)]);
    commit(&mut center, store).await;

    let placed = center.advance();
    assert!(placed.len() > 12, "{} attempts were placed", placed.len());
    commit(&mut center, store).await;

    for attempt in &placed {
        center.start(*attempt);
    }
    commit(&mut center, store).await;

    for (index, attempt) in placed.iter().enumerate() {
        let ending = match index % 4 {
            0 => Ending::Exited { code: 3 },
            1 => Ending::Signalled { signal: 9 },
            _ => Ending::Exited { code: 0 },
        };
        if attempt.job != singles[11] {
            center.end(*attempt, ending);
        }
    }
    let stopped = JobTarget { job: singles[11], element: None };
    center.run(OCEAN, Command::Cancel { target: stopped }).unwrap();
    center.run(HARBOUR, Command::Cancel { target: JobTarget { job: chain[2], element: None } }).unwrap();
    let reason = "维护".to_owned();
    center.run(OPERATOR, Command::SetNode { node: "node-2".to_owned(), draining: true, reason }).unwrap();
    for effect in center.effects.clone() {
        if placed.iter().step_by(2).any(|attempt| effect.attempt() == *attempt) {
            center.done(effect.key());
        }
    }
    commit(&mut center, store).await;

    // Another process takes over and goes on.
    let mut center = Driver::lead(store).await;
    commit(&mut center, store).await;
    center
        .run(OPERATOR, Command::SetNode { node: "node-2".to_owned(), draining: false, reason: String::new() })
        .unwrap();
    let amount = Money::units(5, Currency::CNY);
    let top_up = Command::TopUp { organization: "ocean".to_owned(), amount, reference: "转账 7".to_owned() };
    center.run(OPERATOR, top_up).unwrap();
    let token = Command::IssueToken {
        user: "ocean-dev".to_owned(),
        digest: Digest::of(b"secret"),
        label: "laptop".to_owned(),
        expires: None,
    };
    center.run(OCEAN, token).unwrap();
    for _ in 0..8 {
        center.now = center.now + Milliseconds(50);
        for attempt in center.advance() {
            center.start(attempt);
            let code = u8::from(attempt.job == array && attempt.element == 2);
            center.end(attempt, Ending::Exited { code });
        }
        commit(&mut center, store).await;
    }
    // What was told to stop does, and so the gang has its three nodes.
    let left: Vec<AttemptId> = center.state.view().attempts.keys().copied().collect();
    left.into_iter().for_each(|attempt| center.end(attempt, Ending::Stopped));
    for attempt in center.advance() {
        center.start(attempt);
        center.end(attempt, Ending::Exited { code: 0 });
    }
    center.run(OCEAN, Command::RevokeToken { token: TokenId(1) }).unwrap();
    commit(&mut center, store).await;
    let left: Vec<_> = center.state.jobs().map(|(id, job)| (id, job, center.state.waiting(id))).collect();
    assert!(left.is_empty(), "everything has ended, but not {left:?}");
    center
}

async fn all_facts(store: &Store) -> Vec<Fact> {
    let mut facts = Vec::new();
    loop {
        let page = store.facts(facts.len() as u64, 50).await.unwrap();
        if page.is_empty() {
            return facts;
        }
        for stored in page {
            assert_eq!(stored.position, facts.len() as u64 + 1, "no fact is missing");
            facts.push(stored.fact);
        }
    }
}

pub async fn a_busy_history_loads_back_as_it_was_at_every_commit(home: Home) {
    let store = home.open().await;
    let center = busy_history(&store).await;

    let mut folded = State::new();
    all_facts(&store).await.iter().for_each(|fact| folded.evolve(fact));
    assert_eq!(folded.digest(), center.state.digest(), "the facts lead to the same state");

    // Who only reads the journal sees the same, whether the center runs or not.
    let read_alone = async || {
        let read = JournalReader::new(home.location.clone()).facts(0, i32::MAX as u32).await.unwrap();
        read.into_iter().map(|stored| stored.fact).collect::<Vec<_>>()
    };
    let facts = all_facts(&store).await;
    assert_eq!(read_alone().await, facts);

    // So it is for whoever opens the database anew.
    drop(store);
    assert_eq!(read_alone().await, facts);
    let loaded = home.open().await.load().await.unwrap();
    assert_eq!(loaded.state.digest(), center.state.digest());
    assert_eq!(loaded.position, center.position);
}

pub async fn the_same_inputs_give_the_same_facts_again(home: Home) {
    let store = home.open().await;
    let mut center = Driver::lead(&store).await;
    center.run(Actor::Center, small_center(2)).unwrap();
    for round in 0..5 {
        center.submit(OCEAN, (0..7).map(|n| job(format!("job-{round}-{n}"))).collect());
        for attempt in center.advance() {
            center.start(attempt);
            center.end(attempt, Ending::Exited { code: attempt.job.0 as u8 % 2 });
        }
        center.commit(&store).await.unwrap();
    }

    let (mut state, mut rows, mut facts, mut after) = (State::new(), RowCollector::default(), Vec::new(), 0);
    loop {
        let page = store.inputs(after, 10).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        after = *last;
        for (_, input) in page {
            facts.extend(haina_center::execute(&mut state, &input, &mut rows).facts);
        }
    }
    assert!(facts.len() > 100);
    assert!(facts == all_facts(&store).await, "the inputs lead to the same facts");
}

pub async fn what_jobs_did_can_be_looked_up(home: Home) {
    let store = home.open().await;
    busy_history(&store).await;

    let jobs = store.jobs(&Default::default(), None, 100).await.unwrap();
    assert_eq!(jobs.len(), 18);
    let array = jobs.iter().find(|job| job.name == "array").unwrap();
    assert_eq!((array.elements, array.organization, array.user), (Some(6), OrganizationId(2), UserId(3)));
    let counts = array.counts.expect("it has ended");
    assert_eq!(counts.total(), 6);
    assert_eq!(array.state, counts.outcome());
    assert_eq!(store.job(array.id).await.unwrap().as_ref(), Some(array));
    assert_eq!(store.job(JobId(999)).await.unwrap(), None);

    // Its attempts, page by page, and one element's.
    let all = store.attempts(array.id, None, None, 100).await.unwrap();
    assert!(all.len() > 6, "element 2 failed twice");
    let mut paged = Vec::new();
    loop {
        let after = paged.last().map(|last: &haina_store::AttemptRecord| last.id);
        let page = store.attempts(array.id, None, after, 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, all);
    let second = store.attempts(array.id, Some(2), None, 100).await.unwrap();
    assert!(!second.is_empty() && second.iter().all(|attempt| attempt.id.element == 2 && attempt.id.in_array));

    // Every attempt's charge is posted once, and reads as it was charged.
    let mut charged = 0;
    for job in &jobs {
        for attempt in store.attempts(job.id, None, None, 100).await.unwrap() {
            let end = attempt.end.expect("it has ended");
            assert_eq!(
                attempt.exit_code,
                match end.ending {
                    Ending::Exited { code } => Some(code),
                    _ => None,
                }
            );
            assert!(attempt.ended.is_some() && attempt.metered.is_some());
            charged += i128::from(attempt.charged_micros.expect("it has ended"));
        }
    }
    let mut posted = 0;
    for organization in [OrganizationId(1), OrganizationId(2)] {
        let newest = store.postings(organization, None, 1).await.unwrap();
        let older = store.postings(organization, Some(newest[0].position), 1000).await.unwrap();
        assert!(older.windows(2).all(|pair| pair[0].position > pair[1].position), "newest first");
        for stored in newest.iter().chain(&older) {
            let Fact::Posted { transaction, .. } = &stored.fact else { panic!("{stored:?} moves no money") };
            assert_eq!(transaction.organization, organization);
            let amount = transaction.amount_for_organization(Currency::CNY).micros;
            posted -= amount.min(0);
        }
    }
    assert!(charged > 0);
    assert_eq!(posted, charged);

    // The events of one job, and what it runs.
    let facts = store.facts_of_job(array.id, 0, 1000).await.unwrap();
    assert!(matches!(facts[0].fact, Fact::JobSubmitted { .. }));
    assert!(matches!(facts.last().unwrap().fact, Fact::JobEnded { .. }));
    assert_eq!(store.facts_of_job(array.id, facts[2].position, 1).await.unwrap(), facts[3..4]);
    let payload = store.payload(array.payload_of).await.unwrap().expect("it was stored");
    assert_eq!(payload.command, ["/bin/echo", "array"]);
    assert_eq!(store.payload(JobId(9_999_999)).await.unwrap(), None);

    // How they ended, for jobs that depend on them.
    let asked: Vec<JobId> = (1..=100).map(JobId).collect();
    let mut ends = store.known_ends(&asked).await.unwrap();
    ends.sort_by_key(|end| end.job);
    let ended = jobs.iter().rev().map(|job| (job.id, job.organization, job.state));
    assert!(ended.eq(ends.iter().map(|end| (end.job, end.organization, end.state))));
    assert_eq!(store.known_ends(&[]).await.unwrap().len(), 0);
}
