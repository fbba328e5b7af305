//! Which cards reach each other by their makers' own links: Huawei's HCCS from `npu-smi info -t topo`, NVIDIA's NVLink from
//! what NVML says of each link. Pure.

use std::collections::BTreeMap;

/// The rings of chips: for each chip, by its number, the least number of those that it reaches by Huawei's own links
/// (HCCS, also through its switches; SIO between the two chips of one card).
pub fn of_chips(topology: &str) -> BTreeMap<u32, u32> {
    let number = |label: &str| label.strip_prefix("NPU").or(label.strip_prefix("Phy-ID"))?.parse::<u32>().ok();
    let mut lines = topology.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    // The head has one label for each column, and then what is no chip.
    let columns: Vec<u32> = lines
        .by_ref()
        .find(|words| words.first().is_some_and(|word| number(word).is_some()))
        .map(|words| words.iter().map_while(|word| number(word)).collect())
        .unwrap_or_default();
    let mut ring: BTreeMap<u32, u32> = columns.iter().map(|chip| (*chip, *chip)).collect();
    for words in lines {
        let Some(chip) = words.first().and_then(|word| number(word)) else { continue };
        for (column, link) in columns.iter().zip(&words[1..]) {
            if (link.starts_with("HCCS") || *link == "SIO") && ring.contains_key(&chip) {
                let (one, other) = (ring[&chip], ring[column]);
                unite(ring.values_mut(), one, other);
            }
        }
    }
    ring
}

/// A place on the bus: domain, bus and device.
pub type Place = (u32, u32, u32);

/// A card, and where its links lead: to cards, or to switches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked {
    /// Its own place.
    pub place: Place,
    /// The places at the other ends of its links that are up.
    pub ends: Vec<Place>,
}

/// The ring of each card: the least number of those that it reaches by links, through other cards and switches too.
pub fn of_linked(cards: &[Linked]) -> Vec<u32> {
    let mut rings: Vec<u32> = (0..).take(cards.len()).collect();
    for (one, card) in cards.iter().enumerate() {
        for (other, with) in cards.iter().enumerate().skip(one + 1) {
            let is_end = |end: &Place| *end == with.place || with.ends.contains(end);
            if card.ends.iter().any(is_end) || with.ends.contains(&card.place) {
                let (one, other) = (rings[one], rings[other]);
                unite(rings.iter_mut(), one, other);
            }
        }
    }
    rings
}

/// Makes two rings one.
fn unite<'a>(rings: impl Iterator<Item = &'a mut u32>, one: u32, other: u32) {
    rings.filter(|ring| **ring == one.max(other)).for_each(|ring| *ring = one.min(other));
}

/// How many cards are in each ring, where all rings have as many, one after the other; 0 where they have not, or all cards
/// are in one. `rings` names the ring of each card.
pub fn size(rings: &[u32]) -> u32 {
    let first = rings.iter().take_while(|ring| **ring == rings[0]).count();
    if first < 2 || first == rings.len() || !rings.len().is_multiple_of(first) {
        return 0;
    }
    let mut names: Vec<u32> = Vec::new();
    for ring in rings.chunks(first) {
        if ring.iter().any(|name| *name != ring[0]) || names.contains(&ring[0]) {
            return 0;
        }
        names.push(ring[0]);
    }
    first as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cards on buses 0, 1, …, with links between these pairs, and each to as many switches.
    fn linked(count: u32, pairs: &[(u32, u32)], switches: u32) -> Vec<u32> {
        let place = |bus: u32| (0, bus, 0);
        let ends = |card: u32| {
            let others = pairs.iter().filter_map(move |(one, other)| match card {
                card if card == *one => Some(*other),
                card if card == *other => Some(*one),
                _ => None,
            });
            others.chain((0..switches).map(|switch| 200 + switch)).map(place).collect()
        };
        of_linked(&(0..count).map(|card| Linked { place: place(card), ends: ends(card) }).collect::<Vec<_>>())
    }

    #[test]
    fn nvlink_joins_cards_by_bridges_by_other_cards_and_by_switches() {
        // Two cards to a bridge: NVIDIA A100 PCIe product brief, "NVLink Bridge Support".
        let bridged = linked(8, &[(0, 1), (2, 3), (4, 5), (6, 7)], 0);
        assert_eq!((&bridged[..], size(&bridged)), (&[0, 0, 2, 2, 4, 4, 6, 6][..], 2));
        // DGX-1 with V100: a hybrid cube mesh, two meshes of four that are linked pair by pair (NVIDIA's white paper on the
        // DGX-1). All reach each other.
        let quad = |first: u32| [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)].map(|(a, b)| (first + a, first + b));
        let across = [(0, 4), (1, 5), (2, 6), (3, 7)];
        let meshes = [&quad(0)[..], &quad(4)].concat();
        assert_eq!(size(&linked(8, &[&meshes[..], &across].concat(), 0)), 0);
        assert_eq!(size(&linked(8, &meshes, 0)), 4, "without the links between the two");
        // DGX A100: six switches, and each card has links to all of them (DGX A100 user guide).
        assert_eq!(linked(8, &[], 6), [0; 8]);
        assert_eq!(linked(3, &[], 0), [0, 1, 2]);
        // Told by one of the two ends alone.
        let [one, other] = [(0, 0, 0), (0, 1, 0)];
        let cards = [Linked { place: one, ends: Vec::new() }, Linked { place: other, ends: vec![one] }];
        assert_eq!(of_linked(&cards), [0, 0]);
    }

    #[test]
    fn rings_count_where_they_are_alike_and_in_order() {
        for (rings, expected) in [
            (&[0, 0, 0, 0, 4, 4, 4, 4][..], 4),
            (&[0, 0, 0, 0], 0),
            (&[0, 1, 2, 3], 0),
            (&[0, 0, 2, 2, 4, 4], 2),
            (&[0, 0, 0, 3, 3], 0),
            (&[0, 0, 2, 2, 0, 0], 0),
            (&[0, 0, 2, 3], 0),
            (&[], 0),
        ] {
            assert_eq!(size(rings), expected, "{rings:?}");
        }
    }
}
