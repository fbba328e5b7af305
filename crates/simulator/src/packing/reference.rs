//! The policies of the paper, run as plainly as they can be: every node that fits is scored for every pod. Scores are
//! kept until the node changes.

use std::collections::BTreeMap;

use super::gradient::Popular;
use super::plain::{Kind, PlainNode};
use super::trace::{TraceNode, TracePod};
use super::{Packing, naive};
use crate::Random;

/// Places the pods one after the other; the thousandths of cards that were given out.
pub(crate) fn run(policy: Packing, nodes: &[TraceNode], pods: &[TracePod], arrivals: &[TracePod], seed: u64) -> u64 {
    let mut random = Random::new(!seed);
    let popular = Popular::of(pods);
    let judge = |node: &PlainNode, pod: &TracePod| match policy {
        Packing::DotProduct => naive::dot_product(node, pod),
        Packing::Clustering => naive::clustering(node, pod),
        Packing::Packing => naive::packing(node, pod),
        Packing::BestFit => naive::best_fit(node, pod),
        Packing::Gradient => popular.judge(node, pod).0,
        Packing::Random | Packing::HainaTold | Packing::Haina => 0,
    };
    let mut nodes: Vec<PlainNode> = nodes.iter().map(PlainNode::new).collect();
    let mut scores: Vec<BTreeMap<TracePod, i32>> = vec![BTreeMap::new(); nodes.len()];
    let mut given_out = 0;
    for pod in arrivals {
        let able: Vec<usize> = (0..nodes.len()).filter(|node| nodes[*node].fits(pod)).collect();
        if able.is_empty() {
            continue;
        }
        let chosen = match policy {
            Packing::Random => random.pick(&able),
            _ => {
                let mut score = |node: usize| *scores[node].entry(*pod).or_insert_with(|| judge(&nodes[node], pod));
                let best = |best: (i32, usize), next: (i32, usize)| if next.0 > best.0 { next } else { best };
                able.iter().map(|node| (score(*node), *node)).reduce(best).expect("some node fits").1
            }
        };
        let node = &mut nodes[chosen];
        let cards = match policy {
            Packing::Random if pod.kind() == Some(Kind::Part) => {
                vec![random.pick(&node.able_cards(pod).collect::<Vec<_>>())]
            }
            Packing::Gradient => popular.judge(node, pod).1,
            _ => node.fullest_cards(pod),
        };
        node.place(pod, &cards);
        scores[chosen].clear();
        given_out += u64::from(pod.card_millis());
    }
    given_out
}
