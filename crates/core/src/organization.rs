//! What an organization is, beyond its name.

use serde::{Deserialize, Serialize};

use crate::phrase::{Phrase, both};
use crate::{Digest, Timestamp};

/// What kind of legal body or person it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum OrganizationKind {
    Enterprise,
    University,
    Institute,
    School,
    Government,
    Maker,
}

impl OrganizationKind {
    /// All kinds.
    pub const ALL: [OrganizationKind; 6] = [
        OrganizationKind::Enterprise,
        OrganizationKind::University,
        OrganizationKind::Institute,
        OrganizationKind::School,
        OrganizationKind::Government,
        OrganizationKind::Maker,
    ];

    /// The stable word for it.
    pub fn word(self) -> &'static str {
        match self {
            OrganizationKind::Enterprise => "enterprise",
            OrganizationKind::University => "university",
            OrganizationKind::Institute => "institute",
            OrganizationKind::School => "school",
            OrganizationKind::Government => "government",
            OrganizationKind::Maker => "maker",
        }
    }

    /// What people call it.
    pub fn title(self) -> Phrase {
        let chinese = match self {
            OrganizationKind::Enterprise => "企业",
            OrganizationKind::University => "高校",
            OrganizationKind::Institute => "科研院所",
            OrganizationKind::School => "学校",
            OrganizationKind::Government => "政府机构",
            OrganizationKind::Maker => "创客",
        };
        both(self.word(), chinese)
    }
}

/// Something that an organization is recognized as, such as 高新技术企业.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Qualification {
    /// Its name.
    pub name: String,
    /// Where the evidence is, such as the number of a certificate.
    pub evidence: String,
    /// The SHA-256 of the evidence's bytes, where it is a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// Until when it is recognized; without end where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}
