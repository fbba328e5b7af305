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
    /// How long those that come later may pass jobs that are alike.
    passed_for: BTreeMap<Alike, Milliseconds>,
    /// The first of those that are alike.
    firsts: BTreeSet<(Turn, Alike)>,
}

impl Turns {
    /// `passed_for` tells of the first of those that are alike for how long they are passed.
    pub(crate) fn insert(
        &mut self,
        (alike, came, job): (Alike, Timestamp, JobId),
        passed_for: impl FnOnce(JobId) -> Milliseconds,
    ) {
        let first = self.first(alike);
        assert!(self.jobs.insert((alike, came, job)), "job {job} is not in line yet");
        if first.is_none_or(|first| (came, job) < first) {
            self.turn(alike, first, passed_for);
        }
    }

    pub(crate) fn remove(
        &mut self,
        (alike, came, job): (Alike, Timestamp, JobId),
        passed_for: impl FnOnce(JobId) -> Milliseconds,
    ) {
        let first = self.first(alike);
        assert!(self.jobs.remove(&(alike, came, job)), "job {job} is in line");
        if first == Some((came, job)) {
            self.turn(alike, first, passed_for);
        }
    }

    /// More is known of how long such jobs take.
    pub(crate) fn learned(&mut self, similar: Similar, passed_for: impl Fn(JobId) -> Milliseconds) {
        let known: Vec<Alike> = self.passed_for.range(Alike::all(similar)).map(|(alike, _)| *alike).collect();
        known.into_iter().for_each(|alike| self.turn(alike, self.first(alike), &passed_for));
    }

    /// Those that are alike have another first, or are passed for another time.
    fn turn(&mut self, alike: Alike, before: Option<Turn>, passed_for: impl FnOnce(JobId) -> Milliseconds) {
        if let Some((came, job)) = before {
            self.firsts.remove(&((came + self.passed_for[&alike], job), alike));
        }
        match self.first(alike) {
            Some((came, job)) => {
                let passed_for = passed_for(job);
                self.passed_for.insert(alike, passed_for);
                self.firsts.insert(((came + passed_for, job), alike));
            }
            None => _ = self.passed_for.remove(&alike),
        }
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
        self.passed_for.contains_key(&alike)
    }

    /// The kinds of jobs that are in line.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = Alike> {
        self.passed_for.keys().copied()
    }

    pub(crate) fn contains(&self, job: (Alike, Timestamp, JobId)) -> bool {
        self.jobs.contains(&job)
    }

    /// When a job that is in line is due.
    pub(crate) fn due(&self, alike: Alike, came: Timestamp) -> Timestamp {
        came + self.passed_for.get(&alike).copied().unwrap_or_default()
    }

    /// How many jobs go before a turn, counted up to `most`.
    pub(crate) fn count_before(&self, (due, job): Turn, most: usize) -> usize {
        let mut count = 0;
        for (_, alike) in self.firsts.iter().take_while(|(first, _)| *first < (due, job)) {
            let from = (*alike, Timestamp(i64::MIN), JobId(0));
            let before = self.jobs.range(from..(*alike, due - self.passed_for[alike], job));
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
        assert!(known.iter().eq(self.passed_for.keys()), "exactly those who have jobs are passed");
        let first = |alike: Alike| self.first(alike).map(|(came, job)| ((came + self.passed_for[&alike], job), alike));
        assert_eq!(self.firsts, known.into_iter().filter_map(first).collect());
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
