//! The jobs of one user in one class, by when they are due. Jobs that are alike keep the order in which they came, and
//! their first says when all of them are due: so they move together when it is learned how long such jobs take.

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, btree_set};

use haina_core::{JobId, Milliseconds, Timestamp};

use crate::due::Alike;
use crate::history::Similar;

/// A job and when it is due: the least is next.
pub(crate) type Turn = (Timestamp, JobId);

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Turns {
    /// With when they came.
    jobs: BTreeSet<(Alike, Timestamp, JobId)>,
    kinds: BTreeMap<Alike, Kind>,
    /// The first of each kind.
    firsts: BTreeSet<(Turn, Alike)>,
}

/// Jobs that are alike.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Kind {
    /// How long those that come later may pass them.
    passed_for: Milliseconds,
    /// When the first of them came.
    came: Timestamp,
    first: JobId,
}

impl Kind {
    fn turn(&self) -> Turn {
        (self.came + self.passed_for, self.first)
    }
}

impl Turns {
    /// `passed_for` tells of the first of those that are alike for how long they are passed.
    pub(crate) fn insert(
        &mut self,
        (alike, came, job): (Alike, Timestamp, JobId),
        passed_for: impl FnOnce(JobId) -> Milliseconds,
    ) {
        assert!(self.jobs.insert((alike, came, job)), "job {job} is not in line yet");
        if self.kinds.get(&alike).is_none_or(|kind| (came, job) < (kind.came, kind.first)) {
            self.set_first(alike, Some((came, job)), passed_for);
        }
    }

    pub(crate) fn remove(
        &mut self,
        (alike, came, job): (Alike, Timestamp, JobId),
        passed_for: impl FnOnce(JobId) -> Milliseconds,
    ) {
        assert!(self.jobs.remove(&(alike, came, job)), "job {job} is in line");
        if self.kinds[&alike].first == job {
            self.set_first(alike, self.first(alike), passed_for);
        }
    }

    /// More is known of how long such jobs take.
    pub(crate) fn learned(&mut self, similar: Similar, passed_for: impl Fn(JobId) -> Milliseconds) {
        for (alike, kind) in self.kinds.range_mut(Alike::all(similar)) {
            let before = kind.turn();
            kind.passed_for = passed_for(kind.first);
            if kind.turn() != before {
                self.firsts.remove(&(before, *alike));
                self.firsts.insert((kind.turn(), *alike));
            }
        }
    }

    /// Those that are alike have another first, or none.
    fn set_first(&mut self, alike: Alike, first: Option<Turn>, passed_for: impl FnOnce(JobId) -> Milliseconds) {
        let kind = first.map(|(came, first)| Kind { passed_for: passed_for(first), came, first });
        let before = match kind {
            Some(kind) => self.kinds.insert(alike, kind),
            None => self.kinds.remove(&alike),
        };
        before.map(|kind| self.firsts.remove(&(kind.turn(), alike)));
        self.firsts.extend(kind.map(|kind| (kind.turn(), alike)));
    }

    /// When it came, and the job.
    fn first(&self, alike: Alike) -> Option<(Timestamp, JobId)> {
        let from = (alike, Timestamp(i64::MIN), JobId(0));
        self.jobs.range(from..).next().filter(|(other, ..)| *other == alike).map(|&(_, came, job)| (came, job))
    }

    pub(crate) fn next(&self) -> Option<Turn> {
        self.firsts.first().map(|(turn, _)| *turn)
    }

    pub(crate) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether one of these is in line.
    pub(crate) fn has(&self, alike: Alike) -> bool {
        self.kinds.contains_key(&alike)
    }

    /// The kinds of jobs that are in line.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = Alike> {
        self.kinds.keys().copied()
    }

    pub(crate) fn contains(&self, job: (Alike, Timestamp, JobId)) -> bool {
        self.jobs.contains(&job)
    }

    /// When a job that is in line is due.
    pub(crate) fn due(&self, alike: Alike, came: Timestamp) -> Timestamp {
        came + self.kinds.get(&alike).map(|kind| kind.passed_for).unwrap_or_default()
    }

    /// How many jobs go before a turn, counted up to `most`.
    pub(crate) fn count_before(&self, (due, job): Turn, most: usize) -> usize {
        let mut count = 0;
        for (_, alike) in self.firsts.iter().take_while(|(first, _)| *first < (due, job)) {
            let from = (*alike, Timestamp(i64::MIN), JobId(0));
            let before = self.jobs.range(from..(*alike, due - self.kinds[alike].passed_for, job));
            count += before.take(most - count).count();
        }
        count
    }

    /// The jobs, first to last. Looks at no more of them than are taken.
    pub(crate) fn iter(&self) -> impl Iterator<Item = JobId> {
        InTurn { turns: self, firsts: self.firsts.iter(), under_way: BinaryHeap::new() }
    }

    /// Panics unless what is kept is what would be computed from scratch.
    pub(crate) fn check(&self) {
        let known: BTreeSet<Alike> = self.jobs.iter().map(|(alike, ..)| *alike).collect();
        assert!(known.iter().eq(self.kinds.keys()), "exactly those who have jobs are passed");
        for (alike, kind) in &self.kinds {
            assert_eq!(self.first(*alike), Some((kind.came, kind.first)), "the first of each kind is known");
        }
        assert_eq!(self.firsts, self.kinds.iter().map(|(alike, kind)| (kind.turn(), *alike)).collect());
    }
}

/// Merges the jobs of all that are alike.
struct InTurn<'a> {
    turns: &'a Turns,
    firsts: btree_set::Iter<'a, (Turn, Alike)>,
    /// Those of which some came already.
    under_way: BinaryHeap<Reverse<UnderWay<'a>>>,
}

struct UnderWay<'a> {
    next: Turn,
    alike: Alike,
    rest: btree_set::Range<'a, (Alike, Timestamp, JobId)>,
}

impl Iterator for InTurn<'_> {
    type Item = JobId;

    fn next(&mut self) -> Option<JobId> {
        let first = self.firsts.clone().next();
        let under_way = self.under_way.peek().map(|Reverse(under_way)| under_way.next);
        match (first, under_way) {
            (Some((first, alike)), under_way) if under_way.is_none_or(|next| *first < next) => {
                self.firsts.next();
                let mut rest = self.turns.jobs.range((*alike, Timestamp(i64::MIN), JobId(0))..);
                rest.next();
                self.under_way.extend(self.turns.under_way(*alike, rest).map(Reverse));
                Some(first.1)
            }
            (_, None) => None,
            (_, Some(next)) => {
                let top = self.under_way.peek_mut().expect("it was just looked at");
                match self.turns.under_way(top.0.alike, top.0.rest.clone()) {
                    Some(following) => *{ top } = Reverse(following),
                    None => _ = PeekMut::pop(top),
                }
                Some(next.1)
            }
        }
    }
}

impl Turns {
    fn under_way<'a>(
        &self,
        alike: Alike,
        mut rest: btree_set::Range<'a, (Alike, Timestamp, JobId)>,
    ) -> Option<UnderWay<'a>> {
        let &(_, came, job) = rest.next().filter(|(other, ..)| *other == alike)?;
        Some(UnderWay { next: (self.due(alike, came), job), alike, rest })
    }
}

impl PartialEq for UnderWay<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.next == other.next
    }
}

impl Eq for UnderWay<'_> {}

impl PartialOrd for UnderWay<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for UnderWay<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.next.cmp(&other.next)
    }
}
