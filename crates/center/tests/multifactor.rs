//! Priority as a sum of weighted factors, and Fair Tree: where jobs stand in line is what the published formulas say.

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use std::collections::BTreeMap;

use common::*;
use haina_center::{Command, Reply};
use haina_core::*;
use haina_scheduler::share_table;

const MINUTE: u64 = 60;
const DAY: u64 = 86_400;

/// A center with two users in each organization but one, of which each has used something else, or nothing. No node takes
/// work any more.
fn with_uses() -> (Story, Vec<Actor>) {
    let mut story = Story::begin();
    let mut users = vec![OCEAN, HARBOUR, MAKER];
    for (name, organization) in [("ocean-2", "ocean"), ("harbour-2", "harbour")] {
        let (name, organization) = (name.to_owned(), Some(organization.to_owned()));
        let added = story.by(OPERATOR, Command::AddUser { name, role: Role::Developer, organization }).unwrap();
        let Reply::Added(id) = added else { panic!("{added:?}") };
        users.push(Actor::User(id));
    }
    let (amount, reference) = (Money::units(10_000, Currency::CNY), "1".to_owned());
    story.by(OPERATOR, Command::TopUp { organization: "maker".to_owned(), amount, reference }).unwrap();
    for (actor, cards, minutes) in [(OCEAN, 4.0, 50), (HARBOUR, 8.0, 20), (users[3], 1.0, 55)] {
        let used = story.submit_one(actor, job("used", cards));
        let attempt = story.attempts(used)[0];
        story.start(attempt);
        story.pass(minutes * MINUTE);
        story.end(attempt, SUCCESS);
        story.pass(DAY / 2);
    }
    for node in ["n1", "n2"] {
        drain(&mut story, node, true);
    }
    (story, users)
}

fn drain(story: &mut Story, node: &str, draining: bool) {
    story.by(OPERATOR, Command::SetNode { node: node.to_owned(), draining, reason: String::new() }).unwrap();
}

fn weigh(story: &mut Story, weights: PriorityWeights) {
    let policy = Policy { order: Order::Multifactor(weights), ..Policy::FAIR };
    story.by(OPERATOR, Command::SetPolicy { policy }).unwrap();
}

/// The jobs that wait, first to last.
fn line(story: &Story) -> Vec<JobId> {
    let jobs: Vec<JobId> = story.state.jobs().map(|(id, _)| id).collect();
    let of_place: BTreeMap<u64, JobId> =
        jobs.iter().map(|id| (story.state.waiting(*id).unwrap().ahead.unwrap(), *id)).collect();
    assert_eq!(of_place.len(), jobs.len(), "no two jobs have the same place");
    of_place.into_values().collect()
}

/// What Slurm's documentation (`priority_multifactor.html`) says, without its limit of the age.
fn points(story: &Story, id: JobId, weights: &PriorityWeights) -> f64 {
    let (view, job) = (story.state.view(), story.state.job(id).unwrap());
    let key = view.classes[&job.class].key;
    let age = story.now.since(job.outlook.submitted).0 as f64 / weights.max_age.0 as f64;
    let size = f64::from(key.demand.cards_per_node.0 * key.demand.nodes) / 16_000.0;
    let priority = (f64::from(key.priority) + 1000.0) / 2000.0;
    let table = share_table(&view.shares, story.now);
    let own = |user| table.iter().find(|row| (row.organization, row.user) == (job.organization, user));
    // Who is new to an organization has used nothing in it, as the organization has without him.
    let fair_share = own(Some(job.user)).or(own(None)).unwrap().classic_fair_share.parts();
    let fair_share = fair_share.0 as f64 / fair_share.1 as f64;
    [(weights.age, age), (weights.size, size), (weights.priority, priority), (weights.fair_share, fair_share)]
        .map(|(weight, factor)| f64::from(weight) * factor)
        .iter()
        .sum()
}

#[test]
fn the_line_is_in_the_order_of_the_weighted_sum_whatever_the_weights() {
    let (mut story, users) = with_uses();
    let mut number = 0u32;
    for round in 0..4 {
        for (index, actor) in users.iter().chain([&OPERATOR]).enumerate() {
            for priority in [0, 700, -300] {
                number += 1;
                let mut request = job(&format!("j{number}"), [0.5, 1.0, 2.0, 8.0][(index + number as usize) % 4]);
                request.priority = priority;
                request.shape.nodes = if number.is_multiple_of(5) && index != 2 { 2 } else { 1 };
                request.organization = (*actor == OPERATOR).then(|| "harbour".to_owned());
                if request.shape.nodes == 2 {
                    request.shape.cards_per_node = CardMillis::whole(4);
                }
                story.submit_one(*actor, request);
            }
            story.pass(DAY / 7 * (round + 1));
        }
    }
    let default = PriorityWeights::DEFAULT;
    for weights in [
        default,
        PriorityWeights { size: 0, priority: 0, ..default },
        PriorityWeights { fair_share: 0, priority: 0, size: 100_000, ..default },
        PriorityWeights { age: 1, ..default },
        PriorityWeights { age: 100_000, max_age: Milliseconds::from_seconds(DAY), ..default },
    ] {
        weigh(&mut story, weights);
        let line = line(&story);
        assert_eq!(line.len(), number as usize);
        for pair in line.windows(2) {
            let [one, two] = [0, 1].map(|index| points(&story, pair[index], &weights));
            assert!(one + 0.01 >= two, "job {} of {one} points is before job {} of {two}", pair[0], pair[1]);
        }
        story.pass(DAY);
        assert_eq!(self::line(&story), line, "time alone changes nothing");
    }
}

#[test]
fn what_is_used_moves_those_who_wait() {
    let (mut story, users) = with_uses();
    weigh(&mut story, PriorityWeights { size: 0, ..PriorityWeights::DEFAULT });
    let maker = story.submit_one(MAKER, job("maker", 1.0));
    let ocean = story.submit_one(OCEAN, job("ocean", 1.0));
    let harbour = [users[4], HARBOUR].map(|user| story.submit_one(user, job("harbour", 1.0)));
    assert_eq!(line(&story), [maker, harbour[0], harbour[1], ocean], "by what their organizations and they used");
    // Both of Harbour's run elsewhere for long.
    drain(&mut story, "n1", false);
    assert!([maker, ocean, harbour[0], harbour[1]].iter().all(|job| story.job_state(*job) == JobState::Starting));
    let more = [OCEAN, users[4], MAKER].map(|user| story.submit_one(user, job("more", 8.0)));
    let weights = PriorityWeights { size: 0, ..PriorityWeights::DEFAULT };
    let mut expected = more.to_vec();
    expected.sort_by(|one, two| points(&story, *two, &weights).total_cmp(&points(&story, *one, &weights)));
    let waiting: Vec<JobId> = story.state.jobs().map(|(id, _)| id).filter(|id| more.contains(id)).collect();
    let mut line = waiting;
    line.sort_by_key(|id| story.state.waiting(*id).unwrap().ahead);
    assert_eq!(line, expected);
}

#[test]
fn a_high_priority_is_points_and_not_a_class_of_its_own() {
    let (mut story, _) = with_uses();
    weigh(&mut story, PriorityWeights { size: 0, fair_share: 0, ..PriorityWeights::DEFAULT });
    let old = story.submit_one(HARBOUR, job("old", 1.0));
    // A hundred of two thousand steps, of 10,000 points: 500, or what half of the seven days are worth.
    let urgent = |story: &mut Story| story.submit_one(HARBOUR, JobRequest { priority: 100, ..job("urgent", 1.0) });
    story.pass(DAY * 3);
    let before = urgent(&mut story);
    story.pass(DAY);
    let behind = urgent(&mut story);
    assert_eq!(line(&story), [before, old, behind]);
    story.by(OPERATOR, Command::SetPolicy { policy: Policy::FAIR }).unwrap();
    assert_eq!(line(&story), [before, behind, old]);
}

#[test]
fn by_fair_tree_jobs_start_in_the_order_of_the_ranking() {
    let (mut story, users) = with_uses();
    story.by(OPERATOR, Command::SetPolicy { policy: Policy::named("fair-tree").unwrap() }).unwrap();
    let jobs: Vec<JobId> = users.iter().map(|user| story.submit_one(*user, job("next", 8.0))).collect();
    let position = |story: &Story, id: JobId| {
        let (table, job) = (share_table(&story.state.view().shares, story.now), story.state.job(id).unwrap());
        table.iter().find(|row| row.user == Some(job.user)).unwrap().position.unwrap()
    };
    let mut expected = jobs.clone();
    expected.sort_by_key(|id| (position(&story, *id), *id));
    assert_eq!(line(&story), expected);
    // Maker used nothing; who used nothing in Harbour, which used least of the others, is next.
    assert_eq!([expected[0], expected[1], expected[2]], [jobs[2], jobs[4], jobs[1]]);
    drain(&mut story, "n1", false);
    assert_eq!(story.job_state(expected[0]), JobState::Starting, "one fits, and it is the first");
    assert!(expected[1..].iter().all(|id| story.job_state(*id) == JobState::Waiting));
}
