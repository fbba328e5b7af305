//! Which center a client command talks to, and as whom.

use std::path::{Path, PathBuf};

use crate::client::Client;
use crate::environment;
use crate::profile::Profile;

/// Where `haina up` listens if nothing else is said.
pub const USUAL_URL: &str = "http://127.0.0.1:7420";

/// Options of every client command.
#[derive(clap::Args, Debug, Default)]
pub struct Connection {
    /// Where the center answers [env: HAINA_URL]
    #[arg(long, global = true, value_name = "URL", help_heading = "Connection")]
    url: Option<String>,
    /// A data directory on this machine, whose address and operator's token are used
    #[arg(long, global = true, value_name = "DIR", env = environment::DATA, help_heading = "Connection")]
    pub data: Option<PathBuf>,
}

impl Connection {
    /// A client: for the address and the token each, the option or the variable, then the data directory, then the profile.
    pub fn client(&self) -> anyhow::Result<Client> {
        let profile = Profile::load()?.unwrap_or_default();
        let in_data = |name| self.data.as_deref().and_then(|data| read_line(&data.join(name)));
        let url = self
            .url
            .clone()
            .or_else(|| environment::read(environment::URL))
            .or_else(|| in_data("url"))
            .or(profile.url)
            .unwrap_or_else(|| USUAL_URL.to_owned());
        let token = environment::read(environment::TOKEN)
            .or_else(|| in_data("admin.token"))
            .or(profile.token)
            .unwrap_or_default();
        Ok(Client::new(&url, token.trim()))
    }

    /// The address that was given for `haina login`.
    pub fn given_url(&self) -> Option<String> {
        self.url.clone().or_else(|| environment::read(environment::URL))
    }
}

fn read_line(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
