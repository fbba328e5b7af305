//! What is said when something fails: what, why, what to do; and the exit code.

use std::fmt;
use std::process::ExitCode;

use haina_api::Problem;
use haina_core::Refusal;

use crate::client::ClientError;
use crate::language::{language, say};

/// Refused or failed.
pub const FAILED: u8 = 1;
/// Wrong usage.
pub const USAGE: u8 = 2;
/// Unavailable; the same command may succeed later.
pub const UNAVAILABLE: u8 = 3;

/// A failure of this program's own.
#[derive(Debug)]
pub struct Complaint {
    /// The exit code.
    pub exit: u8,
    /// What failed.
    pub what: String,
    /// Why; may be empty.
    pub why: String,
    /// What to do; may be empty.
    pub hint: String,
}

impl Complaint {
    /// A failure with its exit code.
    pub fn new(exit: u8, what: impl fmt::Display) -> Complaint {
        Complaint { exit, what: what.to_string(), why: String::new(), hint: String::new() }
    }

    /// Says why.
    pub fn because(mut self, why: impl fmt::Display) -> Complaint {
        self.why = why.to_string();
        self
    }

    /// Says what to do.
    pub fn hint(mut self, hint: impl fmt::Display) -> Complaint {
        self.hint = hint.to_string();
        self
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        [&self.why, &self.hint].into_iter().filter(|text| !text.is_empty()).try_for_each(|text| write!(f, "\n  {text}"))
    }
}

impl std::error::Error for Complaint {}

/// Prints the failure to standard error; the exit code for it.
pub fn report(error: &anyhow::Error) -> ExitCode {
    let complaint = complaint(error);
    eprintln!("haina: {complaint}");
    ExitCode::from(complaint.exit)
}

fn complaint(error: &anyhow::Error) -> Complaint {
    if let Some(complaint) = error.downcast_ref::<Complaint>() {
        let Complaint { exit, what, why, hint } = complaint;
        return Complaint { exit: *exit, what: what.clone(), why: why.clone(), hint: hint.clone() };
    }
    if let Some(refusal) = error.downcast_ref::<Refusal>() {
        let problem = Problem::of(refusal, language());
        return of_problem(&problem);
    }
    match error.downcast_ref::<ClientError>() {
        Some(ClientError::Refused(problem)) => of_problem(problem),
        Some(ClientError::Unreachable { url, reason, .. }) => {
            let what = say(format!("no center answers at {url}"), format!("{url} 处没有中心应答"));
            Complaint::new(UNAVAILABLE, what).because(reason).hint(say(
                "Start one with `haina up`, or say where it is: HAINA_URL, `haina login`, or --data DIR.",
                "请用 `haina up` 启动，或通过 HAINA_URL、`haina login`、--data 目录 指明地址。",
            ))
        }
        Some(ClientError::NotACenter { url, detail }) => {
            let what = say(format!("what answers at {url} is no center"), format!("{url} 处应答的不是 Haina 中心"));
            Complaint::new(FAILED, what).because(detail)
        }
        None => {
            let whole: Vec<String> = error.chain().map(ToString::to_string).collect();
            Complaint::new(FAILED, &whole[0]).because(whole[1..].join(": "))
        }
    }
}

fn of_problem(problem: &Problem) -> Complaint {
    let exit = if problem.status == 503 { UNAVAILABLE } else { FAILED };
    let mut what = format!("{} ({})", problem.detail, problem.code);
    if let (Some(name), Some(index)) = (problem.values.get("job_name"), problem.values.get("job_index")) {
        what = say(format!("job {index} ({name}): {what}"), format!("第 {index} 个作业（{name}）：{what}"));
    }
    Complaint::new(exit, what).hint(&problem.hint)
}
