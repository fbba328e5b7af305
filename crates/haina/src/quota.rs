//! `haina quotas`, `haina quota` and `haina project`.

use clap::Subcommand;
use haina_api::{Number, Project, ProjectRequest, QuotaRequest, QuotaState};
use serde_json::Value;

use crate::client::Client;
use crate::language::say;
use crate::print::{self, Format};
use crate::table::Table;

/// Options of `haina quotas`.
#[derive(clap::Args, Debug)]
pub struct ListArguments {
    #[command(flatten)]
    format: Format,
}

/// What to do with a quota.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Set how many cards may be held within a scope, in the place of what held there; without a number it holds no more
    ///
    /// Without a scope it is the whole center. The limit of an organization over all pools is its card_limit.
    Set {
        /// Cards of this pool only
        #[arg(long, value_name = "NAME")]
        pool: Option<String>,
        /// Work of this organization only
        #[arg(long, value_name = "NAME")]
        organization: Option<String>,
        /// Work of this project of it, and of its parts
        #[arg(long, value_name = "NAME", requires = "organization")]
        project: Option<String>,
        /// Work that this user submits for it
        #[arg(long, value_name = "NAME", requires = "organization")]
        user: Option<String>,
        /// Cards that are its own before anybody borrows; for an organization or a project, in one pool
        #[arg(long, value_name = "CARDS")]
        guaranteed: Option<f64>,
        /// The most that may be held
        #[arg(long, value_name = "CARDS")]
        limit: Option<f64>,
        /// How many of the guaranteed cards others may hold meanwhile; all if absent
        #[arg(long, value_name = "CARDS")]
        lendable: Option<f64>,
        #[command(flatten)]
        format: Format,
    },
}

/// What to do with projects.
#[derive(Subcommand, Debug)]
pub enum ProjectCommand {
    /// List those that you may see
    List {
        #[command(flatten)]
        format: Format,
    },
    /// Add one
    Add {
        /// Its name, unique within its organization
        name: String,
        /// The organization whose work happens in it
        #[arg(long, value_name = "NAME")]
        organization: String,
        /// The project that it is a part of
        #[arg(long, value_name = "NAME")]
        parent: Option<String>,
        #[command(flatten)]
        format: Format,
    },
}

/// Lists quotas.
pub fn list(arguments: &ListArguments, client: &Client) -> anyhow::Result<u8> {
    show(client.get("/api/v1/quotas")?, arguments.format)
}

/// Sets a quota.
pub fn run(command: Command, client: &Client) -> anyhow::Result<u8> {
    let Command::Set { pool, organization, project, user, guaranteed, limit, lendable, format } = command;
    let cards = |cards: Option<f64>| cards.map(Number::from);
    let (guaranteed, limit, lendable) = (cards(guaranteed), cards(limit), cards(lendable));
    let request = QuotaRequest { pool, organization, project, user, guaranteed, limit, lendable };
    let quota: Value = client.put("/api/v1/quotas", &request)?;
    show(if format.json { quota } else { vec![quota].into() }, format)
}

fn show(value: Value, format: Format) -> anyhow::Result<u8> {
    if format.json {
        print::json(&value);
        return Ok(0);
    }
    let quotas: Vec<QuotaState> = print::read(value)?;
    let mut table = Table::new(say(
        ["POOL", "ORGANIZATION", "PROJECT", "USER", "HELD", "GUARANTEED", "LENDABLE", "LIMIT"],
        ["资源池", "单位", "项目", "用户", "占用", "保障量", "可借出量", "上限"],
    ));
    let any = || "*".to_owned();
    for quota in quotas {
        table.row([
            quota.pool.unwrap_or_else(any),
            quota.organization.unwrap_or_else(any),
            quota.project.unwrap_or_else(any),
            quota.user.unwrap_or_else(any),
            quota.held.to_string(),
            quota.guaranteed.to_string(),
            quota.lendable.to_string(),
            quota.limit.map_or("-".to_owned(), |limit| limit.to_string()),
        ]);
    }
    table.print();
    Ok(0)
}

/// Lists or adds projects.
pub fn run_project(command: ProjectCommand, client: &Client) -> anyhow::Result<u8> {
    let (value, format): (Value, Format) = match command {
        ProjectCommand::List { format } => (client.list("/api/v1/projects", None)?.0.into(), format),
        ProjectCommand::Add { name, organization, parent, format } => {
            (client.create("/api/v1/projects", &ProjectRequest { name, organization, parent })?, format)
        }
    };
    if format.json {
        print::json(&value);
        return Ok(0);
    }
    let projects: Vec<Project> = if value.is_array() { print::read(value)? } else { vec![print::read(value)?] };
    let mut table = Table::new(say(["ID", "NAME", "ORGANIZATION", "PART OF"], ["编号", "项目", "单位", "隶属于"]));
    for project in projects {
        table.row([project.id, project.name, project.organization, project.parent.unwrap_or_default()]);
    }
    table.print();
    Ok(0)
}
