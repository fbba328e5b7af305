//! The language of what is printed.

use std::sync::OnceLock;

use haina_core::Language;

use crate::environment;

/// The user's language.
pub fn language() -> Language {
    static LANGUAGE: OnceLock<Language> = OnceLock::new();
    *LANGUAGE.get_or_init(|| match environment::LANGUAGE.into_iter().find_map(environment::read) {
        Some(locale) if locale.starts_with("zh") => Language::Chinese,
        _ => Language::English,
    })
}

/// One of two texts, in the user's language.
pub fn say<T>(english: T, chinese: T) -> T {
    match language() {
        Language::English => english,
        Language::Chinese => chinese,
    }
}
