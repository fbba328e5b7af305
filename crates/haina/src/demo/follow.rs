//! Follows jobs until they end, and notes what they waited for.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use haina_api::{Attempt, Job, Page, Why};

use super::workload::Team;
use crate::client::Client;

/// Longer than any demo on a machine that works.
const LONGEST: Duration = Duration::from_secs(900);

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
    let terminal = std::io::stdout().is_terminal();
    let mut last = String::new();
    loop {
        for team in followed.iter_mut() {
            team.look()?;
        }
        let line = status(followed)?;
        if terminal {
            print!("\r\x1b[2K  {line}");
            std::io::stdout().flush()?;
        } else if line != last {
            println!("  {line}");
        }
        last = line;
        if followed.iter().all(|team| team.jobs.iter().all(|job| job.state.is_ended())) {
            if terminal {
                println!();
            }
            return Ok(());
        }
        if began.elapsed() > LONGEST {
            bail!("the jobs have not ended after {} s", LONGEST.as_secs());
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
            text += &format!(" ({ended} of {} done, {running} running)", array.count);
        }
        parts.push(text);
    }
    Ok(parts.join(" · "))
}
