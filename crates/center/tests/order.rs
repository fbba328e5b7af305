//! Who is next, as people see it.

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use common::*;
use haina_center::Command;
use haina_core::*;

/// Whoever is next and fits starts: nobody is promised anything.
fn shortest_first() -> Command {
    let policy = Policy { order: Order::Shortest, backfill: Backfill::BestEffort, ..Policy::FAIR };
    Command::SetPolicy { policy }
}

fn ahead(story: &Story, job: JobId) -> Option<u64> {
    story.state.waiting(job).and_then(|waiting| waiting.ahead)
}

#[test]
fn waiting_jobs_move_when_those_like_them_turn_out_to_be_short() {
    let mut story = Story::begin();
    story.by(OPERATOR, shortest_first()).unwrap();
    let [train, test] = ["train-1", "test-1"].map(|name| story.submit_one(HARBOUR, job(name, 8.0)));
    [train, test].into_iter().for_each(|running| story.start(story.attempts(running)[0]));
    let waiting = ["train-2", "train-3", "test-2"].map(|name| story.submit_one(HARBOUR, job(name, 8.0)));
    let places = |story: &Story| waiting.map(|job| ahead(story, job));
    assert_eq!(places(&story), [Some(0), Some(1), Some(2)], "nothing is known of any: as they came");
    story.pass(60);
    story.end(story.attempts(test)[0], SUCCESS);
    assert_eq!(story.job_state(waiting[2]), JobState::Starting, "a test took a minute");
    assert_eq!(places(&story), [Some(0), Some(1), None]);
}

#[test]
fn of_similar_jobs_one_with_a_much_shorter_limit_need_not_wait_for_those_before_it() {
    let mut story = Story::begin();
    story.by(OPERATOR, shortest_first()).unwrap();
    story.submit(HARBOUR, vec![job("train-1", 8.0), job("train-2", 8.0)]).unwrap();
    let [long, same, short] = [3600, 3500, 600].map(|seconds| {
        let time_limit = Milliseconds::from_seconds(seconds);
        story.submit_one(HARBOUR, JobRequest { time_limit, ..job("train-3", 8.0) })
    });
    assert_eq!([short, long, same].map(|job| ahead(&story, job)), [Some(0), Some(1), Some(2)]);
}
