//! Whose turn it is, and what start a job is promised that cannot have its turn yet.

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use common::*;
use haina_center::Command;
use haina_core::*;

/// Another program than others, so that nothing is known of how long it takes but its limit.
fn limited(name: &str, cards: f64, minutes: u64) -> JobRequest {
    JobRequest { time_limit: Milliseconds::from_seconds(60 * minutes), ..job(name, cards) }
}

fn both_nodes(name: &str) -> JobRequest {
    let mut gang = limited(name, 8.0, 60);
    gang.shape.nodes = 2;
    gang
}

fn minutes_from(story: &Story, minutes: u64) -> Timestamp {
    story.now + Milliseconds::from_seconds(60 * minutes)
}

fn set_policy(story: &mut Story, name: &str) {
    story.by(OPERATOR, Command::SetPolicy { policy: Policy::named(name).unwrap() }).unwrap();
}

#[test]
fn a_blocked_head_is_promised_when_what_runs_has_ended_at_its_limit() {
    let mut story = Story::begin();
    set_policy(&mut story, "easy");
    let running = story.submit_one(HARBOUR, limited("running", 8.0, 30));
    story.start(story.attempts(running)[0]);
    let gang = story.submit_one(HARBOUR, both_nodes("gang"));
    let promised = story.state.promise(gang).expect("it is the head of the line").start;
    assert_eq!(promised, minutes_from(&story, 30));
    assert_eq!(story.state.waiting(gang).unwrap().starts_by, Some(promised));

    let long = story.submit_one(HARBOUR, limited("long", 1.0, 31));
    let short = story.submit_one(HARBOUR, limited("short", 1.0, 30));
    assert_eq!(story.job_state(short), JobState::Starting, "it ends before the gang starts");
    let waiting = story.state.waiting(long).unwrap();
    assert_eq!(waiting.reason, WaitReason::Promised { start: promised }, "it could run a minute longer");

    story.pass(60);
    story.finish(short, SUCCESS);
    story.finish(running, SUCCESS);
    assert_eq!(story.job_state(gang), JobState::Starting, "what ends early lets it start early");
    assert_eq!(story.state.promise(gang), None);
}

#[test]
fn without_promises_a_gang_is_passed() {
    let mut story = Story::begin();
    set_policy(&mut story, "fifo-skip");
    let running = story.submit_one(HARBOUR, limited("running", 8.0, 30));
    let gang = story.submit_one(HARBOUR, both_nodes("gang"));
    let long = story.submit_one(HARBOUR, limited("long", 1.0, 3000));
    story.finish(running, SUCCESS);
    assert_eq!(story.job_state(long), JobState::Starting);
    assert_eq!((story.job_state(gang), story.state.promise(gang)), (JobState::Waiting, None));
}

#[test]
fn a_promise_is_void_when_its_node_is_drained_and_when_nobody_is_promised_anything_any_more() {
    let mut story = Story::begin();
    let running = story.submit_one(HARBOUR, limited("running", 8.0, 30));
    story.start(story.attempts(running)[0]);
    let gang = story.submit_one(HARBOUR, both_nodes("gang"));
    assert!(story.state.promise(gang).is_some());
    let drain = |draining| Command::SetNode { node: "n1".to_owned(), draining, reason: String::new() };
    story.by(OPERATOR, drain(true)).unwrap();
    story.pass(1);
    assert_eq!(story.state.promise(gang), None, "there is one node left");
    story.by(OPERATOR, drain(false)).unwrap();
    story.pass(1);
    assert!(story.state.promise(gang).is_some());
    set_policy(&mut story, "fifo-skip");
    assert_eq!(story.state.promise(gang), None);
}

#[test]
fn a_higher_priority_takes_what_was_promised() {
    let mut story = Story::begin();
    let running = story.submit_one(HARBOUR, limited("running", 8.0, 30));
    story.start(story.attempts(running)[0]);
    let gang = story.submit_one(HARBOUR, both_nodes("gang"));
    let urgent = JobRequest { priority: 10, ..limited("urgent", 8.0, 60) };
    let urgent = story.submit_one(HARBOUR, urgent);
    assert_eq!(story.job_state(urgent), JobState::Starting);
    let promised = story.state.promise(gang).expect("it is made anew").start;
    assert_eq!(promised, minutes_from(&story, 60));
}

#[test]
fn cards_go_first_to_whom_they_are_guaranteed_then_by_weight() {
    let mut story = Story::begin();
    let share = |name: &str, weight, guaranteed: u32| Command::SetOrganization {
        kind: None,
        qualifications: None,
        name: name.to_owned(),
        title: None,
        card_limit: None,
        suspended: None,
        weight: Some(weight),
        guaranteed: Some(CardMillis::whole(guaranteed)),
    };
    story.by(OPERATOR, share("harbour", 1, 10)).unwrap();
    let refused = story.by(OPERATOR, share("ocean", 1, 13)).unwrap_err();
    assert_eq!(refused.code, Code::InvalidValue, "its card limit is 12");
    story.by(OPERATOR, share("ocean", 0, 0)).unwrap_err();

    let nodes = [("n1", true), ("n2", true)];
    for (node, draining) in nodes {
        story.by(OPERATOR, Command::SetNode { node: node.to_owned(), draining, reason: String::new() }).unwrap();
    }
    let ocean: Vec<JobId> = (0..12).map(|_| story.submit_one(OCEAN, job("ocean", 1.0))).collect();
    let harbour: Vec<JobId> = (0..16).map(|_| story.submit_one(HARBOUR, job("harbour", 1.0))).collect();
    for (node, draining) in nodes.map(|(node, _)| (node, false)) {
        story.by(OPERATOR, Command::SetNode { node: node.to_owned(), draining, reason: String::new() }).unwrap();
    }
    story.pass(1);
    let started = |jobs: &[JobId]| jobs.iter().filter(|job| story.job_state(**job) == JobState::Starting).count();
    assert_eq!((started(&ocean), started(&harbour)), (3, 13), "ten are guaranteed; the six others are divided");
}

#[test]
fn the_job_is_first_that_is_likely_to_take_the_least() {
    let mut story = Story::begin();
    for (name, seconds) in [("quick-1", 60), ("slow-1", 3500), ("quick-2", 60)] {
        let id = story.submit_one(HARBOUR, job(name, 8.0));
        let attempt = story.attempts(id)[0];
        story.start(attempt);
        story.pass(seconds);
        story.end(attempt, SUCCESS);
    }
    let fill = [1, 2].map(|_| story.submit_one(HARBOUR, job("fill", 8.0)));
    let slow = story.submit_one(HARBOUR, job("slow-2", 8.0));
    let quick = story.submit_one(HARBOUR, job("quick-3", 8.0));
    story.finish(fill[0], SUCCESS);
    let states = [quick, slow].map(|job| story.job_state(job));
    assert_eq!(states, [JobState::Starting, JobState::Waiting], "those like it took a minute");
}
