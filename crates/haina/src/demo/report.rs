//! What came of it.

use anyhow::{Context, Result};
use haina_api::{Account, Problem};
use serde::Deserialize;

use super::follow::Followed;
use super::gang::Trained;
use crate::language::say;
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
    let (code, detail) = (&problem.code, &problem.detail);
    println!("  {}", say(format!("refused ({code}): {detail}"), format!("已拒绝（{code}）：{detail}")));
    println!("  {}", problem.hint);
}

/// Each team's forecaster, and the gang's, against the two that need no training.
pub fn skill(followed: &[Followed], (gang, trained): (&Followed, &Trained)) -> Result<()> {
    let mut table = Table::new(say(
        ["organization", "chosen", "of", "RMSE °C", "vs persistence", "vs climatology"],
        ["单位", "选中", "候选数", "均方根误差 °C", "相对持续性预报", "相对气候态"],
    ))
    .expendable([2]);
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
    table.row([
        gang.team.organization.to_owned(),
        format!("{} ({})", trained.name, trained.framework),
        "-".to_owned(),
        format!("{:.3}", trained.rmse),
        format!("{:+.1} %", 100.0 * trained.skill_vs_persistence),
        format!("{:+.1} %", 100.0 * trained.skill_vs_climatology),
    ]);
    if let Some((persistence, climatology)) = baselines {
        let baseline = |name: &str, rmse: f64| {
            [name.to_owned(), "-".to_owned(), "-".to_owned(), format!("{rmse:.3}"), "-".to_owned(), "-".to_owned()]
        };
        table.row(baseline(say("(persistence)", "（持续性预报）"), persistence));
        table.row(baseline(say("(climatology)", "（气候态）"), climatology));
    }
    table.print();
    Ok(())
}

/// How long each job waited, and what for.
pub fn waits(followed: &[Followed]) -> Result<()> {
    for team in followed {
        for job in &team.jobs {
            let attempts = team.attempts(&job.id)?;
            let waited = attempts.iter().map(|attempt| attempt.placed.seconds_since(job.submitted)).collect();
            println!("  {} {} ({}): {}", job.id, job.name, team.team.organization, spread(waited));
            for reason in team.reasons.get(&job.id).into_iter().flatten() {
                println!("      {reason}");
            }
        }
    }
    Ok(())
}

fn spread(mut seconds: Vec<f64>) -> String {
    seconds.sort_by(f64::total_cmp);
    match seconds[..] {
        [] => say("never placed", "未分配").to_owned(),
        [one] => say(format!("placed after {one:.1} s"), format!("{one:.1} 秒后分配")),
        [first, .., last] => {
            let count = seconds.len();
            say(
                format!("{count} elements, placed after {first:.1} to {last:.1} s"),
                format!("{count} 个任务，{first:.1} 至 {last:.1} 秒后分配"),
            )
        }
    }
}

/// What each team used and paid.
pub fn money(followed: &[Followed]) -> Result<()> {
    let mut table = Table::new(say(
        ["organization", "job", "card-hours", "charged", "balance"],
        ["单位", "作业", "卡时", "扣费", "余额"],
    ));
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
            say("(account)", "（账户）").to_owned(),
            String::new(),
            String::new(),
            account.balance.to_string(),
        ]);
    }
    table.print();
    println!(
        "  {}",
        say(
            "Cards are simulated, processes and their run times are real; 8.00 CNY a card-hour.",
            "卡是模拟的，进程与运行时间是真实的；每卡时 8.00 元。",
        )
    );
    Ok(())
}
