//! The line, checked whole. Costs as much as it is long: for tests and the simulator.

use std::collections::BTreeSet;

use haina_core::UserId;

use crate::class::Helpful;
use crate::queue::{Place, Queue};

impl Queue {
    /// Computes every index from scratch and panics unless it equals the one that was kept.
    pub fn check(&self) {
        let mut fresh = Queue::new(self.apart);
        for (&id, class) in &self.classes {
            fresh.of_organization.entry(class.key.organization).or_default().insert(id);
            let peers = self.peers.get(&self.peers_of(id));
            let lanes = peers.into_iter().flat_map(|peers| peers.lanes());
            let entries: Vec<_> =
                lanes.flat_map(|lane| lane.of_slot(class.slot)).filter(|(entry, _)| entry.1 == id).collect();
            let jobs: usize = entries.iter().map(|(_, own)| own.turns.len()).sum();
            assert_eq!(class.jobs, jobs, "the jobs of a class are counted");
            for ((.., user), own) in &entries {
                let user = *user;
                fresh.of_user.extend(own.turns.kinds().map(|alike| (class.key.organization, user, alike, id)));
                if own.waits {
                    fresh.waiting_for_user.insert((class.key.organization, user, id));
                }
            }
            match class.looked_at {
                Some(_) if self.waiting_for_pool.contains(&id) => _ = fresh.waiting_for_pool.insert(id),
                Some(_) => _ = fresh.waiting_for_account.insert((class.key.organization, id)),
                None => {}
            }
            let looked_at = class.looked_at.map(|head| head.job);
            assert!(looked_at.is_none_or(|job| self.head(id) == Some(job)), "class {id} waits with what was looked at");
            let users: BTreeSet<UserId> = entries.iter().map(|((.., user), _)| *user).collect();
            assert_eq!(class.users, users, "who has jobs in class {id}");
            let in_peers = |has: bool, set: &str| assert!(has, "class {id} is in its peers' {set}, or is not");
            if let Some(peers) = peers {
                in_peers(peers.is_open(class.slot, id) == class.is_open(), "open classes");
                in_peers(peers.waiting.contains(&id) == class.looked_at.is_some(), "waiting classes");
            }
        }
        for (slot, shape) in self.shapes.iter() {
            let of_demand = self.classes.values().filter(|class| class.slot == slot);
            assert_eq!(
                shape.jobs(),
                of_demand.map(|class| class.jobs).sum::<usize>(),
                "the length of each job is counted"
            );
            let waits = self.shapes.waits(slot);
            assert!(waits || shape.window.is_none(), "who does not wait needs no window");
            if waits {
                let demand = shape.demand;
                fresh.waiting_for_capacity.insert((demand.pool, Helpful::to(&demand), demand));
            }
        }
        for (id, peers) in &self.peers {
            peers.check();
            assert!(!peers.is_empty(), "who has no jobs is not in line");
            let (rank, organization) = (id.1, peers.standing);
            fresh.order.extend(peers.place().map(|in_line| (Place { rank, organization, in_line }, *id)));
        }
        assert_eq!(self.len(), self.classes.values().map(|class| class.jobs).sum::<usize>());
        assert_eq!(self.of_organization, fresh.of_organization);
        assert_eq!(self.of_user, fresh.of_user);
        assert_eq!(self.order, fresh.order);
        assert_eq!(self.waiting_for_capacity, fresh.waiting_for_capacity);
        assert_eq!(self.waiting_for_account, fresh.waiting_for_account);
        assert_eq!(self.waiting_for_pool, fresh.waiting_for_pool);
        assert_eq!(self.waiting_for_user, fresh.waiting_for_user);
        let mut plain = self.clone();
        plain.passed = None;
        assert_eq!(self.first_ready_of(0), plain.first_ready_of(0), "whoever was passed waits for something");
        assert_eq!(self.first_ready_of(0), self.first_ready(), "the first of a demand is known");
    }
}
