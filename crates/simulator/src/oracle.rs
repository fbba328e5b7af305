//! What somebody outside would notice: the ids that were given, the ends, the charges.

use std::collections::{BTreeMap, BTreeSet};

use haina_center::Fact;
use haina_core::quantity::CARD_USE_PER_CARD_HOUR;
use haina_core::{AttemptId, CardModelId, Condition, JobId, JobState, Money, NodeId, OrganizationId, Timestamp};
use haina_ledger::{LedgerAccount, Payer, Portion, TransactionKind};

/// Follows committed facts and accuses.
#[derive(Default)]
pub struct Oracle {
    accepted: BTreeSet<JobId>,
    ended: BTreeMap<JobId, JobState>,
    needs_success_of: BTreeMap<JobId, Vec<JobId>>,
    /// The price in force of each card model, with its version, and the model of each node.
    prices: BTreeMap<CardModelId, (Money, u32)>,
    models: BTreeMap<NodeId, Option<CardModelId>>,
    /// Cards that get no new work.
    unusable: BTreeMap<NodeId, Vec<u8>>,
    placed: BTreeMap<AttemptId, (u32, Money, Timestamp, Vec<Portion>)>,
    /// Prices that were ever agreed on with an organization.
    agreed: BTreeMap<OrganizationId, BTreeSet<i128>>,
    /// What each account has.
    balances: BTreeMap<LedgerAccount, i128>,
    /// Attempts that an agreement, or a voucher, paid a part of.
    funded: (u32, u32),
    prices_changed: u32,
    charges: BTreeMap<AttemptId, Money>,
    expected: BTreeMap<AttemptId, Money>,
    attempts_ended: BTreeSet<AttemptId>,
    paid_in: BTreeMap<OrganizationId, i128>,
    charged: BTreeMap<OrganizationId, i128>,
}

impl Oracle {
    /// Looks at a committed fact.
    pub fn see(&mut self, fact: &Fact) {
        match fact {
            Fact::JobSubmitted { id, dependencies, .. } => {
                assert!(self.accepted.insert(*id), "job {id} was accepted twice");
                let needed = dependencies.iter().filter(|(_, condition)| *condition == Condition::Succeeded);
                self.needs_success_of.insert(*id, needed.map(|(on, _)| *on).collect());
            }
            Fact::JobEnded { job, state, .. } => {
                assert!(self.accepted.contains(job), "job {job} ended but was never accepted");
                assert!(self.ended.insert(*job, *state).is_none(), "job {job} ended twice");
            }
            Fact::CardModelSet { id, definition, price_version } => {
                let price = (definition.price_per_card_hour, *price_version);
                let before = self.prices.insert(*id, price);
                self.prices_changed += u32::from(before.is_some_and(|before| before != price));
            }
            Fact::NodeAdded { spec, .. } => _ = self.models.insert(spec.id, spec.card_model),
            Fact::CardsSet { id, unusable } => {
                self.unusable.insert(*id, unusable.iter().map(|card| card.index).collect());
            }
            Fact::AgreementSet { organization, terms, .. } => {
                let price = terms.price_per_card_hour.map(|price| price.micros);
                self.agreed.entry(*organization).or_default().extend(price);
            }
            Fact::AttemptPlaced {
                attempt,
                organization,
                allocation,
                price_per_card_hour: price,
                price_version,
                at,
                funding,
                ..
            } => {
                let cards = allocation.cards().0;
                let first = self.placed.insert(*attempt, (cards, *price, *at, funding.clone())).is_none();
                self.funded.0 += u32::from(funding.iter().any(|portion| portion.payer != Payer::Prepaid));
                self.funded.1 += u32::from(funding.iter().any(|portion| portion.voucher.is_some()));
                assert!(first, "attempt {attempt} was placed twice");
                for share in &allocation.shares {
                    let unusable = self.unusable.get(&share.node).into_iter().flatten();
                    let given = unusable.filter(|card| share.cards.iter().any(|slot| slot.index == **card));
                    assert_eq!(given.count(), 0, "attempt {attempt} was given an unusable card of node {}", share.node);
                }
                let model = self.models[&allocation.shares[0].node].filter(|_| cards > 0);
                if let Some((in_force, version)) = model.map(|model| self.prices[&model]) {
                    assert_eq!(*price_version, version, "attempt {attempt} is placed at today's price");
                    let agreed = self.agreed.get(organization);
                    let is_agreed = |price: Money| agreed.is_some_and(|agreed| agreed.contains(&price.micros));
                    let known = |price: Money| price == in_force || is_agreed(price);
                    let of_portions = funding.iter().map(|portion| portion.price_per_card_hour);
                    let all_known = of_portions.chain([*price]).all(known);
                    assert!(all_known, "attempt {attempt} is placed at today's price, or one that was agreed on");
                }
                for on in &self.needs_success_of[&attempt.job] {
                    let ended = self.ended.get(on);
                    assert_eq!(ended, Some(&JobState::Succeeded), "attempt {attempt} needs the success of job {on}");
                }
            }
            Fact::AttemptEnded { attempt, started, ended, metered, .. } => {
                assert!(self.attempts_ended.insert(*attempt), "attempt {attempt} ended twice");
                let (cards, price, placed, ref funding) = self.placed[attempt];
                let order = started.is_none_or(|started| placed <= started && started <= *ended) && *ended >= placed;
                assert!(order, "attempt {attempt} is placed, starts and ends in this order");
                let most_ms = started.map_or(0, |started| ended.since(started).0);
                assert!(metered.0 <= u64::from(cards) * most_ms, "attempt {attempt} is metered for longer than it ran");
                // Computed anew, not with the ledger's own rating.
                let cost =
                    |price: Money, used: u64| price.micros * i128::from(used) / i128::from(CARD_USE_PER_CARD_HOUR);
                let mut left = metered.0;
                let of_portions = funding.iter().map(|portion| {
                    let used = left.min(portion.use_most.0);
                    left -= used;
                    cost(portion.price_per_card_hour, used)
                });
                let exact = if funding.is_empty() { cost(price, metered.0) } else { of_portions.sum() };
                self.expected.insert(*attempt, Money { micros: exact, ..price });
            }
            Fact::Posted { transaction, .. } => {
                let sum: i128 = transaction.postings.iter().map(|posting| posting.amount.micros).sum();
                assert_eq!(sum, 0, "a transaction does not balance");
                for posting in &transaction.postings {
                    let balance = self.balances.entry(posting.account).or_default();
                    *balance += posting.amount.micros;
                    let may_owe = matches!(
                        posting.account,
                        LedgerAccount::Cash | LedgerAccount::Receivable(_) | LedgerAccount::Sponsor(_)
                    );
                    let account = posting.account;
                    // Revenue may: adjustments give back more than was earned.
                    let is_fine = may_owe || account == LedgerAccount::Revenue || *balance >= 0;
                    assert!(is_fine, "{account} has {balance}");
                    assert!(!may_owe || *balance <= 0, "{account} is owed {balance}");
                }
                let amount = transaction.amount_for_organization(haina_core::Currency::CNY);
                match &transaction.kind {
                    TransactionKind::TopUp { .. } | TransactionKind::Adjustment { .. } => {
                        *self.paid_in.entry(transaction.organization).or_default() += amount.micros;
                    }
                    TransactionKind::Charge { attempt, .. } => {
                        *self.charged.entry(transaction.organization).or_default() -= amount.micros;
                        let earned = transaction.postings.last().expect("a charge has postings");
                        assert_eq!(earned.account, LedgerAccount::Revenue, "what is charged is earned");
                        let charged = earned.amount;
                        assert!(self.charges.insert(*attempt, charged).is_none(), "attempt {attempt} is charged twice");
                    }
                    TransactionKind::Commitment { .. }
                    | TransactionKind::Payment { .. }
                    | TransactionKind::Settlement { .. }
                    | TransactionKind::Issue { .. }
                    | TransactionKind::Return { .. }
                    | TransactionKind::CashOut { .. } => {
                        assert_eq!(amount.micros, 0, "no account of an organization changes");
                    }
                }
            }
            _ => {}
        }
    }

    /// An id that a caller was given must be one that was accepted.
    pub fn was_given(&self, job: JobId) {
        assert!(self.accepted.contains(&job), "job {job} was promised and forgotten");
    }

    /// Every attempt that ended is charged what it used, no more, no less.
    pub fn check_charges(&self) {
        for (attempt, expected) in &self.expected {
            let charged = self.charges.get(attempt).map_or(0, |money| money.micros);
            assert_eq!(charged, expected.micros, "attempt {attempt} is charged its use at its price");
        }
        for (organization, charged) in &self.charged {
            let paid = self.paid_in.get(organization).copied().unwrap_or(0);
            assert!(*charged <= paid, "organization {organization} was charged more than it paid in");
        }
    }

    /// Once nothing is left to do, everything that was accepted has ended.
    pub fn check_finished(&self) {
        assert!(self.accepted.iter().eq(self.ended.keys()), "every accepted job has ended");
        let placed: BTreeSet<AttemptId> = self.placed.keys().copied().collect();
        assert_eq!(placed, self.attempts_ended, "every attempt has ended");
        self.check_charges();
    }

    /// How often a price was changed.
    pub fn prices_changed(&self) -> u32 {
        self.prices_changed
    }

    /// Attempts that an agreement, and that a voucher, paid a part of.
    pub fn funded(&self) -> (u32, u32) {
        self.funded
    }

    /// Jobs accepted and attempts made.
    pub fn counts(&self) -> (usize, usize) {
        (self.accepted.len(), self.placed.len())
    }
}
