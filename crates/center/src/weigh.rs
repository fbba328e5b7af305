//! Priority as a sum of factors: tells the queue what classes and shares weigh. See [`haina_scheduler::class_head_start`].

use haina_core::{CardMillis, ClassId, Order, Policy, PriorityWeights};
use haina_scheduler::{Queue, class_head_start, fair_share_head_starts};

use crate::{View, cards_of};

impl View {
    fn weights(&self) -> Option<&PriorityWeights> {
        weights(&self.center.policy)
    }

    /// The rank of a class: classes go strictly by it, and no job takes what is promised to one of a higher rank.
    pub(crate) fn rank(&self, class: ClassId) -> i32 {
        self.rank_by(&self.center.policy, class)
    }

    /// The rank that a class would have by a policy. By points, a priority is no class that goes before others.
    pub(crate) fn rank_by(&self, policy: &Policy, class: ClassId) -> i32 {
        if weights(policy).is_some() { 0 } else { self.classes[&class].key.priority }
    }

    /// Tells the queue what a class weighs.
    pub(crate) fn weigh_class(&self, queue: &mut Queue, class: ClassId) {
        let Some(weights) = self.weights() else { return };
        let key = &self.classes[&class].key;
        let installed = self.cluster.all_totals().map(|(_, _, totals)| totals.installed.0).sum();
        let head_start = class_head_start(weights, cards_of(&key.demand), CardMillis(installed), key.priority);
        queue.set_class_standing(class, self.rank(class), head_start);
    }

    /// Tells the queue what all classes weigh: the cards of the center are more than they were.
    pub(crate) fn weigh_classes(&self, queue: &mut Queue) {
        if self.weights().is_some() {
            self.classes.keys().for_each(|class| self.weigh_class(queue, *class));
        }
    }

    /// Tells the queue what everybody's fair share weighs: what one uses changes the part of all.
    pub(crate) fn weigh_shares(&self, queue: &mut Queue) {
        let Some(weights) = self.weights() else { return };
        for weighed in fair_share_head_starts(weights, &self.shares) {
            let organization = weighed.organization;
            queue.set_organization_head_start(organization, weighed.head_start);
            for (user, less) in weighed.less {
                queue.set_user_later(organization, user, less);
            }
        }
    }
}

fn weights(policy: &Policy) -> Option<&PriorityWeights> {
    match &policy.order {
        Order::Multifactor(weights) => Some(weights),
        Order::Fifo | Order::Fair | Order::FairTree | Order::Shortest | Order::Deadline => None,
    }
}
