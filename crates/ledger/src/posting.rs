//! Double-entry postings.

use std::fmt;

use haina_core::{AdjustmentId, AttemptId, CardUse, Currency, Money, OrganizationId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// An account of the center's books. Credits are positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerAccount {
    /// What the center owes an organization in compute.
    Prepaid(OrganizationId),
    /// What the center has earned.
    Revenue,
    /// What organizations have paid in; its balance is negative by that.
    Cash,
}

impl fmt::Display for LedgerAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LedgerAccount::Prepaid(organization) => write!(f, "prepaid/{}", organization.0),
            LedgerAccount::Revenue => f.write_str("revenue"),
            LedgerAccount::Cash => f.write_str("cash"),
        }
    }
}

/// One line of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// The account.
    pub account: LedgerAccount,
    /// What it gains (positive) or gives (negative).
    pub amount: Money,
}

/// Why money moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionKind {
    /// An organization paid in.
    TopUp {
        /// The payment's reference, for people.
        reference: String,
    },
    /// An attempt ended.
    Charge {
        /// The attempt.
        attempt: AttemptId,
        /// What it used.
        used: CardUse,
        /// At which price of a card-hour.
        price_per_card_hour: Money,
    },
    /// Two people agreed that the organization gets something back, or owes more.
    Adjustment {
        /// The proposal.
        adjustment: AdjustmentId,
        /// Why, for people.
        reason: String,
        /// Who proposed it.
        proposed_by: UserId,
        /// Who approved it: somebody else.
        approved_by: UserId,
    },
}

/// Postings that belong together and sum to zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// Why.
    pub kind: TransactionKind,
    /// Whom it concerns.
    pub organization: OrganizationId,
    /// The lines.
    pub postings: Vec<Posting>,
}

impl Transaction {
    /// `organization` paid in `amount`.
    pub fn top_up(organization: OrganizationId, amount: Money, reference: String) -> Transaction {
        Transaction {
            kind: TransactionKind::TopUp { reference },
            organization,
            postings: pair(LedgerAccount::Cash, LedgerAccount::Prepaid(organization), amount),
        }
    }

    /// `attempt` of `organization` used `used`.
    pub fn charge(
        organization: OrganizationId,
        attempt: AttemptId,
        used: CardUse,
        price_per_card_hour: Money,
    ) -> Transaction {
        let amount = crate::charge(price_per_card_hour, used);
        Transaction {
            kind: TransactionKind::Charge { attempt, used, price_per_card_hour },
            organization,
            postings: pair(LedgerAccount::Prepaid(organization), LedgerAccount::Revenue, amount),
        }
    }

    /// `organization` gets `amount` of what the center has earned, or owes it more where that is negative.
    pub fn adjustment(organization: OrganizationId, amount: Money, kind: TransactionKind) -> Transaction {
        let postings = pair(LedgerAccount::Revenue, LedgerAccount::Prepaid(organization), amount);
        Transaction { kind, organization, postings }
    }

    /// All of it as a line of text, from which its seal is made: the moment in microseconds, the kind, whom it concerns, the
    /// postings in millionths, and what it came from.
    pub fn line(&self, at: Timestamp) -> String {
        let posting =
            |Posting { account, amount }: &Posting| format!("{account} {} {}", amount.micros, amount.currency);
        let postings: Vec<String> = self.postings.iter().map(posting).collect();
        let (kind, cause) = match &self.kind {
            TransactionKind::TopUp { reference } => ("top_up", reference.clone()),
            TransactionKind::Charge { attempt, used, price_per_card_hour } => {
                let Money { micros, currency } = price_per_card_hour;
                ("charge", format!("attempt {attempt} used {} at {micros} {currency}", used.0))
            }
            TransactionKind::Adjustment { adjustment, reason, proposed_by, approved_by } => {
                let (by, approved) = (proposed_by.0, approved_by.0);
                ("adjustment", format!("adjustment {adjustment} proposed by {by} approved by {approved}: {reason}"))
            }
        };
        format!("{} {kind} organization {}: {}; {cause}", at.0, self.organization.0, postings.join(", "))
    }

    /// What the organization's prepaid account gains (positive) or gives (negative).
    pub fn amount_for_organization(&self, currency: Currency) -> Money {
        let prepaid = LedgerAccount::Prepaid(self.organization);
        let lines = self.postings.iter().filter(|posting| posting.account == prepaid);
        Money { micros: lines.map(|posting| posting.amount.micros).sum(), currency }
    }
}

fn pair(from: LedgerAccount, to: LedgerAccount, amount: Money) -> Vec<Posting> {
    let negative = Money { micros: -amount.micros, ..amount };
    vec![Posting { account: from, amount: negative }, Posting { account: to, amount }]
}
