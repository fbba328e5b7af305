//! The center's books: an account per organization, and the center's own.

use std::collections::BTreeMap;

use haina_core::{Currency, Digest, Money, OrganizationId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Accrual, Chain, LedgerAccount, Transaction, opening_seal};

/// The prepaid account of one organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Paid in less charged.
    pub balance: Money,
    /// Held for attempts that have not ended.
    pub held: Money,
    /// What running attempts have cost so far; covered by `held`, posted when they end.
    pub accrual: Accrual,
}

impl Account {
    /// An empty account.
    pub fn new(currency: Currency) -> Account {
        Account { balance: Money::zero(currency), held: Money::zero(currency), accrual: Accrual::default() }
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
    /// What the center has earned; `None` before the first posting.
    pub revenue: Option<Money>,
    /// What was paid in, negative; `None` before the first posting.
    pub cash: Option<Money>,
    /// The seals of all transactions.
    pub chain: Chain,
}

impl Ledger {
    /// Applies a transaction. Those of before 2026-12 have no seal.
    ///
    /// # Panics
    /// Where its postings do not sum to zero, or name an account that does not exist, or a prepaid balance would
    /// fall below zero.
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
            }
        }
    }

    /// The seal of the next transaction, decided at `at`.
    pub fn seal(&self, transaction: &Transaction, at: Timestamp) -> Digest {
        match self.chain.length {
            0 => Chain { last: opening_seal(self.balances()), ..self.chain }.seal(transaction, at),
            _ => self.chain.seal(transaction, at),
        }
    }

    /// All accounts, ascending, with their balances in millionths.
    fn balances(&self) -> impl Iterator<Item = (LedgerAccount, i128)> {
        let prepaid = self.accounts.iter().map(|(id, account)| (LedgerAccount::Prepaid(*id), account.balance.micros));
        let center = [(LedgerAccount::Revenue, self.revenue), (LedgerAccount::Cash, self.cash)];
        prepaid.chain(center.map(|(account, money)| (account, money.map_or(0, |money| money.micros))))
    }

    /// The sum over all accounts: zero, always.
    pub fn sum_micros(&self) -> i128 {
        self.balances().map(|(_, micros)| micros).sum()
    }
}
