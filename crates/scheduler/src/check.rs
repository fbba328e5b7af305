//! The cluster's account of itself, for tests, the simulator and start-up.

use crate::cluster::Cluster;

impl Cluster {
    /// Computes every index from scratch and panics unless it equals the one that was kept, and unless every card is
    /// given out at most once, wholly or in parts.
    pub fn check(&self) {
        assert!(
            self.nodes.iter().map(|node| node.spec.id).eq(self.ids.iter().copied()),
            "ids stand beside their nodes"
        );
        assert!(self.ids.is_sorted_by(|a, b| a < b), "nodes are kept by id");
        self.nodes.iter().for_each(|node| node.check());
        let fresh = Cluster::index(&self.nodes, &self.mix);
        assert!(fresh.keys().eq(self.groups.keys()), "every node has a group");
        for ((key, kept), fresh) in self.groups.iter().zip(fresh.values()) {
            assert_eq!(kept.capabilities, fresh.capabilities, "capabilities of {key:?}");
            assert_eq!(kept.totals, fresh.totals, "totals of {key:?}");
            assert_eq!(kept.remainders, fresh.remainders, "remainders of {key:?}");
            assert!(kept.ranking == fresh.ranking, "ranking of {key:?}");
            assert!(kept == fresh, "rings, free cards and processors of {key:?}");
        }
    }
}
