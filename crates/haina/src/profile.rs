//! The profile that `haina login` writes.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::complaint::{Complaint, FAILED};
use crate::environment;

/// Which center to talk to, and as whom.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Where it answers.
    pub url: Option<String>,
    /// The token.
    pub token: Option<String>,
}

impl Profile {
    /// Where it is.
    pub fn path() -> anyhow::Result<PathBuf> {
        let config = match environment::read(environment::CONFIG_HOME) {
            Some(config) => PathBuf::from(config),
            None => {
                let home = environment::read(environment::HOME);
                PathBuf::from(home.context("there is no home directory (HOME is not set)")?).join(".config")
            }
        };
        Ok(config.join("haina").join("profile.toml"))
    }

    /// The profile, if there is one.
    pub fn load() -> anyhow::Result<Option<Profile>> {
        let Ok(path) = Profile::path() else { return Ok(None) };
        let Ok(text) = std::fs::read_to_string(&path) else { return Ok(None) };
        let profile = toml::from_str(&text).map_err(|error| {
            Complaint::new(FAILED, format!("the profile {} cannot be read", path.display()))
                .because(error.message())
                .hint("Run `haina login` again, or remove the file.")
        })?;
        Ok(Some(profile))
    }

    /// Writes it, readable by its owner only.
    pub fn save(&self) -> anyhow::Result<PathBuf> {
        let path = Profile::path()?;
        let directory = path.parent().context("a profile has a directory")?;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let partial = path.with_extension("partial");
        _ = std::fs::remove_file(&partial);
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
        file.write_all(toml::to_string(self)?.as_bytes())?;
        std::fs::rename(&partial, &path)?;
        Ok(path)
    }
}
