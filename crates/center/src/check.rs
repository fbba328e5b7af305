//! The invariants, checked whole. Costs as much as the state is large: for tests and the simulator.

use std::collections::BTreeMap;

use haina_core::{CardMillis, OrganizationId};
use haina_ledger::{LedgerAccount, hold};
use haina_scheduler::Planned;

use crate::dues::Dues;
use crate::{Progress, State};

impl State {
    /// Panics, naming the invariant, where one does not hold.
    pub fn check(&self) {
        self.view.cluster.check();
        self.queue.check();
        self.check_order();
        self.check_attempts();
        self.check_plan();
        self.check_money();
        self.check_jobs();
    }

    /// Everybody stands in line where he would if all were put in line anew.
    fn check_order(&self) {
        if self.lining_up.is_some() {
            return;
        }
        let fresh = self.lined_up();
        for class in self.view.classes.keys() {
            assert!(
                self.queue.line(*class).eq(fresh.line(*class)),
                "the line of class {class} is as what is known says"
            );
        }
    }

    /// 1, 2: what attempts hold is exactly what is taken of the cards, and every gang is whole.
    fn check_attempts(&self) {
        let mut taken: BTreeMap<_, u32> = BTreeMap::new();
        let mut held: BTreeMap<OrganizationId, CardMillis> = BTreeMap::new();
        for (id, attempt) in &self.view.attempts {
            let job = self.jobs.get(&id.job).unwrap_or_else(|| panic!("attempt {id} belongs to no job that lives"));
            let demand = self.view.classes[&job.class].key.demand;
            assert_eq!(attempt.allocation.shares.len() as u32, demand.nodes, "gang {id} holds all its nodes or none");
            for share in &attempt.allocation.shares {
                let cards: u32 = share.cards.iter().map(|slot| u32::from(slot.millis)).sum();
                assert_eq!(cards, demand.cards_per_node.0, "gang {id} holds all its cards or none");
                for slot in &share.cards {
                    *taken.entry((share.node, slot.index)).or_default() += u32::from(slot.millis);
                }
            }
            held.entry(job.organization).or_default().0 += attempt.allocation.cards().0;
        }
        for node in self.view.cluster.nodes() {
            let told = self.view.nodes[&node.spec.id].unusable_bits();
            assert_eq!(node.unusable, told, "the scheduler knows of the unusable cards of node {}", node.spec.id);
            for (index, free) in node.cards_free().enumerate() {
                let taken = taken.get(&(node.spec.id, index as u8)).copied().unwrap_or(0);
                assert!(taken <= 1000, "card {index} of node {} is given out {taken} thousandths", node.spec.id);
                assert_eq!(taken + free.0, 1000, "card {index} of node {}: taken and free make one", node.spec.id);
            }
        }
        let mut fresh = self.view.clone();
        fresh.rebuild_quotas();
        assert_eq!(fresh.held, self.view.held, "what is held within quotas, and kept, adds up");
        for (organization, share) in self.view.shares.iter() {
            assert_eq!(held.get(&organization).copied().unwrap_or_default(), share.held, "cards held add up");
        }
    }

    /// The plan knows when everything that is held comes free; who was promised a start is in line for it.
    fn check_plan(&self) {
        let mut ends: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (id, attempt) in &self.view.attempts {
            for share in &attempt.allocation.shares {
                ends.entry(share.node).or_default().push((attempt.ends(&self.jobs[&id.job]), *id));
            }
        }
        for node in self.view.nodes.keys() {
            let mut of_node = ends.remove(node).unwrap_or_default();
            of_node.sort_unstable();
            assert!(self.plan.ends(*node).eq(of_node), "the ends on node {node} are planned");
            let is_known = |planned: &Planned| planned.run == self.view.attempts[&planned.attempt].run();
            assert!(self.plan.on(*node).iter().all(is_known), "whose they are, and since when");
        }
        for (id, promise) in self.plan.promises() {
            let startable = self.jobs.get(&id).is_some_and(|job| job.startable().is_some());
            assert!(startable, "job {id} was promised {promise:?} and can start");
        }
    }

    /// 4: the books balance; holds are what attempts hold; nothing is owed that is not covered.
    fn check_money(&self) {
        assert_eq!(self.view.ledger.sum_micros(), 0, "the ledger balances to zero");
        let mut held: BTreeMap<LedgerAccount, i128> = BTreeMap::new();
        for (id, attempt) in &self.view.attempts {
            let job = &self.jobs[&id.job];
            let use_most = attempt.allocation.cards().used_for(job.longest());
            if attempt.funding.is_empty() {
                let most = hold(attempt.price_per_card_hour, use_most);
                assert_eq!(attempt.hold, most, "attempt {id} holds what it may cost at most");
                *held.entry(LedgerAccount::Prepaid(job.organization)).or_default() += attempt.hold.micros;
                continue;
            }
            let covered = attempt.funding.iter().map(|portion| portion.use_most.0).sum::<u64>();
            assert_eq!(covered, use_most.0, "attempt {id} is funded for all that it may use");
            for portion in &attempt.funding {
                let cost = hold(portion.price_per_card_hour, portion.use_most);
                assert!(portion.held().micros >= cost.micros, "attempt {id} holds what it may cost at most");
                *held.entry(portion.payer.account(job.organization)).or_default() += portion.hold.micros;
                if let Some(share) = portion.voucher {
                    *held.entry(LedgerAccount::Voucher(share.voucher)).or_default() += share.hold.micros;
                }
            }
        }
        let of_agreements = self.view.ledger.agreements.iter();
        let of_agreements = of_agreements.map(|(id, entry)| (LedgerAccount::Agreement(*id), entry.purse));
        let of_vouchers = self.view.ledger.vouchers.iter();
        let of_vouchers = of_vouchers.map(|(id, entry)| (LedgerAccount::Voucher(*id), entry.purse));
        for (account, purse) in of_agreements.chain(of_vouchers) {
            assert_eq!(purse.held.micros, held.get(&account).copied().unwrap_or(0), "holds of {account} add up");
            assert!(purse.available().micros >= 0, "no more is held of {account} than it has");
        }
        let mut fresh = self.view.clone();
        fresh.rebuild_sources();
        assert_eq!(fresh.sources, self.view.sources, "who may pay is known");
        assert_eq!(Dues::of(&self.view), self.dues, "what time changes next is known");
        for (id, account) in &self.view.ledger.accounts {
            let of_account = held.get(&LedgerAccount::Prepaid(*id));
            assert_eq!(account.held.micros, of_account.copied().unwrap_or(0), "holds of organization {id} add up");
            assert!(account.available().micros >= 0, "organization {id} holds more than it has");
        }
    }

    /// 3: every element is accounted for: waiting, under way or ended; and what is under way has an attempt.
    fn check_jobs(&self) {
        let mut of_class: BTreeMap<_, u32> = BTreeMap::new();
        for (id, job) in &self.jobs {
            *of_class.entry(job.class).or_default() += 1;
            assert_eq!(
                self.view.attempts_of(*id).count() as u32,
                job.active(),
                "job {id}: what is active has an attempt"
            );
            if let Progress::Array(array) = &job.progress {
                let known = job.elements_waiting() + array.active.len() as u32 + array.counts.total();
                assert_eq!(known, array.request.count, "job {id}: every element is accounted for");
            }
            let startable = job.startable().is_some();
            assert_eq!(
                startable && !self.lines_up_later(*id),
                self.queue.contains(job.class, job.waiting(*id, &self.view.center.policy)),
                "job {id} is in line exactly if it can start"
            );
            let stuck = !startable && job.active() == 0 && job.dependencies.is_empty() && job.not_before.is_none();
            assert!(!stuck, "job {id} waits for nothing and is not in line");
            for (on, _) in &job.dependencies {
                assert!(self.jobs.contains_key(on), "job {id} waits for job {on}, which has ended");
            }
        }
        for (id, class) in &self.view.classes {
            assert_eq!(class.jobs, of_class.get(id).copied().unwrap_or(0), "jobs of class {id} are counted");
        }
    }
}
