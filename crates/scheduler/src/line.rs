//! The jobs of one class in line: by the standing of their users, and of each user by when they are due.

use std::collections::{BTreeMap, BTreeSet};

use haina_core::{JobId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// How far back somebody stands among those who compete; the least is served next. What the numbers mean is the affair
/// of who compares: see [`crate::Shares`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct Standing(pub i64, pub i64);

/// A job in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The job.
    pub job: JobId,
    /// Whose; the same for all where users are not told apart.
    pub user: UserId,
    /// Of one user, the job that is due first is next.
    pub due: Timestamp,
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
    jobs: BTreeSet<(Timestamp, JobId)>,
}

impl Own {
    fn head(&self) -> Option<PlaceInLine> {
        self.jobs.first().map(|&(due, job)| (self.standing, due, job))
    }
}

impl Line {
    /// `standing` is the user's.
    pub(crate) fn insert(&mut self, waiting: Waiting, standing: Standing) {
        let own = self.users.entry(waiting.user).or_insert_with(|| Own { standing, jobs: BTreeSet::new() });
        let before = own.head();
        assert!(own.jobs.insert((waiting.due, waiting.job)), "job {} is not in line yet", waiting.job);
        let after = own.head();
        self.jobs += 1;
        self.keep_order(waiting.user, before, after);
    }

    pub(crate) fn remove(&mut self, waiting: Waiting) {
        let own = self.users.get_mut(&waiting.user);
        let own = own.unwrap_or_else(|| panic!("the user of job {} has jobs in line", waiting.job));
        let before = own.head();
        assert!(own.jobs.remove(&(waiting.due, waiting.job)), "job {} is in line", waiting.job);
        let after = own.head();
        if after.is_none() {
            self.users.remove(&waiting.user);
        }
        self.jobs -= 1;
        self.keep_order(waiting.user, before, after);
    }

    /// Nothing happens if the user has no jobs here.
    pub(crate) fn set_standing(&mut self, user: UserId, standing: Standing) {
        let Some(own) = self.users.get_mut(&user) else { return };
        let before = own.head();
        own.standing = standing;
        let after = own.head();
        self.keep_order(user, before, after);
    }

    fn keep_order(&mut self, user: UserId, before: Option<PlaceInLine>, after: Option<PlaceInLine>) {
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

    pub(crate) fn contains(&self, waiting: Waiting) -> bool {
        self.users.get(&waiting.user).is_some_and(|own| own.jobs.contains(&(waiting.due, waiting.job)))
    }

    /// The jobs, first to last.
    pub(crate) fn iter(&self) -> impl Iterator<Item = JobId> {
        self.order.iter().flat_map(|(_, user)| self.users[user].jobs.iter().map(|(_, job)| *job))
    }

    /// Jobs before a place, counted up to `most`.
    pub(crate) fn count_before(&self, place: PlaceInLine, most: usize) -> usize {
        let mut count = 0;
        for own in self.order.iter().take_while(|(head, _)| *head < place).map(|(_, user)| &self.users[user]) {
            count += match own.standing < place.0 {
                true => own.jobs.len(),
                false => own.jobs.range(..(place.1, place.2)).take(most - count).count(),
            };
            if count >= most {
                return most;
            }
        }
        count
    }

    /// Panics unless what is kept is what would be computed from scratch.
    pub(crate) fn check(&self) {
        assert!(self.users.values().all(|own| !own.jobs.is_empty()), "who has no jobs is not in line");
        let order: BTreeSet<_> = self.users.iter().map(|(user, own)| (own.head().expect("jobs"), *user)).collect();
        assert_eq!(self.order, order);
        assert_eq!(self.jobs, self.users.values().map(|own| own.jobs.len()).sum::<usize>());
    }
}
