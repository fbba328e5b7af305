//! The judge: compares what people were told, what jobs wrote and what money moved with what the center says at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::AddAssign;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::attempts::{self, Interference, Written};
use super::failpoints::Deadly;
use super::fates::Fates;
use super::losses::Losses;
use super::money::micros;
use super::plan::{ORGANIZATIONS, Planned};
use super::record::{Record, Told};
use crate::http::Client;

/// How much longer than they saw themselves run attempts may be charged for on average: loading and reaping a shell.
const SURPLUS_MOST_MICROS: i64 = 100_000;

/// What was found to be as it must.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Jobs.
    pub jobs: u32,
    /// Attempts.
    pub attempts: u32,
    /// Attempts that were lost with their supervisor.
    pub lost: u32,
    /// Charges.
    pub charges: u32,
    /// Payments.
    pub payments: u32,
    /// By how many microseconds attempts are charged for longer than they saw themselves run: how many were compared, the
    /// sum, the most.
    pub surplus: (u32, i64, i64),
}

impl AddAssign for Verdict {
    fn add_assign(&mut self, other: Verdict) {
        self.jobs += other.jobs;
        self.attempts += other.attempts;
        self.lost += other.lost;
        self.charges += other.charges;
        self.payments += other.payments;
        let ((count, sum, most), more) = (self.surplus, other.surplus);
        self.surplus = (count + more.0, sum + more.1, most.max(more.2));
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} jobs, {} attempts ({} lost with their supervisor), {} charges and {} payments accounted for: nothing lost, \
             nothing twice; {} attempts charged for {:.1} ms more than they saw themselves run, {:.1} ms at most",
            self.jobs,
            self.attempts,
            self.lost,
            self.charges,
            self.payments,
            self.surplus.0,
            self.surplus.1 as f64 / 1000.0 / f64::from(self.surplus.0.max(1)),
            self.surplus.2 as f64 / 1000.0
        )
    }
}

/// Judges a center in which everything has ended.
///
/// # Errors
/// With the first disagreement.
pub fn judge(client: &mut Client, record: &Record, files: &Path, deadly: &[Deadly]) -> anyhow::Result<Verdict> {
    if let Some(complaint) = record.complaints.lock().expect("no driver panics").first() {
        bail!("{complaint}");
    }
    let told = record.told();
    let mut written = read_files(files)?;
    let jobs = client.list("/api/v1/jobs?all=true")?;
    let planned = match_jobs(&jobs, &told)?;
    let fates = Fates::new(&jobs, &told)?;
    let mut losses = Losses::new(deadly);
    let mut verdict = Verdict { jobs: jobs.len() as u32, ..Verdict::default() };
    let mut charged: BTreeMap<String, BTreeMap<String, i128>> = BTreeMap::new();
    for job in &jobs {
        let id = job["id"].as_str().context("an id")?;
        let plan = planned[id];
        // Where nobody interfered, it is known how it must have ended.
        let in_vain = fates.is_in_vain(plan)?;
        let interference = Interference { cancelled: told.cancelled.contains(id), in_vain };
        let attempts = client.list(&format!("/api/v1/jobs/{id}/attempts"))?;
        let ends = attempts::look(&attempts, plan, &mut written, interference, &mut losses)
            .with_context(|| job.to_string())?;
        fates.check(job, plan, interference, &attempts).with_context(|| job.to_string())?;
        check_end(job, plan, interference.none() && ends.lost == 0, ends.succeeded)?;
        verdict.attempts += ends.attempts;
        verdict.lost += ends.lost;
        for surplus in ends.surpluses {
            let (count, sum, most) = verdict.surplus;
            verdict.surplus = (count + 1, sum + surplus, most.max(surplus));
        }
        let organization = job["organization"].as_str().context("an organization")?;
        let of_organization = charged.entry(organization.to_owned()).or_default();
        of_organization.extend(ends.charged.into_iter().map(|charged| (charged.attempt, charged.micros)));
    }
    ensure!(
        written.is_empty(),
        "these ran, and the center knows nothing of them: {:?}",
        written.keys().collect::<Vec<_>>()
    );
    losses.check()?;
    let (compared, surplus, _) = verdict.surplus;
    ensure!(
        surplus <= i64::from(compared) * SURPLUS_MOST_MICROS,
        "attempts are charged for {surplus} µs more than {compared} of them saw themselves run"
    );
    for (index, (organization, opening)) in ORGANIZATIONS.iter().enumerate() {
        let charges = charged.remove(*organization).unwrap_or_default();
        verdict.charges += charges.len() as u32;
        verdict.payments +=
            check_account(client, &told, index, *opening, &charges).with_context(|| (*organization).to_owned())?;
    }
    ensure!(charged.is_empty(), "jobs of organizations that nobody named: {:?}", charged.keys());
    ensure!(
        verdict.payments as usize == told.paid.len(),
        "{} of {} payments arrived",
        verdict.payments,
        told.paid.len()
    );
    Ok(verdict)
}

/// Every job is one that somebody was given, or one whose answer was lost; and every job that was given is there.
fn match_jobs<'a>(jobs: &'a [Value], told: &'a Told) -> anyhow::Result<BTreeMap<&'a str, &'a Planned>> {
    let mut planned = BTreeMap::new();
    let mut names = BTreeSet::new();
    for job in jobs {
        let (id, name) = (job["id"].as_str().context("an id")?, job["name"].as_str().context("a name")?);
        ensure!(names.insert(name), "{name} was submitted once and is there twice: {job}");
        let plan = match told.jobs.get(id) {
            Some(plan) => plan,
            None => told.unknown.get(name).with_context(|| format!("nobody was given this job: {job}"))?,
        };
        ensure!(plan.name == name, "job {id} was given for {}, and is {name}", plan.name);
        ensure!(planned.insert(id, plan).is_none(), "job {id} is listed twice");
    }
    for (id, plan) in &told.jobs {
        ensure!(planned.contains_key(id.as_str()), "job {id} ({}) was given and is forgotten", plan.name);
    }
    Ok(planned)
}

fn check_end(job: &Value, plan: &Planned, as_planned: bool, succeeded: u64) -> anyhow::Result<()> {
    let state = job["state"].as_str().unwrap_or_default();
    ensure!(matches!(state, "succeeded" | "failed" | "cancelled" | "lost"), "it has not ended: {job}");
    ensure!(job["ended"].is_string(), "it ended at no moment: {job}");
    let counts = &job["elements"];
    let total: u64 = ["succeeded", "failed", "cancelled", "lost"].iter().filter_map(|name| counts[name].as_u64()).sum();
    ensure!(total == u64::from(plan.elements), "{total} of {} elements ended: {job}", plan.elements);
    let said = counts["succeeded"].as_u64().unwrap_or(0);
    ensure!(said == succeeded, "{succeeded} elements succeeded, not {said}: {job}");
    ensure!((state == "succeeded") == (succeeded == total), "{succeeded} of {total} elements succeeded: {job}");
    if as_planned {
        let wanted = if plan.exit_code == 0 && !plan.runs_over { "succeeded" } else { "failed" };
        ensure!(state == wanted, "it must have {wanted} ({plan:?}): {job}");
    }
    Ok(())
}

/// The account's movements are the payments and charges that must be, each once; its balance is their sum. Returns the
/// number of payments.
fn check_account(
    client: &mut Client,
    told: &Told,
    index: usize,
    opening: i128,
    charges: &BTreeMap<String, i128>,
) -> anyhow::Result<u32> {
    let name = ORGANIZATIONS[index].0;
    let mut charged = BTreeMap::new();
    let mut paid = BTreeMap::new();
    for posting in client.list(&format!("/api/v1/accounts/{name}/postings"))? {
        let amount = micros(&posting["amount"])?;
        let (of, key, amount) = match posting["kind"].as_str() {
            Some("charge") => (&mut charged, &posting["attempt"], -amount),
            Some("top_up") => (&mut paid, &posting["reference"], amount),
            _ => bail!("a posting of no kind: {posting}"),
        };
        let key = key.as_str().with_context(|| posting.to_string())?.to_owned();
        ensure!(of.insert(key, amount).is_none(), "posted twice: {posting}");
    }
    ensure!(charged == *charges, "charges differ: {}", difference(&charged, charges));
    let mut wanted: BTreeMap<String, i128> = BTreeMap::from([("opening balance".to_owned(), opening)]);
    let told = told.paid.iter().filter(|(_, (of, _))| *of == index);
    wanted.extend(told.map(|(reference, (_, amount))| (reference.clone(), *amount)));
    ensure!(paid == wanted, "payments differ: {}", difference(&paid, &wanted));
    let account = client.get(&format!("/api/v1/accounts/{name}"))?;
    let balance = paid.values().sum::<i128>() - charged.values().sum::<i128>();
    ensure!(micros(&account["balance"])? == balance, "the balance must be {balance} millionths: {account}");
    ensure!(micros(&account["held"])? == 0, "something is held: {account}");
    ensure!(
        micros(&account["accrued"])? == 0 && micros(&account["burn_per_hour"])? == 0,
        "something accrues: {account}"
    );
    ensure!(account["cards_held"].as_f64() == Some(0.0), "cards are held: {account}");
    Ok(paid.len() as u32 - 1)
}

fn difference(found: &BTreeMap<String, i128>, wanted: &BTreeMap<String, i128>) -> String {
    let keys: BTreeSet<&String> = found.keys().chain(wanted.keys()).collect();
    let differing = keys.into_iter().filter(|key| found.get(*key) != wanted.get(*key));
    let shown = differing.take(5).map(|key| format!("{key}: {:?}, must be {:?}", found.get(key), wanted.get(key)));
    shown.collect::<Vec<_>>().join("; ")
}

/// What tasks wrote, by attempt. Each has a file of its own, to which it appended one line when it began and perhaps one
/// when it ended.
fn read_files(files: &Path) -> anyhow::Result<Written> {
    let mut written = Written::new();
    for entry in std::fs::read_dir(files)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let (attempt, _rank) = name.split_once('@').with_context(|| name.clone())?;
        let text = std::fs::read_to_string(entry.path())?;
        if text.is_empty() {
            // It was stopped between opening its file and writing to it.
            continue;
        }
        let (began, ended) = read_task(&text, attempt)
            .with_context(|| format!("a task of attempt {attempt} did not run exactly once: {name} has {text:?}"))?;
        written.entry(attempt.to_owned()).or_default().add(began, ended);
    }
    Ok(written)
}

/// When a task began, and when it ended where it came to that.
fn read_task(text: &str, attempt: &str) -> Option<(i64, Option<i64>)> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let began = lines.next()?.strip_prefix(attempt)?.strip_prefix(' ')?.parse().ok()?;
    let ended = lines.next().map(|line| line.strip_prefix("end ")?.parse().ok());
    match (ended, lines.next()) {
        (None, None) => Some((began, None)),
        (Some(Some(ended)), None) => Some((began, Some(ended))),
        _ => None,
    }
}
