//! Agreements: an organization commits to an amount for a term, at prices of its own.

use haina_core::phrase::{Phrase, both};
use haina_core::{AgreementTerms, Currency, OrganizationId, PoolId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Purse;

/// An agreement with an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// With whom.
    pub organization: OrganizationId,
    /// What was agreed.
    pub terms: AgreementTerms,
    /// Counts up with each change of the terms; who changes them names the version that he saw.
    pub version: u32,
    /// How far it is.
    pub stage: AgreementStage,
    /// The committed amount, and where it went.
    pub purse: Purse,
}

/// How far an agreement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgreementStage {
    /// Nobody is bound yet.
    Draft,
    /// Binding; its time has not come.
    Signed,
    /// It pays.
    Begun,
    /// Its time is over and nothing is held of it any more: settled.
    Closed,
}

impl AgreementStage {
    /// The stable word for it.
    pub fn word(self) -> &'static str {
        match self {
            AgreementStage::Draft => "draft",
            AgreementStage::Signed => "signed",
            AgreementStage::Begun => "begun",
            AgreementStage::Closed => "closed",
        }
    }

    /// What people call it.
    pub fn words(self) -> Phrase {
        let chinese = match self {
            AgreementStage::Draft => "草稿",
            AgreementStage::Signed => "已签署",
            AgreementStage::Begun => "履行中",
            AgreementStage::Closed => "已结清",
        };
        both(self.word(), chinese)
    }
}

impl Agreement {
    /// A draft.
    pub fn draft(organization: OrganizationId, terms: AgreementTerms, currency: Currency) -> Agreement {
        let (stage, purse) = (AgreementStage::Draft, Purse::new(currency));
        Agreement { organization, terms, version: 1, stage, purse }
    }

    /// Whether it is about work in this pool.
    pub fn covers(&self, pool: PoolId) -> bool {
        self.terms.pool.is_none_or(|own| own == pool)
    }

    /// Whether it pays for what starts now.
    pub fn pays(&self, now: Timestamp) -> bool {
        self.stage == AgreementStage::Begun && now < self.terms.ends
    }

    /// When it next changes by time alone: it begins; it closes once nothing is held of it.
    pub fn due(&self) -> Option<Timestamp> {
        match self.stage {
            AgreementStage::Signed => Some(self.terms.starts),
            AgreementStage::Begun if self.purse.held.micros == 0 => Some(self.terms.ends),
            AgreementStage::Draft | AgreementStage::Begun | AgreementStage::Closed => None,
        }
    }
}
