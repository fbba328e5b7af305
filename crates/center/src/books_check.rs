//! Whether a center's books are right, from its journal alone: every transaction balances and is sealed (invariant 4), and
//! what was posted for each attempt is its use at its price, once (invariant 5). What comes out of the journal must then be
//! what the center goes on with.
//!
//! Charges are computed here, not by the rating that made them.

use std::collections::BTreeMap;
use std::fmt;

use haina_core::quantity::CARD_USE_PER_CARD_HOUR;
use haina_core::{AdjustmentId, AttemptId, CardMillis, CardUse, Digest, Money, OrganizationId, Timestamp};
use haina_ledger::{Chain, LedgerAccount, Transaction, TransactionKind};

use crate::{Fact, State};

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

/// Something that is wrong. Positions are those of facts in the journal; amounts are millionths.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is said in words below")]
pub enum Wrong {
    Unbalanced { position: u64, sum: i128 },
    SealWrong { position: u64, found: Digest, expected: Digest },
    SealMissing { position: u64 },
    ChargedUnasked { position: u64, attempt: AttemptId },
    ChargedOtherwise { position: u64, attempt: AttemptId, found: i128, expected: i128 },
    OnePerson { position: u64, adjustment: AdjustmentId },
    NotCharged { attempt: AttemptId, expected: i128 },
    MeteredTooLong { position: u64, attempt: AttemptId },
    BalanceOther { account: LedgerAccount, stored: i128, posted: i128 },
    HoldOther { organization: OrganizationId, stored: i128, placed: i128 },
    ChainOther { stored: Chain, posted: Chain },
}

impl BooksCheck {
    /// Takes the next fact of the journal.
    pub fn take(&mut self, position: u64, at: Timestamp, fact: &Fact) {
        match fact {
            Fact::AttemptPlaced { attempt, organization, allocation, hold, price_per_card_hour, .. } => {
                let (cards, price_per_card_hour) = (allocation.cards(), *price_per_card_hour);
                let placed = Placed { organization: *organization, cards, price_per_card_hour, hold: *hold };
                *self.holds.entry(*organization).or_default() += hold.micros;
                self.attempts.insert(*attempt, placed);
            }
            Fact::AttemptEnded { attempt, started, ended, metered, .. } => {
                let Some(placed) = self.attempts.remove(attempt) else { return };
                *self.holds.entry(placed.organization).or_default() -= placed.hold.micros;
                let ran = started.map_or(0, |started| ended.since(started).0);
                if metered.0 > u64::from(placed.cards.0).saturating_mul(ran) {
                    self.wrong.push(Wrong::MeteredTooLong { position, attempt: *attempt });
                }
                if owed_micros(*metered, &placed) > 0 {
                    self.owed.insert(*attempt, (*metered, placed));
                }
            }
            Fact::Posted { transaction, seal } => {
                self.transactions += 1;
                self.sealed(position, at, transaction, *seal);
                self.posted(position, transaction);
            }
            _ => {}
        }
    }

    fn sealed(&mut self, position: u64, at: Timestamp, transaction: &Transaction, seal: Option<Digest>) {
        match seal {
            None if self.chain.length == 0 => self.unsealed += 1,
            None => self.wrong.push(Wrong::SealMissing { position }),
            Some(found) => {
                let expected = self.chain.seal(transaction, at);
                if found != expected {
                    self.wrong.push(Wrong::SealWrong { position, found, expected });
                }
                // Go on with what was found: one change is then told once.
                self.chain.extend(found);
            }
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
        let attempt = match transaction.kind {
            TransactionKind::Charge { attempt, .. } => attempt,
            TransactionKind::Adjustment { adjustment, proposed_by, approved_by, .. } => {
                if proposed_by == approved_by {
                    self.wrong.push(Wrong::OnePerson { position, adjustment });
                }
                return;
            }
            TransactionKind::TopUp { .. } => return,
        };
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
        if ledger.chain != self.chain {
            self.wrong.push(Wrong::ChainOther { stored: ledger.chain, posted: self.chain });
        }
        let BooksCheck { wrong, transactions, charges, unsealed, chain, .. } = self;
        BooksReport { wrong, transactions, charges, unsealed, chain }
    }
}

/// Use at a price, a part of a millionth left out.
fn owed_micros(metered: CardUse, placed: &Placed) -> i128 {
    placed.price_per_card_hour.micros * i128::from(metered.0) / i128::from(CARD_USE_PER_CARD_HOUR)
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Wrong::*;
        match self {
            Unbalanced { position, sum } => {
                write!(f, "the transaction at {position} does not balance: its postings sum to {sum}")
            }
            SealWrong { position, found, expected } => write!(
                f,
                "the seal at {position} is {found}, not {expected}: this transaction was changed, or one before it was \
                 changed, left out or put in"
            ),
            SealMissing { position } => {
                write!(f, "the transaction at {position} has no seal, though those before it do")
            }
            ChargedUnasked { position, attempt } => {
                write!(f, "at {position} attempt {attempt} is charged, which did not end before, or was charged before")
            }
            ChargedOtherwise { position, attempt, found, expected } => {
                write!(f, "at {position} attempt {attempt} is charged {found}; what it used comes to {expected}")
            }
            OnePerson { position, adjustment } => {
                write!(f, "at {position} adjustment {adjustment} was approved by who proposed it")
            }
            NotCharged { attempt, expected } => {
                write!(f, "attempt {attempt} ended and was not charged; what it used comes to {expected}")
            }
            MeteredTooLong { position, attempt } => {
                write!(f, "at {position} attempt {attempt} is metered for longer than it ran")
            }
            BalanceOther { account, stored, posted } => {
                write!(f, "the balance of {account} is {stored}; its postings sum to {posted}")
            }
            HoldOther { organization, stored, placed } => write!(
                f,
                "{stored} is held of prepaid/{}; what was held for attempts that have not ended sums to {placed}",
                organization.0
            ),
            ChainOther { stored, posted } => write!(
                f,
                "the books should be {} transactions with the last seal {}; the journal has {} with {}",
                stored.length, stored.last, posted.length, posted.last
            ),
        }
    }
}
