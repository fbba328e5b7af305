//! `haina token`.

use clap::Subcommand;
use haina_api::{IssuedToken, TokenRequest};
use serde_json::{Value, json};

use crate::client::{Client, escaped};
use crate::language::say;
use crate::print::{self, Format};

/// What to do with tokens.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Issue a token; its secret is printed to standard output, this once
    Issue {
        /// The user's name
        user: String,
        /// What it is for
        #[arg(long, default_value = "")]
        label: String,
        /// When it stops being valid: `2026-12-31T00:00:00+08:00`; never if absent
        #[arg(long)]
        expires: Option<String>,
        #[command(flatten)]
        format: Format,
    },
    /// Make a token invalid
    Revoke {
        /// The token's id
        id: String,
        #[command(flatten)]
        format: Format,
    },
}

/// Runs the command.
pub fn run(command: Command, client: &Client) -> anyhow::Result<u8> {
    match command {
        Command::Issue { user, label, expires, format } => {
            let path = format!("/api/v1/users/{}/tokens", escaped(&user));
            let value: Value = client.post(&path, &TokenRequest { label, expires })?;
            if format.json {
                print::json(&value);
                return Ok(0);
            }
            let token: IssuedToken = print::read(value)?;
            eprintln!(
                "{}",
                say(format!("token {} of {}:", token.id, token.user), format!("{} 的令牌 {}：", token.user, token.id))
            );
            println!("{}", token.secret);
        }
        Command::Revoke { id, format } => {
            client.delete(&format!("/api/v1/tokens/{}", escaped(&id)))?;
            match format.json {
                true => print::json(&json!({ "id": id, "state": "revoked" })),
                false => println!("{}", say(format!("token {id} is revoked"), format!("令牌 {id} 已吊销"))),
            }
        }
    }
    Ok(0)
}
