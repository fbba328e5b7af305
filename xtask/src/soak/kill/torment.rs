//! Kills, restarts, and the count of both.

use std::fmt;
use std::ops::AddAssign;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::database::Database;
use super::driver::Driver;
use super::failpoints::{Deadly, Failpoint};
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
/// About how long the first start takes.
const FIRST_START: Duration = Duration::from_millis(150);
/// How long all that was accepted may take to end once nobody submits any more.
const DRAIN_LONGEST: Duration = Duration::from_secs(180);

/// What the test came to.
#[derive(Clone, Debug, Default)]
pub struct Toll {
    /// SIGKILLs from outside.
    pub kills: u32,
    /// Of these, with requests that were under way at that moment and were cut off, or effects in the outbox.
    pub kills_at_work: u32,
    /// Of these, with requests that were under way at that moment and were cut off.
    pub kills_with_requests: u32,
    /// Of these, with effects in the outbox.
    pub kills_with_outbox: u32,
    /// Further SIGKILLs, of servers that were starting and recovering.
    pub kills_at_start: u32,
    /// Named points that were reached.
    pub failpoints: u32,
    /// Requests that were cut off, for any reason.
    pub cut_off: u64,
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
        self.kills_at_start += other.kills_at_start;
        self.failpoints += other.failpoints;
        self.cut_off += other.cut_off;
        self.repeated += other.repeated;
        self.unavailable += other.unavailable;
        self.verdict += other.verdict;
    }
}

impl fmt::Display for Toll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kills, {} at work ({} cut off requests, {} left an outbox), {} more while starting, {} failpoints; {} \
             requests cut off, {} told to come later, {} repeated under their key; {}",
            self.kills,
            self.kills_at_work,
            self.kills_with_requests,
            self.kills_with_outbox,
            self.kills_at_start,
            self.failpoints,
            self.cut_off,
            self.unavailable,
            self.repeated,
            self.verdict
        )
    }
}

/// A center under torment.
pub struct Torment<'a> {
    /// Where it runs.
    pub home: Home,
    database: Database<'a>,
    /// What people remember.
    pub record: &'a Record,
    random: Random,
    /// What it came to so far.
    pub toll: Toll,
    /// How long the last start took that was not interrupted.
    start_took: Duration,
    /// When supervisors were made to die with what they knew.
    pub deadly: Vec<Deadly>,
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
    let files = parent.join(format!("{name}-files"));
    std::fs::create_dir_all(&files)?;
    // Jobs of all organizations write there, each as a user of its own.
    std::fs::set_permissions(&files, std::fs::Permissions::from_mode(0o777))?;
    let mount = format!("\n[[local.mounts]]\npath = \"{}\"\nwritable = true\n", files.display());
    write_config(&config, &format!("{}{mount}", include_str!("center.toml")))?;
    let home = Home::new(parent, name, &config, database.url())?;
    let record = Record::default();
    let mut torment = Torment {
        home: home.clone(),
        database,
        record: &record,
        random: Random::new(seed),
        toll: Toll::default(),
        start_took: FIRST_START,
        deadly: Vec::new(),
    };
    // Also the very first start, which makes the database and the operator's token, may be interrupted.
    torment.interrupt_starts(6)?;
    let server = torment.start()?;
    let token = home.token()?;
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
    torment.toll.cut_off = record.cut_off.lock().expect("no driver panics").len() as u64;
    torment.toll.repeated = record.repeated.load(Ordering::Relaxed);
    torment.toll.unavailable = record.unavailable.load(Ordering::Relaxed);
    let mut client = home.client()?;
    drain(&mut client)?;
    torment.toll.verdict = oracle::judge(&mut client, &record, &files, &torment.deadly)?;
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
            self.kill(server)?;
            if number.is_multiple_of(3) {
                let times = 1 + self.random.below(3) as u32;
                self.interrupt_starts(times)?;
            }
            server = self.start()?;
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

    /// Has people pause while too much waits.
    pub fn mind_the_load(&self) {
        let live = self.home.client().and_then(|mut client| client.metric("haina_jobs_live"));
        if let Ok(live) = live {
            self.record.pause.store(live > LIVE_MOST, Ordering::Relaxed);
        }
    }

    /// Starts the server and waits until it is ready.
    pub fn start(&mut self) -> anyhow::Result<Server> {
        let server = self.home.start(None)?;
        self.start_took = server.start_took;
        Ok(server)
    }

    /// Servers that are killed somewhere on their way to being ready, or just after.
    fn interrupt_starts(&mut self, times: u32) -> anyhow::Result<()> {
        for _ in 0..times {
            let mut group = self.home.spawn(None)?;
            let longest = self.start_took.as_micros() as u64 * 5 / 4;
            std::thread::sleep(Duration::from_micros(self.random.below(longest.max(1))));
            if let Some(status) = group.try_wait()? {
                bail!("the server ended while starting: {status}\n{}", self.home.log_end());
            }
            group.kill_leader();
            self.toll.kills_at_start += 1;
        }
        Ok(())
    }

    fn kill(&mut self, server: Server) -> anyhow::Result<()> {
        // Were people pausing, there would be nothing to interrupt. They look every 20 ms.
        self.record.pause.store(false, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(25 + self.random.below(50)));
        let killed = Instant::now();
        server.kill();
        let outbox = self.database.outbox()?;
        // Whoever was cut off has noticed by now: the database was asked in between.
        let cut_off = self.record.cut_off_at(killed);
        self.toll.kills += 1;
        self.toll.kills_with_requests += u32::from(cut_off > 0);
        self.toll.kills_with_outbox += u32::from(outbox > 0);
        self.toll.kills_at_work += u32::from(cut_off > 0 || outbox > 0);
        Ok(())
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
