//! What a waiting job is told of its start.

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use common::*;
use haina_center::Command;
use haina_core::center_definition::NodeDefinition;
use haina_core::*;

/// A program of its own, so that nothing is known of how long it takes but its limit.
fn limited(name: &str, cards: f64, minutes: u64) -> JobRequest {
    JobRequest { time_limit: Milliseconds::from_seconds(60 * minutes), ..job(name, cards) }
}

fn set_policy(story: &mut Story, name: &str) {
    story.by(OPERATOR, Command::SetPolicy { policy: Policy::named(name).unwrap() }).unwrap();
}

/// Both nodes are taken whole for half an hour.
fn full() -> Story {
    let mut story = Story::begin();
    set_policy(&mut story, "fifo");
    for name in ["first", "second"] {
        let id = story.submit_one(HARBOUR, limited(name, 8.0, 30));
        story.start(story.attempts(id)[0]);
    }
    story
}

#[test]
fn those_behind_are_told_later_starts_and_none_is_told_one_in_the_past() {
    let mut story = full();
    let waiting: Vec<JobId> =
        (0..12).map(|number| story.submit_one(HARBOUR, limited(&format!("w{number}"), 8.0, 30))).collect();
    let told = |story: &Story| -> Vec<i64> {
        waiting.iter().map(|id| story.state.estimated_start(*id, story.now).unwrap().start.0).collect()
    };
    let starts = told(&story);
    assert!(starts.is_sorted() && starts[0] >= story.now.0 && starts[0] < starts[11], "{starts:?}");
    story.pass(29 * 60);
    assert!(told(&story).into_iter().all(|start| start >= story.now.0), "all of it lies ahead");
}

#[test]
fn a_promised_start_is_never_exceeded() {
    let mut story = full();
    set_policy(&mut story, "easy");
    let promised: Vec<JobId> =
        (0..6).map(|number| story.submit_one(HARBOUR, limited(&format!("w{number}"), 8.0, 30))).collect();
    let with_promise: Vec<_> = promised.iter().filter_map(|id| Some((*id, story.state.promise(*id)?.start))).collect();
    assert!(!with_promise.is_empty());
    for minutes in 0..30 {
        for (id, start) in &with_promise {
            let told = story.state.estimated_start(*id, story.now).unwrap();
            assert!(told.start <= *start && !told.is_least, "after {minutes} minutes: {told:?}, promised {start:?}");
        }
        story.pass(60);
    }
}

#[test]
fn who_is_not_in_line_is_told_nothing() {
    let mut story = full();
    let other = story.submit_one(HARBOUR, limited("other", 1.0, 30));
    let ids = story.submit(HARBOUR, vec![limited("one", 1.0, 30), after(limited("two", 1.0, 30), 0, Condition::Ended)]);
    let ids = ids.unwrap();
    assert!(story.state.estimated_start(other, story.now).is_some());
    assert_eq!(story.state.estimated_start(ids[1], story.now), None, "it waits for another job");
    assert_eq!(story.state.estimated_start(JobId(1), story.now), None, "it runs");
    assert_eq!(story.state.estimated_start(JobId(999), story.now), None, "it never was");
    for node in ["n1", "n2"] {
        let node = node.to_owned();
        story.by(OPERATOR, Command::SetNode { node, draining: true, reason: String::new() }).unwrap();
    }
    assert_eq!(story.state.estimated_start(other, story.now), None, "no node takes work");
}

#[test]
fn far_back_only_the_least_is_known_and_little_is_looked_at() {
    let mut story = full();
    let ids: Vec<JobId> =
        (0..2100).map(|number| story.submit_one(HARBOUR, limited(&format!("w{}", number % 7), 8.0, 30))).collect();
    let last = story.state.estimated_start(ids[2099], story.now).unwrap();
    let near = story.state.estimated_start(ids[100], story.now).unwrap();
    assert!(last.is_least && !near.is_least && last.start > near.start);
}

/// So many full nodes, half of whose cards an organization holds that has a limit, and as much again behind it: in how many
/// minutes the first of what waits are told to start, of two users and of the organization with the limit.
fn told_of_a_center_of(nodes: u32) -> [Vec<u64>; 3] {
    let mut center = definition();
    let node = center.nodes[0].clone();
    center.nodes = (0..nodes).map(|number| NodeDefinition { name: format!("n{number}"), ..node.clone() }).collect();
    for organization in &mut center.organizations {
        (organization.card_limit, organization.opening_balance) = (None, Money::units(10_000_000, Currency::CNY));
    }
    center.organizations[0].card_limit = Some(CardMillis::whole(16));
    let mut story = Story::of(center);
    set_policy(&mut story, "fifo");
    let array = |name: &str| {
        let array = Some(ArrayRequest { count: nodes / 10, concurrency: None });
        JobRequest { array, ..limited(name, 1.0, 600) }
    };
    story.submit(OCEAN, vec![limited("two nodes", 8.0, 600); 2]).unwrap();
    story.submit(HARBOUR, vec![array("runs"); 40]).unwrap();
    story.submit(MAKER, vec![array("runs"); 40]).unwrap();
    assert!(story.state.view().attempts.len() >= 8 * nodes as usize - 14, "all is full");
    let small = story.submit(OCEAN, vec![limited("waits", 1.0, 600); 4]).unwrap();
    let [mut one, mut other] = [Vec::new(), Vec::new()];
    for _ in 0..20 {
        one.extend(story.submit(HARBOUR, vec![array("waits")]).unwrap());
        other.extend(story.submit(MAKER, vec![array("waits"), limited("alone", 1.0, 600)]).unwrap());
    }
    [one, other, small].map(|jobs| {
        let told = jobs.iter().map(|id| story.state.estimated_start(*id, story.now).unwrap());
        told.map(|told| told.start.since(story.now).0 / 60_000).collect()
    })
}

#[test]
fn where_very_much_runs_a_part_of_it_tells_the_same_starts() {
    // Of the first all 3,200 attempts are followed; of the second some of 9,600 stand for the others.
    let (all, part) = (told_of_a_center_of(400), told_of_a_center_of(1200));
    for (all, part) in all.iter().zip(&part) {
        let off = all.iter().zip(part).map(|(all, part)| all.abs_diff(*part)).max().unwrap();
        assert!(off <= 10, "at most {off} min: {all:?}, {part:?}");
    }
    assert!(all[0][19] > 30, "the last have to wait: {all:?}");
    assert_eq!(all[2], part[2], "what an organization may is known exactly");
}
