//! Environments as they are shown.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use haina_core::PackagesFileKind;

use crate::moment::Moment;
use crate::packages::PackagesFileKindWord;

/// An environment of the center: Python packages or an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Environment {
    /// The digest of what is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub digest: Option<String>,
    /// The names that the center file gives it: it is kept ready.
    pub names: Vec<String>,
    /// `ready`, `building`, `failed` or `incomplete`.
    pub state: String,
    /// Why it could not be built, where it is to be kept ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// The image that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub image: Option<String>,
    /// The digest of that image's manifest, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub image_digest: Option<String>,
    /// The interpreter, where it is one of Python packages.
    pub interpreter: String,
    /// Its requirements.
    pub requirements: Vec<String>,
    /// What kind of file says which packages, where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<PackagesFileKindWord>)]
    pub packages_file: Option<PackagesFileKind>,
    /// Bytes on the disk.
    pub size_bytes: u64,
    /// When it was used last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub used: Option<Moment>,
}
