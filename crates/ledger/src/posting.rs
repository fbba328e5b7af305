//! Double-entry postings.

use std::fmt;
use std::str::FromStr;

use haina_core::{
    AdjustmentId, AgreementId, AttemptId, CardUse, Currency, Money, OrganizationId, ProgrammeId, Timestamp, UserId,
    VoucherId,
};
use serde::{Deserialize, Serialize};

use crate::Paid;

/// An account of the center's books. Credits are positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerAccount {
    /// What the center owes an organization in compute.
    Prepaid(OrganizationId),
    /// What the center has earned.
    Revenue,
    /// What organizations and sponsors have paid in; its balance is negative by that.
    Cash,
    /// What an organization owes for what it committed to; negative by that.
    Receivable(OrganizationId),
    /// What the center owes in computing under an agreement.
    Agreement(AgreementId),
    /// What the center owes in computing for a voucher.
    Voucher(VoucherId),
    /// What the sponsor of a programme owes for vouchers; negative by that.
    Sponsor(ProgrammeId),
}

impl fmt::Display for LedgerAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LedgerAccount::Prepaid(organization) => write!(f, "prepaid/{}", organization.0),
            LedgerAccount::Revenue => f.write_str("revenue"),
            LedgerAccount::Cash => f.write_str("cash"),
            LedgerAccount::Receivable(organization) => write!(f, "receivable/{}", organization.0),
            LedgerAccount::Agreement(id) => write!(f, "agreement/{id}"),
            LedgerAccount::Voucher(id) => write!(f, "voucher/{id}"),
            LedgerAccount::Sponsor(id) => write!(f, "sponsor/{id}"),
        }
    }
}

/// A text that is no account.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no account")]
pub struct BadAccount(String);

impl FromStr for LedgerAccount {
    type Err = BadAccount;
    fn from_str(text: &str) -> Result<LedgerAccount, BadAccount> {
        let bad = || BadAccount(text.to_owned());
        let (kind, number) = text.split_once('/').unwrap_or((text, "0"));
        let number = number.parse().map_err(|_| bad())?;
        Ok(match kind {
            "prepaid" => LedgerAccount::Prepaid(OrganizationId(number)),
            "revenue" => LedgerAccount::Revenue,
            "cash" => LedgerAccount::Cash,
            "receivable" => LedgerAccount::Receivable(OrganizationId(number)),
            "agreement" => LedgerAccount::Agreement(AgreementId(number)),
            "voucher" => LedgerAccount::Voucher(VoucherId(number)),
            "sponsor" => LedgerAccount::Sponsor(ProgrammeId(number)),
            _ => return Err(bad()),
        })
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
        /// At which price of a card-hour; where several paid, that of the first.
        price_per_card_hour: Money,
        /// Who paid what, unless the prepaid account paid all of it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parts: Vec<Paid>,
    },
    /// An organization committed to an amount, or to another one than before.
    Commitment {
        /// By which agreement,
        agreement: AgreementId,
        /// at which version of its terms.
        version: u32,
    },
    /// An organization paid what it had committed to.
    Payment {
        /// By which agreement.
        agreement: AgreementId,
        /// The payment's reference, for people.
        reference: String,
    },
    /// An agreement is over; what was not used of it is earned all the same.
    Settlement {
        /// Which.
        agreement: AgreementId,
    },
    /// A voucher was issued: its sponsor owes it.
    Issue {
        /// Which,
        voucher: VoucherId,
        /// under which programme.
        programme: ProgrammeId,
    },
    /// A voucher expired or was revoked: what was not used of it is not owed by its sponsor.
    Return {
        /// Which,
        voucher: VoucherId,
        /// under which programme.
        programme: ProgrammeId,
    },
    /// The sponsor paid what was used of a voucher.
    CashOut {
        /// Which,
        voucher: VoucherId,
        /// under which programme.
        programme: ProgrammeId,
        /// The payment's reference, for people.
        reference: String,
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
        Transaction::between(organization, TransactionKind::TopUp { reference }, amount)
    }

    /// `attempt` of `organization` used `used`.
    pub fn charge(
        organization: OrganizationId,
        attempt: AttemptId,
        used: CardUse,
        price_per_card_hour: Money,
    ) -> Transaction {
        let amount = crate::charge(price_per_card_hour, used);
        let kind = TransactionKind::Charge { attempt, used, price_per_card_hour, parts: Vec::new() };
        Transaction::between(organization, kind, amount)
    }

    /// `attempt` of `organization` used `used`, and these paid: a posting for each account, in the order in which they first
    /// paid, and one for what the center earned.
    pub fn funded_charge(
        organization: OrganizationId,
        attempt: AttemptId,
        used: CardUse,
        price_per_card_hour: Money,
        parts: Vec<Paid>,
    ) -> Transaction {
        let mut postings: Vec<Posting> = Vec::new();
        let mut earned = Money { micros: 0, ..price_per_card_hour };
        for part in &parts {
            let of_voucher = part.voucher.map(|(voucher, paid)| (LedgerAccount::Voucher(voucher), paid));
            for (account, paid) in of_voucher.into_iter().chain([(part.payer.account(organization), part.amount)]) {
                earned.micros += paid.micros;
                match postings.iter_mut().find(|posting| posting.account == account) {
                    Some(posting) => posting.amount.micros -= paid.micros,
                    None => postings.push(Posting { account, amount: Money { micros: -paid.micros, ..paid } }),
                }
            }
        }
        postings.retain(|posting| posting.amount.micros != 0);
        postings.push(Posting { account: LedgerAccount::Revenue, amount: earned });
        Transaction {
            kind: TransactionKind::Charge { attempt, used, price_per_card_hour, parts },
            organization,
            postings,
        }
    }

    /// `amount` moves from the account on one side of a kind to that on the other, as [`TransactionKind::sides`] has them.
    ///
    /// # Panics
    /// For a charge that several paid, which has more sides.
    pub fn between(organization: OrganizationId, kind: TransactionKind, amount: Money) -> Transaction {
        let (from, to) = kind.sides(organization).expect("only a charge that several paid has more than two sides");
        Transaction { organization, postings: pair(from, to, amount), kind }
    }

    /// All of it as a line of text, from which its seal is made: the moment in microseconds, the kind, whom it concerns, the
    /// postings in millionths, and what it came from.
    pub fn line(&self, at: Timestamp) -> String {
        let posting =
            |Posting { account, amount }: &Posting| format!("{account} {} {}", amount.micros, amount.currency);
        let postings: Vec<String> = self.postings.iter().map(posting).collect();
        let cause = match &self.kind {
            TransactionKind::TopUp { reference } => reference.clone(),
            TransactionKind::Charge { attempt, used, price_per_card_hour, parts } => {
                let Money { micros, currency } = price_per_card_hour;
                let part = |part: &Paid| {
                    let (payer, Money { micros, currency }) =
                        (part.payer.account(self.organization), part.price_per_card_hour);
                    let of_voucher = part.voucher.map(|(id, paid)| format!(" with voucher/{id} {}", paid.micros));
                    let (amount, of_voucher) = (part.amount.micros, of_voucher.unwrap_or_default());
                    format!(": {payer} used {} at {micros} {currency} paid {amount}{of_voucher}", part.used.0)
                };
                let parts: String = parts.iter().map(part).collect();
                format!("attempt {attempt} used {} at {micros} {currency}{parts}", used.0)
            }
            TransactionKind::Commitment { agreement, version } => {
                format!("agreement {agreement} version {version}")
            }
            TransactionKind::Payment { agreement, reference } => {
                format!("agreement {agreement}: {reference}")
            }
            TransactionKind::Settlement { agreement } => format!("agreement {agreement}"),
            TransactionKind::Issue { voucher, programme } => {
                format!("voucher {voucher} programme {programme}")
            }
            TransactionKind::Return { voucher, programme } => {
                format!("voucher {voucher} programme {programme}")
            }
            TransactionKind::CashOut { voucher, programme, reference } => {
                format!("voucher {voucher} programme {programme}: {reference}")
            }
            TransactionKind::Adjustment { adjustment, reason, proposed_by, approved_by } => {
                let (by, approved) = (proposed_by.0, approved_by.0);
                format!("adjustment {adjustment} proposed by {by} approved by {approved}: {reason}")
            }
        };
        let kind = self.kind.word();
        format!("{} {kind} organization {}: {}; {cause}", at.0, self.organization.0, postings.join(", "))
    }

    /// What moved in all: what the last of its accounts gained, negative where that one gave.
    pub fn total(&self, currency: Currency) -> Money {
        Money { micros: self.postings.last().map_or(0, |posting| posting.amount.micros), currency }
    }

    /// What the organization's prepaid account gains (positive) or gives (negative).
    pub fn amount_for_organization(&self, currency: Currency) -> Money {
        let prepaid = LedgerAccount::Prepaid(self.organization);
        let lines = self.postings.iter().filter(|posting| posting.account == prepaid);
        Money { micros: lines.map(|posting| posting.amount.micros).sum(), currency }
    }
}

impl TransactionKind {
    /// The words for all kinds.
    pub const WORDS: [&'static str; 9] =
        ["top_up", "charge", "commitment", "payment", "settlement", "issue", "return", "cash_out", "adjustment"];

    /// The stable word for it.
    pub fn word(&self) -> &'static str {
        match self {
            TransactionKind::TopUp { .. } => "top_up",
            TransactionKind::Charge { .. } => "charge",
            TransactionKind::Commitment { .. } => "commitment",
            TransactionKind::Payment { .. } => "payment",
            TransactionKind::Settlement { .. } => "settlement",
            TransactionKind::Issue { .. } => "issue",
            TransactionKind::Return { .. } => "return",
            TransactionKind::CashOut { .. } => "cash_out",
            TransactionKind::Adjustment { .. } => "adjustment",
        }
    }

    /// Which account gives and which gains, where there are just two.
    pub fn sides(&self, organization: OrganizationId) -> Option<(LedgerAccount, LedgerAccount)> {
        use LedgerAccount::{Agreement, Cash, Prepaid, Receivable, Revenue, Sponsor, Voucher};
        Some(match self {
            TransactionKind::TopUp { .. } => (Cash, Prepaid(organization)),
            TransactionKind::Charge { parts, .. } if parts.is_empty() => (Prepaid(organization), Revenue),
            TransactionKind::Charge { .. } => return None,
            TransactionKind::Adjustment { .. } => (Revenue, Prepaid(organization)),
            TransactionKind::Commitment { agreement, .. } => (Receivable(organization), Agreement(*agreement)),
            TransactionKind::Payment { .. } => (Cash, Receivable(organization)),
            TransactionKind::Settlement { agreement } => (Agreement(*agreement), Revenue),
            TransactionKind::Issue { voucher, programme } => (Sponsor(*programme), Voucher(*voucher)),
            TransactionKind::Return { voucher, programme } => (Voucher(*voucher), Sponsor(*programme)),
            TransactionKind::CashOut { programme, .. } => (Cash, Sponsor(*programme)),
        })
    }
}

fn pair(from: LedgerAccount, to: LedgerAccount, amount: Money) -> Vec<Posting> {
    let negative = Money { micros: -amount.micros, ..amount };
    vec![Posting { account: from, amount: negative }, Posting { account: to, amount }]
}
