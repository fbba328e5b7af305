//! `haina account`.

use clap::Subcommand;
use haina_api::{Account, Adjustment, AdjustmentRequest, Posting, PostingKind, Quantity, TopUp, User};
use haina_core::Month;
use serde_json::{Value, json};

use crate::client::{Client, escaped};
use crate::dates;
use crate::jobs::limit;
use crate::language::say;
use crate::print::{self, Format, line};
use crate::statement;
use crate::table::Table;

/// Options of `haina account`.
#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    /// The organization; your own if absent, all that you may see if you belong to none
    organization: Option<String>,
    /// List the movements of money, newest first
    #[arg(long)]
    postings: bool,
    /// At most so many postings; 0 for all
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    format: Format,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Pay into an account
    TopUp {
        /// The organization
        organization: String,
        /// How much, in the center's currency: `1000` or `99.50`
        amount: String,
        /// The payment's reference
        #[arg(long, default_value = "haina account top-up")]
        reference: String,
        #[command(flatten)]
        format: Format,
    },
    /// Show what was used in a month, who paid, and what that made of the account
    Statement(statement::Arguments),
    /// Propose to give an organization something back, or to charge it more; another person must approve it
    Adjust {
        /// The organization
        organization: String,
        /// What it gets back, in the center's currency; negative: what it owes more
        #[arg(allow_hyphen_values = true)]
        amount: String,
        /// Why
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        format: Format,
    },
    /// List proposed adjustments
    Adjustments {
        #[command(flatten)]
        format: Format,
    },
    /// Approve an adjustment that somebody else proposed: it is posted
    Approve {
        /// Its id
        id: String,
        #[command(flatten)]
        format: Format,
    },
    /// Reject a proposed adjustment
    Reject {
        /// Its id
        id: String,
    },
}

/// Runs the command.
pub fn run(arguments: Arguments, client: &Client) -> anyhow::Result<u8> {
    let path = |name: &str| format!("/api/v1/accounts/{}", escaped(name));
    let proposal = |id: &str| format!("/api/v1/adjustments/{}", escaped(id));
    match arguments.command {
        Some(Command::TopUp { organization, amount, reference, format }) => {
            let request = TopUp { amount: Quantity::Text(amount), reference };
            return show(client.create(&(path(&organization) + "/top-ups"), &request)?, format);
        }
        Some(Command::Statement(arguments)) => {
            let organization = match &arguments.organization {
                Some(name) => name.clone(),
                None => client.get::<User>("/api/v1/users/me")?.organization.ok_or_else(|| {
                    anyhow::anyhow!(say("name the organization: you belong to none", "请指定单位：您不属于任何单位"))
                })?,
            };
            let month = match &arguments.month {
                Some(month) => month.clone(),
                None => Month::of(dates::now()).to_string(),
            };
            let value = client.get(&format!("{}/statements/{}", path(&organization), escaped(&month)))?;
            return statement::show(value, &arguments);
        }
        Some(Command::Adjust { organization, amount, reason, format }) => {
            let request = AdjustmentRequest { amount, reason };
            let proposed = client.create(&(path(&organization) + "/adjustments"), &request)?;
            return adjustments(vec![proposed], format, true);
        }
        Some(Command::Adjustments { format }) => {
            return adjustments(client.list("/api/v1/adjustments", None)?.0, format, false);
        }
        Some(Command::Approve { id, format }) => {
            return show(client.post(&(proposal(&id) + "/approve"), &json!({}))?, format);
        }
        Some(Command::Reject { id }) => {
            client.delete(&proposal(&id))?;
            println!("{}", say(format!("adjustment {id} is rejected"), format!("调账 {id} 已驳回")));
            return Ok(0);
        }
        None => {}
    }
    let organization = match arguments.organization {
        Some(name) => Some(name),
        None => client.get::<User>("/api/v1/users/me")?.organization,
    };
    match organization {
        Some(name) if arguments.postings => {
            let limit = limit(arguments.limit, arguments.format, 100);
            postings(client.list(&(path(&name) + "/postings"), limit)?, arguments.format)
        }
        Some(name) => show(client.get(&path(&name))?, arguments.format),
        None => list(client.list("/api/v1/accounts", None)?.0, arguments.format),
    }
}

/// Proposed adjustments; one that was just made is a thing, not a list.
fn adjustments(items: Vec<Value>, format: Format, is_one: bool) -> anyhow::Result<u8> {
    if format.json {
        print::json(&if is_one { items.into_iter().next().unwrap_or_default() } else { items.into() });
        return Ok(0);
    }
    let mut table = Table::new(say(
        ["ID", "ORGANIZATION", "AMOUNT", "PROPOSED BY", "PROPOSED", "REASON"],
        ["编号", "单位", "金额", "提出人", "提出时间", "原因"],
    ))
    .expendable([4, 5, 3]);
    for item in items {
        let Adjustment { id, organization, amount, reason, proposed_by, proposed } = print::read(item)?;
        table.row([id, organization, amount.to_string(), proposed_by, proposed.to_string(), reason]);
    }
    table.print();
    Ok(0)
}

fn show(value: Value, format: Format) -> anyhow::Result<u8> {
    if format.json {
        print::json(&value);
        return Ok(0);
    }
    let account: Account = print::read(value)?;
    line(say("Organization", "单位"), format!("{} {}", account.organization, account.title));
    line(say("Balance", "余额"), &account.balance);
    line(say("Held", "预扣"), &account.held);
    line(say("Available", "可用"), &account.available);
    line(say("Owed", "合同应付"), &account.owed);
    line(say("Accrued", "累计未扣"), &account.accrued);
    line(
        say("Burns", "消耗"),
        say(format!("{} per hour", account.burn_per_hour), format!("每小时 {}", account.burn_per_hour)),
    );
    line(say("Used up", "耗尽时间"), account.exhausted.map(|at| at.to_string()).unwrap_or_default());
    let limit = account.card_limit.map(|limit| format!(" / {limit}")).unwrap_or_default();
    line(say("Cards held", "占用卡数"), format!("{}{limit}", account.cards_held));
    Ok(0)
}

fn list(items: Vec<Value>, format: Format) -> anyhow::Result<u8> {
    if format.json {
        print::json(&items.into());
        return Ok(0);
    }
    let mut table = Table::new(say(
        ["ORGANIZATION", "TITLE", "BALANCE", "HELD", "AVAILABLE", "CARDS", "LIMIT"],
        ["单位", "名称", "余额", "预扣", "可用", "占用卡数", "上限"],
    ))
    .expendable([1, 6, 5, 3]);
    for item in items {
        let account: Account = print::read(item)?;
        table.row([
            account.organization,
            account.title,
            account.balance.to_string(),
            account.held.to_string(),
            account.available.to_string(),
            account.cards_held.to_string(),
            account.card_limit.map(|limit| limit.to_string()).unwrap_or_default(),
        ]);
    }
    table.print();
    Ok(0)
}

fn postings((items, more): (Vec<Value>, bool), format: Format) -> anyhow::Result<u8> {
    if format.json {
        print::json(&items.into());
        print::more(more);
        return Ok(0);
    }
    let mut table = Table::new(say(
        ["ID", "AT", "KIND", "ACCOUNT", "TOTAL", "CARD-HOURS", "FOR"],
        ["编号", "时间", "类型", "账户", "总额", "卡时", "说明"],
    ))
    .expendable([0, 5, 4, 1]);
    for item in items {
        let posting: Posting = print::read(item)?;
        let kind = match posting.kind {
            PostingKind::TopUp => say("top-up", "充值"),
            PostingKind::Charge => say("charge", "扣费"),
            PostingKind::Adjustment => say("adjustment", "调账"),
            PostingKind::Commitment => say("commitment", "合同承诺"),
            PostingKind::Payment => say("payment", "合同付款"),
            PostingKind::Settlement => say("settlement", "合同结清"),
            PostingKind::Issue => say("voucher", "发券"),
            PostingKind::Return => say("return", "退券"),
            PostingKind::CashOut => say("cash-out", "兑付"),
        };
        let attempt = posting.attempt.map(|attempt| say(format!("attempt {attempt}"), format!("运行 {attempt}")));
        let agreement = posting.agreement.map(|id| say(format!("agreement {id}"), format!("合同 {id}")));
        let voucher = posting.voucher.map(|id| say(format!("voucher {id}"), format!("算力券 {id}")));
        let others = posting.parts.iter().flat_map(|part| {
            let of_voucher = part.voucher.iter().map(|id| format!("voucher/{id}"));
            of_voucher.chain((part.payer != "prepaid").then(|| part.payer.clone()))
        });
        let mut others: Vec<String> = others.collect();
        others.dedup();
        let attempt = attempt.map(|attempt| match others.is_empty() {
            true => attempt,
            false => format!("{attempt} ({})", others.join(", ")),
        });
        let what = attempt.or(agreement).or(voucher);
        table.row([
            posting.id,
            posting.at.to_string(),
            kind.to_owned(),
            posting.amount.to_string(),
            posting.total.to_string(),
            posting.card_hours.unwrap_or_default(),
            what.or(posting.reference).unwrap_or_default(),
        ]);
    }
    table.print();
    print::more(more);
    Ok(0)
}
