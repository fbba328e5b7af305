//! The line of ready jobs by class.

use haina_core::{CardModelId, ClassId, JobId, Milliseconds, OrganizationId, PoolId, Timestamp, UserId};
use haina_scheduler::{Alike, Blocker, ClassKey, Demand, Queue, Similar, Standing, Waiting};

use crate::builders::*;

const OCEAN: OrganizationId = OrganizationId(1);
const PORT: OrganizationId = OrganizationId(2);

fn key(organization: OrganizationId, priority: i32, demand: Demand) -> ClassKey {
    ClassKey { organization, project: None, priority, demand }
}

/// A job that was submitted by nobody in particular, in the order of the numbers.
fn waiting(job: u64) -> Waiting {
    Waiting {
        job: JobId(job),
        user: UserId(0),
        alike: Alike::default(),
        came: Timestamp(job as i64),
        longest: Milliseconds(1),
    }
}

fn at_once(_: JobId) -> Milliseconds {
    Milliseconds(0)
}

/// Classes numbered from 1.
fn queue(classes: impl IntoIterator<Item = ClassKey>) -> Queue {
    let mut queue = Queue::new(true);
    for (index, key) in classes.into_iter().enumerate() {
        queue.add_class(ClassId(index as u32 + 1), key);
    }
    queue
}

fn insert(queue: &mut Queue, class: u32, jobs: impl IntoIterator<Item = u64>) {
    for job in jobs {
        queue.insert(ClassId(class), waiting(job), at_once);
        queue.check();
    }
}

/// Takes all jobs that can be taken, in order.
fn drain(queue: &mut Queue) -> Vec<u64> {
    let mut jobs = Vec::new();
    while let Some((class, job)) = queue.next() {
        queue.remove(class, waiting(job.0), at_once);
        queue.check();
        jobs.push(job.0);
    }
    jobs
}

#[test]
fn jobs_of_one_priority_go_in_the_order_of_submission_whatever_their_class() {
    let mut queue = queue([key(OCEAN, 0, cards(1)), key(PORT, 0, cards(8))]);
    insert(&mut queue, 1, [1, 4, 5]);
    insert(&mut queue, 2, [2, 3, 6]);
    assert_eq!(queue.len(), 6);
    assert_eq!(drain(&mut queue), [1, 2, 3, 4, 5, 6]);
    assert!(queue.is_empty());
}

#[test]
fn a_higher_priority_goes_first() {
    let mut queue = queue([key(OCEAN, 0, cards(1)), key(OCEAN, 10, cards(1)), key(OCEAN, -10, cards(1))]);
    insert(&mut queue, 1, [1, 2]);
    insert(&mut queue, 3, [0]);
    insert(&mut queue, 2, [3]);
    assert_eq!(drain(&mut queue), [3, 1, 2, 0]);
}

#[test]
fn a_blocked_class_lets_all_others_pass() {
    let mut queue = queue([key(OCEAN, 5, cards(8)), key(OCEAN, 0, cards(1))]);
    insert(&mut queue, 1, [1, 2]);
    insert(&mut queue, 2, [3]);
    queue.block(ClassId(1), Blocker::Capacity);
    queue.check();
    assert_eq!(queue.next(), Some((ClassId(2), JobId(3))));
    queue.block(ClassId(2), Blocker::Account);
    assert_eq!(queue.next(), None);
    assert_eq!(queue.len(), 3, "they are in line all the same");
    queue.unblock_all();
    queue.check();
    assert_eq!(drain(&mut queue), [1, 2, 3]);
}

#[test]
fn freed_capacity_wakes_only_those_that_it_could_help() {
    let demands = [
        Demand { card_model: Some(ASCEND), ..cards(8) },
        Demand { card_model: Some(NVIDIA), ..cards(8) },
        cards(8),
        cores(1),
        Demand { pool: PoolId(2), ..cards(8) },
    ];
    let blocked = || {
        let mut queue = queue(demands.map(|demand| key(OCEAN, 0, demand)));
        for class in 1..=5 {
            insert(&mut queue, class, [u64::from(class)]);
            queue.block(ClassId(class), Blocker::Capacity);
        }
        queue
    };
    let woken_by = |pool, model: Option<CardModelId>| {
        let mut queue = blocked();
        queue.capacity_freed(pool, model, |_| true);
        queue.check();
        drain(&mut queue)
    };
    assert_eq!(woken_by(POOL, Some(ASCEND)), [1, 3, 4]);
    assert_eq!(woken_by(POOL, Some(NVIDIA)), [2, 3, 4]);
    assert_eq!(woken_by(POOL, None), [4], "a node without cards helps those who need none");
    assert_eq!(woken_by(PoolId(2), Some(ASCEND)), [5]);
    let mut queue = blocked();
    queue.account_changed(OCEAN);
    assert_eq!(queue.next(), None, "they did not wait for the account");
}

#[test]
fn a_changed_account_wakes_the_classes_of_its_organization() {
    let mut queue = queue([key(OCEAN, 0, cards(1)), key(PORT, 0, cards(1))]);
    insert(&mut queue, 1, [1]);
    insert(&mut queue, 2, [2]);
    queue.block(ClassId(1), Blocker::Account);
    queue.block(ClassId(2), Blocker::Account);
    queue.capacity_freed(POOL, Some(ASCEND), |_| true);
    assert_eq!(queue.next(), None);
    queue.account_changed(PORT);
    queue.check();
    assert_eq!(queue.next(), Some((ClassId(2), JobId(2))));
    assert_eq!((queue.blocker(ClassId(1)), queue.blocker(ClassId(2))), (Some(Blocker::Account), None));
}

#[test]
fn a_block_can_change_its_reason() {
    let mut queue = queue([key(OCEAN, 0, cards(1))]);
    insert(&mut queue, 1, [1]);
    queue.block(ClassId(1), Blocker::Account);
    queue.block(ClassId(1), Blocker::Capacity);
    queue.check();
    queue.account_changed(OCEAN);
    assert_eq!(queue.next(), None);
    queue.capacity_freed(POOL, Some(NVIDIA), |_| true);
    assert_eq!(queue.next(), Some((ClassId(1), JobId(1))));
}

#[test]
fn a_later_job_of_a_blocked_class_waits_with_it_and_a_new_head_is_looked_at() {
    let mut queue = queue([key(OCEAN, 0, cards(1))]);
    insert(&mut queue, 1, [5]);
    queue.block(ClassId(1), Blocker::Account);
    insert(&mut queue, 1, [6]);
    assert!(queue.blocker(ClassId(1)).is_some(), "the answer for job 5 is the answer for job 6");
    insert(&mut queue, 1, [4]);
    assert_eq!(queue.next(), Some((ClassId(1), JobId(4))), "a job that was requeued may need other funds");
}

#[test]
fn when_the_head_of_a_blocked_class_is_cancelled_the_next_is_looked_at() {
    let mut queue = queue([key(OCEAN, 0, cards(1))]);
    insert(&mut queue, 1, [1, 2, 3]);
    queue.block(ClassId(1), Blocker::Account);
    queue.remove(ClassId(1), waiting(2), at_once);
    queue.check();
    assert_eq!(queue.next(), None, "the head is the same");
    queue.remove(ClassId(1), waiting(1), at_once);
    queue.check();
    assert_eq!(queue.next(), Some((ClassId(1), JobId(3))));
    queue.block(ClassId(1), Blocker::Capacity);
    queue.remove(ClassId(1), waiting(3), at_once);
    queue.check();
    assert_eq!(queue.line(ClassId(1)).count(), 0);
    queue.remove_class(ClassId(1));
    assert_eq!(queue.key(ClassId(1)), None);
}

#[test]
fn a_line_is_read_from_head_to_tail() {
    let mut queue = queue([key(OCEAN, 0, cards(1))]);
    insert(&mut queue, 1, [3, 1, 2]);
    assert_eq!(queue.line(ClassId(1)).collect::<Vec<_>>(), [JobId(1), JobId(2), JobId(3)]);
    assert_eq!(queue.key(ClassId(1)).map(|key| key.organization), Some(OCEAN));
}

#[test]
#[should_panic(expected = "class 1 is empty")]
fn forgetting_a_class_with_jobs_is_a_defect() {
    let mut queue = queue([key(OCEAN, 0, cards(1))]);
    insert(&mut queue, 1, [1]);
    queue.remove_class(ClassId(1));
}

#[test]
fn a_demand_that_does_not_fit_waits_for_all_who_have_it() {
    let mut queue = queue([key(OCEAN, 0, cards(8)), key(PORT, 0, cards(8)), key(PORT, 0, cards(1))]);
    insert(&mut queue, 1, [1]);
    insert(&mut queue, 2, [2]);
    insert(&mut queue, 3, [3]);
    queue.block(ClassId(1), Blocker::Capacity);
    queue.check();
    assert_eq!(queue.next(), Some((ClassId(3), JobId(3))), "the answer for one organization is that for the other");
    assert_eq!(queue.blocker(ClassId(2)), Some(Blocker::Capacity));
    insert(&mut queue, 2, [0]);
    assert_eq!(queue.next(), Some((ClassId(3), JobId(3))), "and that for a new head");
    queue.capacity_freed(POOL, Some(ASCEND), |_| true);
    queue.check();
    assert_eq!(drain(&mut queue), [0, 1, 2, 3]);
}

#[test]
fn in_strict_order_nobody_passes_who_wants_the_same_cards() {
    let of = |model| Demand { card_model: model, ..cards(8) };
    let demands = [of(Some(ASCEND)), of(Some(NVIDIA)), of(None), cores(1), Demand { pool: PoolId(2), ..of(None) }];
    let mut queue = queue(demands.map(|demand| key(OCEAN, 0, demand)));
    for class in 1..=5 {
        insert(&mut queue, class, [u64::from(class)]);
    }
    let mut passed = Vec::new();
    queue.block(ClassId(1), Blocker::Capacity);
    while let Some((class, job)) = queue.next_in_strict_order() {
        queue.remove(class, waiting(job.0), at_once);
        queue.check();
        passed.push(job.0);
    }
    assert_eq!(passed, [2, 4, 5], "another model, no cards, another pool");
    queue.capacity_freed(POOL, Some(ASCEND), |_| true);
    assert_eq!(queue.next_in_strict_order(), Some((ClassId(1), JobId(1))));
}

#[test]
fn who_stands_first_is_next_and_among_equals_who_is_due() {
    let mut queue = queue([key(OCEAN, 0, cards(1)), key(PORT, 0, cards(1)), key(PORT, 1, cards(2))]);
    let (ann, bob) = (UserId(1), UserId(2));
    let of_user = |job, user, came| Waiting { user, came: Timestamp(came), ..waiting(job) };
    let mut put = |class, job, user, due| {
        queue.insert(ClassId(class), of_user(job, user, due), at_once);
        queue.check();
    };
    put(1, 1, ann, 50);
    put(1, 2, ann, 40);
    put(1, 3, bob, 90);
    put(2, 4, bob, 10);
    put(3, 5, ann, 99);
    let order = |mut queue: Queue, dues: &[(u32, u64, UserId, i64)]| {
        let mut jobs = Vec::new();
        while let Some((class, job)) = queue.next() {
            let &(_, _, user, due) = dues.iter().find(|(_, known, ..)| *known == job.0).unwrap();
            queue.remove(class, of_user(job.0, user, due), at_once);
            jobs.push(job.0);
        }
        jobs
    };
    let dues = [(1, 1, ann, 50), (1, 2, ann, 40), (1, 3, bob, 90), (2, 4, bob, 10), (3, 5, ann, 99)];
    assert_eq!(order(queue.clone(), &dues), [5, 4, 2, 1, 3], "priority, then due");
    queue.set_user_standing(OCEAN, ann, Standing(0, 7));
    queue.check();
    assert_eq!(order(queue.clone(), &dues), [5, 4, 3, 2, 1], "bob stands before ann");
    queue.set_organization_standing(PORT, Standing(3, 0));
    queue.check();
    assert_eq!(order(queue.clone(), &dues), [5, 3, 2, 1, 4], "the other organization stands before both");
    let place = of_user(1, ann, 50);
    assert_eq!(queue.ahead(ClassId(1), place, 100), 3);
    assert_eq!(queue.ahead(ClassId(1), place, 2), 2);
}

#[test]
fn jobs_that_are_alike_move_together_when_it_is_learned_how_long_they_take() {
    let mut queue = queue([key(OCEAN, 0, cards(1))]);
    let (train, test) = (Similar(1), Similar(2));
    let hour = Milliseconds::from_seconds(3600);
    let job = |job, similar, limit| Waiting { alike: Alike::of(similar, limit), ..waiting(job) };
    let jobs = [
        job(1, train, hour),
        job(2, test, hour),
        job(3, train, hour),
        job(4, test, hour),
        job(5, train, Milliseconds(9)),
    ];
    // The first of the trainings and of the tests; a training with a short limit.
    let minutes = |train: u64, test: u64| {
        move |first: JobId| match first.0 {
            1 | 3 => Milliseconds::from_seconds(60 * train),
            2 | 4 => Milliseconds::from_seconds(60 * test),
            _ => Milliseconds(9),
        }
    };
    for waiting in jobs {
        queue.insert(ClassId(1), waiting, minutes(10, 20));
        queue.check();
    }
    let line = |queue: &Queue| queue.line(ClassId(1)).map(|job| job.0).collect::<Vec<_>>();
    assert_eq!(line(&queue), [5, 1, 3, 2, 4], "the short, then those that came first");
    assert_eq!(queue.ahead(ClassId(1), jobs[3], 100), 4);
    queue.learned(OCEAN, UserId(0), test, minutes(10, 5));
    queue.check();
    assert_eq!(line(&queue), [5, 2, 4, 1, 3], "tests were short");
    assert_eq!(queue.next(), Some((ClassId(1), JobId(5))));
    queue.remove(ClassId(1), jobs[4], minutes(10, 5));
    queue.learned(OCEAN, UserId(0), train, minutes(1, 5));
    queue.check();
    assert_eq!(queue.next(), Some((ClassId(1), JobId(1))), "now trainings are shorter");
    queue.remove(ClassId(1), jobs[0], minutes(30, 5));
    queue.check();
    assert_eq!(line(&queue), [2, 4, 3], "the next one says how long it and those behind it are passed");
}
