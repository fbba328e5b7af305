//! Those in line who stand together: the lanes of one organization, or where organizations do not stand apart, all of one
//! rank. A change of where they stand moves all of them at once, and one of where a user stands moves that user's lane.

use std::collections::{BTreeMap, BTreeSet};

use haina_core::{ClassId, UserId};

use crate::bits::Bits;
use crate::lane::{Entry, Lane, Own, PlaceInLine, Slot, Standing};

/// Whose lane it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// Users stand apart.
    User(UserId),
    /// They do not: a class goes by when its jobs are due.
    Class(ClassId),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Peers {
    pub(crate) standing: Standing,
    lanes: BTreeMap<Owner, Lane>,
    /// The lanes by their first jobs, whatever their demands wait for.
    order: BTreeSet<(PlaceInLine, Owner)>,
    /// The classes with jobs that do not wait for their accounts.
    open: BTreeSet<(Slot, ClassId)>,
    /// The demands of these.
    slots: Bits,
    /// The classes that do.
    pub(crate) waiting: BTreeSet<ClassId>,
}

impl Peers {
    pub(crate) fn new(standing: Standing) -> Peers {
        Peers { standing, ..Peers::default() }
    }

    /// The place of their first job.
    pub(crate) fn place(&self) -> Option<PlaceInLine> {
        self.order.first().map(|(place, _)| *place)
    }

    /// Changes the jobs of an entry; its lane and itself are made if need be, and dropped when they are empty.
    pub(crate) fn change_entry<T>(
        &mut self,
        owner: Owner,
        entry: Entry,
        lane: impl FnOnce() -> Lane,
        own: impl FnOnce() -> Own,
        change: impl FnOnce(&mut Own) -> T,
    ) -> T {
        self.lanes.entry(owner).or_insert_with(lane);
        self.change_lane(owner, |lane| lane.change(entry, own, change)).expect("it is there")
    }

    /// Changes a lane, if it is there.
    pub(crate) fn change_lane<T>(&mut self, owner: Owner, change: impl FnOnce(&mut Lane) -> T) -> Option<T> {
        let lane = self.lanes.get_mut(&owner)?;
        let before = lane.place();
        let changed = change(lane);
        let after = lane.place();
        if lane.is_empty() {
            self.lanes.remove(&owner);
        }
        if before != after {
            before.map(|place| self.order.remove(&(place, owner)));
            self.order.extend(after.map(|place| (place, owner)));
        }
        Some(changed)
    }

    /// A class has jobs and does not wait for its account, or not.
    pub(crate) fn set_open(&mut self, slot: Slot, class: ClassId, is_open: bool) {
        match is_open {
            true => self.open.insert((slot, class)),
            false => self.open.remove(&(slot, class)),
        };
        let range = (slot, ClassId(0))..=(slot, ClassId(u32::MAX));
        let any = self.open.range(range).next().is_some();
        self.slots.set(slot, any);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    pub(crate) fn lane(&self, owner: Owner) -> Option<&Lane> {
        self.lanes.get(&owner)
    }

    pub(crate) fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.values()
    }

    /// The lanes in order, with the places of their first jobs, from a place on.
    pub(crate) fn in_order(&self, from: Option<PlaceInLine>) -> impl Iterator<Item = (PlaceInLine, &Lane)> {
        let from =
            from.unwrap_or((Standing(i64::MIN, i64::MIN), haina_core::Timestamp(i64::MIN), haina_core::JobId(0)));
        self.order.range((from, Owner::User(UserId(0)))..).map(|(place, owner)| (*place, &self.lanes[owner]))
    }

    /// Whether a class with one of these demands has jobs and does not wait for its account.
    pub(crate) fn want(&self, slots: &Bits) -> bool {
        self.slots.meets(slots)
    }

    /// The demands of the classes that have jobs and do not wait for their accounts.
    pub(crate) fn slots(&self) -> &Bits {
        &self.slots
    }

    /// Panics unless what is kept is what would be computed from scratch.
    pub(crate) fn check(&self) {
        self.lanes.values().for_each(Lane::check);
        assert!(self.lanes.values().all(|lane| !lane.is_empty()), "who has no jobs is not in line");
        let order = self.lanes.iter().filter_map(|(owner, lane)| Some((lane.place()?, *owner)));
        assert_eq!(self.order, order.collect());
        let mut slots = Bits::default();
        self.open.iter().for_each(|(slot, _)| slots.set(*slot, true));
        assert_eq!(self.slots, slots);
    }

    /// The classes with jobs that do not wait for their accounts.
    pub(crate) fn open(&self) -> &BTreeSet<(Slot, ClassId)> {
        &self.open
    }
}
