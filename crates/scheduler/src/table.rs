//! Nodes sorted into a small square of buckets by two card counts.

use crate::bits::NodeSet;

/// Buckets of nodes by (major, minor), each a card count of at most 64. Scanning skips empty buckets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    /// Which rows are not empty.
    used: u128,
    rows: Vec<Row>,
}

#[derive(Clone, Debug, Default)]
struct Row {
    /// Which cells are not empty.
    used: u128,
    cells: Vec<NodeSet>,
}

impl Table {
    pub(crate) fn insert(&mut self, major: u32, minor: u32, node: u32) {
        let (major_index, minor_index) = (major as usize, minor as usize);
        if self.rows.len() <= major_index {
            self.rows.resize_with(major_index + 1, Row::default);
        }
        let row = &mut self.rows[major_index];
        if row.cells.len() <= minor_index {
            row.cells.resize_with(minor_index + 1, NodeSet::default);
        }
        row.cells[minor_index].insert(node);
        row.used |= 1 << minor;
        self.used |= 1 << major;
    }

    pub(crate) fn remove(&mut self, major: u32, minor: u32, node: u32) {
        let row = &mut self.rows[major as usize];
        row.cells[minor as usize].remove(node);
        if row.cells[minor as usize].is_empty() {
            row.used &= !(1 << minor);
        }
        if row.used == 0 {
            self.used &= !(1 << major);
        }
    }

    /// The buckets that are not empty, from row `major_min` on, ascending by (major, minor).
    pub(crate) fn scan(&self, major_min: u32) -> impl Iterator<Item = (u32, u32, &NodeSet)> {
        ones(self.used.checked_shr(major_min).unwrap_or(0)).flat_map(move |offset| {
            let major = major_min + offset;
            let row = &self.rows[major as usize];
            ones(row.used).map(move |minor| (major, minor, &row.cells[minor as usize]))
        })
    }
}

fn ones(mut mask: u128) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let position = mask.trailing_zeros();
        mask &= mask.wrapping_sub(1);
        (position < 128).then_some(position)
    })
}

/// Equal content; buckets that were used once do not matter.
impl PartialEq for Table {
    fn eq(&self, other: &Table) -> bool {
        self.scan(0).eq(other.scan(0))
    }
}
