//! The demands of the classes in line, each with a small number. What the cluster answers for one class of a demand is its
//! answer for all of them.

use std::collections::{BTreeMap, BTreeSet};

use haina_core::{ClassId, Milliseconds, Timestamp};

use crate::Demand;
use crate::bits::Bits;
use crate::lane::Slot;

/// All classes of one demand.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shape {
    pub(crate) demand: Demand,
    pub(crate) classes: BTreeSet<ClassId>,
    /// How many jobs may hold what they get for so long, whatever their classes wait for.
    lengths: BTreeMap<Milliseconds, usize>,
    /// While it waits for capacity: a job that ends by then would fit all the same, because what is free is promised only
    /// from then on.
    pub(crate) window: Option<Timestamp>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Shapes {
    numbers: BTreeMap<Demand, Slot>,
    all: Vec<Option<Shape>>,
    /// Those that do not wait for capacity.
    ready: Bits,
}

impl Shapes {
    /// A class has this demand; the number of it.
    pub(crate) fn add(&mut self, demand: Demand, class: ClassId) -> Slot {
        let slot = *self.numbers.entry(demand).or_insert_with(|| {
            let free = self.all.iter().position(Option::is_none).unwrap_or(self.all.len());
            if free == self.all.len() {
                self.all.push(None);
            }
            let (classes, lengths) = (BTreeSet::new(), BTreeMap::new());
            self.all[free] = Some(Shape { demand, classes, lengths, window: None });
            self.ready.set(free as Slot, true);
            free as Slot
        });
        self.get_mut(slot).classes.insert(class);
        slot
    }

    /// A class is gone; whether it was the last of its demand.
    pub(crate) fn remove(&mut self, slot: Slot, class: ClassId) -> bool {
        let shape = self.get_mut(slot);
        shape.classes.remove(&class);
        let is_last = shape.classes.is_empty();
        if is_last {
            let demand = shape.demand;
            self.numbers.remove(&demand);
            self.all[slot as usize] = None;
            self.ready.set(slot, false);
        }
        is_last
    }

    pub(crate) fn get(&self, slot: Slot) -> &Shape {
        self.all[slot as usize].as_ref().expect("the demand of a class is known")
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> &mut Shape {
        self.all[slot as usize].as_mut().expect("the demand of a class is known")
    }

    /// The number of a demand that some class has.
    pub(crate) fn slot(&self, demand: &Demand) -> Slot {
        self.numbers[demand]
    }

    pub(crate) fn waits(&self, slot: Slot) -> bool {
        !self.ready.contains(slot)
    }

    pub(crate) fn set_waits(&mut self, slot: Slot, waits: bool) {
        self.ready.set(slot, !waits);
    }

    /// Those that do not wait for capacity.
    pub(crate) fn ready(&self) -> &Bits {
        &self.ready
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, &Shape)> {
        (0..).zip(&self.all).filter_map(|(slot, shape)| Some((slot, shape.as_ref()?)))
    }
}

impl Shape {
    /// A job more, that may hold what it gets for so long.
    pub(crate) fn came(&mut self, longest: Milliseconds) {
        *self.lengths.entry(longest).or_default() += 1;
    }

    /// A job less.
    pub(crate) fn left(&mut self, longest: Milliseconds) {
        let alike = self.lengths.get_mut(&longest).expect("the length of each job is counted");
        *alike -= 1;
        if *alike == 0 {
            self.lengths.remove(&longest);
        }
    }

    /// The least time for which one of the jobs may hold what it gets.
    pub(crate) fn shortest(&self) -> Option<Milliseconds> {
        self.lengths.first_key_value().map(|(longest, _)| *longest)
    }

    pub(crate) fn jobs(&self) -> usize {
        self.lengths.values().sum()
    }
}
