//! `haina user`.

use clap::Subcommand;
use haina_api::User;
use serde_json::{Value, json};

use crate::client::Client;
use crate::language::say;
use crate::print::{self, Format};
use crate::table::Table;

/// What to do with users.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// List those that you may see
    List {
        #[command(flatten)]
        format: Format,
    },
    /// Show yourself
    Me {
        #[command(flatten)]
        format: Format,
    },
    /// Add one
    Add {
        /// Its unique login name
        name: String,
        /// operator, finance, auditor, tenant_admin or developer
        #[arg(long)]
        role: String,
        /// Its organization; for tenant_admin and developer
        #[arg(long)]
        organization: Option<String>,
        #[command(flatten)]
        format: Format,
    },
}

/// Runs the command.
pub fn run(command: Command, client: &Client) -> anyhow::Result<u8> {
    let (value, format): (Value, Format) = match command {
        Command::List { format } => (client.list("/api/v1/users", None)?.0.into(), format),
        Command::Me { format } => (client.get("/api/v1/users/me")?, format),
        Command::Add { name, role, organization, format } => {
            let request = json!({ "name": name, "role": role, "organization": organization });
            (client.create("/api/v1/users", &request)?, format)
        }
    };
    if format.json {
        print::json(&value);
        return Ok(0);
    }
    let users: Vec<User> = if value.is_array() { print::read(value)? } else { vec![print::read(value)?] };
    let mut table = Table::new(say(["ID", "NAME", "ROLE", "ORGANIZATION"], ["编号", "用户", "角色", "单位"]));
    for user in users {
        table.row([user.id, user.name, user.role.word().to_owned(), user.organization.unwrap_or_default()]);
    }
    table.print();
    Ok(0)
}
