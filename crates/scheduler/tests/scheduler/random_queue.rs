//! Random inserts, removals, blocks and changes: the next job is the one that a plain search over all classes gives.

use std::collections::{BTreeMap, BTreeSet};

use haina_core::{CardModelId, ClassId, JobId, Milliseconds, OrganizationId, PoolId, Timestamp, UserId};
use haina_scheduler::{Alike, Blocker, ClassKey, Demand, Queue, Standing, Waiting};
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
    PoolReturns(usize),
    UserChanged(OrganizationId, UserId),
    OrganizationStands(OrganizationId, Standing),
    UserStands(OrganizationId, UserId, Standing),
    UnblockAll,
}

/// Where everybody stands, if organizations and users stand apart.
#[derive(Clone, Debug, Default)]
struct Standings {
    organizations: BTreeMap<OrganizationId, Standing>,
    users: BTreeMap<(OrganizationId, UserId), Standing>,
}

/// The least is next.
type Place = (i32, Standing, Standing, JobId);

impl Standings {
    fn place(&self, key: &ClassKey, job: JobId) -> Place {
        let organization = self.organizations.get(&key.organization).copied().unwrap_or_default();
        let of_user = self.users.get(&(key.organization, user(job))).copied().unwrap_or_default();
        (-key.priority, organization, of_user, job)
    }
}

#[derive(Debug)]
struct PlainClass {
    key: ClassKey,
    jobs: Vec<JobId>,
    /// For its account or its pool.
    waits: Option<Blocker>,
    /// Users who wait.
    aside: BTreeSet<UserId>,
}

impl PlainClass {
    fn head(&self, standings: &Standings) -> Option<JobId> {
        let in_turn = self.jobs.iter().filter(|job| !self.aside.contains(&user(**job)));
        in_turn.min_by_key(|job| standings.place(&self.key, **job)).copied()
    }

    /// The first job of each user who is not set aside.
    fn heads(&self) -> impl Iterator<Item = JobId> {
        let users = (1..=3).map(UserId).filter(|user| !self.aside.contains(user));
        users.filter_map(|own| self.jobs.iter().filter(|job| user(**job) == own).min().copied())
    }

    /// Changes the line; a changed head may need other funds.
    fn change(&mut self, standings: &Standings, change: impl FnOnce(&mut Vec<JobId>)) {
        let before = self.head(standings);
        change(&mut self.jobs);
        let users: BTreeSet<UserId> = self.jobs.iter().map(|job| user(*job)).collect();
        self.aside.retain(|user| users.contains(user));
        if self.head(standings) != before {
            self.waits = None;
        }
    }

    fn block(&mut self, standings: &Standings, blocker: Blocker, full: &mut BTreeSet<Demand>) {
        match blocker {
            Blocker::Capacity => _ = full.insert(self.key.demand),
            Blocker::Account | Blocker::Pool => self.waits = Some(blocker),
            Blocker::User => {
                let head = self.head(standings).expect("what is blocked has a head");
                self.aside.insert(user(head));
            }
        }
    }
}

/// Of three users.
fn user(job: JobId) -> UserId {
    UserId(1 + (job.0 % 3) as u32)
}

fn helps(demand: &Demand, pool: PoolId, model: Option<CardModelId>) -> bool {
    let accepts = match (demand.card_model, model) {
        (None, Some(_)) => true,
        (None, None) => demand.cards_per_node.0 == 0,
        (wanted, freed) => wanted == freed,
    };
    demand.pool == pool && accepts
}

/// Whether the head of a class is looked at in its turn.
fn is_looked_at(class: &PlainClass, full: &BTreeSet<Demand>) -> bool {
    class.waits.is_none() && !full.contains(&class.key.demand) && class.heads().next().is_some()
}

/// Who is next where nobody passes one before it that wants the same cards.
fn next_in_strict_order(
    classes: &[PlainClass],
    standings: &Standings,
    full: &BTreeSet<Demand>,
) -> Option<(ClassId, JobId)> {
    let open = (0..).map(ClassId).zip(classes).filter(|(_, class)| class.waits.is_none());
    let mut heads: Vec<_> = open
        .flat_map(|(id, class)| class.heads().map(move |job| (standings.place(&class.key, job), id, class)))
        .collect();
    heads.sort_by_key(|(place, ..)| *place);
    let with_cards = |demand: &Demand| demand.cards_per_node.0 > 0;
    let mut held_back: Vec<Demand> = Vec::new();
    for ((.., job), id, class) in heads {
        let demand = class.key.demand;
        let competes = |before: &Demand| {
            let models = before.card_model.zip(demand.card_model);
            before.pool == demand.pool
                && with_cards(before) == with_cards(&demand)
                && models.is_none_or(|(one, other)| one == other)
        };
        if !full.contains(&demand) && !held_back.iter().any(competes) {
            return Some((id, job));
        }
        held_back.push(demand);
    }
    None
}

fn waiting(job: JobId) -> Waiting {
    Waiting { job, user: user(job), alike: Alike::default(), came: Timestamp(0), longest: Milliseconds(1) }
}

fn at_once(_: JobId) -> Milliseconds {
    Milliseconds(0)
}

fn key() -> impl Strategy<Value = ClassKey> {
    let demand = (select(vec![0, 500, 1000]), 1..=2u32, prop::option::of(1..=2u32));
    (1..=2u32, -1..=1i32, demand).prop_map(|(organization, priority, (cards, pool, model))| ClassKey {
        organization: OrganizationId(organization),
        project: None,
        priority,
        demand: Demand { pool: PoolId(pool), card_model: model.map(CardModelId), ..millis(cards) },
    })
}

fn step() -> impl Strategy<Value = Step> {
    let blocker = || select(vec![Blocker::Capacity, Blocker::Account, Blocker::Pool, Blocker::User, Blocker::User]);
    prop_oneof![
        8 => (any::<usize>(), 0..1000u64).prop_map(|(class, job)| Step::Insert(class, job)),
        4 => any::<usize>().prop_map(Step::Remove),
        2 => (any::<usize>(), blocker()).prop_map(|(class, blocker)| Step::Block(class, blocker)),
        6 => blocker().prop_map(Step::BlockNext),
        2 => (1..=2u32, prop::option::of(1..=2u32))
            .prop_map(|(pool, model)| Step::CapacityFreed(PoolId(pool), model.map(CardModelId))),
        2 => (1..=2u32).prop_map(|organization| Step::AccountChanged(OrganizationId(organization))),
        2 => any::<usize>().prop_map(Step::PoolReturns),
        2 => (1..=2u32, 1..=3u32)
            .prop_map(|(organization, user)| Step::UserChanged(OrganizationId(organization), UserId(user))),
        3 => (1..=2u32, 0..3i64)
            .prop_map(|(organization, at)| Step::OrganizationStands(OrganizationId(organization), Standing(0, at))),
        4 => (1..=2u32, 1..=3u32, 0..3i64).prop_map(|(organization, user, at)| {
            Step::UserStands(OrganizationId(organization), UserId(user), Standing(0, at))
        }),
        1 => Just(Step::UnblockAll),
    ]
}

proptest! {
    #[test]
    fn the_next_job_is_the_first_of_the_highest_priority_that_is_not_blocked(
        keys in prop::collection::vec(key(), 1..8),
        steps in prop::collection::vec(step(), 1..120),
        apart in any::<bool>(),
    ) {
        let (mut queue, mut standings) = (Queue::new(apart), Standings::default());
        let mut plain: Vec<PlainClass> = Vec::new();
        for (index, key) in keys.into_iter().enumerate() {
            queue.add_class(ClassId(index as u32), key);
            plain.push(PlainClass { key, jobs: Vec::new(), waits: None, aside: BTreeSet::new() });
        }
        let mut full: BTreeSet<Demand> = BTreeSet::new();
        let classes = plain.len();
        for step in steps {
            match step {
                Step::Insert(class, job) => {
                    let (class, job) = (class % classes, JobId(job));
                    if plain.iter().all(|class| !class.jobs.contains(&job)) {
                        queue.insert(ClassId(class as u32), waiting(job), at_once);
                        plain[class].change(&standings, |jobs| jobs.push(job));
                    }
                }
                Step::Remove(position) => {
                    let class = position % classes;
                    if !plain[class].jobs.is_empty() {
                        let job = plain[class].jobs[position / classes % plain[class].jobs.len()];
                        queue.remove(ClassId(class as u32), waiting(job), at_once);
                        plain[class].change(&standings, |jobs| jobs.retain(|other| *other != job));
                    }
                }
                Step::Block(class, blocker) if is_looked_at(&plain[class % classes], &full) => {
                    queue.block(ClassId((class % classes) as u32), blocker);
                    plain[class % classes].block(&standings, blocker, &mut full);
                }
                Step::Block(..) => {}
                Step::BlockNext(blocker) => if let Some((class, _)) = queue.next() {
                    queue.block(class, blocker);
                    plain[class.0 as usize].block(&standings, blocker, &mut full);
                },
                Step::CapacityFreed(pool, model) => {
                    queue.capacity_freed(pool, model, |_| true);
                    full.retain(|demand| !helps(demand, pool, model));
                }
                Step::AccountChanged(organization) => {
                    queue.account_changed(organization);
                    let own = plain.iter_mut().filter(|class| class.key.organization == organization);
                    own.filter(|class| class.waits == Some(Blocker::Account)).for_each(|class| class.waits = None);
                }
                Step::PoolReturns(class) => {
                    queue.pool_quota_returns(ClassId((class % classes) as u32));
                    let class = &mut plain[class % classes];
                    class.waits = class.waits.filter(|waits| *waits != Blocker::Pool);
                }
                Step::UserChanged(organization, user) => {
                    queue.user_changed(organization, user);
                    for class in plain.iter_mut().filter(|class| class.key.organization == organization) {
                        let before = class.head(&standings);
                        class.aside.remove(&user);
                        if class.head(&standings) != before {
                            class.waits = None;
                        }
                    }
                }
                Step::OrganizationStands(organization, standing) => {
                    queue.set_organization_standing(organization, standing);
                    if apart {
                        standings.organizations.insert(organization, standing);
                    }
                }
                Step::UserStands(organization, user, standing) => {
                    queue.set_user_standing(organization, user, standing);
                    let before: Vec<_> = plain.iter().map(|class| class.head(&standings)).collect();
                    if apart {
                        standings.users.insert((organization, user), standing);
                    }
                    for (class, before) in plain.iter_mut().zip(before) {
                        class.waits = class.waits.filter(|_| class.head(&standings) == before);
                    }
                }
                Step::UnblockAll => {
                    queue.unblock_all();
                    full.clear();
                    plain.iter_mut().for_each(|class| (class.waits, class.aside) = (None, BTreeSet::new()));
                }
            }
            queue.check();
            let looked_at = (0..).map(ClassId).zip(&plain).filter(|(_, class)| is_looked_at(class, &full));
            let heads = looked_at.filter_map(|(id, class)| Some((standings.place(&class.key, class.head(&standings)?), id)));
            prop_assert_eq!(queue.next(), heads.min().map(|((.., job), id)| (id, job)));
            prop_assert_eq!(queue.next_in_strict_order(), next_in_strict_order(&plain, &standings, &full));
            prop_assert_eq!(queue.len(), plain.iter().map(|class| class.jobs.len()).sum::<usize>());
            for (id, class) in plain.iter().enumerate() {
                let full = full.contains(&class.key.demand) && class.heads().next().is_some();
                let waits = class.waits.or(full.then_some(Blocker::Capacity));
                prop_assert_eq!(queue.blocker(ClassId(id as u32)), waits);
                for user in (1..=3).map(UserId) {
                    prop_assert_eq!(queue.waits_for_user(ClassId(id as u32), user), class.aside.contains(&user));
                }
                prop_assert_eq!(queue.head(ClassId(id as u32)), class.head(&standings));
                prop_assert_eq!(queue.line(ClassId(id as u32)).count(), class.jobs.len());
                // Of the same demand, whose classes do not wait for their accounts: first those who are next.
                let alike: Vec<JobId> = queue.alike(ClassId(id as u32)).map(|(_, job)| job).collect();
                let of_demand = plain.iter().filter(|other| other.key.demand == class.key.demand && other.waits.is_none());
                let heads = of_demand.flat_map(|other| other.heads().map(|job| standings.place(&other.key, job)));
                prop_assert_eq!(alike.first().copied(), heads.min().map(|(.., job)| job));
                // Who goes before each job in line: of its pool, with a place before its own.
                for job in &class.jobs {
                    let own = standings.place(&class.key, *job);
                    let of_pool = plain.iter().filter(|other| other.key.demand.pool == class.key.demand.pool);
                    let places = of_pool.flat_map(|other| other.jobs.iter().map(|job| standings.place(&other.key, *job)));
                    let before = places.filter(|place| *place < own).count();
                    prop_assert_eq!(queue.ahead(ClassId(id as u32), waiting(*job), 1000), before);
                }
            }
        }
    }
}
