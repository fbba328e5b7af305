//! Under which rules vouchers are given.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Milliseconds, Money, OrganizationKind, PoolId, Timestamp};

/// The rules of a programme, as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgrammeRules {
    /// Unique short name.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// Who pays in the end.
    pub sponsor: String,
    /// All vouchers together.
    pub budget: Money,
    /// Vouchers issued in one calendar year (UTC+8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_per_year: Option<Money>,
    /// Vouchers issued to one organization in one calendar year (UTC+8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_organization_and_year: Option<Money>,
    /// The thousandths of each charge that a voucher pays.
    pub share_of_charge: u16,
    /// A voucher is for one agreement, at most these thousandths of its amount, and each agreement has at most one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_of_agreement: Option<u16>,
    /// Kinds of organizations that may claim; all where empty.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub kinds: BTreeSet<OrganizationKind>,
    /// Qualifications of which an organization needs one, valid when it claims; none is needed where empty.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub qualifications: BTreeSet<String>,
    /// Whether who claims must declare that he is not related to the center.
    #[serde(default)]
    pub unrelated: bool,
    /// It pays for work in this pool only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolId>,
    /// Claims are taken from then,
    pub opens: Timestamp,
    /// until then.
    pub closes: Timestamp,
    /// For how long a voucher is valid once it is issued.
    pub valid_for: Milliseconds,
}
