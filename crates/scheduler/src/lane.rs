//! Jobs in line that go by when they are due: those of one user, or where users do not stand apart, those of one class.

use std::collections::{BTreeMap, BTreeSet};

use haina_core::{ClassId, JobId, Milliseconds, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::bits::Bits;
use crate::due::Alike;
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
    /// Whose.
    pub user: UserId,
    /// The jobs with which it moves.
    pub alike: Alike,
    /// Among these, the job that came first is next.
    pub came: Timestamp,
    /// How long it may hold what it gets.
    pub longest: Milliseconds,
}

impl Waiting {
    pub(crate) fn turn(self) -> (Alike, Timestamp, JobId) {
        (self.alike, self.came, self.job)
    }
}

/// The number of a demand in the queue.
pub(crate) type Slot = u32;

/// The jobs of one user in one class.
pub(crate) type Entry = (Slot, ClassId, UserId);

/// Where a job stands among its peers: the least is next.
pub(crate) type PlaceInLine = (Standing, Timestamp, JobId);

/// The first job of an entry: the least is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Head {
    pub(crate) due: Timestamp,
    pub(crate) job: JobId,
    pub(crate) class: ClassId,
    pub(crate) slot: Slot,
    pub(crate) user: UserId,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Lane {
    standing: Standing,
    /// So much earlier are all of them due.
    earlier: Milliseconds,
    entries: BTreeMap<Entry, Own>,
    /// Of the entries that are not set aside.
    heads: BTreeSet<Head>,
    /// The demands of these.
    slots: Bits,
}

/// The jobs of an entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Own {
    /// So much later are all of them due.
    pub(crate) later: Milliseconds,
    pub(crate) turns: Turns,
    /// Whether the user is set aside in this class.
    pub(crate) waits: bool,
}

impl Own {
    /// Without any jobs.
    pub(crate) fn new(later: Milliseconds) -> Own {
        Own { later, turns: Turns::default(), waits: false }
    }

    /// The first job, whether or not it is set aside.
    pub(crate) fn first(&self, (slot, class, user): Entry) -> Option<Head> {
        self.turns.next().map(|(due, job)| Head { due: due + self.later, job, class, slot, user })
    }

    /// The first job, unless it is set aside.
    pub(crate) fn head(&self, entry: Entry) -> Option<Head> {
        self.first(entry).filter(|_| !self.waits)
    }
}

impl Lane {
    pub(crate) fn new(standing: Standing, earlier: Milliseconds) -> Lane {
        Lane { standing, earlier, ..Lane::default() }
    }

    /// The place of its first job that is not set aside.
    pub(crate) fn place(&self) -> Option<PlaceInLine> {
        self.heads.first().map(|head| self.place_of(head))
    }

    pub(crate) fn place_of(&self, head: &Head) -> PlaceInLine {
        (self.standing, head.due - self.earlier, head.job)
    }

    pub(crate) fn set_standing(&mut self, standing: Standing) {
        self.standing = standing;
    }

    pub(crate) fn set_earlier(&mut self, earlier: Milliseconds) {
        self.earlier = earlier;
    }

    /// Changes the jobs of an entry, which is made by `new` and dropped when it is empty.
    pub(crate) fn change<T>(
        &mut self,
        entry: Entry,
        new: impl FnOnce() -> Own,
        change: impl FnOnce(&mut Own) -> T,
    ) -> T {
        let own = self.entries.entry(entry).or_insert_with(new);
        let before = own.head(entry);
        let changed = change(own);
        let after = own.head(entry);
        let is_empty = own.turns.len() == 0;
        if is_empty {
            self.entries.remove(&entry);
        }
        if before != after {
            before.map(|head| self.heads.remove(&head));
            self.heads.extend(after);
            if before.is_some() != after.is_some() {
                let slot = entry.0;
                self.slots.set(slot, after.is_some() || self.of_slot(slot).any(|(_, own)| !own.waits));
            }
        }
        changed
    }

    /// Whether a demand of `slots` is that of a job that is not set aside.
    pub(crate) fn wants(&self, slots: &Bits) -> bool {
        self.slots.meets(slots)
    }

    /// The demand of some job in it.
    pub(crate) fn slot(&self) -> Option<Slot> {
        self.entries.keys().next().map(|(slot, ..)| *slot)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn entry(&self, entry: Entry) -> Option<&Own> {
        self.entries.get(&entry)
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (Entry, &Own)> {
        self.entries.iter().map(|(entry, own)| (*entry, own))
    }

    pub(crate) fn of_slot(&self, slot: Slot) -> impl Iterator<Item = (Entry, &Own)> {
        let range = (slot, ClassId(0), UserId(0))..=(slot, ClassId(u32::MAX), UserId(u32::MAX));
        self.entries.range(range).map(|(entry, own)| (*entry, own))
    }

    /// The first jobs of the entries that are not set aside, by when they are due.
    pub(crate) fn heads(&self) -> impl Iterator<Item = &Head> {
        self.heads.iter()
    }

    /// Those from a place on.
    pub(crate) fn heads_from(&self, (standing, due, job): PlaceInLine) -> impl Iterator<Item = &Head> {
        let due = if standing == self.standing { due + self.earlier } else { Timestamp(i64::MIN) };
        self.heads.range(Head { due, job, class: ClassId(0), slot: 0, user: UserId(0) }..)
    }

    /// How many jobs of an entry go before a place, counted up to `most`.
    pub(crate) fn count_before(&self, own: &Own, (standing, due, job): PlaceInLine, most: usize) -> usize {
        match self.standing.cmp(&standing) {
            std::cmp::Ordering::Less => own.turns.len(),
            std::cmp::Ordering::Equal => own.turns.count_before((due + self.earlier - own.later, job), most),
            std::cmp::Ordering::Greater => 0,
        }
    }

    /// Panics unless what is kept is what would be computed from scratch.
    pub(crate) fn check(&self) {
        self.entries.values().for_each(|own| own.turns.check());
        assert!(self.entries.values().all(|own| own.turns.len() > 0), "who has no jobs is not in line");
        let heads: BTreeSet<Head> = self.entries().filter_map(|(entry, own)| own.head(entry)).collect();
        let mut slots = Bits::default();
        heads.iter().for_each(|head| slots.set(head.slot, true));
        assert_eq!((&self.heads, &self.slots), (&heads, &slots));
    }
}
