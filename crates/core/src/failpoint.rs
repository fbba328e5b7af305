//! Named points at which a test may kill the process or make a step fail.
//!
//! `HAINA_FAILPOINT=NAME:COUNT:ACTION` acts when NAME is passed for the COUNT-th time (from 1). ACTION is `kill` (the
//! process sends itself SIGKILL), or a word that the step understands, such as `error` or `unknown`. Unset, as always
//! outside tests, a pass costs one load.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

struct Plan {
    name: String,
    count: u64,
    action: String,
    passed: AtomicU64,
}

static PLAN: OnceLock<Option<Plan>> = OnceLock::new();

fn plan() -> Option<&'static Plan> {
    PLAN.get_or_init(|| {
        let text = std::env::var("HAINA_FAILPOINT").ok()?;
        let mut parts = text.splitn(3, ':');
        Some(Plan {
            name: parts.next()?.to_owned(),
            count: parts.next()?.parse().ok()?,
            action: parts.next()?.to_owned(),
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
    if plan.action == "kill" {
        kill_self();
    }
    Some(&plan.action)
}

fn kill_self() -> ! {
    let _ = std::process::Command::new("kill").args(["-KILL", &std::process::id().to_string()]).status();
    std::process::abort()
}
