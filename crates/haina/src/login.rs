//! `haina login`.

use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;

use anyhow::Context;
use haina_api::User;

use crate::client::Client;
use crate::complaint::{Complaint, USAGE};
use crate::connection::{Connection, USUAL_URL};
use crate::environment;
use crate::language::say;
use crate::print::{self, Format};
use crate::profile::Profile;

/// Options of `haina login`.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// A file with the token; HAINA_TOKEN, else standard input if absent
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

/// Checks the token and writes the profile.
pub fn run(arguments: &Arguments, connection: &Connection) -> anyhow::Result<u8> {
    let url = connection.given_url().unwrap_or_else(|| USUAL_URL.to_owned());
    let token = token(arguments)?;
    let user: User = Client::new(&url, &token).get("/api/v1/users/me")?;
    let path =
        Profile { url: Some(url.clone()), token: Some(token) }.save().context("the profile cannot be written")?;
    if arguments.format.json {
        print::json(&serde_json::to_value(&user)?);
        return Ok(0);
    }
    let (name, role, path) = (&user.name, user.role.word(), path.display());
    println!(
        "{}",
        say(
            format!("{url}: you are {name} ({role}); kept in {path}"),
            format!("{url}：您是 {name}（{role}）；已保存到 {path}")
        )
    );
    Ok(0)
}

fn token(arguments: &Arguments) -> anyhow::Result<String> {
    let text = match (&arguments.token_file, environment::read(environment::TOKEN)) {
        (Some(path), _) => std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?,
        (None, Some(token)) => token,
        (None, None) => {
            if std::io::stdin().is_terminal() {
                eprint!("{}", say("Token: ", "令牌："));
                std::io::stderr().flush()?;
                let mut line = String::new();
                std::io::stdin().read_line(&mut line)?;
                line
            } else {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text)?;
                text
            }
        }
    };
    let token = text.trim();
    if token.is_empty() {
        return Err(Complaint::new(USAGE, say("no token was given", "未提供令牌")).into());
    }
    Ok(token.to_owned())
}
