//! `haina admin`: what is asked of a center's database, not of the center.

use std::path::PathBuf;

use anyhow::Context;
use haina_center::{BooksCheck, BooksReport};
use haina_core::Digest;
use haina_store::{Location, Snapshot, StoreError};
use serde_json::json;

use crate::complaint::{Complaint, FAILED};
use crate::database::location;
use crate::language::say;
use crate::print::{self, Format, line};

/// Facts that are read at once.
const PAGE: u32 = 10_000;
/// Of what is wrong, so much is printed for people.
const SHOWN: usize = 20;

/// Commands for who runs the center's machine.
#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Prove that the books are right: every transaction balances and is sealed, every attempt is charged what it used, once,
    /// and every balance is the sum of its postings
    ///
    /// Reads the database as of one moment; the center may run meanwhile. Ends with 1 if anything is wrong.
    Check(CheckArguments),
}

/// Options of `haina admin check`.
#[derive(clap::Args, Debug)]
pub struct CheckArguments {
    /// The center's data directory, its SQLite file or its postgres:// URL; if absent, the directory of --data
    #[arg(value_name = "WHERE")]
    database: Option<String>,
    /// The seal of a transaction that somebody wrote down, as an earlier check printed it: it must be the same still. May be
    /// given again
    #[arg(long, value_name = "NUMBER:SEAL", value_parser = noted)]
    seal: Vec<(u64, Digest)>,
    #[command(flatten)]
    format: Format,
}

/// Runs the command.
pub fn run(command: &Command, data: Option<PathBuf>) -> anyhow::Result<u8> {
    let Command::Check(arguments) = command;
    let from = arguments.database.clone().or_else(|| Some(data?.display().to_string()));
    let from = from
        .with_context(|| say("Name the data directory or database of a center.", "请指明中心的数据目录或数据库。"))?;
    let place = location(&from);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(check(&place, &arguments.seal)).map_err(|error| unreadable(&place, error))?;
    let code = if report.wrong.is_empty() { 0 } else { FAILED };
    match arguments.format.json {
        true => print::json(&document(&report)),
        false => show(&report),
    }
    Ok(code)
}

fn noted(text: &str) -> Result<(u64, Digest), String> {
    let (number, seal) = text.split_once(':').ok_or("not of the form NUMBER:SEAL")?;
    Ok((
        number.parse().map_err(|_| "not a number before the colon")?,
        seal.parse::<Digest>().map_err(|e| e.to_string())?,
    ))
}

async fn check(place: &Location, noted: &[(u64, Digest)]) -> Result<BooksReport, StoreError> {
    let mut snapshot = Snapshot::open(place).await?;
    let (mut books, mut after) = (BooksCheck::with_noted(noted.iter().copied().collect()), 0);
    loop {
        let page = snapshot.facts(after, PAGE).await?;
        page.iter().for_each(|stored| books.take(stored.position, stored.at, &stored.fact));
        match page.last() {
            Some(last) => after = last.position,
            None => break,
        }
    }
    snapshot.months.iter().for_each(|months| books.compare_months(months));
    Ok(books.finish(&snapshot.loaded.state))
}

fn document(report: &BooksReport) -> serde_json::Value {
    json!({
        "transactions": report.transactions,
        "charges": report.charges,
        "unsealed": report.unsealed,
        "sealed": report.chain.length,
        "last_seal": report.chain.last,
        "wrong": report.wrong.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn show(report: &BooksReport) {
    line(say("Transactions", "交易"), report.transactions);
    line(say("Charges", "扣费"), report.charges);
    line(say("Sealed", "已封存"), report.chain.length);
    line(say("Last seal", "最后封印"), format!("{}:{}", report.chain.length, report.chain.last));
    if report.unsealed > 0 {
        line(say("Unsealed", "未封存"), report.unsealed);
    }
    for wrong in report.wrong.iter().take(SHOWN) {
        println!("{wrong}");
    }
    match report.wrong.len() {
        0 => println!("{}", say("The books are right.", "账目无误。")),
        count if count > SHOWN => {
            println!("{}", say(format!("… {count} things are wrong."), format!("…… 共 {count} 处有误。")));
        }
        1 => println!("{}", say("One thing is wrong.", "有 1 处有误。")),
        count => println!("{}", say(format!("{count} things are wrong."), format!("有 {count} 处有误。"))),
    }
}

fn unreadable(place: &Location, error: StoreError) -> Complaint {
    let what = say(format!("the books in {place} cannot be read"), format!("无法读取 {place} 中的账目"));
    Complaint::new(FAILED, what).because(error).hint(say(
        "Name what `haina up --data` or `--database` named; a running center is not disturbed.",
        "请填写 `haina up --data` 或 `--database` 所用的位置；不会影响正在运行的中心。",
    ))
}
