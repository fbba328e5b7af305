//! The rules of placement as plainly as they can be said: every node is looked at, nothing is indexed.

use haina_core::{Allocation, CardModelId, NodeId, NodeShare};
use haina_scheduler::{Demand, NodeSpec, NodeState, WithheldShare};

#[derive(Clone, Debug)]
pub struct ReferenceNode {
    pub spec: NodeSpec,
    pub state: NodeState,
    /// Cards that get no new work, as bits.
    pub unusable: u64,
    /// For each card what each of its holders holds.
    holders: Vec<Vec<u16>>,
    cpu_used: u64,
    memory_used: u64,
}

impl ReferenceNode {
    pub fn cpu_free(&self) -> u64 {
        self.spec.cpu.0 - self.cpu_used
    }

    pub fn free_cards(&self) -> usize {
        self.free().filter(|free| *free).count()
    }

    /// Of each card whether it is free and usable.
    fn free(&self) -> impl Iterator<Item = bool> {
        (0..).zip(&self.holders).map(|(card, holders)| holders.is_empty() && self.unusable >> card & 1 == 0)
    }

    /// Free cards of each ring.
    fn rings(&self) -> Vec<usize> {
        let size = if self.spec.ring == 0 { self.holders.len().max(1) } else { self.spec.ring as usize };
        let free: Vec<bool> = self.free().collect();
        free.chunks(size).map(|ring| ring.iter().filter(|free| **free).count()).collect()
    }

    pub fn least_sufficient_ring(&self, cards: usize) -> Option<usize> {
        self.rings().into_iter().filter(|free| *free >= cards).min()
    }

    /// Free cards of the ring that `card` belongs to.
    pub fn ring_of(&self, card: u8) -> usize {
        let size = if self.spec.ring == 0 { self.holders.len() } else { self.spec.ring as usize };
        self.rings()[usize::from(card) / size]
    }

    /// What is left of each usable card that is held in parts.
    pub fn remainders(&self) -> Vec<u16> {
        let usable = (0..).zip(&self.holders).filter(|(card, _)| self.unusable >> *card & 1 == 0);
        let parts = usable.filter(|(_, holders)| holders.iter().any(|held| *held < 1000));
        parts.map(|(_, holders)| 1000 - holders.iter().sum::<u16>()).collect()
    }

    pub fn remainder(&self, card: u8) -> u16 {
        1000 - self.holders[usize::from(card)].iter().sum::<u16>()
    }

    pub fn could_host_one_share(&self, demand: &Demand) -> bool {
        let cards = match demand.cards_per_node.0 as usize {
            0 => true,
            millis if millis < 1000 => {
                let in_parts = self.remainders().iter().any(|left| usize::from(*left) >= millis);
                self.spec.fractions && (in_parts || self.free_cards() > 0)
            }
            millis => self.free_cards() >= millis / 1000,
        };
        cards
            && self.state == NodeState::Available
            && self.spec.pool == demand.pool
            && demand.card_model.is_none_or(|model| self.model() == Some(model))
            && self.cpu_free() >= demand.cpu_per_node.0
            && self.spec.memory.0 - self.memory_used >= demand.memory_per_node.0
    }

    /// Makes this unavailable, as far as it is free.
    pub fn withhold(&mut self, share: WithheldShare) {
        self.unusable |= share.cards;
        self.cpu_used += share.cpu.0.min(self.cpu_free());
        self.memory_used += share.memory.0.min(self.spec.memory.0 - self.memory_used);
    }

    pub fn model(&self) -> Option<CardModelId> {
        self.spec.card_model
    }
}

#[derive(Clone, Debug, Default)]
pub struct Reference {
    pub nodes: Vec<ReferenceNode>,
}

impl Reference {
    pub fn add(&mut self, spec: NodeSpec) {
        let holders = vec![Vec::new(); spec.cards as usize];
        self.nodes.push(ReferenceNode {
            spec,
            state: NodeState::Available,
            unusable: 0,
            holders,
            cpu_used: 0,
            memory_used: 0,
        });
    }

    pub fn node(&mut self, id: NodeId) -> &mut ReferenceNode {
        self.nodes.iter_mut().find(|node| node.spec.id == id).expect("it was added")
    }

    /// The nodes that could host a share, of the model that has the most of them; of all where no cards are needed.
    pub fn nodes_free(&self, demand: &Demand) -> usize {
        let hosts = |node: &&ReferenceNode| node.could_host_one_share(demand);
        if demand.cards_per_node.0 == 0 {
            return self.nodes.iter().filter(hosts).count();
        }
        let of = |model| self.nodes.iter().filter(hosts).filter(|node| node.model() == model).count();
        self.nodes.iter().map(|node| of(node.model())).max().unwrap_or(0)
    }

    pub fn claim(&mut self, allocation: &Allocation) {
        for NodeShare { node, cards, cpu, memory } in &allocation.shares {
            let node = self.node(*node);
            node.cpu_used += cpu.0;
            node.memory_used += memory.0;
            cards.iter().for_each(|slot| node.holders[usize::from(slot.index)].push(slot.millis));
        }
    }

    pub fn release(&mut self, allocation: &Allocation) {
        for NodeShare { node, cards, cpu, memory } in &allocation.shares {
            let node = self.node(*node);
            node.cpu_used -= cpu.0;
            node.memory_used -= memory.0;
            for slot in cards {
                let holders = &mut node.holders[usize::from(slot.index)];
                let held = holders.iter().position(|held| *held == slot.millis).expect("it was held");
                holders.swap_remove(held);
            }
        }
    }

    /// Invariants 1 and 2 from the holders' point of view.
    pub fn assert_no_card_is_given_out_twice(&self) {
        for node in &self.nodes {
            for holders in &node.holders {
                assert!(holders.iter().sum::<u16>() <= 1000, "{holders:?}");
                assert!(holders.len() <= 1 || holders.iter().all(|held| *held < 1000), "{holders:?}");
                assert!(node.spec.fractions || holders.iter().all(|held| *held == 1000), "{holders:?}");
            }
        }
    }
}
