//! Errors on the wire: problem+json (RFC 9457).

use std::collections::BTreeMap;

use haina_core::{Category, Code, Language, Refusal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What went wrong, for people and programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:haina:problem:CODE`.
    pub r#type: String,
    /// The HTTP status in words.
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// A plain sentence in the caller's language.
    pub detail: String,
    /// The stable code.
    pub code: String,
    /// The values that the sentence names.
    pub values: BTreeMap<String, String>,
    /// What to do, in the caller's language.
    pub hint: String,
}

impl Problem {
    /// The problem for a refusal. Its private context stays behind.
    pub fn of(refusal: &Refusal, language: Language) -> Problem {
        let (status, title) = status_of(refusal.code);
        Problem {
            r#type: format!("urn:haina:problem:{}", refusal.code.word()),
            title: title.to_owned(),
            status,
            detail: refusal.sentence(language),
            code: refusal.code.word().to_owned(),
            values: refusal.values.clone(),
            hint: refusal.hint(language),
        }
    }
}

/// The HTTP status of a code, with its words.
pub fn status_of(code: Code) -> (u16, &'static str) {
    match (code, code.category()) {
        (Code::InvalidRequest, _) => (400, "Bad Request"),
        (Code::TooLarge, _) => (413, "Content Too Large"),
        (_, Category::Invalid) => (422, "Unprocessable Content"),
        (_, Category::Unauthenticated) => (401, "Unauthorized"),
        (_, Category::Forbidden) => (403, "Forbidden"),
        (_, Category::Unfunded) => (402, "Payment Required"),
        (_, Category::NotFound) => (404, "Not Found"),
        (_, Category::Conflict) => (409, "Conflict"),
        (_, Category::Unavailable) => (503, "Service Unavailable"),
        (_, Category::Internal) => (500, "Internal Server Error"),
    }
}
