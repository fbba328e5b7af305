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
    // Billionths of ln(p / (100 - p)) for p = 51, 52, … 99, rounded up.
    const REACHED: [i64; 49] = [
        40_005_335,
        80_042_708,
        120_144_312,
        160_342_651,
        200_670_696,
        241_162_057,
        281_851_153,
        322_773_393,
        363_965_378,
        405_465_109,
        447_312_219,
        489_548_226,
        532_216_814,
        575_364_145,
        619_039_209,
        663_294_218,
        708_185_058,
        753_771_803,
        800_119_301,
        847_297_861,
        895_384_048,
        944_461_609,
        994_622_576,
        1_045_968_556,
        1_098_612_289,
        1_152_679_510,
        1_208_311_206,
        1_265_666_374,
        1_324_925_415,
        1_386_294_362,
        1_450_010_176,
        1_516_347_490,
        1_585_627_264,
        1_658_228_077,
        1_734_601_056,
        1_815_289_967,
        1_900_958_762,
        1_992_430_165,
        2_090_741_097,
        2_197_224_578,
        2_313_634_930,
        2_442_347_036,
        2_586_689_345,
        2_751_535_314,
        2_944_438_980,
        3_178_053_831,
        3_476_098_690,
        3_891_820_299,
        4_595_119_851,
    ];
    let reached = |billionth: &&i64| saved.abs() * 1_000_000 >= **billionth * pods;
    let count = REACHED.iter().filter(reached).count() as i32;
    if saved >= 0 { 50 + count } else { 49 - count }
}
