//! Follows jobs until they end, and notes what they waited for.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use haina_api::{Attempt, Job, Page, Why};

use super::workload::Team;
use crate::client::Client;
use crate::language::say;
use crate::terminal;

/// Longer than any demo on a machine that works, with a large download over a slow line.
const LONGEST: Duration = Duration::from_secs(3600);

/// A team's jobs.
pub struct Followed {
    /// Whose.
    pub team: Team,
    /// With the team's token.
    pub client: Client,
    /// As they were last seen.
    pub jobs: Vec<Job>,
    /// What each job was seen to wait for, in the order of the first time.
    pub reasons: BTreeMap<String, Vec<String>>,
}

impl Followed {
    /// Nothing seen yet but the jobs themselves.
    pub fn begin(team: Team, client: Client, ids: &[&str]) -> Result<Followed> {
        let jobs: Result<Vec<Job>, _> = ids.iter().map(|id| client.get(&format!("/api/v1/jobs/{id}"))).collect();
        Ok(Followed { team, jobs: jobs?, client, reasons: BTreeMap::new() })
    }

    /// Jobs that have ended otherwise than well.
    pub fn unsuccessful(&self) -> Vec<String> {
        let bad = self.jobs.iter().filter(|job| job.state != haina_core::JobState::Succeeded);
        bad.map(|job| format!("{} {} ({})", job.id, job.name, job.state.word())).collect()
    }

    /// All attempts of a job.
    pub fn attempts(&self, job: &str) -> Result<Vec<Attempt>> {
        let mut attempts = Vec::new();
        let mut cursor = String::new();
        loop {
            let page: Page<Attempt> = self.client.get(&format!("/api/v1/jobs/{job}/attempts?limit=200{cursor}"))?;
            attempts.extend(page.items);
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(attempts),
            }
        }
    }

    fn look(&mut self) -> Result<()> {
        for job in self.jobs.iter_mut().filter(|job| !job.state.is_ended()) {
            *job = self.client.get(&format!("/api/v1/jobs/{}", job.id))?;
            let why: Why = self.client.get(&format!("/api/v1/jobs/{}/why", job.id))?;
            if let Some(waiting) = why.waiting {
                let seen = self.reasons.entry(job.id.clone()).or_default();
                let text = format!("{}: {}", waiting.code, waiting.sentence);
                let news = seen.iter().all(|known| !known.starts_with(&format!("{}:", waiting.code)));
                if news {
                    seen.push(text);
                }
            }
        }
        Ok(())
    }
}

/// Looks twice a second until everything has ended.
pub fn until_ended(followed: &mut [Followed]) -> Result<()> {
    let began = Instant::now();
    let terminal = terminal::width();
    let mut last = String::new();
    loop {
        for team in followed.iter_mut() {
            team.look()?;
        }
        let line = format!("  {}", status(followed)?);
        // The width each time: a window may be made smaller. A line that breaks could not be written over.
        if let Some(width) = terminal::width() {
            print!("\r\x1b[2K{}", terminal::cut(&line, width.saturating_sub(1)));
            std::io::stdout().flush()?;
        } else if line != last {
            println!("{line}");
        }
        last = line;
        if followed.iter().all(|team| team.jobs.iter().all(|job| job.state.is_ended())) {
            if terminal.is_some() {
                println!();
            }
            return Ok(());
        }
        if began.elapsed() > LONGEST {
            let most = LONGEST.as_secs();
            bail!(say(format!("the jobs have not ended after {most} s"), format!("作业在 {most} 秒后仍未结束"),));
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn status(followed: &[Followed]) -> Result<String> {
    let mut parts = Vec::new();
    for team in followed {
        let current = team.jobs.iter().find(|job| !job.state.is_ended()).or(team.jobs.last());
        let Some(job) = current else { continue };
        let mut text = format!("{}: {} {}", team.team.organization, job.name, job.state.word());
        if let Some(array) = job.array {
            let attempts = team.attempts(&job.id)?;
            let ended = attempts.iter().filter(|attempt| attempt.end.is_some()).count();
            let running = attempts.len() - ended;
            let count = array.count;
            text += &say(
                format!(" ({ended} of {count} done, {running} running)"),
                format!("（已完成 {ended}/{count}，运行中 {running}）"),
            );
        }
        parts.push(text);
    }
    Ok(parts.join(" · "))
}
