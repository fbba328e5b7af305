//! `haina voucher`.

use anyhow::{Context, Result};
use clap::Subcommand;
use haina_api::{CashOutRequest, ClaimRequest, Programme, ProgrammeSpec, Quantity, Voucher, VoucherReason};
use serde_json::Value;

use crate::client::{Client, escaped};
use crate::language::say;
use crate::print::{self, Format, line};
use crate::table::Table;

/// What to do with vouchers.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// List those that you may see
    List {
        #[command(flatten)]
        format: Format,
    },
    /// Show one
    Show {
        /// Its id
        id: String,
        #[command(flatten)]
        format: Format,
    },
    /// List programmes under which vouchers are given
    Programmes {
        #[command(flatten)]
        format: Format,
    },
    /// Add a programme, or change its rules, from a file of rules in TOML
    SetProgramme {
        /// Its name
        name: String,
        /// The file: title, sponsor, budget, share_of_charge, opens, closes, valid_days, and more rules
        file: std::path::PathBuf,
        #[command(flatten)]
        format: Format,
    },
    /// Claim one; somebody else reviews it
    Claim {
        /// The programme
        programme: String,
        /// How much, in the center's currency
        amount: String,
        /// What for
        #[arg(long)]
        purpose: String,
        /// For which organization; your own if absent
        #[arg(long, value_name = "NAME")]
        organization: Option<String>,
        /// For which agreement, where the programme is about agreements
        #[arg(long, value_name = "ID")]
        agreement: Option<String>,
        /// Declare that the organization is not related to the center
        #[arg(long)]
        unrelated: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Issue one that somebody else claimed
    Issue {
        /// Its id
        id: String,
        #[command(flatten)]
        format: Format,
    },
    /// Reject a claim
    Reject {
        /// Its id
        id: String,
        /// Why
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        format: Format,
    },
    /// Take nothing more from one; what is frozen of it may still be used
    Revoke {
        /// Its id
        id: String,
        /// Why
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        format: Format,
    },
    /// Enter that its sponsor paid what was redeemed of it
    CashOut {
        /// Its id
        id: String,
        /// The payment's reference
        #[arg(long)]
        reference: String,
        #[command(flatten)]
        format: Format,
    },
}

/// Runs the command.
pub fn run(command: Command, client: &Client) -> Result<u8> {
    let path = |id: &str| format!("/api/v1/vouchers/{}", escaped(id));
    let because = |id: &str, what: &str, reason: String| -> Result<Value> {
        Ok(client.post(&format!("{}/{what}", path(id)), &VoucherReason { reason })?)
    };
    let (value, format): (Value, Format) = match command {
        Command::List { format } => return list(client.list("/api/v1/vouchers", None)?.0, format),
        Command::Programmes { format } => {
            return programmes(client.list("/api/v1/voucher-programmes", None)?.0, format, false);
        }
        Command::SetProgramme { name, file, format } => {
            let known = client.list("/api/v1/voucher-programmes", None)?.0;
            let known = known.into_iter().map(print::read::<Programme>).collect::<Result<Vec<_>>>()?;
            let version = known.iter().find(|known| known.name == name).map_or(0, |known| known.rules.version);
            let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            let spec: ProgrammeSpec = toml::from_str(&text).with_context(|| file.display().to_string())?;
            let path = format!("/api/v1/voucher-programmes/{}", escaped(&name));
            return programmes(vec![client.put(&path, &ProgrammeSpec { version, ..spec })?], format, true);
        }
        Command::Show { id, format } => (client.get(&path(&id))?, format),
        Command::Claim { programme, amount, purpose, organization, agreement, unrelated, format } => {
            let amount = Quantity::Text(amount);
            let request = ClaimRequest { programme, organization, agreement, amount, purpose, unrelated };
            (client.create("/api/v1/vouchers", &request)?, format)
        }
        Command::Issue { id, format } => (because(&id, "issue", String::new())?, format),
        Command::Reject { id, reason, format } => (because(&id, "reject", reason)?, format),
        Command::Revoke { id, reason, format } => (because(&id, "revoke", reason)?, format),
        Command::CashOut { id, reference, format } => {
            (client.create(&(path(&id) + "/cash-out"), &CashOutRequest { reference })?, format)
        }
    };
    show(value, format)
}

fn state(word: &str) -> &str {
    let chinese = match word {
        "claimed" => "已申领",
        "rejected" => "未通过",
        "issued" => "已发放",
        "expired" => "已过期",
        "revoked" => "已撤销",
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
        ["ID", "PROGRAMME", "ORGANIZATION", "STATE", "CLAIMED", "FROZEN", "REDEEMED", "LEFT", "EXPIRES"],
        ["编号", "政策", "单位", "状态", "申领", "冻结", "核销", "剩余", "到期"],
    ))
    .expendable([5, 4, 8]);
    for item in items {
        let voucher: Voucher = print::read(item)?;
        table.row([
            voucher.id,
            voucher.programme,
            voucher.organization,
            state(&voucher.state).to_owned(),
            voucher.claimed.to_string(),
            voucher.frozen.to_string(),
            voucher.redeemed.to_string(),
            voucher.left.to_string(),
            voucher.expires.map(|at| at.to_string()).unwrap_or_default(),
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
    let voucher: Voucher = print::read(value)?;
    line(say("Voucher", "算力券"), format!("{} {}", voucher.id, voucher.programme));
    line(say("Organization", "单位"), &voucher.organization);
    if let Some(agreement) = &voucher.agreement {
        line(say("Agreement", "合同"), agreement);
    }
    line(say("State", "状态"), state(&voucher.state));
    line(say("Claimed", "申领"), format!("{} {} {}", voucher.claimed, voucher.claimed_by, voucher.claimed_at));
    line(say("For", "用途"), &voucher.purpose);
    line(say("Pays", "支付比例"), format!("{} ‰", voucher.share_of_charge));
    if let Some(expires) = voucher.expires {
        line(say("Expires", "到期"), expires);
    }
    line(say("Frozen", "冻结"), &voucher.frozen);
    line(say("Redeemed", "核销"), &voucher.redeemed);
    line(say("Left", "剩余"), &voucher.left);
    line(say("Cashed out", "已兑付"), &voucher.cashed_out);
    Ok(0)
}

/// Programmes; one that was just set is a thing, not a list.
fn programmes(items: Vec<Value>, format: Format, is_one: bool) -> Result<u8> {
    if format.json {
        print::json(&if is_one { items.into_iter().next().unwrap_or_default() } else { items.into() });
        return Ok(0);
    }
    let mut table = Table::new(say(
        ["NAME", "TITLE", "SPONSOR", "BUDGET", "GRANTED", "SPONSOR OWES", "PAYS", "CLOSES", "FOR"],
        ["政策", "名称", "出资方", "预算", "已发放", "出资方应付", "支付比例", "申领截止", "对象"],
    ))
    .expendable([1, 2, 7, 8]);
    for item in items {
        let Programme { name, rules, granted, owed, .. } = print::read(item)?;
        let kinds = rules.kinds.iter().map(|kind| kind.title().say(crate::language::language()).to_owned());
        let all: Vec<String> = kinds.chain(rules.qualifications).collect();
        table.row([
            name,
            rules.title,
            rules.sponsor,
            rules.budget.amount(),
            granted.to_string(),
            owed.to_string(),
            format!("{} ‰", rules.share_of_charge),
            rules.closes.to_string(),
            if all.is_empty() { say("all", "全部").to_owned() } else { all.join(", ") },
        ]);
    }
    table.print();
    Ok(0)
}
