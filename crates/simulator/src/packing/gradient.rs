//! Fragmentation gradient descent as the paper's simulator has it (Weng et al., ATC '23): the mix of pods that cover 95 %
//! of the trace, what of a node's free cards each of them could not use, and the node and card where that grows least.

use std::collections::BTreeMap;

use super::plain::PlainNode;
use super::trace::TracePod;

/// What pods ask for, and how many of them do.
pub(crate) struct Popular {
    shapes: Vec<(Shape, i64)>,
    pods: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    cpu_millis: u64,
    cards: u32,
    millis_per_card: u32,
}

impl Popular {
    /// The shapes that are asked for most, until they cover 95 % of the pods.
    pub(crate) fn of(pods: &[TracePod]) -> Popular {
        let mut counts: BTreeMap<Shape, i64> = BTreeMap::new();
        for pod in pods {
            let TracePod { cpu_millis, cards, millis_per_card, .. } = *pod;
            *counts.entry(Shape { cpu_millis, cards, millis_per_card }).or_default() += 1;
        }
        let mut shapes: Vec<(Shape, i64)> = counts.into_iter().collect();
        shapes.sort_by_key(|(shape, count)| std::cmp::Reverse((*count, *shape)));
        let mut covered = 0;
        shapes.retain(|(_, count)| {
            let is_wanted = covered * 100 < 95 * pods.len() as i64;
            covered += if is_wanted { *count } else { 0 };
            is_wanted
        });
        Popular { shapes, pods: covered }
    }

    /// Thousandths of the free cards that a pod of the mix could not use, times the pods of the mix.
    fn unusable(&self, cpu_millis: u64, cards: &[u32]) -> i64 {
        let all: u32 = cards.iter().sum();
        let of = |(shape, count): &(Shape, i64)| {
            let is_narrow = |left: &&u32| **left < shape.millis_per_card;
            let narrow: u32 = cards.iter().filter(is_narrow).sum();
            let wide = cards.len() - cards.iter().filter(is_narrow).count();
            let fits = shape.cards > 0 && wide >= shape.cards as usize && cpu_millis >= shape.cpu_millis;
            count * i64::from(if fits { narrow } else { all })
        };
        self.shapes.iter().map(of).sum()
    }

    /// The score of a node, of at most 100, and the cards to take.
    pub(crate) fn judge(&self, node: &PlainNode, pod: &TracePod) -> (i32, Vec<usize>) {
        let before = self.unusable(node.cpu_millis, &node.cards);
        let score = |taken: &[usize]| {
            let mut cards = node.cards.clone();
            taken.iter().for_each(|card| cards[*card] -= pod.millis_per_card);
            percent(before - self.unusable(node.cpu_millis - pod.cpu_millis, &cards), self.pods)
        };
        let able = (0..node.cards.len()).filter(|card| node.cards[*card] >= pod.millis_per_card);
        if pod.cards == 1 && pod.millis_per_card < 1000 {
            let judged = able.map(|card| (score(&[card]), vec![card]));
            return judged.reduce(|best, next| if next.0 > best.0 { next } else { best }).expect("the pod fits");
        }
        let taken: Vec<usize> = able.take(pod.cards as usize).collect();
        (score(&taken), taken)
    }
}

/// The whole percents of 1 / (1 + e^-x), where x is `saved` ÷ `pods` in cards: that much less would be unusable.
fn percent(saved: i64, pods: i64) -> i32 {
    // 1000 × ln(p / (100 - p)) for p = 51, 52, … 99.
    const REACHED: [i64; 49] = [
        40, 80, 120, 160, 201, 241, 282, 323, 364, 405, 447, 490, 532, 575, 619, 663, 708, 754, 800, 847, 895, 944,
        995, 1046, 1099, 1153, 1208, 1266, 1325, 1386, 1450, 1516, 1586, 1658, 1735, 1815, 1901, 1992, 2091, 2197,
        2314, 2442, 2587, 2752, 2944, 3178, 3476, 3892, 4595,
    ];
    if saved >= 0 {
        50 + REACHED.iter().filter(|millis| saved >= **millis * pods).count() as i32
    } else {
        49 - REACHED.iter().filter(|millis| -saved > **millis * pods).count() as i32
    }
}
