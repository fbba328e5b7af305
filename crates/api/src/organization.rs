//! Organizations as they are shown and changed.

use haina_core::{Digest, OrganizationKind, Refusal, both};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::moment::Moment;
use crate::quantity::Number;

/// What kind of legal body or person an organization is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OrganizationKind)]
#[expect(missing_docs, reason = "see haina_core::OrganizationKind")]
pub enum OrganizationKindWord {
    Enterprise,
    University,
    Institute,
    School,
    Government,
    Maker,
}

/// Something that an organization is recognized as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Qualification {
    /// Its name, such as `高新技术企业`.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Where the evidence is, such as the number of a certificate.
    #[schema(min_length = 1, max_length = 500)]
    pub evidence: String,
    /// The SHA-256 of the evidence's bytes, where it is a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Until when it is recognized; without end if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
}

impl Qualification {
    fn read(&self) -> Result<haina_core::Qualification, Refusal> {
        let digest = |text: &String| -> Result<Digest, Refusal> {
            let rule = both("64 hexadecimal digits", "64 位十六进制数字");
            text.parse().map_err(|_| Refusal::invalid_value("qualifications.sha256", text, rule))
        };
        Ok(haina_core::Qualification {
            name: self.name.clone(),
            evidence: self.evidence.clone(),
            sha256: self.sha256.as_ref().map(digest).transpose()?,
            expires: self.expires.map(|expires| expires.0),
        })
    }
}

impl From<&haina_core::Qualification> for Qualification {
    fn from(held: &haina_core::Qualification) -> Qualification {
        Qualification {
            name: held.name.clone(),
            evidence: held.evidence.clone(),
            sha256: held.sha256.map(|digest| digest.to_string()),
            expires: held.expires.map(Moment),
        }
    }
}

/// A legal body or person that is served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Organization {
    /// Its id.
    pub id: String,
    /// Its unique short name.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// Cards that it may hold at once; no limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub card_limit: Option<f64>,
    /// By how much it takes part where cards beyond the guarantees are divided.
    pub weight: u32,
    /// Cards that it gets before anybody gets more than is guaranteed.
    pub guaranteed: f64,
    /// Whether it may not start work.
    pub suspended: bool,
    /// What kind of body it is, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<OrganizationKindWord>)]
    pub kind: Option<OrganizationKind>,
    /// What it is recognized as.
    #[serde(default)]
    pub qualifications: Vec<Qualification>,
}

/// Adds an organization, or changes what is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationRequest {
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Cards that it may hold at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, minimum = 0)]
    pub card_limit: Option<Number>,
    /// By how much it takes part where cards beyond the guarantees are divided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000)]
    pub weight: Option<Number>,
    /// Cards that it gets before anybody gets more than is guaranteed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, minimum = 0)]
    pub guaranteed: Option<Number>,
    /// Whether it may not start work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<bool>,
    /// What kind of body it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<OrganizationKindWord>)]
    pub kind: Option<OrganizationKind>,
    /// What it is recognized as, in the place of what was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qualifications: Option<Vec<Qualification>>,
}

impl OrganizationRequest {
    /// The limit in thousandths of cards.
    ///
    /// # Errors
    /// `invalid_value` where it is no number of cards.
    pub fn card_limit(&self) -> Result<Option<haina_core::CardMillis>, haina_core::Refusal> {
        self.card_limit.map(|limit| limit.card_limit("card_limit")).transpose()
    }

    /// The weight.
    ///
    /// # Errors
    /// `invalid_value` where it is no such number.
    pub fn weight(&self) -> Result<Option<u32>, haina_core::Refusal> {
        self.weight.map(|weight| weight.weight("weight")).transpose()
    }

    /// The qualifications.
    ///
    /// # Errors
    /// `invalid_value` where a digest is none.
    pub fn qualifications(&self) -> Result<Option<Vec<haina_core::Qualification>>, Refusal> {
        self.qualifications.as_ref().map(|all| all.iter().map(Qualification::read).collect()).transpose()
    }

    /// What is guaranteed, in thousandths of cards.
    ///
    /// # Errors
    /// `invalid_value` where it is no number of cards.
    pub fn guaranteed(&self) -> Result<Option<haina_core::CardMillis>, haina_core::Refusal> {
        self.guaranteed.map(|cards| cards.card_limit("guaranteed")).transpose()
    }
}
