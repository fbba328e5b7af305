//! Whether a center's books are right, from its journal alone: every transaction balances and is sealed (invariant 4), and
//! what was posted for each attempt is its use at its price, once (invariant 5). What comes out of the journal must then be
//! what the center goes on with.
//!
//! Use and charges are computed here, not by the metering and rating that made them.

mod agreed;
mod wrong;

use std::collections::{BTreeMap, BTreeSet};

use haina_core::quantity::CARD_USE_PER_CARD_HOUR;
use haina_core::{
    AdjustmentId, AttemptId, CardMillis, CardModelId, CardUse, Digest, JobId, Milliseconds, Money, NodeId,
    OrganizationId, Timestamp,
};
use haina_ledger::{Chain, LedgerAccount, Paid, Portion, Transaction, TransactionKind, opening_seal};

use crate::{Adjustment, Fact, Months, MonthsOfJournal, State};
use agreed::Agreed;
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
    holds: BTreeMap<LedgerAccount, i128>,
    agreed: Agreed,
    months: MonthsOfJournal,
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
#[derive(Clone)]
struct Placed {
    organization: OrganizationId,
    cards: CardMillis,
    price_per_card_hour: Money,
    hold: Money,
    funding: Vec<Portion>,
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
        self.months.take(at, fact);
        match fact {
            Fact::CardModelSet { id, definition, .. } => _ = self.prices.insert(*id, definition.price_per_card_hour),
            Fact::NodeAdded { spec, .. } => _ = self.models.insert(spec.id, spec.card_model),
            Fact::JobSubmitted { id, time_limit, grace, .. } => _ = self.longest.insert(*id, *time_limit + *grace),
            Fact::JobEnded { job, .. } => _ = self.longest.remove(job),
            Fact::AttemptPlaced {
                attempt,
                organization,
                allocation,
                hold,
                price_per_card_hour: price,
                funding,
                ..
            } => {
                let cards = allocation.cards();
                let (organization, funding) = (*organization, funding.clone());
                let placed = Placed { organization, cards, price_per_card_hour: *price, hold: *hold, funding };
                let model = allocation.shares.first().and_then(|share| *self.models.get(&share.node)?);
                let in_force = model.and_then(|model| self.prices.get(&model)).filter(|_| cards.0 > 0);
                let in_force = in_force.copied();
                let use_most = self.longest.get(&attempt.job).map(|longest| cards.used_for(*longest));
                if placed.funding.is_empty() {
                    let graces = self.agreed.graces(organization, at);
                    let is_other = |expected: &Money| expected != price && !graces.contains(price);
                    if let Some(expected) = in_force.filter(is_other) {
                        self.wrong.push(Wrong::PriceOther { position, attempt: *attempt, found: *price, expected });
                    }
                } else if !self.agreed.funds(&placed, (in_force, *price), use_most, at) {
                    self.wrong.push(Wrong::FundingOther { position, attempt: *attempt });
                }
                self.hold(&placed, 1);
                self.attempts.insert(*attempt, placed);
            }
            Fact::AttemptEnded { attempt, started, ended, metered, .. } => {
                let Some(placed) = self.attempts.remove(attempt) else { return };
                self.hold(&placed, -1);
                let ran = started.map_or(Milliseconds(0), |started| ended.since(started));
                let ran = self.longest.get(&attempt.job).map_or(ran, |longest| ran.min(*longest));
                let expected = u64::from(placed.cards.0).saturating_mul(ran.0);
                if metered.0 != expected {
                    self.wrong.push(Wrong::MeteredOther { position, attempt: *attempt, found: metered.0, expected });
                }
                if owed(*metered, &placed).iter().any(|part| part.cost().micros > 0) {
                    self.owed.insert(*attempt, (*metered, placed));
                }
            }
            Fact::AdjustmentProposed { id, adjustment } => _ = self.proposals.insert(*id, adjustment.clone()),
            Fact::AdjustmentRejected { id, .. } => _ = self.proposals.remove(id),
            Fact::Posted { transaction, seal } => {
                self.transactions += 1;
                self.sealed(position, at, transaction, *seal);
                self.posted(position, transaction);
                let holds = &self.holds;
                let is_held = |account| holds.get(&account).is_some_and(|held| *held != 0);
                if !self.agreed.posted(transaction, at, is_held) {
                    self.wrong.push(Wrong::AgreedOther { position });
                }
            }
            _ => {
                if !self.agreed.take(fact) {
                    self.wrong.push(Wrong::AgreedOther { position });
                }
            }
        }
    }

    /// What is held for an attempt is held of each who pays; given back where `sign` is negative.
    fn hold(&mut self, placed: &Placed, sign: i128) {
        if placed.funding.is_empty() {
            *self.holds.entry(LedgerAccount::Prepaid(placed.organization)).or_default() += sign * placed.hold.micros;
        }
        for portion in &placed.funding {
            *self.holds.entry(portion.payer.account(placed.organization)).or_default() += sign * portion.hold.micros;
            if let Some(share) = portion.voucher {
                *self.holds.entry(LedgerAccount::Voucher(share.voucher)).or_default() += sign * share.hold.micros;
            }
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
        use LedgerAccount::{Agreement, Cash, Receivable, Revenue, Sponsor, Voucher};
        let owing = Receivable(transaction.organization);
        let sides = match transaction.kind {
            TransactionKind::TopUp { .. } => Some((Cash, payer)),
            TransactionKind::Charge { ref parts, .. } => Some((payer, Revenue)).filter(|_| parts.is_empty()),
            TransactionKind::Adjustment { .. } => Some((Revenue, payer)),
            TransactionKind::Commitment { agreement, .. } => Some((owing, Agreement(agreement))),
            TransactionKind::Payment { .. } => Some((Cash, owing)),
            TransactionKind::Settlement { agreement } => Some((Agreement(agreement), Revenue)),
            TransactionKind::Issue { voucher, programme } => Some((Sponsor(programme), Voucher(voucher))),
            TransactionKind::Return { voucher, programme } => Some((Voucher(voucher), Sponsor(programme))),
            TransactionKind::CashOut { programme, .. } => Some((Cash, Sponsor(programme))),
        };
        let accounts: Vec<LedgerAccount> = transaction.postings.iter().map(|posting| posting.account).collect();
        if sides.is_some_and(|(from, to)| accounts != [from, to]) {
            self.wrong.push(Wrong::PostingsOther { position });
        }
        match &transaction.kind {
            TransactionKind::Charge { attempt, used, price_per_card_hour, parts } => {
                self.charged(position, transaction, *attempt, (*used, *price_per_card_hour), parts);
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
            _ => {}
        }
    }

    fn charged(
        &mut self,
        position: u64,
        transaction: &Transaction,
        attempt: AttemptId,
        said: (CardUse, Money),
        parts: &[Paid],
    ) {
        self.charges += 1;
        let Some((metered, placed)) = self.owed.remove(&attempt) else {
            self.wrong.push(Wrong::ChargedUnasked { position, attempt });
            return;
        };
        let owed = owed(metered, &placed);
        let expected = owed.iter().map(|part| part.cost().micros).sum::<i128>();
        let of_payers = transaction.postings.iter().filter(|posting| posting.account != LedgerAccount::Revenue);
        let found = -of_payers.map(|posting| posting.amount.micros).sum::<i128>();
        if found != expected {
            self.wrong.push(Wrong::ChargedOtherwise { position, attempt, found, expected });
        }
        // Each gives what its parts come to, and nobody else gives.
        let mut gives: BTreeMap<LedgerAccount, i128> = BTreeMap::new();
        for part in &owed {
            *gives.entry(part.payer.account(placed.organization)).or_default() += part.amount.micros;
            if let Some((voucher, paid)) = part.voucher {
                *gives.entry(LedgerAccount::Voucher(voucher)).or_default() += paid.micros;
            }
        }
        for posting in &transaction.postings {
            *gives.entry(posting.account).or_default() += posting.amount.micros;
        }
        gives.remove(&LedgerAccount::Revenue);
        let is_plain = placed.funding.is_empty() && parts.is_empty();
        let is_said = said == (metered, placed.price_per_card_hour) && (is_plain || parts == owed);
        if !is_said || gives.values().any(|left| *left != 0) {
            self.wrong.push(Wrong::PostingsOther { position });
        }
        self.agreed.charged(&owed);
    }

    /// Compares the sums by month, of which statements are made, with those of the journal up to here.
    pub fn compare_months(&mut self, stored: &Months) {
        let journal = &self.months.months;
        let months = stored.moved.keys().chain(journal.moved.keys()).collect::<BTreeSet<_>>();
        let others = months.into_iter().filter(|key| stored.moved.get(key) != journal.moved.get(key));
        self.wrong.extend(others.map(|key| Wrong::MonthAccountOther { key: key.clone() }));
        let months = stored.worked.keys().chain(journal.worked.keys()).collect::<BTreeSet<_>>();
        let others = months.into_iter().filter(|key| stored.worked.get(key) != journal.worked.get(key));
        self.wrong.extend(others.map(|key| Wrong::MonthUserOther { key: *key }));
    }

    /// Compares what came out of the journal with what the center goes on with, as of the same moment.
    pub fn finish(mut self, state: &State) -> BooksReport {
        let left = std::mem::take(&mut self.owed).into_iter();
        self.wrong.extend(left.map(|(attempt, (metered, placed))| Wrong::NotCharged {
            attempt,
            expected: owed(metered, &placed).iter().map(|part| part.cost().micros).sum(),
        }));
        let ledger = &state.view().ledger;
        for (account, stored) in ledger.balances() {
            let posted = self.balances.remove(&account).unwrap_or(0);
            if stored != posted {
                self.wrong.push(Wrong::BalanceOther { account, stored, posted });
            }
        }
        let unknown = std::mem::take(&mut self.balances).into_iter().filter(|(_, posted)| *posted != 0);
        self.wrong.extend(unknown.map(|(account, posted)| Wrong::BalanceOther { account, stored: 0, posted }));
        let prepaid = ledger.accounts.iter().map(|(id, account)| (LedgerAccount::Prepaid(*id), account.held));
        let of_agreements = ledger.agreements.iter();
        let of_agreements = of_agreements.map(|(id, entry)| (LedgerAccount::Agreement(*id), entry.purse.held));
        let of_vouchers = ledger.vouchers.iter();
        let of_vouchers = of_vouchers.map(|(id, entry)| (LedgerAccount::Voucher(*id), entry.purse.held));
        for (account, held) in prepaid.chain(of_agreements).chain(of_vouchers) {
            let (stored, placed) = (held.micros, self.holds.get(&account).copied().unwrap_or(0));
            if stored != placed {
                self.wrong.push(Wrong::HoldOther { account, stored, placed });
            }
        }
        let others = self.agreed.others(ledger);
        self.wrong.extend(others.into_iter().map(|account| Wrong::PurseOther { account }));
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

/// What is owed for what was used: portion by portion, a part of a millionth left out of each.
fn owed(metered: CardUse, placed: &Placed) -> Vec<Paid> {
    let cost = |price: Money, used: u64| price.micros * i128::from(used) / i128::from(CARD_USE_PER_CARD_HOUR);
    if placed.funding.is_empty() {
        let price = placed.price_per_card_hour;
        let amount = Money { micros: cost(price, metered.0), ..price };
        let payer = haina_ledger::Payer::Prepaid;
        return vec![Paid { payer, used: metered, price_per_card_hour: price, amount, voucher: None }];
    }
    let mut before = 0;
    let mut owed = Vec::new();
    for Portion { payer, price_per_card_hour: price, use_most, voucher, .. } in &placed.funding {
        let used = metered.0.saturating_sub(before).min(use_most.0);
        before += use_most.0;
        if used == 0 {
            break;
        }
        let cost = cost(*price, used);
        let of_voucher = voucher.map_or(0, |share| (cost * i128::from(share.share) / 1000).min(share.hold.micros));
        let money = |micros| Money { micros, ..*price };
        owed.push(Paid {
            payer: *payer,
            used: CardUse(used),
            price_per_card_hour: *price,
            amount: money(cost - of_voucher),
            voucher: voucher.map(|share| (share.voucher, money(of_voucher))),
        });
    }
    owed
}
