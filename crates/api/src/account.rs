//! Accounts and postings as they are shown. An account is a ledger account, never a login.

use haina_core::both;
use haina_core::{Currency, Money, Refusal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::agreement::PaidPart;
use crate::moment::Moment;
use crate::quantity::Quantity;

/// An amount of money: an exact decimal text and a currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Amount {
    /// With six decimals: `12.500000`.
    #[schema(pattern = "^-?[0-9]+\\.[0-9]{6}$")]
    pub amount: String,
    /// ISO 4217 code.
    pub currency: String,
}

impl From<Money> for Amount {
    fn from(money: Money) -> Amount {
        Amount { amount: money.amount(), currency: money.currency.code().to_owned() }
    }
}

impl std::fmt::Display for Amount {
    /// With two decimals where that is exact, else with all six.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.amount.strip_suffix("0000").unwrap_or(&self.amount), self.currency)
    }
}

/// An organization's prepaid account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// The organization's id.
    pub id: String,
    /// The organization's name.
    pub organization: String,
    /// The organization's name for people.
    pub title: String,
    /// Paid in less charged.
    pub balance: Amount,
    /// Held for attempts that have not ended.
    pub held: Amount,
    /// Neither spent nor held.
    pub available: Amount,
    /// What it owes for agreements.
    pub owed: Amount,
    /// What running attempts have cost so far, whoever pays; covered by what is held.
    pub accrued: Amount,
    /// What running attempts cost in an hour.
    pub burn_per_hour: Amount,
    /// When the balance would be used up at this rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub exhausted: Option<Moment>,
    /// Cards held now.
    pub cards_held: f64,
    /// Cards that it may hold at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub card_limit: Option<f64>,
}

/// A movement of money on an organization's account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Posting {
    /// Its position in the journal.
    pub id: String,
    /// When.
    pub at: Moment,
    /// Why.
    pub kind: PostingKind,
    /// What the account gained, or lost where negative. Nothing where only an agreement or a voucher is concerned.
    pub amount: Amount,
    /// What moved in all.
    pub total: Amount,
    /// The payment's reference; the reason, of an adjustment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reference: Option<String>,
    /// The attempt, of a charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub attempt: Option<String>,
    /// Who proposed an adjustment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub proposed_by: Option<String>,
    /// Who approved an adjustment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub approved_by: Option<String>,
    /// Card-hours, of a charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub card_hours: Option<String>,
    /// Price of a card-hour, of a charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub price_per_card_hour: Option<Amount>,
    /// Who paid what of a charge, unless the account paid all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PaidPart>,
    /// The agreement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub agreement: Option<String>,
    /// The voucher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub voucher: Option<String>,
}

/// Why money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PostingKind {
    /// The organization paid in.
    TopUp,
    /// An attempt ended.
    Charge,
    /// Two people agreed that the organization gets something back, or owes more.
    Adjustment,
    /// The organization committed to an amount by an agreement, or to another one.
    Commitment,
    /// It paid what it owes for an agreement.
    Payment,
    /// An agreement closed; what was not used of it is earned.
    Settlement,
    /// It got a voucher.
    Issue,
    /// A voucher expired or was revoked; the rest went back.
    Return,
    /// The sponsor paid what was redeemed of a voucher.
    CashOut,
}

/// Pays into an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TopUp {
    /// A decimal number in the center's currency, as text or number; more than 0.
    pub amount: Quantity,
    /// The payment's reference, 1 to 200 bytes.
    #[schema(min_length = 1, max_length = 200)]
    pub reference: String,
}

impl TopUp {
    /// The amount in the center's currency.
    ///
    /// # Errors
    /// `invalid_value` where it is no decimal number with at most six decimals.
    pub fn money(&self, currency: Currency) -> Result<Money, Refusal> {
        money_of(&self.amount, "amount", currency)
    }
}

/// Proposes a change of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustmentRequest {
    /// A decimal number in the center's currency, as text: what the organization gets back, or owes more where it is negative.
    #[schema(pattern = "^-?[0-9]+(\\.[0-9]{1,6})?$")]
    pub amount: String,
    /// Why, 1 to 500 bytes.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

impl AdjustmentRequest {
    /// The amount in the center's currency.
    ///
    /// # Errors
    /// `invalid_value` where it is no decimal number with at most six decimals.
    pub fn money(&self, currency: Currency) -> Result<Money, Refusal> {
        money_of(&Quantity::Text(self.amount.clone()), "amount", currency)
    }
}

/// A proposed change of an account, which waits for another person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Adjustment {
    /// Its id.
    pub id: String,
    /// Whose account.
    pub organization: String,
    /// What the organization gets back, or owes more where it is negative.
    pub amount: Amount,
    /// Why.
    pub reason: String,
    /// Who proposed it, and may not approve it.
    pub proposed_by: String,
    /// When.
    pub proposed: Moment,
}

/// A decimal amount in a field.
pub(crate) fn money_of(amount: &Quantity, field: &str, currency: Currency) -> Result<Money, Refusal> {
    let text = amount.amount();
    Money::parse_amount(&text, currency).map_err(|_| {
        Refusal::invalid_value(
            field,
            text,
            both(
                "a decimal number with at most six decimals, such as `100.50`",
                "最多六位小数的十进制数，例如 `100.50`",
            ),
        )
    })
}
