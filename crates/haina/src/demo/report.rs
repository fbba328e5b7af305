//! What came of it.

use anyhow::{Context, Result};
use haina_api::{Account, Problem};
use serde::Deserialize;

use super::center::DemoCenter;
use super::follow::Followed;
use crate::table::Table;

/// The last line that choose.py prints.
#[derive(Deserialize)]
struct Choice {
    best: Best,
    candidates: u32,
    rmse: f64,
    rmse_persistence: f64,
    rmse_climatology: f64,
    skill_vs_persistence: f64,
    skill_vs_climatology: f64,
}

#[derive(Deserialize)]
struct Best {
    name: String,
}

/// How a job was refused.
pub fn refusal(problem: &Problem) {
    println!("  refused ({}): {}", problem.code, problem.detail);
    println!("  {}", problem.hint);
}

/// Each team's forecaster against the two that need no training.
pub fn skill(followed: &[Followed]) -> Result<()> {
    let mut table = Table::new(["organization", "chosen", "of", "RMSE °C", "vs persistence", "vs climatology"]);
    let mut baselines = None;
    for team in followed {
        let job = team.jobs.last().context("a team has jobs")?;
        let log = team.client.text(&format!("/api/v1/jobs/{}/logs?stream=stdout", job.id))?;
        let line = log.lines().last().context("choose.py prints its choice")?;
        let choice: Choice = serde_json::from_str(line).with_context(|| format!("reading `{line}`"))?;
        table.row([
            team.team.organization.to_owned(),
            choice.best.name,
            choice.candidates.to_string(),
            format!("{:.3}", choice.rmse),
            format!("{:+.1} %", 100.0 * choice.skill_vs_persistence),
            format!("{:+.1} %", 100.0 * choice.skill_vs_climatology),
        ]);
        baselines = Some((choice.rmse_persistence, choice.rmse_climatology));
    }
    if let Some((persistence, climatology)) = baselines {
        let baseline = |name: &str, rmse: f64| {
            [name.to_owned(), "-".to_owned(), "-".to_owned(), format!("{rmse:.3}"), "-".to_owned(), "-".to_owned()]
        };
        table.row(baseline("(persistence)", persistence));
        table.row(baseline("(climatology)", climatology));
    }
    table.print();
    Ok(())
}

/// How long each job waited, and what for.
pub fn waits(followed: &[Followed]) {
    for team in followed {
        for job in &team.jobs {
            let waited = match team.attempts(&job.id) {
                Ok(attempts) => {
                    attempts.iter().map(|attempt| attempt.placed.0.since(job.submitted.0).0 as f64 / 1000.0).collect()
                }
                Err(_) => Vec::new(),
            };
            println!("  {} {} ({}): {}", job.id, job.name, team.team.organization, spread(waited));
            for reason in team.reasons.get(&job.id).into_iter().flatten() {
                println!("      {reason}");
            }
        }
    }
}

fn spread(mut seconds: Vec<f64>) -> String {
    seconds.sort_by(f64::total_cmp);
    match seconds[..] {
        [] => "never placed".to_owned(),
        [one] => format!("placed after {one:.1} s"),
        [first, .., last] => {
            format!("{} elements, placed after {first:.1} to {last:.1} s", seconds.len())
        }
    }
}

/// What each team used and paid.
pub fn money(followed: &[Followed]) -> Result<()> {
    let mut table = Table::new(["organization", "job", "card-hours", "charged", "balance"]);
    for team in followed {
        for job in &team.jobs {
            let job: haina_api::Job = team.client.get(&format!("/api/v1/jobs/{}", job.id))?;
            table.row([
                team.team.organization.to_owned(),
                job.name,
                job.card_hours.unwrap_or_default(),
                job.charged.map(|charged| charged.to_string()).unwrap_or_default(),
                String::new(),
            ]);
        }
        let account: Account = team.client.get(&format!("/api/v1/accounts/{}", team.team.organization))?;
        table.row([
            team.team.organization.to_owned(),
            "(account)".to_owned(),
            String::new(),
            String::new(),
            account.balance.to_string(),
        ]);
    }
    table.print();
    println!("  Cards are simulated, processes and their run times are real; 8.00 CNY a card-hour.");
    Ok(())
}

/// Where to go from here.
pub fn what_next(center: &DemoCenter) {
    let token = center.token_file();
    println!("\nThe center goes on at {} (process {}).", center.url, center.pid());
    println!("Try next:");
    println!("  export HAINA_URL={} HAINA_TOKEN=$(cat {})", center.url, token.display());
    for command in [
        "haina jobs --all",
        "haina job show 2",
        "haina job events 2",
        "haina nodes",
        "haina account ocean-institute --postings",
        "haina submit --organization ocean-institute --cards 1 --wait -- echo hello",
    ] {
        println!("  {command}");
    }
    println!("  curl {}/api/openapi.json", center.url);
    println!(
        "  kill {}    # ends the center; running jobs would go on, and be found again by the next one",
        center.pid()
    );
}
