//! Whether a center's books are right, from its journal alone: every transaction balances and is sealed (invariant 4), and
//! what was posted for each attempt is its use at its price, once (invariant 5). What comes out of the journal must then be
//! what the center goes on with.
//!
//! Use and charges are computed here, not by the metering and rating that made them.

mod wrong;

use std::collections::{BTreeMap, BTreeSet};

use haina_core::quantity::CARD_USE_PER_CARD_HOUR;
use haina_core::{
    AdjustmentId, AttemptId, CardMillis, CardModelId, CardUse, Digest, JobId, Milliseconds, Money, NodeId,
    OrganizationId, Timestamp,
};
use haina_ledger::{Chain, LedgerAccount, Transaction, TransactionKind, opening_seal};

use crate::{Adjustment, Fact, State};
pub use wrong::Wrong;

/// Reads a journal.
#[derive(Default)]
pub struct BooksCheck {
    chain: Chain,
    unsealed: u64,
    transactions: u64,
    charges: u64,
    attempts: BTreeMap<AttemptId, Placed>,
    /// What ended and must be charged, in millionths.
    owed: BTreeMap<AttemptId, (CardUse, Placed)>,
    balances: BTreeMap<LedgerAccount, i128>,
    holds: BTreeMap<OrganizationId, i128>,
    /// Proposed and not decided.
    proposals: BTreeMap<AdjustmentId, Adjustment>,
    /// The longest that an attempt of a job is metered, of jobs that have not ended.
    longest: BTreeMap<JobId, Milliseconds>,
    models: BTreeMap<NodeId, Option<CardModelId>>,
    prices: BTreeMap<CardModelId, Money>,
    /// Seals that somebody wrote down, by the number of their transaction.
    noted: BTreeMap<u64, Digest>,
    wrong: Vec<Wrong>,
}

/// What was agreed when an attempt was placed.
#[derive(Clone, Copy)]
struct Placed {
    organization: OrganizationId,
    cards: CardMillis,
    price_per_card_hour: Money,
    hold: Money,
}

/// What a journal came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BooksReport {
    /// What is wrong, in the order in which it was found.
    pub wrong: Vec<Wrong>,
    /// Transactions, of which so many are charges, and so many were posted before there were seals.
    pub transactions: u64,
    /// Charges.
    pub charges: u64,
    /// Transactions without a seal.
    pub unsealed: u64,
    /// How far the books are.
    pub chain: Chain,
}

impl BooksCheck {
    /// Also compares seals that somebody wrote down, by the number of their transaction.
    pub fn with_noted(noted: BTreeMap<u64, Digest>) -> BooksCheck {
        BooksCheck { noted, ..BooksCheck::default() }
    }

    /// Takes the next fact of the journal.
    pub fn take(&mut self, position: u64, at: Timestamp, fact: &Fact) {
        match fact {
            Fact::CardModelSet { id, definition, .. } => _ = self.prices.insert(*id, definition.price_per_card_hour),
            Fact::NodeAdded { spec, .. } => _ = self.models.insert(spec.id, spec.card_model),
            Fact::JobSubmitted { id, time_limit, grace, .. } => _ = self.longest.insert(*id, *time_limit + *grace),
            Fact::JobEnded { job, .. } => _ = self.longest.remove(job),
            Fact::AttemptPlaced { attempt, organization, allocation, hold, price_per_card_hour: price, .. } => {
                let cards = allocation.cards();
                let placed = Placed { organization: *organization, cards, price_per_card_hour: *price, hold: *hold };
                let model = allocation.shares.first().and_then(|share| *self.models.get(&share.node)?);
                let in_force = model.and_then(|model| self.prices.get(&model)).filter(|_| cards.0 > 0);
                if let Some(expected) = in_force.copied().filter(|expected| expected != price) {
                    self.wrong.push(Wrong::PriceOther { position, attempt: *attempt, found: *price, expected });
                }
                *self.holds.entry(*organization).or_default() += hold.micros;
                self.attempts.insert(*attempt, placed);
            }
            Fact::AttemptEnded { attempt, started, ended, metered, .. } => {
                let Some(placed) = self.attempts.remove(attempt) else { return };
                *self.holds.entry(placed.organization).or_default() -= placed.hold.micros;
                let ran = started.map_or(Milliseconds(0), |started| ended.since(started));
                let ran = self.longest.get(&attempt.job).map_or(ran, |longest| ran.min(*longest));
                let expected = u64::from(placed.cards.0).saturating_mul(ran.0);
                if metered.0 != expected {
                    self.wrong.push(Wrong::MeteredOther { position, attempt: *attempt, found: metered.0, expected });
                }
                if owed_micros(*metered, &placed) > 0 {
                    self.owed.insert(*attempt, (*metered, placed));
                }
            }
            Fact::AdjustmentProposed { id, adjustment } => _ = self.proposals.insert(*id, adjustment.clone()),
            Fact::AdjustmentRejected { id, .. } => _ = self.proposals.remove(id),
            Fact::Posted { transaction, seal } => {
                self.transactions += 1;
                self.sealed(position, at, transaction, *seal);
                self.posted(position, transaction);
            }
            _ => {}
        }
    }

    fn sealed(&mut self, position: u64, at: Timestamp, transaction: &Transaction, seal: Option<Digest>) {
        let Some(found) = seal else {
            match self.chain.length {
                0 => self.unsealed += 1,
                _ => self.wrong.push(Wrong::SealMissing { position }),
            }
            return;
        };
        if self.chain.length == 0 {
            self.chain.last = opening_seal(self.balances.iter().map(|(account, balance)| (*account, *balance)));
        }
        let expected = self.chain.seal(transaction, at);
        if found != expected {
            self.wrong.push(Wrong::SealWrong { position, found, expected });
        }
        // Go on with what was found: one change is then told once.
        self.chain.extend(found);
        let length = self.chain.length;
        if let Some(noted) = self.noted.remove(&length).filter(|noted| *noted != found) {
            self.wrong.push(Wrong::SealNoted { length, noted, found: Some(found) });
        }
    }

    fn posted(&mut self, position: u64, transaction: &Transaction) {
        let sum: i128 = transaction.postings.iter().map(|posting| posting.amount.micros).sum();
        if sum != 0 {
            self.wrong.push(Wrong::Unbalanced { position, sum });
        }
        for posting in &transaction.postings {
            *self.balances.entry(posting.account).or_default() += posting.amount.micros;
        }
        let payer = LedgerAccount::Prepaid(transaction.organization);
        let (from, to) = match transaction.kind {
            TransactionKind::TopUp { .. } => (LedgerAccount::Cash, payer),
            TransactionKind::Charge { .. } => (payer, LedgerAccount::Revenue),
            TransactionKind::Adjustment { .. } => (LedgerAccount::Revenue, payer),
        };
        let accounts: Vec<LedgerAccount> = transaction.postings.iter().map(|posting| posting.account).collect();
        if accounts != [from, to] {
            self.wrong.push(Wrong::PostingsOther { position });
        }
        match &transaction.kind {
            TransactionKind::TopUp { .. } => {}
            TransactionKind::Charge { attempt, used, price_per_card_hour } => {
                self.charged(position, transaction, *attempt, (*used, *price_per_card_hour));
            }
            TransactionKind::Adjustment { adjustment, reason, proposed_by, approved_by } => {
                if proposed_by == approved_by {
                    self.wrong.push(Wrong::OnePerson { position, adjustment: *adjustment });
                }
                let is_meant = |open: &Adjustment| {
                    let amount = transaction.amount_for_organization(open.amount.currency);
                    let of_open = (open.organization, open.amount, &open.reason, open.proposed_by);
                    of_open == (transaction.organization, amount, reason, *proposed_by)
                };
                if !self.proposals.remove(adjustment).is_some_and(|open| is_meant(&open)) {
                    self.wrong.push(Wrong::AdjustedUnasked { position, adjustment: *adjustment });
                }
            }
        }
    }

    fn charged(&mut self, position: u64, transaction: &Transaction, attempt: AttemptId, said: (CardUse, Money)) {
        self.charges += 1;
        let Some((metered, placed)) = self.owed.remove(&attempt) else {
            self.wrong.push(Wrong::ChargedUnasked { position, attempt });
            return;
        };
        let expected = owed_micros(metered, &placed);
        let to_payer = |account| account == LedgerAccount::Prepaid(placed.organization);
        let of_payer = transaction.postings.iter().filter(|posting| to_payer(posting.account));
        let found = -of_payer.map(|posting| posting.amount.micros).sum::<i128>();
        if found != expected {
            self.wrong.push(Wrong::ChargedOtherwise { position, attempt, found, expected });
        }
        if said != (metered, placed.price_per_card_hour) {
            self.wrong.push(Wrong::PostingsOther { position });
        }
    }

    /// Compares what came out of the journal with what the center goes on with, as of the same moment.
    pub fn finish(mut self, state: &State) -> BooksReport {
        let left = std::mem::take(&mut self.owed).into_iter();
        self.wrong.extend(left.map(|(attempt, (metered, placed))| Wrong::NotCharged {
            attempt,
            expected: owed_micros(metered, &placed),
        }));
        let ledger = &state.view().ledger;
        let center = [(LedgerAccount::Revenue, ledger.revenue), (LedgerAccount::Cash, ledger.cash)];
        let center = center.map(|(account, money)| (account, money.map_or(0, |money| money.micros)));
        let prepaid = ledger.accounts.iter().map(|(id, account)| (LedgerAccount::Prepaid(*id), account.balance.micros));
        for (account, stored) in prepaid.chain(center) {
            let posted = self.balances.remove(&account).unwrap_or(0);
            if stored != posted {
                self.wrong.push(Wrong::BalanceOther { account, stored, posted });
            }
        }
        let unknown = std::mem::take(&mut self.balances).into_iter().filter(|(_, posted)| *posted != 0);
        self.wrong.extend(unknown.map(|(account, posted)| Wrong::BalanceOther { account, stored: 0, posted }));
        for (id, account) in &ledger.accounts {
            let (stored, placed) = (account.held.micros, self.holds.get(id).copied().unwrap_or(0));
            if stored != placed {
                self.wrong.push(Wrong::HoldOther { organization: *id, stored, placed });
            }
        }
        let waiting = &state.view().adjustments;
        let numbers = waiting.keys().chain(self.proposals.keys()).collect::<BTreeSet<_>>();
        for id in numbers.into_iter().filter(|id| waiting.get(id) != self.proposals.get(id)) {
            self.wrong.push(Wrong::ProposalsOther { adjustment: *id });
        }
        if ledger.chain != self.chain {
            self.wrong.push(Wrong::ChainOther { stored: ledger.chain, posted: self.chain });
        }
        let absent = self.noted.into_iter();
        self.wrong.extend(absent.map(|(length, noted)| Wrong::SealNoted { length, noted, found: None }));
        let BooksCheck { wrong, transactions, charges, unsealed, chain, .. } = self;
        BooksReport { wrong, transactions, charges, unsealed, chain }
    }
}

/// Use at a price, a part of a millionth left out.
fn owed_micros(metered: CardUse, placed: &Placed) -> i128 {
    placed.price_per_card_hour.micros * i128::from(metered.0) / i128::from(CARD_USE_PER_CARD_HOUR)
}
