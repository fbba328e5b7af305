//! `cargo xtask soak kill`: a busy center is killed again and again, at random moments and at named points, while people
//! submit, cancel and pay. An oracle outside it knows which ids it gave, what the jobs themselves wrote, and what money
//! must have moved; at the end the center must agree, on SQLite and on PostgreSQL.

mod attempts;
mod database;
mod driver;
mod failpoints;
mod fates;
mod losses;
mod money;
mod oracle;
mod plan;
mod reach;
mod record;
mod times;
mod torment;

use anyhow::{Context, bail};
use haina_testkit::postgres::Postgres;

use crate::processes::Workplace;
use crate::steps;
use database::Database;
use failpoints::Failpoint;
use torment::Toll;

/// Kills of the full form on each database.
const KILLS_SQLITE: u32 = 130;
const KILLS_POSTGRES: u32 = 90;
/// What the full form must come to.
const KILLS_LEAST: u32 = 200;
const KILLS_AT_WORK_LEAST: u32 = 150;

/// Runs the test; `short` fits a CI budget.
///
/// # Errors
/// Where the center and the oracle disagree, or too few kills met it at work.
pub fn run(short: bool) -> anyhow::Result<()> {
    steps::build_haina()?;
    let place = Workplace::new("kill")?;
    let Some(postgres) = Postgres::start() else { bail!("PostgreSQL is needed (Debian: apt-get install postgresql)") };
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).context("a clock")?.as_nanos() as u64;
    println!("\nseed {seed}");
    let (sqlite_kills, postgres_kills) = if short { (14, 8) } else { (KILLS_SQLITE, KILLS_POSTGRES) };
    let mut toll = Toll::default();
    let sqlite = Database::sqlite(place.path().join("sqlite/center.db"));
    toll += steps::step("SQLite", || {
        let plan = if short { Failpoint::each_once() } else { Failpoint::each_often() };
        torment::run(place.path(), "sqlite", sqlite, sqlite_kills, &plan, seed)
    })?;
    let database = Database::postgres(&postgres);
    toll += steps::step("PostgreSQL", || {
        let plan = if short { Failpoint::commits_once() } else { Failpoint::each_often() };
        torment::run(place.path(), "postgres", database, postgres_kills, &plan, seed ^ 1)
    })?;
    println!("\n{toll}");
    if !short && (toll.kills < KILLS_LEAST || toll.kills_at_work < KILLS_AT_WORK_LEAST) {
        bail!(
            "{} kills, {} of them at work: must be at least {KILLS_LEAST} and {KILLS_AT_WORK_LEAST}",
            toll.kills,
            toll.kills_at_work
        );
    }
    Ok(())
}
