//! The jobs of one class in line: by the standing of their users, and of each user by when they are due.

use std::collections::{BTreeMap, BTreeSet};

use haina_core::{JobId, Milliseconds, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::due::Alike;
use crate::history::Similar;
use crate::turns::Turns;

/// How far back somebody stands among those who compete; the least is served next. What the numbers mean is the affair
/// of who compares: see [`crate::Shares`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct Standing(pub i64, pub i64);

/// A job in line. When it is due follows from when it came, and from how long jobs like it are passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The job.
    pub job: JobId,
    /// Whose; the same for all where users are not told apart.
    pub user: UserId,
    /// The jobs with which it moves.
    pub alike: Alike,
    /// Among these, the job that came first is next.
    pub came: Timestamp,
    /// How long it may hold what it gets.
    pub longest: Milliseconds,
}

impl Waiting {
    fn turn(self) -> (Alike, Timestamp, JobId) {
        (self.alike, self.came, self.job)
    }
}

/// Where a job stands within its class: the least is next.
pub(crate) type PlaceInLine = (Standing, Timestamp, JobId);

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Line {
    users: BTreeMap<UserId, Own>,
    /// The users by their first jobs.
    order: BTreeSet<(PlaceInLine, UserId)>,
    jobs: usize,
}

/// The jobs of one user.
#[derive(Clone, Debug, Default, PartialEq)]
struct Own {
    standing: Standing,
    /// So much later are all of them due.
    later: Milliseconds,
    turns: Turns,
}

impl Own {
    fn head(&self) -> Option<PlaceInLine> {
        self.turns.next().map(|(due, job)| (self.standing, due + self.later, job))
    }
}

impl Line {
    /// `standing` is the user's, all of whose jobs are due so much `later`.
    pub(crate) fn insert(
        &mut self,
        waiting: Waiting,
        (standing, later): (Standing, Milliseconds),
        passed_for: impl FnOnce(JobId) -> Milliseconds,
    ) {
        self.users.entry(waiting.user).or_insert_with(|| Own { standing, later, turns: Turns::default() });
        self.jobs += 1;
        self.change(waiting.user, |own| own.turns.insert(waiting.turn(), passed_for));
    }

    pub(crate) fn remove(&mut self, waiting: Waiting, passed_for: impl FnOnce(JobId) -> Milliseconds) {
        self.change(waiting.user, |own| own.turns.remove(waiting.turn(), passed_for));
        self.jobs -= 1;
        if !self.has(waiting.user) {
            self.users.remove(&waiting.user);
        }
    }

    /// Nothing happens if the user has no jobs here.
    pub(crate) fn set_standing(&mut self, user: UserId, standing: Standing) {
        self.change(user, |own| own.standing = standing);
    }

    /// Nothing happens if the user has no jobs here.
    pub(crate) fn set_later(&mut self, user: UserId, later: Milliseconds) {
        self.change(user, |own| own.later = later);
    }

    /// More is known of how long some of the user's jobs take.
    pub(crate) fn learned(&mut self, user: UserId, similar: Similar, passed_for: impl Fn(JobId) -> Milliseconds) {
        self.change(user, |own| own.turns.learned(similar, passed_for));
    }

    fn change(&mut self, user: UserId, change: impl FnOnce(&mut Own)) {
        let Some(own) = self.users.get_mut(&user) else { return };
        let before = own.head();
        change(own);
        let after = own.head();
        if before != after {
            before.map(|place| self.order.remove(&(place, user)));
            self.order.extend(after.map(|place| (place, user)));
        }
    }

    pub(crate) fn head(&self) -> Option<PlaceInLine> {
        self.order.first().map(|(place, _)| *place)
    }

    pub(crate) fn len(&self) -> usize {
        self.jobs
    }

    /// Whether a user has jobs here.
    pub(crate) fn has(&self, user: UserId) -> bool {
        self.users.get(&user).is_some_and(|own| own.turns.len() > 0)
    }

    pub(crate) fn users(&self) -> impl Iterator<Item = UserId> {
        self.users.keys().copied()
    }

    pub(crate) fn contains(&self, waiting: Waiting) -> bool {
        self.users.get(&waiting.user).is_some_and(|own| own.turns.contains(waiting.turn()))
    }

    /// When a job that is in line is due.
    pub(crate) fn due(&self, waiting: Waiting) -> Timestamp {
        self.users.get(&waiting.user).map_or(waiting.came, |own| own.turns.due(waiting.alike, waiting.came))
    }

    /// The jobs, first to last.
    pub(crate) fn iter(&self) -> impl Iterator<Item = JobId> {
        self.order.iter().flat_map(|(_, user)| self.users[user].turns.iter())
    }

    /// Jobs before a place, counted up to `most`.
    pub(crate) fn count_before(&self, place: PlaceInLine, most: usize) -> usize {
        let mut count = 0;
        for own in self.order.iter().take_while(|(head, _)| *head < place).map(|(_, user)| &self.users[user]) {
            count += match own.standing < place.0 {
                true => own.turns.len(),
                false => own.turns.count_before((place.1 - own.later, place.2), most - count),
            };
            if count >= most {
                return most;
            }
        }
        count
    }

    /// Panics unless what is kept is what would be computed from scratch.
    pub(crate) fn check(&self) {
        self.users.values().for_each(|own| own.turns.check());
        assert!(self.users.values().all(|own| own.turns.len() > 0), "who has no jobs is not in line");
        let order: BTreeSet<_> = self.users.iter().map(|(user, own)| (own.head().expect("jobs"), *user)).collect();
        assert_eq!(self.order, order);
        assert_eq!(self.jobs, self.users.values().map(|own| own.turns.len()).sum::<usize>());
    }
}
