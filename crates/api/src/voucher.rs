//! Vouchers and their programmes as they are set, claimed and shown.

use std::collections::BTreeSet;

use haina_core::{Currency, Milliseconds, Money, OrganizationKind, PoolId, ProgrammeRules, Refusal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::account::{Amount, money_of};
use crate::moment::Moment;
use crate::organization::OrganizationKindWord;
use crate::quantity::Quantity;

const DAY_MS: u64 = 24 * 3_600_000;

/// The rules of a programme of vouchers, as they are set and shown. Shares are thousandths: 300 is 30 %.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProgrammeSpec {
    /// The version that is changed, as it was seen; 0 for a new programme.
    #[serde(default)]
    pub version: u32,
    /// Its name for people.
    pub title: String,
    /// Who pays in the end.
    pub sponsor: String,
    /// All vouchers together.
    pub budget: Quantity,
    /// Vouchers issued in one calendar year of China Standard Time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_per_year: Option<Quantity>,
    /// Vouchers issued to one organization in one calendar year of China Standard Time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_organization_and_year: Option<Quantity>,
    /// The thousandths of each charge that a voucher pays.
    #[schema(minimum = 1, maximum = 1000)]
    pub share_of_charge: u16,
    /// A voucher is for one agreement, at most these thousandths of its amount, and each agreement has at most one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000)]
    pub share_of_agreement: Option<u16>,
    /// Kinds of organizations that may claim; all if absent.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<OrganizationKindWord>)]
    pub kinds: BTreeSet<OrganizationKind>,
    /// Qualifications of which an organization needs one; none is needed if absent.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub qualifications: BTreeSet<String>,
    /// Whether who claims must declare that the organization is not related to the center.
    #[serde(default)]
    pub unrelated: bool,
    /// It pays for work in this pool only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Claims are taken from then,
    pub opens: Moment,
    /// until then.
    pub closes: Moment,
    /// For how many days a voucher is valid once it is issued.
    #[schema(minimum = 1, maximum = 3660)]
    pub valid_days: u32,
}

impl ProgrammeSpec {
    /// The rules of the programme of this name. `pool` gives the id of a name.
    ///
    /// # Errors
    /// `invalid_value` where an amount is no decimal number, and what `pool` refuses with.
    pub fn rules(
        self,
        name: String,
        currency: Currency,
        pool: impl FnOnce(&str) -> Result<PoolId, Refusal>,
    ) -> Result<ProgrammeRules, Refusal> {
        let money = |amount: Option<Quantity>, field: &str| -> Result<Option<Money>, Refusal> {
            amount.map(|amount| money_of(&amount, field, currency)).transpose()
        };
        Ok(ProgrammeRules {
            name,
            title: self.title,
            sponsor: self.sponsor,
            budget: money_of(&self.budget, "budget", currency)?,
            budget_per_year: money(self.budget_per_year, "budget_per_year")?,
            per_organization_and_year: money(self.per_organization_and_year, "per_organization_and_year")?,
            share_of_charge: self.share_of_charge,
            share_of_agreement: self.share_of_agreement,
            kinds: self.kinds,
            qualifications: self.qualifications,
            unrelated: self.unrelated,
            pool: self.pool.map(|name| pool(&name)).transpose()?,
            opens: self.opens.0,
            closes: self.closes.0,
            valid_for: Milliseconds(u64::from(self.valid_days) * DAY_MS),
        })
    }
}

/// A programme of vouchers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Programme {
    /// Its id.
    pub id: String,
    /// Its unique short name.
    pub name: String,
    /// Its rules.
    pub rules: ProgrammeSpec,
    /// Vouchers that were issued and not given back.
    pub granted: Amount,
    /// What its sponsor owes for vouchers.
    pub owed: Amount,
}

/// Claims a voucher.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimRequest {
    /// The programme's name.
    pub programme: String,
    /// For whom; your own organization if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The id of the agreement that it is for, where the programme is about agreements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<String>,
    /// How much, as a decimal number.
    pub amount: Quantity,
    /// What for, 1 to 500 bytes.
    #[schema(min_length = 1, max_length = 500)]
    pub purpose: String,
    /// The declaration that the organization is not related to the center.
    #[serde(default)]
    pub unrelated: bool,
}

impl ClaimRequest {
    /// The amount in the center's currency.
    ///
    /// # Errors
    /// `invalid_value` where it is no decimal number with at most six decimals.
    pub fn money(&self, currency: Currency) -> Result<Money, Refusal> {
        money_of(&self.amount, "amount", currency)
    }
}

/// Why something is done to a voucher.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VoucherReason {
    /// Why, at most 500 bytes.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub reason: String,
}

/// The sponsor paid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CashOutRequest {
    /// The payment's reference, 1 to 200 bytes.
    #[schema(min_length = 1, max_length = 200)]
    pub reference: String,
}

/// A voucher, from its claim on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Voucher {
    /// Its id.
    pub id: String,
    /// The programme's name.
    pub programme: String,
    /// Whose.
    pub organization: String,
    /// The id of the only agreement beside which it pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub agreement: Option<String>,
    /// `claimed`, `rejected`, `issued`, `expired` or `revoked`.
    pub state: String,
    /// What was claimed.
    pub claimed: Amount,
    /// Who claimed it.
    pub claimed_by: String,
    /// When.
    pub claimed_at: Moment,
    /// What for.
    pub purpose: String,
    /// The thousandths of each charge that it pays.
    pub share_of_charge: u16,
    /// Until when it pays for what starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expires: Option<Moment>,
    /// Held for attempts that have not ended: frozen.
    pub frozen: Amount,
    /// What it has paid: redeemed.
    pub redeemed: Amount,
    /// What is left, frozen or not.
    pub left: Amount,
    /// What its sponsor has paid of what was redeemed.
    pub cashed_out: Amount,
}
