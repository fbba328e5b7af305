//! Cases that broke other schedulers. Each scenario is played three times: the real center does well; a naive scheduler
//! with the habit that broke the peer does not, so that the scenario can fail; without that habit it does. All plans are
//! judged by the checker: nothing is wrong with the first, and it sees what is wrong with the second.

mod center;
mod naive;
mod scheduler;

use center::RealCenter;
use haina_simulator::checker;
use naive::{Habit, Naive};
use scheduler::{Job, Node, Scheduler};

/// `scenario` says whether all went well; `complaint` is how the checker names what the habit leads to.
fn played(nodes: &[Node], habit: Habit, complaint: &str, scenario: impl Fn(&mut dyn Scheduler) -> bool) {
    let mut center = RealCenter::with(nodes);
    assert!(scenario(&mut center), "the center does well");
    let violations = checker::check(&center.log()).violations;
    assert!(violations.is_empty(), "{violations:?}");

    let mut naive = Naive::with(nodes, Some(habit));
    assert!(!scenario(&mut naive), "the habit leads to the outcome that broke the peer");
    let violations = checker::check(&naive.log()).violations;
    let seen = violations.iter().any(|violation| format!("{:?}", violation.broken).starts_with(complaint));
    assert!(seen, "the checker sees it: {violations:?}");

    let mut naive = Naive::with(nodes, None);
    assert!(scenario(&mut naive), "without the habit all goes well");
    let violations = checker::check(&naive.log()).violations;
    assert!(violations.is_empty(), "{violations:?}");
}

/// kubernetes-sigs/kueue#8309: with strict order, a workload that waits for B300 cards at the head kept all behind it from
/// being looked at, which asked for B200 cards: 40 of these idled.
#[test]
fn a_head_that_waits_for_one_model_does_not_block_another() {
    let nodes = [Node::of_model(1), Node::of_model(2)];
    played(&nodes, Habit::StopsAtTheFirstThatWaits, "LeftWaiting", |scheduler| {
        scheduler.submit(Job::cards(8).of_model(1));
        scheduler.submit(Job::cards(8).of_model(1));
        let other = scheduler.submit(Job::cards(2).of_model(2));
        scheduler.runs(other)
    });
}

/// kubernetes-sigs/kueue#2270: under best effort, three workloads that waited for four cards each were examined again and
/// again; those behind them, which would have fitted, never were.
#[test]
fn heads_that_do_not_fit_do_not_keep_others_from_being_looked_at() {
    played(&[Node::of_model(1)], Habit::LooksAtThree, "LeftWaiting", |scheduler| {
        scheduler.submit(Job::cards(6));
        let heads = [4, 4, 4].map(|cards| scheduler.submit(Job::cards(cards)));
        let small = [1, 1].map(|cards| scheduler.submit(Job::cards(cards)));
        heads.iter().all(|head| !scheduler.runs(*head)) && small.iter().all(|small| scheduler.runs(*small))
    });
}

/// kubernetes-sigs/kueue#4329: resources of a queue were added up without regard to nodes, so that a workload was admitted
/// that no node could host; it waited for ever with its quota and kept out others that could have run.
#[test]
fn what_no_node_can_host_is_not_admitted_and_holds_nothing() {
    let nodes = [Node::of_model(1), Node::of_model(1)];
    played(&nodes, Habit::AddsUpNodes, "GangNotWhole", |scheduler| {
        let halves = [1, 2].map(|_| scheduler.submit(Job::cards(5)));
        let wide = scheduler.submit(Job::cards(6));
        let small = scheduler.submit(Job::cards(2));
        let waits = !scheduler.runs(wide) && scheduler.held(wide) == 0 && scheduler.runs(small);
        scheduler.end(halves[0]);
        scheduler.end(halves[1]);
        waits && scheduler.runs(wide)
    });
}

/// volcano-sh/volcano#5805: after a node was drained and had returned, an unrelated pod took the cards of the task that
/// the gang had lost there. The gang kept the rest, below its minimum, and never got whole again.
#[test]
fn a_gang_that_loses_a_node_is_whole_again_or_holds_nothing() {
    let nodes = [Node::of_model(1), Node::of_model(1)];
    played(&nodes, Habit::GoesOnWithTheRest, "GangNotWhole", |scheduler| {
        let gang = scheduler.submit(Job::cards(8).on_nodes(2));
        let other = scheduler.submit(Job::cards(8));
        let (first, before) = (scheduler.held(gang), scheduler.runs(other));
        scheduler.lose_node(2);
        let without = scheduler.held(gang);
        scheduler.node_returns(2);
        let between = scheduler.held(gang);
        scheduler.end(other);
        first == 16 && !before && without == 0 && [0, 16].contains(&between) && scheduler.held(gang) == 16
    });
}

/// volcano-sh/volcano#4778: in a cluster with two types of NPU only workloads of one of them were scheduled; those for the
/// other waited for ever.
#[test]
fn of_two_models_both_are_given_out() {
    let nodes = [Node::of_model(1), Node::of_model(2)];
    played(&nodes, Habit::KnowsOneModel, "LeftWaiting", |scheduler| {
        let jobs = [1, 2].map(|model| scheduler.submit(Job::cards(1).of_model(model)));
        jobs.iter().all(|job| scheduler.runs(*job))
    });
}

/// volcano-sh/volcano#5751: eight free NPUs of a node in two HCCS rings of four. Eight cards take both rings, and four that
/// no ring can hold are spread rather than left waiting.
#[test]
fn eight_free_cards_in_two_rings_are_eight_cards() {
    played(&[Node::of_model(1)], Habit::NeverLeavesARing, "LeftWaiting", |scheduler| {
        let whole = scheduler.submit(Job::cards(8));
        let took_the_node = scheduler.runs(whole);
        scheduler.end(whole);
        let corners = [2, 2].map(|cards| scheduler.submit(Job::cards(cards + 1)));
        let last = scheduler.submit(Job::cards(2));
        took_the_node && corners.iter().all(|job| scheduler.runs(*job)) && scheduler.runs(last)
    });
}

/// The other side of volcano-sh/volcano#5751: what a ring can hold is not spread over two.
#[test]
fn three_cards_stay_in_one_ring() {
    played(&[Node::of_model(1)], Habit::DoesNotKnowRings, "RingLeft", |scheduler| {
        let jobs = [3, 3].map(|cards| scheduler.submit(Job::cards(cards)));
        jobs.iter().all(|job| {
            let rings: Vec<u8> = scheduler.cards(*job).iter().map(|card| card / 4).collect();
            rings.len() == 3 && rings.windows(2).all(|pair| pair[0] == pair[1])
        })
    });
}

/// armadaproject/armada#4232: a gang was scheduled in part. (There because preemption left some members behind; Haina does
/// not preempt yet. volcano-sh/volcano#3373 shows how two such gangs hold half of the nodes each and wait for ever.)
#[test]
fn two_gangs_that_each_need_all_nodes_do_not_share_them() {
    let nodes = [1, 2, 3].map(|_| Node::of_model(1));
    played(&nodes, Habit::StartsGangsInPart, "GangNotWhole", |scheduler| {
        let before = scheduler.submit(Job::cards(8));
        let gangs = [1, 2].map(|_| scheduler.submit(Job::cards(8).on_nodes(3)));
        let none = gangs.iter().all(|gang| scheduler.held(*gang) == 0);
        scheduler.end(before);
        let first = scheduler.held(gangs[0]) == 24 && scheduler.held(gangs[1]) == 0;
        scheduler.end(gangs[0]);
        none && first && scheduler.held(gangs[1]) == 24
    });
}

/// ROCm/spur#767: the scheduler stopped cycling while 51 nodes idled and 148 jobs waited.
#[test]
fn what_becomes_free_is_given_out() {
    played(&[Node::of_model(1)], Habit::DoesNotLookAfterAnEnd, "LeftWaiting", |scheduler| {
        let first = scheduler.submit(Job::cards(8));
        let second = scheduler.submit(Job::cards(8));
        scheduler.end(first);
        scheduler.runs(second)
    });
}

/// It4innovations/hyperqueue#1051: the first worker was assigned all hundred tasks at once; a second worker that came
/// later idled beside it.
#[test]
fn a_node_that_comes_later_gets_work_that_already_waits() {
    played(&[Node::of_model(1)], Habit::BindsOnArrival, "LeftWaiting", |scheduler| {
        let jobs = [1, 2, 3].map(|_| scheduler.submit(Job::cards(8)));
        scheduler.add_node(Node::of_model(1));
        scheduler.runs(jobs[0]) && scheduler.runs(jobs[1]) && !scheduler.runs(jobs[2])
    });
}

/// ROCm/spur#732: a job that asked for more nodes than were free at any one time waited for ever, because each node that
/// became free went to whichever smaller job came first. Here small jobs keep coming, each before the last has ended.
fn a_large_job_starts_while_small_ones_keep_coming(scheduler: &mut dyn Scheduler) -> bool {
    let mut small: Vec<u64> = Vec::new();
    let mut large = None;
    for round in 0..20 {
        small.push(scheduler.submit(Job::cards(8).for_at_most(600)));
        if round == 1 {
            large = Some(scheduler.submit(Job::cards(8).on_nodes(2).for_at_most(600)));
        }
        scheduler.pass(300);
        if round > 0 {
            scheduler.end(small[round - 1]);
        }
        if large.is_some_and(|large| scheduler.runs(large)) {
            return true;
        }
    }
    false
}

#[test]
fn a_large_job_is_promised_a_start_and_gets_it() {
    let nodes = [Node::of_model(1), Node::of_model(1)];
    let mut center = RealCenter::with(&nodes);
    center.set_policy("easy");
    assert!(a_large_job_starts_while_small_ones_keep_coming(&mut center));
    assert_eq!(checker::check(&center.log()).violations, []);

    let mut center = RealCenter::with(&nodes);
    center.set_policy("fifo-skip");
    assert!(!a_large_job_starts_while_small_ones_keep_coming(&mut center), "where nothing is promised, it starves");
    assert_eq!(checker::check(&center.log()).violations, []);

    for (habit, complaint) in [(None, None), (Some(Habit::ForgetsItsPromise), Some("PromiseHopeless"))] {
        let mut naive = Naive::with(&nodes, habit).promising();
        assert_eq!(a_large_job_starts_while_small_ones_keep_coming(&mut naive), habit.is_none());
        let violations = checker::check(&naive.log()).violations;
        let first = violations.first().map(|violation| format!("{:?}", violation.broken));
        assert_eq!(first.as_ref().and_then(|first| first.split_once(' ')).map(|(kind, _)| kind), complaint);
    }
}
