//! Kills, restarts, and the count of both.

use std::fmt;
use std::ops::AddAssign;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::database::Database;
use super::driver::Driver;
use super::failpoints::{Ends, Failpoint};
use super::oracle::{self, Verdict};
use super::plan::Planner;
use super::record::Record;
use crate::http::Client;
use crate::processes;
use crate::random::Random;
use crate::server::{Home, Server, write_config};

/// People who ask at once.
const DRIVERS: u64 = 10;
/// Jobs that wait or run before people pause; a few hundred short processes a second is what two cores do.
const LIVE_MOST: u64 = 250;
/// How long a failpoint may take to be reached.
const REACHED_LONGEST: Duration = Duration::from_secs(60);
/// How long all that was accepted may take to end once nobody submits any more.
const DRAIN_LONGEST: Duration = Duration::from_secs(180);

/// What the test came to.
#[derive(Clone, Debug, Default)]
pub struct Toll {
    /// SIGKILLs from outside.
    pub kills: u32,
    /// Of these, with requests under way that lost their connection, or effects in the outbox.
    pub kills_at_work: u32,
    /// Of these, with requests under way that lost their connection.
    pub kills_with_requests: u32,
    /// Of these, with effects in the outbox.
    pub kills_with_outbox: u32,
    /// Named points that were reached.
    pub failpoints: u32,
    /// Requests that were cut off.
    pub broken: u64,
    /// Requests that were repeated under their key.
    pub repeated: u64,
    /// Requests that were told to come later.
    pub unavailable: u64,
    /// What the oracle found to be as it must.
    pub verdict: Verdict,
}

impl AddAssign for Toll {
    fn add_assign(&mut self, other: Toll) {
        self.kills += other.kills;
        self.kills_at_work += other.kills_at_work;
        self.kills_with_requests += other.kills_with_requests;
        self.kills_with_outbox += other.kills_with_outbox;
        self.failpoints += other.failpoints;
        self.broken += other.broken;
        self.repeated += other.repeated;
        self.unavailable += other.unavailable;
        self.verdict += other.verdict;
    }
}

impl fmt::Display for Toll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kills, {} at work ({} cut off requests, {} left an outbox), {} failpoints; {} requests cut off, {} told \
             to come later, {} repeated under their key; {}",
            self.kills,
            self.kills_at_work,
            self.kills_with_requests,
            self.kills_with_outbox,
            self.failpoints,
            self.broken,
            self.unavailable,
            self.repeated,
            self.verdict
        )
    }
}

struct Torment<'a> {
    home: Home,
    database: Database<'a>,
    record: &'a Record,
    random: Random,
    toll: Toll,
}

/// Torments one center, then has the oracle look at it.
///
/// # Errors
/// Where anything is not as it must be.
pub fn run(
    parent: &Path,
    name: &str,
    database: Database<'_>,
    kills: u32,
    failpoints: &[Failpoint],
    seed: u64,
) -> anyhow::Result<Toll> {
    let config = parent.join(format!("{name}.toml"));
    write_config(&config, include_str!("center.toml"))?;
    let files = parent.join(format!("{name}-files"));
    std::fs::create_dir_all(&files)?;
    let home = Home::new(parent, name, &config, database.url())?;
    let server = home.start(None)?;
    let token = home.token()?;
    let record = Record::default();
    let random = Random::new(seed);
    let mut torment = Torment { home: home.clone(), database, record: &record, random, toll: Toll::default() };
    let server = std::thread::scope(|scope| {
        for number in 0..DRIVERS {
            let planner = Planner { files: files.display().to_string(), prefix: format!("{name}{number}"), made: 0 };
            let mut driver = Driver {
                record: &record,
                client: Client::new(home.address, &token),
                random: Random::new(seed.wrapping_add(1 + number)),
                planner,
                recent: Vec::new(),
            };
            scope.spawn(move || driver.run());
        }
        let server = torment.all(server, kills, failpoints);
        record.abandoned.store(server.is_err(), Ordering::Relaxed);
        record.stop.store(true, Ordering::Relaxed);
        server
    })?;
    torment.toll.broken = record.broken.load(Ordering::SeqCst);
    torment.toll.repeated = record.repeated.load(Ordering::Relaxed);
    torment.toll.unavailable = record.unavailable.load(Ordering::Relaxed);
    let mut client = home.client()?;
    drain(&mut client)?;
    let supervisors_died = failpoints.iter().any(|point| point.ends == Ends::Supervisor);
    torment.toll.verdict = oracle::judge(&mut client, &record, &files, supervisors_died)?;
    server.stop()?;
    nothing_is_left(&home)?;
    println!("{}", torment.toll);
    Ok(torment.toll)
}

impl Torment<'_> {
    fn all(&mut self, mut server: Server, kills: u32, failpoints: &[Failpoint]) -> anyhow::Result<Server> {
        let begun = Instant::now();
        for number in 1..=kills {
            self.work_for(&mut server, 60, 1200)?;
            server = self.kill(server)?;
            if number.is_multiple_of(10) || number == kills {
                let toll = &self.toll;
                let passed = begun.elapsed().as_secs();
                println!(
                    "  {number} kills in {passed} s, {} at work, start-up {:?}",
                    toll.kills_at_work, server.start_took
                );
            }
            self.no_complaints()?;
        }
        for failpoint in failpoints {
            self.work_for(&mut server, 50, 300)?;
            server = self.reach(server, failpoint).with_context(|| failpoint.plan.clone())?;
            self.no_complaints()?;
        }
        println!("  {} failpoints reached, {} s in all", self.toll.failpoints, begun.elapsed().as_secs());
        self.work_for(&mut server, 300, 600)?;
        Ok(server)
    }

    /// Lets people work for a random time, and has them pause while too much waits.
    fn work_for(&mut self, server: &mut Server, least_ms: u64, most_ms: u64) -> anyhow::Result<()> {
        let length = Duration::from_millis(least_ms + self.random.below(most_ms - least_ms));
        let until = Instant::now() + length;
        loop {
            if let Some(status) = server.ended()? {
                bail!("the server ended by itself: {status}\n{}", self.home.log_end());
            }
            self.mind_the_load();
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(Duration::from_millis(100)));
        }
    }

    fn mind_the_load(&self) {
        let live = self.home.client().and_then(|mut client| client.metric("haina_jobs_live"));
        if let Ok(live) = live {
            self.record.pause.store(live > LIVE_MOST, Ordering::Relaxed);
        }
    }

    fn kill(&mut self, server: Server) -> anyhow::Result<Server> {
        // Were people pausing, there would be nothing to interrupt.
        self.record.pause.store(false, Ordering::Relaxed);
        let broken_before = self.record.broken.load(Ordering::SeqCst);
        server.kill();
        let outbox = self.database.outbox()?;
        // Whoever was cut off has noticed by now: the database was asked in between.
        let cut_off = self.record.broken.load(Ordering::SeqCst) - broken_before;
        self.toll.kills += 1;
        self.toll.kills_with_requests += u32::from(cut_off > 0);
        self.toll.kills_with_outbox += u32::from(outbox > 0);
        self.toll.kills_at_work += u32::from(cut_off > 0 || outbox > 0);
        self.home.start(None)
    }

    /// Runs the server with a failpoint until it is reached, and without it afterwards.
    fn reach(&mut self, server: Server, failpoint: &Failpoint) -> anyhow::Result<Server> {
        server.kill();
        self.record.pause.store(false, Ordering::Relaxed);
        let mut group = self.home.spawn(Some(&failpoint.plan))?;
        let spawned = Instant::now();
        let unavailable_before = self.record.unavailable.load(Ordering::Relaxed);
        let long_enough = Duration::from_millis(2500);
        let mut was_ready = false;
        loop {
            let ended = group.try_wait()?;
            was_ready = was_ready || self.home.is_ready();
            match (failpoint.ends, ended) {
                (Ends::Server, Some(_)) => break,
                // Where a commit of the start itself fails, there is no center yet that could go on.
                (Ends::Nobody, Some(_)) if !was_ready => break,
                (_, Some(status)) => bail!("the server ended: {status}\n{}", self.home.log_end()),
                (Ends::Server, None) if spawned.elapsed() > REACHED_LONGEST => bail!("the server does not get there"),
                // Every task that ends passes it.
                (Ends::Supervisor, None) if spawned.elapsed() > long_enough => break,
                (Ends::Nobody, None) if spawned.elapsed() > long_enough => {
                    // It must have been noticed, and got over.
                    let noticed = self.record.unavailable.load(Ordering::Relaxed) > unavailable_before;
                    let failed = self.home.client()?.metric("haina_commits_failed_total").unwrap_or(0);
                    if (noticed || failed > 0) && self.home.is_ready() {
                        break;
                    }
                    if spawned.elapsed() > REACHED_LONGEST {
                        bail!("no commit failed, or the server does not get over it\n{}", self.home.log_end());
                    }
                }
                _ => {}
            }
            self.mind_the_load();
            std::thread::sleep(Duration::from_millis(20));
        }
        group.kill_leader();
        self.toll.failpoints += 1;
        self.home.start(None)
    }

    fn no_complaints(&self) -> anyhow::Result<()> {
        let complaints = self.record.complaints.lock().expect("no driver panics");
        match complaints.is_empty() {
            true => Ok(()),
            false => bail!("{}\n{}", complaints.join("\n"), self.home.log_end()),
        }
    }
}

/// Everything that was accepted comes to an end.
fn drain(client: &mut Client) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let live = client.metric("haina_jobs_live")?;
        if live == 0 {
            return Ok(());
        }
        if begun.elapsed() > DRAIN_LONGEST {
            let left = client.list("/api/v1/jobs")?;
            bail!("{live} jobs never end, such as {}", left.first().map(ToString::to_string).unwrap_or_default());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// No process of the center, of a supervisor or of a job is left.
fn nothing_is_left(home: &Home) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let left = processes::that_mention(&home.data);
        if left.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > Duration::from_secs(10) {
            bail!("processes are left: {left:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
