//! One run of the experiment: the order in which pods and nodes come, and what each policy makes of it.

use haina_core::Policy;

use super::go_random::GoRandom;
use super::{Packing, TraceNode, TracePod, own, reference};
use crate::Random;

/// Pods that arrive one after the other, at nodes whose order decides ties.
pub struct Experiment<'a> {
    nodes: Vec<TraceNode>,
    /// What the pods are drawn from.
    pods: &'a [TracePod],
    arrivals: Vec<TracePod>,
    seed: u64,
}

/// Thousandths of all cards.
fn capacity(nodes: &[TraceNode]) -> u64 {
    nodes.iter().map(|node| u64::from(node.cards) * 1000).sum()
}

impl<'a> Experiment<'a> {
    /// All pods in random order, then pods drawn from them, until 130 % of the cards are asked for; nodes in random order.
    pub fn drawn(nodes: &[TraceNode], pods: &'a [TracePod], seed: u64) -> Experiment<'a> {
        let mut random = Random::new(seed);
        let mut shuffled = nodes.to_vec();
        shuffle(&mut shuffled, &mut random);
        let mut arrivals = pods.to_vec();
        shuffle(&mut arrivals, &mut random);
        let most = capacity(nodes) * 13 / 10;
        let mut asked: u64 = pods.iter().map(|pod| u64::from(pod.card_millis())).sum();
        loop {
            let pod = random.pick(pods);
            asked += u64::from(pod.card_millis());
            if asked > most {
                return Experiment { nodes: shuffled, pods, arrivals, seed };
            }
            arrivals.push(pod);
        }
    }

    /// In the order of the published run of that seed: all that the paper's simulator draws is drawn again. Nodes and pods are
    /// given by ascending name.
    pub fn as_published(nodes: &[TraceNode], pods: &'a [TracePod], seed: u32) -> Experiment<'a> {
        let mut random = GoRandom::new(seed);
        // A number that is only logged.
        random.word();
        let mut arrivals = pods.to_vec();
        random.shuffle(&mut arrivals);
        let most = capacity(nodes) * 13 / 10;
        let mut asked: u64 = pods.iter().map(|pod| u64::from(pod.card_millis())).sum();
        loop {
            let pod = pods[random.below(pods.len() as u32) as usize];
            // It stops by what the next asks of one card.
            if asked + u64::from(pod.millis_per_card) > most {
                break;
            }
            asked += u64::from(pod.card_millis());
            arrivals.push(pod);
        }
        // Drawn meanwhile by a library that it watches its objects with. How many was found by trying: with no other count up to
        // a hundred do the results agree.
        (0..10).for_each(|_| _ = random.word());
        let ranks = random.permutation(nodes.len());
        let mut by_rank: Vec<(usize, TraceNode)> = ranks.into_iter().zip(nodes.iter().cloned()).collect();
        by_rank.sort_by_key(|(rank, _)| *rank);
        let nodes = by_rank.into_iter().map(|(_, node)| node).collect();
        Experiment { nodes, pods, arrivals, seed: u64::from(seed) }
    }

    /// The hundredths of a percent of the cards that are given out in the end.
    pub fn given_out(&self, policy: Packing) -> u64 {
        let Experiment { nodes, pods, arrivals, seed } = self;
        let millis = match policy {
            Packing::HainaTold => own::run(nodes, pods, arrivals),
            Packing::Haina => own::run_center(Policy::default(), nodes, arrivals),
            _ => reference::run(policy, nodes, pods, arrivals, *seed),
        };
        millis * 10_000 / capacity(nodes)
    }
}

fn shuffle<T>(items: &mut [T], random: &mut Random) {
    for last in (1..items.len()).rev() {
        items.swap(last, random.below(last as u64 + 1) as usize);
    }
}
