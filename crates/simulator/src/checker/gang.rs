//! A gang holds all that it asked for or nothing (invariant 2), on different nodes, of one model, and a share that a
//! ring of its node can hold stays in one.

use std::collections::BTreeSet;

use super::scene::{Node, Scene};
use super::violation::Broken;
use crate::plan_log::{Event, Record, Shape, Share};

pub fn check(scene: &Scene, record: &Record, broken: &mut Vec<Broken>) {
    let Event::Placed { attempt, shares } = &record.event else { return };
    let Some(job) = scene.jobs.get(&attempt.job) else { return };
    let (attempt, shape) = (*attempt, &job.submitted.shape);
    if shares.len() as u32 != shape.nodes {
        broken.push(Broken::GangNotWhole { attempt, nodes: shares.len() as u32, asked: shape.nodes });
    }
    let (mut seen, mut models) = (BTreeSet::new(), BTreeSet::new());
    for share in shares {
        let node = share.node;
        if !seen.insert(node) {
            broken.push(Broken::NodeTwice { attempt, node });
        }
        if !is_as_asked(share, shape) {
            broken.push(Broken::ShareNotAsAsked { attempt, node });
        }
        let Some(entry) = scene.nodes.get(&node) else { continue };
        if entry.pool != shape.pool {
            broken.push(Broken::WrongPool { attempt, node });
        }
        if shape.model.is_some() && shape.model != entry.model {
            broken.push(Broken::WrongModel { attempt, node });
        }
        if shape.cards_per_node_millis > 0 {
            models.insert(entry.model);
        }
        if leaves_ring(share, entry, &promised_to_others(scene, attempt.job, node)) {
            broken.push(Broken::RingLeft { attempt, node });
        }
    }
    if models.len() > 1 {
        broken.push(Broken::MixedModels { attempt });
    }
}

/// Whole cards, each once; or one part of one card.
fn is_as_asked(share: &Share, shape: &Shape) -> bool {
    let asked = shape.cards_per_node_millis;
    let cards = match asked {
        0 => share.cards.is_empty(),
        1..1000 => share.cards.len() == 1 && u32::from(share.cards[0].millis) == asked,
        _ => {
            let distinct: BTreeSet<u8> = share.cards.iter().map(|slot| slot.index).collect();
            let whole = share.cards.iter().all(|slot| slot.millis == 1000);
            whole && distinct.len() == share.cards.len() && share.cards.len() as u32 * 1000 == asked
        }
    };
    cards && share.cpu_millis == shape.cpu_per_node_millis && share.memory_bytes == shape.memory_per_node_bytes
}

/// Cards of a node that are promised to others: who leaves them alone may have to leave a ring for it.
fn promised_to_others(scene: &Scene, job: u64, node: u32) -> BTreeSet<u8> {
    let others = scene.promises.iter().filter(|(other, _)| **other != job);
    let shares = others.flat_map(|(_, promise)| &promise.shares).filter(|share| share.node == node);
    shares.flat_map(|share| &share.cards).map(|slot| slot.index).collect()
}

fn leaves_ring(share: &Share, node: &Node, promised: &BTreeSet<u8>) -> bool {
    if node.ring == 0 {
        return false;
    }
    let rings: BTreeSet<u8> = share.cards.iter().map(|slot| slot.index / node.ring).collect();
    let free: Vec<u8> =
        node.free_cards().filter(|card| !promised.contains(card)).map(|card| card / node.ring).collect();
    let could_stay = |ring: &u8| free.iter().filter(|of| *of == ring).count() >= share.cards.len();
    rings.len() > 1 && free.iter().any(could_stay)
}
