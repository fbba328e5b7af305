//! Runs a server with a failpoint until that has demonstrably acted.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};

use super::failpoints::{Deadly, Ends, Failpoint};
use super::torment::Torment;
use crate::server::Server;

/// How long a failpoint may take to be reached.
const LONGEST: Duration = Duration::from_secs(60);
/// Supervisors that must die before that is enough.
const SUPERVISORS_LEAST: usize = 3;
const SIGKILL: i32 = 9;

impl Torment<'_> {
    /// Kills the server, runs it with the failpoint until that has acted, and without it afterwards.
    pub fn reach(&mut self, server: Server, failpoint: &Failpoint) -> anyhow::Result<Server> {
        server.kill();
        self.record.pause.store(false, Ordering::Relaxed);
        let trace = self.home.data.with_extension(format!("trace-{}", self.toll.failpoints));
        let from = microseconds_now()?;
        let unavailable_before = self.record.unavailable.load(Ordering::Relaxed);
        let mut group = self.home.spawn(Some(&failpoint.traced(&trace)))?;
        let spawned = Instant::now();
        let mut was_ready = false;
        loop {
            // The trace is asked after the process: it is written before the process ends.
            let ended = group.try_wait()?;
            let acted = Failpoint::acted(&trace);
            was_ready = was_ready || self.home.is_ready();
            match (failpoint.ends, ended) {
                (Ends::Server, Some(status)) if acted == 1 && status.signal() == Some(SIGKILL) => break,
                // Where a commit of the start itself fails, there is no center yet that could go on.
                (Ends::Nobody, Some(status)) if acted == 1 && !was_ready && gave_up(status) => break,
                (_, Some(status)) => bail!("the server ended: {status}\n{}", self.home.log_end()),
                (Ends::Supervisor { .. }, None) if acted >= SUPERVISORS_LEAST => break,
                (Ends::Nobody, None) if acted == 1 => {
                    // It must have been noticed, and got over.
                    let noticed = self.record.unavailable.load(Ordering::Relaxed) > unavailable_before;
                    if (noticed || self.commits_failed() > 0) && self.home.is_ready() {
                        break;
                    }
                }
                _ => {}
            }
            if spawned.elapsed() > LONGEST {
                bail!("it acted {acted} times in {} s\n{}", LONGEST.as_secs(), self.home.log_end());
            }
            self.mind_the_load();
            std::thread::sleep(Duration::from_millis(20));
        }
        group.kill_leader();
        if failpoint.ends == (Ends::Supervisor { loses: true }) {
            self.deadly.push(Deadly { from, to: microseconds_now()?, trace });
        }
        self.toll.failpoints += 1;
        self.start()
    }

    fn commits_failed(&self) -> u64 {
        let failed = self.home.client().and_then(|mut client| client.metric("haina_commits_failed_total"));
        failed.unwrap_or(0)
    }
}

/// It ended by itself, and says that it failed.
fn gave_up(status: ExitStatus) -> bool {
    status.code().is_some_and(|code| code != 0)
}

fn microseconds_now() -> anyhow::Result<i64> {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).context("a clock after 1970")?;
    Ok(i64::try_from(passed.as_micros())?)
}
