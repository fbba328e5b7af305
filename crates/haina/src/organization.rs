//! `haina organization`.

use anyhow::{Result, anyhow};
use clap::Subcommand;
use haina_api::{Number, Organization, OrganizationRequest, Qualification};
use haina_core::OrganizationKind;
use serde_json::Value;

use crate::client::{Client, escaped};
use crate::dates;
use crate::language::{language, say};
use crate::print::{self, Format};
use crate::table::Table;

/// What to do with organizations.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// List those that you may see
    List {
        #[command(flatten)]
        format: Format,
    },
    /// Add one, or change what is given
    Set {
        /// Its unique short name
        name: String,
        /// Its name for people
        #[arg(long)]
        title: Option<String>,
        /// enterprise, university, institute, school, government or maker
        #[arg(long, value_parser = kind)]
        kind: Option<OrganizationKind>,
        /// What it is recognized as, with its evidence and perhaps the last day: `高新技术企业=GR2026001@2029-06-30`; all
        /// that it has, each with its own option
        #[arg(long, value_name = "NAME=EVIDENCE[@DATE]")]
        qualification: Vec<String>,
        /// Cards that it may hold at once
        #[arg(long, value_name = "CARDS")]
        card_limit: Option<f64>,
        /// Cards that it gets before anybody gets more than is guaranteed
        #[arg(long, value_name = "CARDS")]
        guaranteed: Option<f64>,
        /// By how much it takes part where cards beyond the guarantees are divided
        #[arg(long, value_name = "N")]
        weight: Option<u32>,
        /// Whether it may not start work
        #[arg(long, value_name = "true|false")]
        suspended: Option<bool>,
        #[command(flatten)]
        format: Format,
    },
}

fn kind(text: &str) -> Result<OrganizationKind, String> {
    let known = OrganizationKind::ALL.into_iter().find(|kind| kind.word() == text);
    known.ok_or_else(|| OrganizationKind::ALL.map(OrganizationKind::word).join(", "))
}

fn qualification(text: &str) -> Result<Qualification> {
    let (name, rest) = text.split_once('=').ok_or_else(|| {
        anyhow!(say(
            format!("`{text}` does not say where the evidence is: NAME=EVIDENCE or NAME=EVIDENCE@DATE"),
            format!("`{text}` 没有写明证明材料：应为 名称=证明 或 名称=证明@日期"),
        ))
    })?;
    let (evidence, until) = rest.rsplit_once('@').map_or((rest, None), |(evidence, until)| (evidence, Some(until)));
    Ok(Qualification {
        name: name.to_owned(),
        evidence: evidence.to_owned(),
        sha256: None,
        expires: until.map(dates::end).transpose()?,
    })
}

/// Runs the command.
pub fn run(command: Command, client: &Client) -> Result<u8> {
    match command {
        Command::List { format } => show(client.list("/api/v1/organizations", None)?.0.into(), format),
        Command::Set { name, title, kind, qualification: held, card_limit, guaranteed, weight, suspended, format } => {
            let held = held.iter().map(|held| qualification(held)).collect::<Result<Vec<_>>>()?;
            let request = OrganizationRequest {
                title,
                card_limit: card_limit.map(Number::from),
                weight: weight.map(|weight| Number::from(f64::from(weight))),
                guaranteed: guaranteed.map(Number::from),
                suspended,
                kind,
                qualifications: Some(held).filter(|held| !held.is_empty()),
            };
            let path = format!("/api/v1/organizations/{}", escaped(&name));
            show(client.put(&path, &request)?, format)
        }
    }
}

fn show(value: Value, format: Format) -> Result<u8> {
    if format.json {
        print::json(&value);
        return Ok(0);
    }
    let organizations: Vec<Organization> =
        if value.is_array() { print::read(value)? } else { vec![print::read(value)?] };
    let mut table = Table::new(say(
        ["NAME", "TITLE", "KIND", "QUALIFICATIONS", "LIMIT", "GUARANTEED", "WEIGHT", "SUSPENDED"],
        ["单位", "名称", "类型", "资质", "上限", "保障量", "权重", "停用"],
    ))
    .expendable([1, 6, 5]);
    for organization in organizations {
        let held = organization.qualifications.iter().map(|held| held.name.as_str());
        table.row([
            organization.name,
            organization.title,
            organization.kind.map(|kind| kind.title().say(language()).to_owned()).unwrap_or_default(),
            held.collect::<Vec<_>>().join(", "),
            organization.card_limit.map_or("-".to_owned(), |limit| limit.to_string()),
            organization.guaranteed.to_string(),
            organization.weight.to_string(),
            if organization.suspended { say("yes", "是") } else { "" }.to_owned(),
        ]);
    }
    table.print();
    Ok(0)
}
