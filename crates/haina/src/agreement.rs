//! `haina agreement`.

use anyhow::{Context, Result};
use clap::Subcommand;
use haina_api::{
    Agreement, AgreementRequest, AgreementTermsSpec, AmendmentRequest, AtEndWord, DocumentReference, Quantity,
    SignRequest, TopUp,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::client::{Client, escaped};
use crate::dates;
use crate::language::say;
use crate::print::{self, Format, line};
use crate::table::Table;

/// What to do with agreements.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// List those that you may see
    List {
        #[command(flatten)]
        format: Format,
    },
    /// Show one: what is used and left of it, when it will be used up, and its history
    Show {
        /// Its id
        id: String,
        #[command(flatten)]
        format: Format,
    },
    /// Draft one; nobody is bound before it is signed
    Draft {
        /// The organization
        organization: String,
        #[command(flatten)]
        terms: Terms,
        #[command(flatten)]
        format: Format,
    },
    /// Change the terms of one, for a reason; what is not given stays
    Amend {
        /// Its id
        id: String,
        /// Why
        #[arg(long)]
        reason: String,
        /// The version that you saw; the newest if absent
        #[arg(long, value_name = "N")]
        version: Option<u32>,
        /// Where more is sold: up to so many thousandths of its pool's card-hours [default: 1000]
        #[arg(long, value_name = "THOUSANDTHS")]
        oversell: Option<u32>,
        #[command(flatten)]
        terms: Terms,
        #[command(flatten)]
        format: Format,
    },
    /// Sign one: the organization owes its amount, and it pays for work from its start on
    Sign {
        /// Its id
        id: String,
        /// The version that you saw; the newest if absent
        #[arg(long, value_name = "N")]
        version: Option<u32>,
        /// Sell up to so many thousandths of its pool's card-hours in its term [default: 1000]
        #[arg(long, value_name = "THOUSANDTHS")]
        oversell: Option<u32>,
        #[command(flatten)]
        format: Format,
    },
    /// Enter a payment of what is owed for one
    Pay {
        /// Its id
        id: String,
        /// How much, in the center's currency
        amount: String,
        /// The payment's reference
        #[arg(long)]
        reference: String,
        #[command(flatten)]
        format: Format,
    },
}

/// Terms, as options.
#[derive(clap::Args, Debug)]
pub struct Terms {
    /// Its name for people, such as the contract's number
    #[arg(long)]
    title: Option<String>,
    /// What the organization commits to pay
    #[arg(long, conflicts_with = "card_hours")]
    amount: Option<String>,
    /// Card-hours that it commits to; with a price they make the amount
    #[arg(long, value_name = "N")]
    card_hours: Option<u64>,
    /// Price of a card-hour; the prices in force if absent
    #[arg(long)]
    price: Option<String>,
    /// It pays for work in this pool only
    #[arg(long, value_name = "NAME")]
    pool: Option<String>,
    /// From when it pays: a date or a moment; now if absent
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Until when it pays: a date, that day included, or a moment
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// What happens to work that it does not pay any more [default: on-demand]
    #[arg(long, value_name = "WHAT")]
    at_end: Option<AtEnd>,
    /// For how many days its price is kept after its end, with `--at-end grace`
    #[arg(long, value_name = "DAYS")]
    grace_days: Option<u32>,
    /// A file that was signed: its name and SHA-256 are kept, not the file; all that there are, each with its own option
    #[arg(long, value_name = "FILE")]
    document: Vec<std::path::PathBuf>,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum AtEnd {
    /// Work stops: nothing more starts
    Stop,
    /// The account pays the prices in force
    OnDemand,
    /// The account pays the agreement's price for some days
    Grace,
}

impl Terms {
    fn spec(self) -> Result<AgreementTermsSpec> {
        let document = |path: &std::path::PathBuf| {
            let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
            let title = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            Ok(DocumentReference { title, sha256 })
        };
        let documents = self.document.iter().map(document).collect::<Result<Vec<_>>>()?;
        Ok(AgreementTermsSpec {
            title: self.title,
            amount: self.amount.map(Quantity::Text),
            card_hours: self.card_hours,
            price_per_card_hour: self.price.map(Quantity::Text),
            pool: self.pool,
            starts: self.from.as_deref().map(dates::beginning).transpose()?,
            ends: self.until.as_deref().map(dates::end).transpose()?,
            at_end: self.at_end.map(|at_end| match at_end {
                AtEnd::Stop => AtEndWord::Stop,
                AtEnd::OnDemand => AtEndWord::OnDemand,
                AtEnd::Grace => AtEndWord::Grace,
            }),
            grace_days: self.grace_days,
            documents: Some(documents).filter(|documents| !documents.is_empty()),
        })
    }
}

/// Runs the command.
pub fn run(command: Command, client: &Client) -> Result<u8> {
    let path = |id: &str| format!("/api/v1/agreements/{}", escaped(id));
    let newest = |id: &str, version: Option<u32>| -> Result<u32> {
        match version {
            Some(version) => Ok(version),
            None => Ok(client.get::<Agreement>(&path(id))?.version),
        }
    };
    let (value, format): (Value, Format) = match command {
        Command::List { format } => return list(client.list("/api/v1/agreements", None)?.0, format),
        Command::Show { id, format } => (client.get(&path(&id))?, format),
        Command::Draft { organization, terms, format } => {
            let request = AgreementRequest { organization, terms: terms.spec()? };
            (client.create("/api/v1/agreements", &request)?, format)
        }
        Command::Amend { id, reason, version, oversell, terms, format } => {
            let version = newest(&id, version)?;
            let request = AmendmentRequest { version, reason, oversell, terms: terms.spec()? };
            (client.patch(&path(&id), &request)?, format)
        }
        Command::Sign { id, version, oversell, format } => {
            let request = SignRequest { version: newest(&id, version)?, oversell };
            (client.post(&(path(&id) + "/sign"), &request)?, format)
        }
        Command::Pay { id, amount, reference, format } => {
            let request = TopUp { amount: Quantity::Text(amount), reference };
            (client.create(&(path(&id) + "/payments"), &request)?, format)
        }
    };
    show(value, format)
}

fn state(word: &str) -> &str {
    let chinese = match word {
        "draft" => "草稿",
        "signed" => "已签署",
        "begun" => "履行中",
        "closed" => "已结清",
        other => other,
    };
    say(word, chinese)
}

fn list(items: Vec<Value>, format: Format) -> Result<u8> {
    if format.json {
        print::json(&items.into());
        return Ok(0);
    }
    let mut table = Table::new(say(
        ["ID", "ORGANIZATION", "TITLE", "STATE", "AMOUNT", "USED", "LEFT", "ENDS", "USED UP"],
        ["编号", "单位", "名称", "状态", "金额", "已使用", "剩余", "结束", "预计用完"],
    ))
    .expendable([2, 5, 8, 7]);
    for item in items {
        let agreement: Agreement = print::read(item)?;
        table.row([
            agreement.id,
            agreement.organization,
            agreement.title,
            state(&agreement.state).to_owned(),
            agreement.amount.to_string(),
            agreement.used.to_string(),
            agreement.left.to_string(),
            agreement.ends.to_string(),
            agreement.used_up.map(|at| at.to_string()).unwrap_or_default(),
        ]);
    }
    table.print();
    Ok(0)
}

fn show(value: Value, format: Format) -> Result<u8> {
    if format.json {
        print::json(&value);
        return Ok(0);
    }
    let agreement: Agreement = print::read(value)?;
    let at_end = match (agreement.at_end, agreement.grace_days.unwrap_or_default()) {
        (AtEndWord::Stop, _) => say("work stops", "停止作业").to_owned(),
        (AtEndWord::OnDemand, _) => say("the account pays the prices in force", "由账户按现行价格支付").to_owned(),
        (AtEndWord::Grace, days) => {
            say(format!("the account pays this price for {days} days"), format!("由账户按本合同价格再支付 {days} 天"))
        }
    };
    line(say("Agreement", "合同"), format!("{} {}", agreement.id, agreement.title));
    line(say("Organization", "单位"), &agreement.organization);
    line(say("State", "状态"), state(&agreement.state));
    line(say("Version", "版本"), agreement.version);
    line(say("Amount", "金额"), &agreement.amount);
    if let Some(price) = &agreement.price_per_card_hour {
        line(say("Card-hour", "卡时单价"), price);
    }
    if let Some(pool) = &agreement.pool {
        line(say("Pool", "资源池"), pool);
    }
    line(say("Term", "期限"), format!("{} – {}", agreement.starts, agreement.ends));
    line(say("Then", "到期后"), at_end);
    line(say("Used", "已使用"), &agreement.used);
    line(say("Held", "预扣"), &agreement.held);
    line(say("Left", "剩余"), &agreement.left);
    if agreement.state == "closed" {
        line(say("Not used", "未使用"), &agreement.forfeited);
    }
    if let Some(used_up) = agreement.used_up {
        line(say("Used up", "预计用完"), used_up);
    }
    for document in &agreement.documents {
        line(say("Document", "文件"), format!("{} {}", document.sha256, document.title));
    }
    for version in agreement.history.unwrap_or_default() {
        let said = format!("{} {} {}: {}", version.version, version.at, version.by, version.reason);
        line(say("History", "变更记录"), said);
    }
    Ok(0)
}
