//! Random inserts, removals, blocks and changes: the next job is the one that a plain search over all classes gives.

use std::collections::BTreeSet;

use haina_core::{CardModelId, ClassId, JobId, Milliseconds, OrganizationId, PoolId, Timestamp, UserId};
use haina_scheduler::{Alike, Blocker, ClassKey, Demand, Queue, Waiting};
use proptest::prelude::*;
use proptest::sample::select;

use crate::builders::*;

#[derive(Clone, Debug)]
enum Step {
    Insert(usize, u64),
    Remove(usize),
    Block(usize, Blocker),
    BlockNext(Blocker),
    CapacityFreed(PoolId, Option<CardModelId>),
    AccountChanged(OrganizationId),
    UnblockAll,
}

#[derive(Debug)]
struct PlainClass {
    key: ClassKey,
    jobs: Vec<JobId>,
    waits_for_account: bool,
}

impl PlainClass {
    fn head(&self) -> Option<JobId> {
        self.jobs.iter().min().copied()
    }

    /// Changes the line; a changed head may need other funds.
    fn change(&mut self, change: impl FnOnce(&mut Vec<JobId>)) {
        let before = self.head();
        change(&mut self.jobs);
        if self.head() != before {
            self.waits_for_account = false;
        }
    }
}

fn helps(demand: &Demand, pool: PoolId, model: Option<CardModelId>) -> bool {
    let accepts = match (demand.card_model, model) {
        (None, Some(_)) => true,
        (None, None) => demand.cards_per_node.0 == 0,
        (wanted, freed) => wanted == freed,
    };
    demand.pool == pool && accepts
}

fn waiting(job: JobId) -> Waiting {
    Waiting { job, user: UserId(0), alike: Alike::default(), came: Timestamp(0), longest: Milliseconds(1) }
}

fn at_once(_: JobId) -> Milliseconds {
    Milliseconds(0)
}

fn key() -> impl Strategy<Value = ClassKey> {
    let demand = (select(vec![0, 500, 1000]), 1..=2u32, prop::option::of(1..=2u32));
    (1..=2u32, -1..=1i32, demand).prop_map(|(organization, priority, (cards, pool, model))| ClassKey {
        organization: OrganizationId(organization),
        priority,
        demand: Demand { pool: PoolId(pool), card_model: model.map(CardModelId), ..millis(cards) },
    })
}

fn step() -> impl Strategy<Value = Step> {
    let blocker = || select(vec![Blocker::Capacity, Blocker::Account]);
    prop_oneof![
        8 => (any::<usize>(), 0..1000u64).prop_map(|(class, job)| Step::Insert(class, job)),
        4 => any::<usize>().prop_map(Step::Remove),
        2 => (any::<usize>(), blocker()).prop_map(|(class, blocker)| Step::Block(class, blocker)),
        6 => blocker().prop_map(Step::BlockNext),
        2 => (1..=2u32, prop::option::of(1..=2u32))
            .prop_map(|(pool, model)| Step::CapacityFreed(PoolId(pool), model.map(CardModelId))),
        2 => (1..=2u32).prop_map(|organization| Step::AccountChanged(OrganizationId(organization))),
        1 => Just(Step::UnblockAll),
    ]
}

proptest! {
    #[test]
    fn the_next_job_is_the_first_of_the_highest_priority_that_is_not_blocked(
        keys in prop::collection::vec(key(), 1..8),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut queue = Queue::new();
        let mut plain: Vec<PlainClass> = Vec::new();
        for (index, key) in keys.into_iter().enumerate() {
            queue.add_class(ClassId(index as u32), key);
            plain.push(PlainClass { key, jobs: Vec::new(), waits_for_account: false });
        }
        let mut full: BTreeSet<Demand> = BTreeSet::new();
        let classes = plain.len();
        for step in steps {
            match step {
                Step::Insert(class, job) => {
                    let (class, job) = (class % classes, JobId(job));
                    if plain.iter().all(|class| !class.jobs.contains(&job)) {
                        queue.insert(ClassId(class as u32), waiting(job), at_once);
                        plain[class].change(|jobs| jobs.push(job));
                    }
                }
                Step::Remove(position) => {
                    let class = position % classes;
                    if !plain[class].jobs.is_empty() {
                        let job = plain[class].jobs[position / classes % plain[class].jobs.len()];
                        queue.remove(ClassId(class as u32), waiting(job), at_once);
                        plain[class].change(|jobs| jobs.retain(|other| *other != job));
                    }
                }
                Step::Block(class, blocker) if !plain[class % classes].jobs.is_empty() => {
                    queue.block(ClassId((class % classes) as u32), blocker);
                    let class = &mut plain[class % classes];
                    match blocker {
                        Blocker::Account => class.waits_for_account = true,
                        Blocker::Capacity => _ = full.insert(class.key.demand),
                    }
                }
                Step::Block(..) => {}
                Step::BlockNext(blocker) => if let Some((class, _)) = queue.next() {
                    queue.block(class, blocker);
                    let class = &mut plain[class.0 as usize];
                    match blocker {
                        Blocker::Account => class.waits_for_account = true,
                        Blocker::Capacity => _ = full.insert(class.key.demand),
                    }
                },
                Step::CapacityFreed(pool, model) => {
                    queue.capacity_freed(pool, model);
                    full.retain(|demand| !helps(demand, pool, model));
                }
                Step::AccountChanged(organization) => {
                    queue.account_changed(organization);
                    let own = plain.iter_mut().filter(|class| class.key.organization == organization);
                    own.for_each(|class| class.waits_for_account = false);
                }
                Step::UnblockAll => {
                    queue.unblock_all();
                    full.clear();
                    plain.iter_mut().for_each(|class| class.waits_for_account = false);
                }
            }
            queue.check();
            let looked_at = plain.iter().enumerate().filter(|(_, class)| !class.waits_for_account && !full.contains(&class.key.demand));
            let heads = looked_at.filter_map(|(id, class)| class.head().map(|job| (-class.key.priority, job, ClassId(id as u32))));
            prop_assert_eq!(queue.next(), heads.min().map(|(_, job, id)| (id, job)));
            prop_assert_eq!(queue.len(), plain.iter().map(|class| class.jobs.len()).sum::<usize>());
            for (id, class) in plain.iter().enumerate() {
                let waits = class.waits_for_account.then_some(Blocker::Account);
                let waits = waits.or((full.contains(&class.key.demand) && !class.jobs.is_empty()).then_some(Blocker::Capacity));
                prop_assert_eq!(queue.blocker(ClassId(id as u32)), waits);
                prop_assert_eq!(queue.line(ClassId(id as u32)).count(), class.jobs.len());
            }
        }
    }
}
