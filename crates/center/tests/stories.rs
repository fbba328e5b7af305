//! What people see happen to their jobs and accounts.

mod common;

use common::*;
use haina_center::{Command, Fact, Input, Reply};
use haina_core::*;

#[test]
fn a_job_is_placed_metered_from_its_start_and_charged_once_at_its_end() {
    let mut story = Story::begin();
    let id = story.submit_one(OCEAN, job("train", 2.0));
    assert_eq!(story.job_state(id), JobState::Starting);
    let attempt = story.attempts(id)[0];
    story.pass(600); // Preparing the environment is free.
    story.start(attempt);
    assert_eq!(story.job_state(id), JobState::Running);
    story.pass(1800);
    story.end(attempt, SUCCESS);
    story.end(attempt, SUCCESS); // A report may come twice.
    assert_eq!(story.job_state(id), JobState::Succeeded);
    assert_eq!(story.balance(1), "9990.000000 CNY", "two cards for half an hour at 10 CNY");
}

#[test]
fn the_task_that_failed_is_recorded_unless_the_job_was_told_to_stop() {
    for is_cancelled in [false, true] {
        let mut story = Story::begin();
        let id = story.submit_one(OCEAN, job("train", 1.0));
        let attempt = story.attempts(id)[0];
        story.start(attempt);
        if is_cancelled {
            story.by(OCEAN, Command::Cancel { target: JobTarget { job: id, element: None } }).unwrap();
        }
        let task = FailedTask { rank: 5, tasks: 8, node: NodeId(2) };
        let (started, at, ending, used) = (None, story.now, Ending::Exited { code: 7 }, TaskUse::default());
        let report = Report::Ended { attempt, started, at, ending, used, failed_task: Some(task) };
        story.by(Actor::Engine, Command::Report(report)).unwrap();
        let recorded = story.facts.iter().find_map(|fact| match fact {
            Fact::AttemptEnded { failed_task, .. } => Some(*failed_task),
            _ => None,
        });
        assert_eq!(recorded, Some((!is_cancelled).then_some(task)));
    }
}

#[test]
fn a_time_limit_bounds_the_charge_however_late_the_report() {
    let mut story = Story::begin();
    let id = story.submit_one(OCEAN, job("train", 1.0));
    let attempt = story.attempts(id)[0];
    story.start(attempt);
    story.pass(7 * 3600);
    story.end(attempt, Ending::TimedOut);
    assert_eq!(story.job_state(id), JobState::Failed);
    assert_eq!(story.balance(1), "9990.000000 CNY", "one card for its limit of one hour");
}

#[test]
fn a_run_is_metered_by_its_length_whatever_the_time_of_day_there() {
    // Set back by an hour, right, and an hour ahead; with and without the report of the start before that of the end.
    for (error, is_reported) in [(-3600, true), (-3600, false), (0, true), (0, false), (3600, true), (3600, false)] {
        let mut story = Story::begin();
        let id = story.submit_one(OCEAN, job("train", 1.0));
        let attempt = story.attempts(id)[0];
        let there = |now: Timestamp| Timestamp(now.0 + error * 1_000_000);
        story.pass(10);
        let started = there(story.now);
        if is_reported {
            story.by(Actor::Engine, Command::Report(Report::Started { attempt, at: started })).unwrap();
        }
        story.pass(720);
        let at = there(story.now);
        let report = Report::Ended {
            attempt,
            started: Some(started),
            at,
            ending: SUCCESS,
            used: TaskUse::default(),
            failed_task: None,
        };
        story.by(Actor::Engine, Command::Report(report)).unwrap();
        assert_eq!(story.balance(1), "9998.000000 CNY", "a card for 12 minutes; {error} s wrong, {is_reported}");
    }
}

#[test]
fn a_gang_is_metered_from_its_first_task_also_where_another_was_seen_first() {
    let mut story = Story::begin();
    let id = story.submit_one(OCEAN, job("train", 1.0));
    let attempt = story.attempts(id)[0];
    let first = story.now + Milliseconds::from_seconds(60);
    story.pass(420);
    story.start(attempt);
    story.pass(360);
    let (started, at) = (Some(first), story.now);
    let report = Report::Ended { attempt, started, at, ending: SUCCESS, used: TaskUse::default(), failed_task: None };
    story.by(Actor::Engine, Command::Report(report)).unwrap();
    assert_eq!(story.balance(1), "9998.000000 CNY", "a card for 12 minutes");
    let told = story.facts.iter().any(
        |fact| matches!(fact, Fact::AttemptEnded { started, ended, .. } if *started == Some(first) && *ended == at),
    );
    assert!(told, "the moments are the report's own");
}

#[test]
fn a_run_is_metered_for_no_longer_than_its_cards_were_held() {
    let mut story = Story::begin();
    let id = story.submit_one(OCEAN, job("train", 1.0));
    let attempt = story.attempts(id)[0];
    story.pass(360);
    let (started, at) = (Some(story.now - Milliseconds::from_seconds(86_400)), story.now);
    let report = Report::Ended { attempt, started, at, ending: SUCCESS, used: TaskUse::default(), failed_task: None };
    story.by(Actor::Engine, Command::Report(report)).unwrap();
    assert_eq!(story.balance(1), "9999.000000 CNY", "a card for the 6 minutes since it was placed");
}

#[test]
fn a_new_price_is_for_what_is_placed_from_then_on() {
    let mut story = Story::begin();
    let id = story.submit_one(OCEAN, job("before", 1.0));
    let attempt = story.attempts(id)[0];
    story.start(attempt);
    story.pass(1800);
    let mut dearer = definition();
    dearer.card_models[0].price_per_card_hour = Money::units(30, Currency::CNY);
    story.by(Actor::Center, Command::Apply { definition: Box::new(dearer) }).unwrap();
    story.pass(1800);
    story.end(attempt, SUCCESS);
    assert_eq!(story.balance(1), "9990.000000 CNY", "an hour at 10 CNY, as when it was placed");
    let id = story.submit_one(OCEAN, job("after", 1.0));
    let attempt = story.attempts(id)[0];
    story.start(attempt);
    story.pass(3600);
    story.end(attempt, SUCCESS);
    assert_eq!(story.balance(1), "9960.000000 CNY", "an hour at 30 CNY");
}

#[test]
fn what_could_never_run_is_refused_at_once_with_its_reason() {
    let mut story = Story::begin();
    let too_wide = JobRequest { shape: Shape { nodes: 3, ..job("x", 8.0).shape }, ..job("wide", 8.0) };
    assert_eq!(story.refused(HARBOUR, too_wide).code, Code::ImpossibleRequest);
    let too_tall =
        JobRequest { shape: Shape { cards_per_node: CardMillis::whole(9), ..job("x", 1.0).shape }, ..job("tall", 1.0) };
    assert_eq!(story.refused(HARBOUR, too_tall).code, Code::ImpossibleRequest);
    let refusal =
        story.refused(OCEAN, JobRequest { shape: Shape { nodes: 2, ..job("x", 8.0).shape }, ..job("q", 8.0) });
    assert_eq!(refusal.code, Code::QuotaExceeded);
    assert_eq!((refusal.values["asked"].as_str(), refusal.values["limit"].as_str()), ("16", "12"));
    let refusal = story.refused(MAKER, job("dear", 2.0));
    assert_eq!(refusal.code, Code::InsufficientFunds);
    assert_eq!(refusal.values["needed"], "20.000000 CNY");
    assert_eq!(refusal.values["available"], "15.000000 CNY");
    assert_eq!(story.refused(OCEAN, JobRequest { pool: Some("none".into()), ..job("x", 1.0) }).code, Code::NotFound);
    assert_eq!(story.state.jobs().len(), 0, "a refusal leaves nothing behind");
}

#[test]
fn values_outside_their_range_are_refused_by_field() {
    let mut story = Story::begin();
    let plain = || job("x", 1.0);
    let shaped = |change: fn(&mut Shape)| {
        let mut job = plain();
        change(&mut job.shape);
        job
    };
    let cases: Vec<(JobRequest, &str)> = vec![
        (JobRequest { name: String::new(), ..plain() }, "name"),
        (shaped(|shape| shape.nodes = 0), "nodes"),
        (shaped(|shape| shape.tasks_per_node = 0), "tasks_per_node"),
        (shaped(|shape| shape.cards_per_node = CardMillis(1500)), "cards"),
        (shaped(|shape| shape.cards_per_node = CardMillis(u32::MAX)), "cards"),
        (shaped(|shape| shape.cpu_per_node = CpuMillis(u64::MAX)), "cpus"),
        (shaped(|shape| shape.memory_per_node = Bytes(u64::MAX)), "memory"),
        (JobRequest { time_limit: Milliseconds(0), ..plain() }, "time_limit"),
        (JobRequest { time_limit: Milliseconds(u64::MAX), ..plain() }, "time_limit"),
        (JobRequest { grace: Milliseconds(u64::MAX), ..plain() }, "grace"),
        (JobRequest { priority: 1001, ..plain() }, "priority"),
        (JobRequest { array: Some(ArrayRequest { count: 0, concurrency: None }), ..plain() }, "array.count"),
    ];
    for (job, field) in cases {
        let refusal = story.refused(OCEAN, job);
        assert_eq!((refusal.code, refusal.values["field"].as_str()), (Code::InvalidValue, field));
    }
}

#[test]
fn jobs_that_wait_for_each_other_in_a_circle_are_refused_together() {
    let mut story = Story::begin();
    let jobs = vec![
        after(job("a", 1.0), 2, Condition::Succeeded),
        after(job("b", 1.0), 0, Condition::Ended),
        after(job("c", 1.0), 1, Condition::Succeeded),
        job("free", 1.0),
    ];
    let refusal = story.submit(OCEAN, jobs).unwrap_err();
    assert_eq!((refusal.code, refusal.values["jobs"].as_str()), (Code::DependencyCycle, "a, b, c"));
    let to_itself = vec![after(job("self", 1.0), 0, Condition::Ended)];
    assert_eq!(story.submit(OCEAN, to_itself).unwrap_err().code, Code::DependencyCycle);
}

#[test]
fn a_failure_cancels_what_waited_for_its_success_and_releases_what_waited_for_its_end() {
    let mut story = Story::begin();
    let jobs = vec![
        job("prepare", 1.0),
        after(job("train", 1.0), 0, Condition::Succeeded),
        after(job("choose", 1.0), 1, Condition::Succeeded),
        after(job("clean", 1.0), 0, Condition::Ended),
    ];
    let ids = story.submit(OCEAN, jobs).unwrap();
    assert_eq!(story.state.waiting(ids[1]).unwrap().reason, WaitReason::Dependency { on: ids[0] });
    story.finish(ids[0], FAILURE);
    let states: Vec<_> = ids.iter().map(|id| story.job_state(*id)).collect();
    assert_eq!(states, [JobState::Failed, JobState::Cancelled, JobState::Cancelled, JobState::Starting]);
    let cause = story.facts.iter().find_map(|fact| match fact {
        Fact::JobEnded { job, cause, .. } if *job == ids[2] => *cause,
        _ => None,
    });
    assert_eq!(cause, Some(ids[1]), "a cancelled job says because of which");
}

#[test]
fn a_waiting_job_says_what_for_and_how_many_are_ahead() {
    let mut story = Story::begin();
    let first = story.submit_one(HARBOUR, job("first", 8.0));
    let _second = story.submit_one(HARBOUR, job("second", 8.0));
    let third = story.submit_one(HARBOUR, job("third", 8.0));
    let fourth = story.submit_one(OCEAN, job("fourth", 8.0));
    let waiting = story.state.waiting(third).unwrap();
    assert_eq!(waiting.reason.word(), "capacity");
    assert_eq!(waiting.ahead, Some(1));
    let waiting = story.state.waiting(fourth).unwrap();
    assert_eq!(waiting.reason.word(), "capacity", "the answer for one organization is that for the other");
    assert_eq!(waiting.ahead, Some(0), "its organization holds nothing");
    story.finish(first, SUCCESS);
    assert_eq!(story.job_state(fourth), JobState::Starting, "what frees cards places the next in line");
    assert_eq!(story.job_state(third), JobState::Waiting);
}

#[test]
fn a_quota_holds_back_its_own_organization_only() {
    let mut story = Story::begin();
    let ocean: Vec<_> = (0..2).map(|_| story.submit_one(OCEAN, job("ocean", 8.0))).collect();
    let harbour = story.submit_one(HARBOUR, job("harbour", 8.0));
    assert_eq!(story.job_state(ocean[0]), JobState::Starting);
    assert_eq!(story.state.waiting(ocean[1]).unwrap().reason.word(), "quota");
    assert_eq!(story.job_state(harbour), JobState::Starting);
    let raise = Command::SetOrganization {
        kind: None,
        qualifications: None,
        weight: None,
        guaranteed: None,
        name: "ocean".into(),
        title: None,
        card_limit: Some(CardMillis::whole(16)),
        suspended: None,
    };
    story.by(OPERATOR, raise).unwrap();
    assert_eq!(story.state.waiting(ocean[1]).unwrap().reason.word(), "capacity");
    story.finish(harbour, SUCCESS);
    assert_eq!(story.job_state(ocean[1]), JobState::Starting);
}

#[test]
fn funds_that_are_held_do_not_pay_twice_and_a_top_up_helps() {
    let mut story = Story::begin();
    let first = story.submit_one(MAKER, job("first", 1.0));
    let second = story.submit_one(MAKER, job("second", 1.0));
    assert_eq!(story.job_state(first), JobState::Starting);
    assert_eq!(story.state.waiting(second).unwrap().reason.word(), "funds");
    let amount = Money::units(5, Currency::CNY);
    let top_up = |reference: &str| Command::TopUp { organization: "maker".into(), amount, reference: reference.into() };
    assert_eq!(story.by(MAKER, top_up("wish")).unwrap_err().code, Code::Forbidden);
    story.by(OPERATOR, top_up("transfer 7")).unwrap();
    assert_eq!(story.job_state(second), JobState::Starting);
}

#[test]
fn an_account_is_adjusted_by_two_people_or_not_at_all() {
    let mut story = Story::begin();
    let clerk = Command::AddUser { name: "clerk".into(), role: Role::Finance, organization: None };
    let Ok(Reply::Added(clerk)) = story.by(OPERATOR, clerk) else { panic!("the clerk is added") };
    let clerk = Actor::User(clerk);
    let yuan = |units| Money::units(units, Currency::CNY);
    let propose = |amount, reason: &str| Command::ProposeAdjustment {
        organization: "maker".into(),
        amount,
        reason: reason.to_owned(),
    };
    let decide = |adjustment, approve| Command::DecideAdjustment { adjustment: AdjustmentId(adjustment), approve };
    assert_eq!(story.by(MAKER, propose(yuan(5), "please")).unwrap_err().code, Code::Forbidden);
    assert_eq!(story.by(clerk, propose(yuan(0), "nothing")).unwrap_err().code, Code::InvalidValue);
    assert_eq!(story.by(clerk, propose(yuan(5), " ")).unwrap_err().code, Code::InvalidValue);
    assert_eq!(story.by(clerk, propose(yuan(5), "node 3 failed")), Ok(Reply::Proposed(AdjustmentId(1))));
    assert_eq!(story.balance(3), "15.000000 CNY", "nothing is posted yet");

    assert_eq!(story.by(clerk, decide(1, true)).unwrap_err().code, Code::OwnProposal);
    assert_eq!(story.by(MAKER, decide(1, true)).unwrap_err().code, Code::Forbidden);
    story.by(OPERATOR, decide(1, true)).unwrap();
    assert_eq!(story.balance(3), "20.000000 CNY");
    assert_eq!(story.by(OPERATOR, decide(1, true)).unwrap_err().code, Code::NotFound, "once");

    // What is held cannot be taken; who proposed may take it back.
    let runs = story.submit_one(MAKER, JobRequest { time_limit: Milliseconds::from_seconds(3600), ..job("held", 1.0) });
    assert_eq!(story.attempts(runs).len(), 1);
    story.by(OPERATOR, propose(yuan(-11), "used the same voucher twice")).unwrap();
    assert_eq!(story.by(clerk, decide(2, true)).unwrap_err().code, Code::BalanceTooLow);
    story.by(OPERATOR, decide(2, false)).unwrap();
    story.by(OPERATOR, propose(yuan(-10), "used the same voucher twice")).unwrap();
    story.by(clerk, decide(3, true)).unwrap();
    assert_eq!(story.balance(3), "10.000000 CNY");
    assert!(story.state.view().adjustments.is_empty());
}

#[test]
fn a_quote_names_the_price_where_it_starts_and_the_most_that_it_may_cost() {
    let mut center = definition();
    let mut dear = center.card_models[0].clone();
    (dear.name, dear.price_per_card_hour) = ("dear".into(), Money::units(30, Currency::CNY));
    center.card_models.push(dear);
    center.nodes[1].card_model = Some("dear".into());
    let mut story = Story::of(center);
    let limit = Milliseconds::from_seconds(1800);
    let of = |story: &Story, model: Option<&str>| {
        let mut wish = JobRequest { time_limit: limit, ..job("wish", 4.0) };
        wish.shape.card_model = model.map(str::to_owned);
        let command = Command::Submit { jobs: vec![wish], known_ends: Vec::new() };
        let input = Input { actor: HARBOUR, command, now: story.now, fuel: 0 };
        let quote = story.state.quote(&input).unwrap().remove(0);
        (quote.price_per_card_hour.to_string(), quote.cost_most.to_string(), quote.earliest_start.unwrap() > story.now)
    };
    let told = |price: &str, cost: &str, later| (price.to_owned(), cost.to_owned(), later);
    assert_eq!(of(&story, Some("ascend-910")), told("10.000000 CNY", "20.000000 CNY", false));
    assert_eq!(of(&story, Some("dear")), told("30.000000 CNY", "60.000000 CNY", false));
    // The cheap cards are taken: it would start on the others; and they may be taken too until then.
    let mut takes = job("takes", 8.0);
    takes.shape.card_model = Some("ascend-910".into());
    story.submit_one(HARBOUR, takes);
    assert_eq!(of(&story, None), told("30.000000 CNY", "60.000000 CNY", false));
    assert_eq!(of(&story, Some("ascend-910")), told("10.000000 CNY", "20.000000 CNY", true));
    let mut other = job("other", 8.0);
    other.shape.card_model = Some("dear".into());
    story.submit_one(HARBOUR, other);
    assert_eq!(of(&story, None).1, "60.000000 CNY", "wherever it starts");
    assert_eq!(story.state.jobs().count(), 2, "nothing was submitted");
}

#[test]
fn an_array_keeps_to_its_own_cap_and_ends_as_its_worst_element() {
    let mut story = Story::begin();
    let array = Some(ArrayRequest { count: 5, concurrency: Some(2) });
    let id = story.submit_one(HARBOUR, JobRequest { array, retries: 1, ..job("array", 1.0) });
    assert_eq!(story.attempts(id).len(), 2);
    assert_eq!(story.state.waiting(id).unwrap().reason, WaitReason::Concurrency { cap: 2 });
    let first = story.attempts(id)[0];
    story.start(first);
    story.end(first, FAILURE);
    let tried_again = story.attempts(id).into_iter().find(|attempt| attempt.element == 0).unwrap();
    assert_eq!(tried_again.number, 2, "the element that failed goes before those that never started");
    story.start(tried_again);
    story.end(tried_again, FAILURE);
    while story.state.job(id).is_some() {
        story.finish(id, SUCCESS);
    }
    assert_eq!(story.job_state(id), JobState::Failed);
}

#[test]
fn cancelling_ends_what_waits_and_stops_what_runs() {
    let mut story = Story::begin();
    let array = Some(ArrayRequest { count: 4, concurrency: Some(1) });
    let id = story.submit_one(HARBOUR, JobRequest { array, ..job("array", 1.0) });
    let target = |element| JobTarget { job: id, element };
    assert_eq!(story.by(OCEAN, Command::Cancel { target: target(None) }).unwrap_err().code, Code::NotFound);
    story.by(HARBOUR, Command::Cancel { target: target(Some(2)) }).unwrap();
    story.by(HARBOUR, Command::Cancel { target: target(None) }).unwrap();
    assert_eq!(story.job_state(id), JobState::Stopping);
    let attempt = story.attempts(id)[0];
    assert!(matches!(story.effects.last(), Some(Effect::Stop(stop)) if stop.attempt == attempt));
    story.end(attempt, Ending::Stopped);
    assert_eq!(story.job_state(id), JobState::Cancelled);
}

#[test]
fn a_drained_node_keeps_what_runs_and_takes_nothing_new() {
    let mut story = Story::begin();
    let drain = |node: &str, draining| Command::SetNode { node: node.into(), draining, reason: "fan".into() };
    story.by(OPERATOR, drain("n1", true)).unwrap();
    let first = story.submit_one(HARBOUR, job("first", 8.0));
    let second = story.submit_one(HARBOUR, job("second", 8.0));
    assert_eq!((story.job_state(first), story.job_state(second)), (JobState::Starting, JobState::Waiting));
    assert_eq!(story.by(HARBOUR, drain("n1", false)).unwrap_err().code, Code::Forbidden);
    story.by(OPERATOR, drain("n1", false)).unwrap();
    assert_eq!(story.job_state(second), JobState::Starting);
}

#[test]
fn a_card_that_its_engine_calls_unfit_gets_no_new_work() {
    let mut story = Story::begin();
    let unfit = |node: &str, cards: &[u8]| Command::SetCards {
        node: node.into(),
        unusable: cards.iter().map(|&index| UnusableCard { index, reason: "lost".into() }).collect(),
    };
    let before = story.submit_one(HARBOUR, job("before", 2.0));
    story.by(Actor::Engine, unfit("n1", &[3, 0])).unwrap();
    story.by(Actor::Engine, unfit("n2", &[0])).unwrap();
    assert_eq!(story.job_state(before), JobState::Starting, "what holds such a card goes on");
    let whole = story.submit_one(HARBOUR, job("whole", 8.0));
    let less = story.submit_one(HARBOUR, job("less", 7.0));
    assert_eq!((story.job_state(whole), story.job_state(less)), (JobState::Waiting, JobState::Starting));
    story.finish(before, SUCCESS);
    assert_eq!(story.job_state(whole), JobState::Waiting);
    for actor in [HARBOUR, OPERATOR] {
        assert_eq!(story.by(actor, unfit("n1", &[])).unwrap_err().code, Code::Forbidden);
    }
    assert_eq!(story.by(Actor::Engine, unfit("n1", &[8])).unwrap_err().code, Code::InvalidValue);
    story.by(Actor::Engine, unfit("n1", &[])).unwrap();
    assert_eq!(story.job_state(whole), JobState::Starting);
}

#[test]
fn higher_priority_goes_first_and_a_moment_is_waited_for() {
    let mut story = Story::begin();
    let running: Vec<_> = (0..2).map(|_| story.submit_one(HARBOUR, job("running", 8.0))).collect();
    let plain = story.submit_one(HARBOUR, job("plain", 8.0));
    let urgent = story.submit_one(HARBOUR, JobRequest { priority: 10, ..job("urgent", 8.0) });
    let later = Some(story.now + Milliseconds::from_seconds(3600));
    let later = story.submit_one(HARBOUR, JobRequest { not_before: later, priority: 20, ..job("later", 8.0) });
    assert_eq!(story.state.waiting(later).unwrap().reason.word(), "not_before");
    story.finish(running[0], SUCCESS);
    assert_eq!((story.job_state(urgent), story.job_state(plain)), (JobState::Starting, JobState::Waiting));
    story.pass(3600);
    story.finish(running[1], SUCCESS);
    assert_eq!((story.job_state(later), story.job_state(plain)), (JobState::Starting, JobState::Waiting));
}

#[test]
fn a_suspended_organization_starts_nothing_and_submits_nothing() {
    let mut story = Story::begin();
    let first = story.submit_one(HARBOUR, job("first", 8.0));
    let _other = story.submit_one(OCEAN, job("other", 8.0));
    let waiting = story.submit_one(HARBOUR, job("waiting", 8.0));
    let suspend = |suspended| Command::SetOrganization {
        kind: None,
        qualifications: None,
        weight: None,
        guaranteed: None,
        name: "harbour".into(),
        title: None,
        card_limit: None,
        suspended: Some(suspended),
    };
    story.by(OPERATOR, suspend(true)).unwrap();
    assert_eq!(story.refused(HARBOUR, job("more", 1.0)).code, Code::Suspended);
    story.finish(first, SUCCESS);
    assert_eq!(story.state.waiting(waiting).unwrap().reason, WaitReason::Suspended);
    story.by(OPERATOR, suspend(false)).unwrap();
    assert_eq!(story.job_state(waiting), JobState::Starting);
}
