//! Agreements as they are drafted, amended and shown.

use haina_core::{
    AgreementTerms, AtEnd, Currency, Digest, Document, Milliseconds, Money, PoolId, Refusal, Timestamp, both,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::account::{Amount, money_of};
use crate::moment::Moment;
use crate::quantity::Quantity;

const DAY_MS: u64 = 24 * 3_600_000;

/// A document that is kept elsewhere, and proved by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentReference {
    /// Its name for people.
    #[schema(min_length = 1, max_length = 200)]
    pub title: String,
    /// The SHA-256 of its bytes, 64 hexadecimal digits.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub sha256: String,
}

/// What happens to work that an agreement does not pay any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AtEndWord {
    /// It does not start.
    Stop,
    /// The account pays the prices in force.
    #[default]
    OnDemand,
    /// The account pays the agreement's price for `grace_days` after its end.
    Grace,
}

/// Terms of an agreement: all of a new one, or those that change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgreementTermsSpec {
    /// Its name for people, such as the contract's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What the organization commits to pay, as a decimal number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Quantity>,
    /// Card-hours that it commits to instead: with a price they make the amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub card_hours: Option<u64>,
    /// Price of a card-hour, whatever the model; the prices in force if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_per_card_hour: Option<Quantity>,
    /// It pays for work in this pool only; in all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// From when it pays; now if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts: Option<Moment>,
    /// Until when it pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Moment>,
    /// What happens to work that it does not pay any more; `on_demand` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_end: Option<AtEndWord>,
    /// For how many days its price is kept after its end, with `at_end` = `grace`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 366)]
    pub grace_days: Option<u32>,
    /// What was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<Vec<DocumentReference>>,
}

impl AgreementTermsSpec {
    /// The terms, with what is not said as it was before, or as a new agreement has it. `pool` gives the id of a name.
    ///
    /// # Errors
    /// `invalid_value` where something is absent of a new one or cannot be, and what `pool` refuses with.
    pub fn terms(
        self,
        before: Option<AgreementTerms>,
        (currency, now): (Currency, Timestamp),
        pool: impl FnOnce(&str) -> Result<PoolId, Refusal>,
    ) -> Result<AgreementTerms, Refusal> {
        let needed = |field| Refusal::absent(field, both("given", "必须填写"));
        let price =
            self.price_per_card_hour.map(|price| money_of(&price, "price_per_card_hour", currency)).transpose()?;
        let price = price.or(before.as_ref().and_then(|before| before.price_per_card_hour));
        let amount = match (self.amount, self.card_hours) {
            (Some(_), Some(_)) => {
                let rule = both("absent where `amount` is given", "填写 `amount` 时不能填写");
                return Err(Refusal::invalid_value("card_hours", self.card_hours.unwrap_or_default(), rule));
            }
            (Some(amount), None) => Some(money_of(&amount, "amount", currency)?),
            (None, Some(hours)) => {
                let price = price.ok_or_else(|| {
                    let rule = both("given with `card_hours`", "填写 `card_hours` 时必须填写");
                    Refusal::absent("price_per_card_hour", rule)
                })?;
                Some(Money { micros: price.micros.saturating_mul(hours.into()), ..price })
            }
            (None, None) => before.as_ref().map(|before| before.amount),
        };
        let grace = |days: u32| AtEnd::Grace(Milliseconds(u64::from(days) * DAY_MS));
        let at_end = match (self.at_end, self.grace_days) {
            (Some(AtEndWord::Grace), Some(days)) => Some(grace(days)),
            (Some(AtEndWord::Grace), None) => return Err(needed("grace_days")),
            (None, Some(days)) if matches!(before.as_ref().map(|before| before.at_end), Some(AtEnd::Grace(_))) => {
                Some(grace(days))
            }
            (_, Some(days)) => {
                let rule = both("absent unless `at_end` is `grace`", "仅当 `at_end` 为 `grace` 时填写");
                return Err(Refusal::invalid_value("grace_days", days, rule));
            }
            (Some(AtEndWord::Stop), None) => Some(AtEnd::Stop),
            (Some(AtEndWord::OnDemand), None) => Some(AtEnd::OnDemand),
            (None, None) => before.as_ref().map(|before| before.at_end),
        };
        let document = |document: DocumentReference| {
            let rule = || both("64 hexadecimal digits", "64 位十六进制数字");
            let sha256: Digest = document
                .sha256
                .parse()
                .map_err(|_| Refusal::invalid_value("documents.sha256", &document.sha256, rule()))?;
            Ok(Document { title: document.title, sha256 })
        };
        let documents = self.documents.map(|all| all.into_iter().map(document).collect::<Result<_, Refusal>>());
        let kept = before.as_ref().map(|before| before.documents.clone()).unwrap_or_default();
        Ok(AgreementTerms {
            title: self.title.or(before.as_ref().map(|before| before.title.clone())).ok_or_else(|| needed("title"))?,
            amount: amount.ok_or_else(|| needed("amount"))?,
            price_per_card_hour: price,
            pool: match self.pool {
                Some(name) => Some(pool(&name)?),
                None => before.as_ref().and_then(|before| before.pool),
            },
            starts: self.starts.map(|starts| starts.0).or(before.as_ref().map(|before| before.starts)).unwrap_or(now),
            ends: self
                .ends
                .map(|ends| ends.0)
                .or(before.as_ref().map(|before| before.ends))
                .ok_or_else(|| needed("ends"))?,
            at_end: at_end.unwrap_or(AtEnd::OnDemand),
            documents: documents.transpose()?.unwrap_or(kept),
        })
    }
}

/// Drafts an agreement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgreementRequest {
    /// With which organization.
    pub organization: String,
    /// What is agreed: a title, an amount (or card-hours at a price) and an end at least.
    pub terms: AgreementTermsSpec,
}

/// Changes an agreement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AmendmentRequest {
    /// The version that is changed, as it was seen.
    pub version: u32,
    /// Why.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
    /// Where more is sold: how many thousandths of its pool's card-hours may be; 1000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oversell: Option<u32>,
    /// The terms that change.
    pub terms: AgreementTermsSpec,
}

/// Signs an agreement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignRequest {
    /// The version that is signed, as it was seen.
    pub version: u32,
    /// How many thousandths of its pool's card-hours may be sold in its term; 1000, all of them, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oversell: Option<u32>,
}

/// An agreement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Agreement {
    /// Its id.
    pub id: String,
    /// With which organization.
    pub organization: String,
    /// Its name for people.
    pub title: String,
    /// `draft`, `signed`, `begun` or `closed`.
    pub state: String,
    /// Counts up with each change of the terms.
    pub version: u32,
    /// What the organization commits to pay.
    pub amount: Amount,
    /// Price of a card-hour; the prices in force if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub price_per_card_hour: Option<Amount>,
    /// The only pool whose work it pays for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub pool: Option<String>,
    /// From when it pays.
    pub starts: Moment,
    /// Until when it pays.
    pub ends: Moment,
    /// What happens to work that it does not pay any more.
    pub at_end: AtEndWord,
    /// For how many days its price is kept after its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub grace_days: Option<u32>,
    /// What was signed.
    pub documents: Vec<DocumentReference>,
    /// What it has paid for work.
    pub used: Amount,
    /// Held for attempts that have not ended.
    pub held: Amount,
    /// What is left, held or not.
    pub left: Amount,
    /// What was not used when it was closed.
    pub forfeited: Amount,
    /// When it will be used up, if it goes on as it did since it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub used_up: Option<Moment>,
    /// All versions of its terms, oldest first; where one agreement is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub history: Option<Vec<Amendment>>,
}

/// One version of the terms of an agreement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Amendment {
    /// The version.
    pub version: u32,
    /// Who set it.
    pub by: String,
    /// When.
    pub at: Moment,
    /// Why.
    pub reason: String,
    /// The terms from then on.
    pub terms: AgreementTermsSpec,
}

/// Who paid a part of a charge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PaidPart {
    /// `prepaid`, or an agreement as `agreement/3`.
    pub payer: String,
    /// For so many card-hours.
    pub card_hours: String,
    /// At this price of a card-hour.
    pub price_per_card_hour: Amount,
    /// What the payer paid.
    pub amount: Amount,
    /// The voucher that paid a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub voucher: Option<String>,
    /// What the voucher paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub voucher_amount: Option<Amount>,
}
