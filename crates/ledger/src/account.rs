//! The center's books: an account per organization, and the center's own.

use std::collections::BTreeMap;

use haina_core::{AgreementId, Currency, Digest, Money, OrganizationId, ProgrammeId, Timestamp, VoucherId};
use serde::{Deserialize, Serialize};

use crate::{
    Accrual, Agreement, Chain, LedgerAccount, Payer, Portion, Programme, Purse, Transaction, TransactionKind, Voucher,
    opening_seal,
};

/// The prepaid account of one organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Paid in less charged.
    pub balance: Money,
    /// Held for attempts that have not ended.
    pub held: Money,
    /// What running attempts have cost so far, whoever pays; covered by what is held for them, posted when they end.
    pub accrual: Accrual,
    /// What it owes for agreements, negative by that; none before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receivable: Option<Money>,
}

impl Account {
    /// An empty account.
    pub fn new(currency: Currency) -> Account {
        let zero = Money::zero(currency);
        Account { balance: zero, held: zero, accrual: Accrual::default(), receivable: None }
    }

    /// What is neither spent nor held.
    pub fn available(&self) -> Money {
        self.balance.checked_sub(self.held).expect("a balance is within what top-ups allow")
    }

    /// Holds `amount`.
    ///
    /// # Panics
    /// Where it is not available: admission must have refused.
    pub fn take_hold(&mut self, amount: Money) {
        self.held = self.held.checked_add(amount).expect("a hold is within the balance");
        assert!(self.available().micros >= 0, "a hold was taken that the account does not cover");
    }

    /// Gives a hold back.
    pub fn release_hold(&mut self, amount: Money) {
        self.held = self.held.checked_sub(amount).expect("a hold is within the balance");
        assert!(self.held.micros >= 0, "more was released than held");
    }
}

/// All accounts.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Ledger {
    /// By organization.
    pub accounts: BTreeMap<OrganizationId, Account>,
    /// Agreements, whatever their stage.
    pub agreements: BTreeMap<AgreementId, Agreement>,
    /// Programmes of vouchers.
    pub programmes: BTreeMap<ProgrammeId, Programme>,
    /// Vouchers, whatever their stage.
    pub vouchers: BTreeMap<VoucherId, Voucher>,
    /// What the center has earned; `None` before the first posting.
    pub revenue: Option<Money>,
    /// What was paid in, negative; `None` before the first posting.
    pub cash: Option<Money>,
    /// The seals of all transactions.
    pub chain: Chain,
}

impl Ledger {
    /// Applies a transaction. Those of before 2026-12 have no seal. What is held for an attempt is given back before its charge
    /// is posted.
    ///
    /// # Panics
    /// Where its postings do not sum to zero, or name an account that does not exist, or a prepaid balance, an agreement or a
    /// voucher would fall below zero.
    pub fn post(&mut self, transaction: &Transaction, seal: Option<Digest>) {
        seal.into_iter().for_each(|seal| self.chain.extend(seal));
        let sum: i128 = transaction.postings.iter().map(|posting| posting.amount.micros).sum();
        assert_eq!(sum, 0, "postings of a transaction sum to zero");
        for posting in &transaction.postings {
            let add = |to: Money| to.checked_add(posting.amount).expect("sums of money fit 128 bits");
            let zero = Money::zero(posting.amount.currency);
            match posting.account {
                LedgerAccount::Prepaid(organization) => {
                    let account = self.accounts.get_mut(&organization).expect("an organization has an account");
                    account.balance = add(account.balance);
                    assert!(account.balance.micros >= 0, "a prepaid balance never falls below zero");
                }
                LedgerAccount::Revenue => self.revenue = Some(add(self.revenue.unwrap_or(zero))),
                LedgerAccount::Cash => self.cash = Some(add(self.cash.unwrap_or(zero))),
                LedgerAccount::Receivable(organization) => {
                    let account = self.accounts.get_mut(&organization).expect("an organization has an account");
                    account.receivable = Some(add(account.receivable.unwrap_or(zero)));
                }
                LedgerAccount::Agreement(id) => put(self.agreement(id), &transaction.kind, posting.amount),
                LedgerAccount::Voucher(id) => put(self.voucher(id), &transaction.kind, posting.amount),
                LedgerAccount::Sponsor(id) => {
                    let programme = self.programmes.get_mut(&id).expect("a voucher has a programme");
                    programme.owed = add(programme.owed);
                    if !matches!(transaction.kind, TransactionKind::CashOut { .. }) {
                        programme.granted.micros -= posting.amount.micros;
                    }
                }
            }
        }
        if let TransactionKind::CashOut { voucher, .. } = transaction.kind {
            let voucher = self.vouchers.get_mut(&voucher).expect("a posting names a voucher that exists");
            voucher.cashed_out = voucher.purse.used;
        }
    }

    /// What an agreement has.
    fn agreement(&mut self, id: AgreementId) -> &mut Purse {
        &mut self.agreements.get_mut(&id).expect("a posting names an agreement that exists").purse
    }

    /// What a voucher has.
    fn voucher(&mut self, id: VoucherId) -> &mut Purse {
        &mut self.vouchers.get_mut(&id).expect("a posting names a voucher that exists").purse
    }

    /// Holds what portions of an attempt may cost, of all who pay.
    pub fn take_holds(&mut self, organization: OrganizationId, portions: &[Portion]) {
        for portion in portions {
            match portion.payer {
                Payer::Prepaid => self.prepaid(organization).take_hold(portion.hold),
                Payer::Agreement(id) => self.agreement(id).take_hold(portion.hold),
            }
            portion.voucher.into_iter().for_each(|share| self.voucher(share.voucher).take_hold(share.hold));
        }
    }

    /// Gives these holds back.
    pub fn release_holds(&mut self, organization: OrganizationId, portions: &[Portion]) {
        for portion in portions {
            match portion.payer {
                Payer::Prepaid => self.prepaid(organization).release_hold(portion.hold),
                Payer::Agreement(id) => self.agreement(id).release_hold(portion.hold),
            }
            portion.voucher.into_iter().for_each(|share| self.voucher(share.voucher).release_hold(share.hold));
        }
    }

    fn prepaid(&mut self, organization: OrganizationId) -> &mut Account {
        self.accounts.get_mut(&organization).expect("an organization has an account")
    }

    /// The seal of the next transaction, decided at `at`.
    pub fn seal(&self, transaction: &Transaction, at: Timestamp) -> Digest {
        match self.chain.length {
            0 => Chain { last: opening_seal(self.balances()), ..self.chain }.seal(transaction, at),
            _ => self.chain.seal(transaction, at),
        }
    }

    /// All accounts, ascending, with their balances in millionths.
    pub fn balances(&self) -> impl Iterator<Item = (LedgerAccount, i128)> {
        let micros = |money: Option<Money>| money.map_or(0, |money| money.micros);
        let prepaid = self.accounts.iter().map(|(id, account)| (LedgerAccount::Prepaid(*id), account.balance.micros));
        let center = [(LedgerAccount::Revenue, self.revenue), (LedgerAccount::Cash, self.cash)];
        let receivable = self.accounts.iter().map(move |(id, account)| {
            let owed = micros(account.receivable);
            (LedgerAccount::Receivable(*id), owed)
        });
        let agreements = self.agreements.iter();
        let agreements = agreements.map(|(id, entry)| (LedgerAccount::Agreement(*id), entry.purse.left().micros));
        let vouchers = self.vouchers.iter();
        let vouchers = vouchers.map(|(id, entry)| (LedgerAccount::Voucher(*id), entry.purse.left().micros));
        let sponsors = self.programmes.iter().map(|(id, entry)| (LedgerAccount::Sponsor(*id), entry.owed.micros));
        let center = center.map(|(account, money)| (account, micros(money)));
        prepaid.chain(center).chain(receivable).chain(agreements).chain(vouchers).chain(sponsors)
    }

    /// The sum over all accounts: zero, always.
    pub fn sum_micros(&self) -> i128 {
        self.balances().map(|(_, micros)| micros).sum()
    }
}

/// Puts a posting where its kind says.
fn put(purse: &mut Purse, kind: &TransactionKind, amount: Money) {
    match kind {
        TransactionKind::Charge { .. } => purse.used.micros -= amount.micros,
        TransactionKind::Settlement { .. } | TransactionKind::Return { .. } => purse.closed.micros -= amount.micros,
        _ => purse.granted.micros += amount.micros,
    }
    assert!(purse.available().micros >= 0, "no more is taken than there is");
}
