//! The named points, as `haina_core::failpoint` reads them, and what to expect of each.

use std::path::{Path, PathBuf};

/// A point at which something is made to fail.
#[derive(Clone, Debug)]
pub struct Failpoint {
    /// `NAME:COUNT:ACTION`.
    pub plan: String,
    /// Whom it ends.
    pub ends: Ends,
}

/// A time in which supervisors were started that die before they record how their task ended. Only what ran under them
/// may be lost.
#[derive(Clone, Debug)]
pub struct Deadly {
    /// From when on, in microseconds since 1970.
    pub from: i64,
    /// Until when.
    pub to: i64,
    /// Where each supervisor that died left a line.
    pub trace: PathBuf,
}

/// Whom a failpoint ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// The server.
    Server,
    /// Supervisors. Where they die before the exit record, their attempts are lost; after it, nothing is.
    Supervisor { loses: bool },
    /// Nobody: a step fails and the server must go on.
    Nobody,
}

/// Points that the server passes, in the order of a job's life.
const OF_SERVER: [&str; 8] = [
    "before_decide",
    "after_decide",
    "before_commit",
    "after_commit",
    "before_reply",
    "after_reply",
    "before_launch",
    "after_launch",
];
/// Points that a supervisor passes, each once, and whether dying there loses the attempt.
const OF_SUPERVISOR: [(&str, bool); 2] = [("before_exit_record", true), ("after_exit_record", false)];
/// How a commit may go wrong.
const OF_COMMIT: [&str; 3] = ["error", "unknown", "full"];

impl Failpoint {
    /// The plan that leaves a line in `trace` whenever it acts.
    pub fn traced(&self, trace: &Path) -> String {
        format!("{}:{}", self.plan, trace.display())
    }

    /// How often it acted, by what it left in `trace`.
    pub fn acted(trace: &Path) -> usize {
        std::fs::read_to_string(trace).map_or(0, |text| text.lines().count())
    }

    /// Every point once, in the middle of work.
    pub fn each_once() -> Vec<Failpoint> {
        let mut all = Failpoint::kills(&[23]);
        all.extend(Failpoint::commits(&[11]));
        all
    }

    /// Every point at several counts.
    pub fn each_often() -> Vec<Failpoint> {
        let mut all = Failpoint::kills(&[1, 7, 60]);
        all.extend(Failpoint::commits(&[2, 9, 40]));
        all
    }

    /// Those that are about the database.
    pub fn commits_once() -> Vec<Failpoint> {
        let mut all: Vec<_> =
            Failpoint::kills(&[23]).into_iter().filter(|point| point.plan.contains("commit")).collect();
        all.extend(Failpoint::commits(&[11]));
        all
    }

    fn kills(counts: &[u32]) -> Vec<Failpoint> {
        let of_server = OF_SERVER.iter().flat_map(|name| {
            counts.iter().map(move |count| Failpoint { plan: format!("{name}:{count}:kill"), ends: Ends::Server })
        });
        let of_supervisor = OF_SUPERVISOR.iter().map(|(name, loses)| Failpoint {
            plan: format!("{name}:1:kill"),
            ends: Ends::Supervisor { loses: *loses },
        });
        of_server.chain(of_supervisor).collect()
    }

    fn commits(counts: &[u32]) -> Vec<Failpoint> {
        let point =
            |action: &str, count: &u32| Failpoint { plan: format!("commit:{count}:{action}"), ends: Ends::Nobody };
        OF_COMMIT.iter().flat_map(|action| counts.iter().map(move |count| point(action, count))).collect()
    }
}
