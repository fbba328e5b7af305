//! The cluster's account of itself, for tests, the simulator and start-up.

use crate::cluster::Cluster;
use crate::index::Group;

impl Cluster {
    /// Computes every index from scratch and panics unless it equals the one that was kept, and unless every card is
    /// given out at most once, wholly or in parts.
    pub fn check(&self) {
        self.check_indexes();
        // Also what is ranked by another mix so far.
        let mut renewed = self.clone();
        renewed.rank_more(usize::MAX);
        renewed.check_indexes();
    }

    fn check_indexes(&self) {
        assert!(
            self.nodes.iter().map(|node| node.spec.id).eq(self.ids.iter().copied()),
            "ids stand beside their nodes"
        );
        assert!(self.ids.is_sorted_by(|a, b| a < b), "nodes are kept by id");
        self.nodes.iter().for_each(|node| node.check());
        let fresh = self.index();
        assert!(fresh.keys().eq(self.groups.keys()), "every node has a group");
        for ((key, kept), fresh) in self.groups.iter().zip(fresh.values()) {
            assert_eq!(kept.capabilities, fresh.capabilities, "capabilities of {key:?}");
            assert_eq!(kept.totals, fresh.totals, "totals of {key:?}");
            assert_eq!(kept.remainders, fresh.remainders, "remainders of {key:?}");
            assert!(kept.ranking == fresh.ranking, "ranking of {key:?}");
            assert!(Group { renewal: None, ..kept.clone() } == *fresh, "rings, free cards and processors of {key:?}");
        }
    }
}
