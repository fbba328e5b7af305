//! What is promised to somebody else is left alone.

use haina_core::{Bytes, CpuMillis, NodeId};
use haina_scheduler::{Cluster, Demand, Found, Terms, Withheld, WithheldShare};

use crate::builders::*;

fn withhold(node: u32, cards: u64, cores: u64) -> Withheld {
    let mut withheld = Withheld::default();
    withheld.add(NodeId(node), WithheldShare { cards, cpu: CpuMillis(cores * 1000), memory: Bytes(0) });
    withheld
}

fn beside(cluster: &Cluster, demand: &Demand, withheld: &Withheld) -> String {
    let terms = Terms { withheld, ..Terms::default() };
    match cluster.find(demand, &terms, &mut cluster.fuel_for_any_find()) {
        Found::Placed(allocation) => show(&allocation),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_withheld_card_is_given_neither_wholly_nor_in_parts() {
    let mut cluster = cluster([nvidia(1)]);
    place(&mut cluster, &millis(500));
    let withheld = withhold(1, 0b1, 0);
    assert_eq!(beside(&cluster, &millis(500), &withheld), "1:1*500", "though card 0 has just this much left");
    assert_eq!(beside(&cluster, &cards(7), &withheld), "1:1,2,3,4,5,6,7");
    assert_eq!(beside(&cluster, &cards(8), &withheld), "Blocked { nodes_free: 0 }");
}

#[test]
fn cards_beside_withheld_ones_stay_in_one_ring_if_they_can() {
    let cluster = cluster([ascend(1)]);
    assert_eq!(beside(&cluster, &cards(4), &withhold(1, 0b1000_0000, 0)), "1:0,1,2,3");
    assert_eq!(beside(&cluster, &cards(4), &withhold(1, 0b1000_0001, 0)), "1:1,2,3,4");
}

#[test]
fn withheld_processors_are_not_taken() {
    let cluster = cluster([plain(1, 16), plain(2, 32)]);
    assert_eq!(beside(&cluster, &cores(4), &withhold(1, 0, 12)), "1:");
    assert_eq!(beside(&cluster, &cores(5), &withhold(1, 0, 12)), "2:");
}
