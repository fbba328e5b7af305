//! Those in line who stand together: the lanes of one organization, or where organizations do not stand apart, all of one
//! rank. A change of where they stand moves all of them at once, and one of where a user stands moves that user's lane.

use std::collections::{BTreeMap, BTreeSet};

use haina_core::{ClassId, JobId, Timestamp, UserId};

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

/// Before all places.
pub(crate) const LEAST: PlaceInLine = (Standing(i64::MIN, i64::MIN), Timestamp(i64::MIN), JobId(0));

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Peers {
    pub(crate) standing: Standing,
    lanes: BTreeMap<Owner, Lane>,
    /// The lanes by their first jobs, whatever their demands wait for.
    order: BTreeSet<(PlaceInLine, Owner)>,
    /// The classes with jobs that do not wait for their accounts; where a lane is a class, with its place.
    open: BTreeMap<(Slot, ClassId), Option<PlaceInLine>>,
    /// The demands of these.
    slots: Bits,
    /// Where a lane is a class: those places by demand. There may be many lanes before the first of a demand.
    by_demand: BTreeSet<(Slot, PlaceInLine, ClassId)>,
    /// The classes with jobs that do wait for their accounts.
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
            if let Owner::Class(class) = owner {
                self.place_class(class, after);
            }
        }
        Some(changed)
    }

    /// A lane that is a class has its first job there. All in it have one demand.
    fn place_class(&mut self, class: ClassId, place: Option<PlaceInLine>) {
        let slot = self.lanes.get(&Owner::Class(class)).and_then(Lane::slot);
        let Some(known) = slot.and_then(|slot| self.open.get_mut(&(slot, class))) else { return };
        let (slot, before) = (slot.expect("it was looked up by it"), std::mem::replace(known, place));
        before.map(|before| self.by_demand.remove(&(slot, before, class)));
        self.by_demand.extend(place.map(|place| (slot, place, class)));
    }

    /// The first place of an open class with a demand, where a lane is a class.
    pub(crate) fn first_of(&self, slot: Slot) -> Option<(PlaceInLine, &Lane)> {
        let from = (slot, LEAST, ClassId(0));
        let (_, place, class) = self.by_demand.range(from..).next().filter(|(other, ..)| *other == slot)?;
        Some((*place, &self.lanes[&Owner::Class(*class)]))
    }

    /// A class has jobs and does not wait for its account, or not.
    pub(crate) fn set_open(&mut self, slot: Slot, class: ClassId, is_open: bool) {
        match is_open {
            true => {
                let place = self.lanes.get(&Owner::Class(class)).and_then(Lane::place);
                let known = self.open.insert((slot, class), place).flatten();
                known.map(|known| self.by_demand.remove(&(slot, known, class)));
                self.by_demand.extend(place.map(|place| (slot, place, class)));
            }
            false => {
                let known = self.open.remove(&(slot, class)).flatten();
                known.map(|known| self.by_demand.remove(&(slot, known, class)));
            }
        }
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
        self.open.keys().for_each(|(slot, _)| slots.set(*slot, true));
        assert_eq!(self.slots, slots);
        let place = |class: ClassId| self.lanes.get(&Owner::Class(class)).and_then(Lane::place);
        assert!(self.open.iter().all(|((_, class), known)| *known == place(*class)), "the places of classes are known");
        let by_demand = self.open.iter().filter_map(|((slot, class), place)| Some((*slot, (*place)?, *class)));
        assert_eq!(self.by_demand, by_demand.collect());
    }

    /// Whether a class has jobs and does not wait for its account.
    pub(crate) fn is_open(&self, slot: Slot, class: ClassId) -> bool {
        self.open.contains_key(&(slot, class))
    }
}
