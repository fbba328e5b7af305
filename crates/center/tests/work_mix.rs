//! What work is like is learnt from the jobs that have not ended, and decides where parts of cards go.

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use common::*;
use haina_center::{Command, State};
use haina_core::*;
use haina_scheduler::{Cluster, Demand, Found, Mix, Terms};

fn fair(placement: Placement) -> Command {
    Command::SetPolicy { policy: Policy { placement, ..Policy::FAIR } }
}

/// What a job holds; none if it waits.
fn held(story: &Story, job: JobId) -> Option<Allocation> {
    story.state.view().attempts_of(job).next().map(|(_, attempt)| attempt.allocation.clone())
}

/// The node and the card that a job holds, or holds a part of.
fn card(story: &Story, job: JobId) -> (NodeId, u8) {
    let share = held(story, job).expect("the job holds a card").shares[0].clone();
    (share.node, share.cards[0].index)
}

fn submit_all(story: &mut Story, cards: &[f64]) -> Vec<JobId> {
    cards.iter().map(|cards| story.submit_one(HARBOUR, job("part", *cards))).collect()
}

/// Sixty parts of cards, of which two of three end.
fn work(story: &mut Story) {
    let sizes = [0.3, 0.5, 0.3, 0.81, 0.25, 1.0, 0.3, 0.47];
    for index in 0..60 {
        let id = story.submit_one(HARBOUR, job("part", sizes[index * index % 8]));
        if index % 3 > 0 {
            story.finish(id, SUCCESS);
        }
    }
}

fn loaded(state: &State) -> State {
    let mut loaded = State::new();
    for key in state.keys() {
        loaded.load(key, &state.encode(key).expect("a key of the state has a thing")).unwrap();
    }
    loaded.rebuild();
    loaded
}

/// The cluster of a story with all that is held, which is told what the work is like.
fn told(story: &Story) -> Cluster {
    let view = story.state.view();
    let mut cluster = Cluster::new();
    view.nodes.values().for_each(|node| cluster.add_node(node.spec.clone()));
    view.attempts.values().for_each(|attempt| cluster.claim(&attempt.allocation));
    let demands = story.state.jobs().map(|(_, job)| view.classes[&job.class].key.demand);
    cluster.set_mix(&Mix::new(demands.map(|demand| (demand, 1))));
    cluster
}

#[test]
fn a_center_places_parts_as_a_cluster_does_that_is_told_the_mix() {
    let mut story = Story::begin();
    work(&mut story);
    // A new leader counts all that has not ended.
    story.by(Actor::Center, Command::Lead { epoch: Epoch(2) }).unwrap();
    for cards in [0.3, 0.25, 0.47, 0.1, 0.3] {
        let cluster = told(&story);
        let request = job("part", cards);
        let demand = Demand {
            pool: PoolId(1),
            card_model: None,
            nodes: 1,
            cards_per_node: request.shape.cards_per_node,
            cpu_per_node: request.shape.cpu_per_node,
            memory_per_node: request.shape.memory_per_node,
            topology: None,
        };
        let terms = Terms { placement: Placement::LeastFragmentation, ..Terms::default() };
        let Found::Placed(expected) = cluster.find(&demand, &terms, &mut cluster.fuel_for_any_find()) else {
            panic!("{cards} of a card are free")
        };
        let id = story.submit_one(HARBOUR, request);
        assert_eq!(held(&story, id), Some(expected), "{cards}");
        // The mix that the center knows stays what it was: few jobs have come since.
        story.finish(id, SUCCESS);
    }
}

#[test]
fn the_placement_of_the_policy_decides_where_a_part_goes() {
    for placement in [Placement::BestFit, Placement::LeastFragmentation] {
        let mut story = Story::begin();
        story.by(OPERATOR, fair(Placement::BestFit)).unwrap();
        // Of one card 600 are left, of another 500, and nothing of the others.
        let parts = submit_all(&mut story, &[0.4, 0.6, 0.5]);
        submit_all(&mut story, &[1.0; 14]);
        story.finish(parts[1], SUCCESS);
        // What is asked for, though not yet: mostly 300, and 500.
        for cards in [0.3, 0.3, 0.3, 0.5, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3] {
            for _ in 0..10 {
                let tomorrow = story.now + Milliseconds::from_seconds(86_400);
                story.submit_one(HARBOUR, JobRequest { not_before: Some(tomorrow), ..job("later", cards) });
            }
        }
        story.by(OPERATOR, fair(placement)).unwrap();
        let part = story.submit_one(HARBOUR, job("part", 0.3));
        let beside = match placement {
            Placement::BestFit => parts[2],
            // Then 300 and 500 are left, all of which is asked for.
            Placement::LeastFragmentation => parts[0],
        };
        assert_eq!(card(&story, part), card(&story, beside), "{placement:?}");
    }
}

#[test]
fn a_restart_begins_with_the_mix_of_what_has_not_ended() {
    let mut story = Story::begin();
    work(&mut story);
    assert_ne!(*story.state.view().cluster.mix(), Mix::default(), "it is known what work is like");
    let mut other = Story { state: loaded(&story.state), now: story.now, facts: Vec::new(), effects: Vec::new() };
    assert_ne!(*other.state.view().cluster.mix(), Mix::default(), "also before anybody leads");
    story.facts.clear();
    for story in [&mut story, &mut other] {
        story.by(Actor::Center, Command::Lead { epoch: Epoch(2) }).unwrap();
        work(story);
    }
    assert_eq!(story.state.view().cluster.mix(), other.state.view().cluster.mix());
    assert_eq!(story.facts, other.facts, "both decide alike from then on");
    assert_eq!(story.state.digest(), other.state.digest());
}

#[test]
fn what_makes_no_difference_is_not_kept() {
    let mut story = Story::begin();
    for _ in 0..40 {
        let whole = story.submit_one(HARBOUR, job("whole", 2.0));
        story.finish(whole, SUCCESS);
    }
    submit_all(&mut story, &[1.0; 20]);
    assert_eq!(*story.state.view().cluster.mix(), Mix::default(), "whole cards, and processors enough for them");
    submit_all(&mut story, &[0.5; 20]);
    assert_ne!(*story.state.view().cluster.mix(), Mix::default());
    assert_eq!(*story.state.view().for_readers().cluster.mix(), Mix::default(), "readers place nothing");
    story.by(OPERATOR, fair(Placement::BestFit)).unwrap();
    assert_eq!(*story.state.view().cluster.mix(), Mix::default(), "nobody asks");
    submit_all(&mut story, &[0.5; 20]);
    assert_eq!(*story.state.view().cluster.mix(), Mix::default());
    story.by(OPERATOR, fair(Placement::LeastFragmentation)).unwrap();
    assert_ne!(*story.state.view().cluster.mix(), Mix::default());
}
