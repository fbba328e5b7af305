//! Nothing is held twice, and nothing is taken of what takes no work (invariant 1).

use std::collections::BTreeMap;

use super::scene::Scene;
use super::violation::Broken;
use crate::plan_log::{Event, Record};

pub fn check(scene: &Scene, record: &Record, broken: &mut Vec<Broken>) {
    let Event::Placed { attempt, shares } = &record.event else { return };
    let attempt = *attempt;
    let mut cards: BTreeMap<(u32, u8), u32> = BTreeMap::new();
    let mut rest: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for share in shares {
        let Some(node) = scene.nodes.get(&share.node) else {
            broken.push(Broken::NoSuchNode { attempt, node: share.node });
            continue;
        };
        if node.draining {
            broken.push(Broken::NodeDraining { attempt, node: share.node });
        }
        let (cpu_millis, memory_bytes) = rest.entry(share.node).or_default();
        *cpu_millis += share.cpu_millis;
        *memory_bytes += share.memory_bytes;
        for slot in &share.cards {
            let (node_id, card) = (share.node, slot.index);
            if usize::from(card) >= node.holders.len() {
                broken.push(Broken::NoSuchCard { attempt, node: node_id, card });
                continue;
            }
            if node.unusable.contains(&card) {
                broken.push(Broken::CardUnusable { attempt, node: node_id, card });
            }
            if slot.millis != 1000 && !node.fractions {
                broken.push(Broken::PartsNotAllowed { attempt, node: node_id, card });
            }
            *cards.entry((node_id, card)).or_default() += u32::from(slot.millis);
        }
    }
    for ((node, card), taken) in cards {
        let holders = &scene.nodes[&node].holders[usize::from(card)];
        let millis = taken + holders.iter().map(|millis| u32::from(*millis)).sum::<u32>();
        if millis > 1000 {
            broken.push(Broken::CardOverfull { attempt, node, card, millis });
        }
    }
    for (node, (asked_millis, asked_bytes)) in rest {
        let (free_millis, free_bytes) = (scene.nodes[&node].cpu_free_millis, scene.nodes[&node].memory_free_bytes);
        if asked_millis > free_millis {
            broken.push(Broken::ProcessorsOverfull { attempt, node, asked_millis, free_millis });
        }
        if asked_bytes > free_bytes {
            broken.push(Broken::MemoryOverfull { attempt, node, asked_bytes, free_bytes });
        }
    }
}
