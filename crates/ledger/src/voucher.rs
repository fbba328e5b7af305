//! Vouchers: a sponsor pays a share of what computing costs an organization.

use haina_core::phrase::{Phrase, both};
use haina_core::{AgreementId, Money, OrganizationId, PoolId, ProgrammeId, ProgrammeRules, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::Purse;

/// A policy under which vouchers are given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Programme {
    /// Its rules.
    pub rules: ProgrammeRules,
    /// Counts up with each change of the rules.
    pub version: u32,
    /// Vouchers that were issued and not given back: at most the budget.
    pub granted: Money,
    /// What the sponsor owes: vouchers issued, less what expired or was revoked, less what was cashed out. Negative by that.
    pub owed: Money,
}

impl Programme {
    /// Without vouchers.
    pub fn new(rules: ProgrammeRules) -> Programme {
        let zero = Money::zero(rules.budget.currency);
        Programme { rules, version: 1, granted: zero, owed: zero }
    }
}

/// A voucher, from its claim on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voucher {
    /// Under which programme.
    pub programme: ProgrammeId,
    /// Whose.
    pub organization: OrganizationId,
    /// It pays only what this agreement would pay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<AgreementId>,
    /// What was claimed.
    pub claimed: Money,
    /// Who claimed it.
    pub claimed_by: UserId,
    /// When.
    pub claimed_at: Timestamp,
    /// Why, for people.
    pub purpose: String,
    /// Whether it was declared that the organization is not related to the center.
    pub unrelated: bool,
    /// How far it is.
    pub stage: VoucherStage,
    /// The thousandths of each charge that it pays; the programme's when it was issued.
    pub share_of_charge: u16,
    /// It pays for work in this pool only; the programme's when it was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolId>,
    /// When it was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued: Option<Timestamp>,
    /// Until when it pays for what starts, this moment not included; set when it is issued, moved up when it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Whether it was revoked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub revoked: bool,
    /// What was issued, and where it went.
    pub purse: Purse,
    /// What the sponsor has paid of what was used.
    pub cashed_out: Money,
}

/// How far a voucher is. What is frozen or redeemed of it, its purse says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoucherStage {
    /// It waits for review.
    Claimed,
    /// It was not given.
    Rejected,
    /// It pays until it expires or is revoked.
    Issued,
    /// It expired and nothing is held of it any more.
    Expired,
    /// It was revoked and nothing is held of it any more.
    Revoked,
}

impl VoucherStage {
    /// The stable word for it.
    pub fn word(self) -> &'static str {
        match self {
            VoucherStage::Claimed => "claimed",
            VoucherStage::Rejected => "rejected",
            VoucherStage::Issued => "issued",
            VoucherStage::Expired => "expired",
            VoucherStage::Revoked => "revoked",
        }
    }

    /// What people call it.
    pub fn words(self) -> Phrase {
        let chinese = match self {
            VoucherStage::Claimed => "已申领",
            VoucherStage::Rejected => "未通过",
            VoucherStage::Issued => "已发放",
            VoucherStage::Expired => "已过期",
            VoucherStage::Revoked => "已撤销",
        };
        both(self.word(), chinese)
    }
}

impl Voucher {
    /// Whether it pays for what starts now in this pool.
    pub fn pays(&self, pool: PoolId, now: Timestamp) -> bool {
        self.stage == VoucherStage::Issued
            && self.expires.is_some_and(|expires| now < expires)
            && self.pool.is_none_or(|own| own == pool)
    }

    /// When it closes by time alone: once it has expired and nothing is held of it.
    pub fn due(&self) -> Option<Timestamp> {
        let closes = self.stage == VoucherStage::Issued && self.purse.held.micros == 0;
        self.expires.filter(|_| closes)
    }
}
