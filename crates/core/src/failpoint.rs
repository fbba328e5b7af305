//! Named points at which a test may kill the process or make a step fail.
//!
//! `HAINA_FAILPOINT=NAME:COUNT:ACTION` acts when NAME is passed for the COUNT-th time (from 1). ACTION is `kill` (the
//! process sends itself SIGKILL), or a word that the step understands, such as `error` or `unknown`. A fourth part,
//! `NAME:COUNT:ACTION:FILE`, appends a line to FILE when it acts: a dead process cannot say that it was this that
//! killed it. Unset, as always outside tests, a pass costs one load.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

struct Plan {
    name: String,
    count: u64,
    action: String,
    trace: Option<PathBuf>,
    passed: AtomicU64,
}

static PLAN: OnceLock<Option<Plan>> = OnceLock::new();

fn plan() -> Option<&'static Plan> {
    PLAN.get_or_init(|| {
        let text = std::env::var("HAINA_FAILPOINT").ok()?;
        let mut parts = text.splitn(4, ':');
        Some(Plan {
            name: parts.next()?.to_owned(),
            count: parts.next()?.parse().ok()?,
            action: parts.next()?.to_owned(),
            trace: parts.next().map(PathBuf::from),
            passed: AtomicU64::new(0),
        })
    })
    .as_ref()
}

/// Passes the point `name`. Returns the action word if this is the moment; never returns on `kill`.
pub fn pass(name: &str) -> Option<&'static str> {
    let plan = plan()?;
    if plan.name != name || plan.passed.fetch_add(1, Ordering::SeqCst) + 1 != plan.count {
        return None;
    }
    if let Some(trace) = &plan.trace {
        leave_trace(trace, name);
    }
    if plan.action == "kill" {
        kill_self();
    }
    Some(&plan.action)
}

/// One short write, so that lines of several processes do not mix.
fn leave_trace(trace: &Path, name: &str) {
    let line = format!("{name} {}\n", std::process::id());
    if let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(trace) {
        _ = file.write_all(line.as_bytes());
    }
}

fn kill_self() -> ! {
    let _ = std::process::Command::new("kill").args(["-KILL", &std::process::id().to_string()]).status();
    std::process::abort()
}
