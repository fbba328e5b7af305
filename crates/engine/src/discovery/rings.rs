//! Which cards reach each other directly, from `npu-smi info -t topo`.

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
                ring.values_mut().filter(|at| **at == one.max(other)).for_each(|at| *at = one.min(other));
            }
        }
    }
    ring
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
