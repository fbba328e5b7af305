//! Finding a job that the caller may see.

use haina_center::Action;
use haina_center::permission::{Owner, require};
use haina_core::{JobTarget, Kind, Refusal, both};
use haina_store::{AttemptRecord, JobRecord};

use crate::app::App;
use crate::caller::Caller;
use crate::failure::Failure;

/// A job that exists, and that the caller may see.
pub struct Seen {
    /// The job.
    pub record: JobRecord,
    /// The element that was named.
    pub element: Option<u32>,
}

impl Seen {
    /// The job as `17` or one element as `17_3`. One that the caller may not see is not found; nor is one that never was.
    pub async fn find(app: &App, caller: &Caller, id: &str) -> Result<Seen, Failure> {
        let not_found = || Refusal::not_found(Kind::Job, id);
        caller.require_any(Action::ReadJob)?;
        let target: JobTarget = id.parse().map_err(|_| not_found())?;
        let record = app.center.store().job(target.job).await?.ok_or_else(not_found)?;
        let seen = Seen { record, element: target.element };
        if !caller.may(Action::ReadJob, seen.owner()) || !seen.has(target.element) {
            return Err(not_found().into());
        }
        Ok(seen)
    }

    /// Whose the job is.
    pub fn owner(&self) -> Owner {
        let record = &self.record;
        Owner { organization: Some(record.organization), user: Some(record.user), job: Some(record.id) }
    }

    /// Refuses unless the caller, who may see the job, may also do this to it.
    pub fn require(&self, caller: &Caller, action: Action) -> Result<(), Refusal> {
        require(caller.subject, action, self.owner())
    }

    /// The one element that is asked for, in the path or as `asked`; none of a job that is no array.
    pub fn one_element(&self, asked: Option<u32>) -> Result<Option<u32>, Refusal> {
        match (self.record.elements, self.element.or(asked)) {
            (None, None | Some(0)) => Ok(None),
            (Some(count), Some(element)) if element < count => Ok(Some(element)),
            (Some(count), None) => {
                let last = count.saturating_sub(1);
                Err(Refusal::absent(
                    "element",
                    both(
                        format!("given, because the job is an array: 0 to {last}"),
                        format!("该作业是作业数组，必须填写 0 到 {last}"),
                    ),
                ))
            }
            (_, Some(element)) => Err(Refusal::not_found(Kind::Element, element)),
        }
    }

    fn has(&self, element: Option<u32>) -> bool {
        element.is_none_or(|element| self.record.elements.is_some_and(|count| element < count))
    }
}

/// The sums over a job's attempts.
#[derive(Default)]
pub struct Sums {
    /// Attempts so far.
    pub attempts: u64,
    /// Use of those that have ended.
    pub metered: u64,
    /// Charged for those that have ended, in millionths.
    pub charged_micros: i128,
    /// The exit code of the last one to end, if it exited.
    pub exit_code: Option<u8>,
}

/// Adds up all attempts, a page at a time.
pub async fn sums(app: &App, seen: &Seen) -> Result<Sums, Failure> {
    const PAGE: u32 = 1000;
    let mut sums = Sums::default();
    let mut worst = None;
    let mut after = None;
    loop {
        let page = app.center.store().attempts(seen.record.id, seen.element, after, PAGE).await?;
        for record in &page {
            sums.attempts += 1;
            sums.metered = sums.metered.saturating_add(record.metered.unwrap_or_default().0);
            sums.charged_micros += i128::from(record.charged_micros.unwrap_or_default());
            decide_exit_code(&mut worst, record);
        }
        match page.last() {
            Some(last) if page.len() == PAGE as usize => after = Some(last.id),
            _ => break,
        }
    }
    sums.exit_code = worst.flatten();
    Ok(sums)
}

/// A job's own exit code: 0 where every element succeeded, else that of the first element that did not.
fn decide_exit_code(decided: &mut Option<Option<u8>>, record: &AttemptRecord) {
    let Some(end) = &record.end else { return };
    if end.retry {
        return;
    }
    match decided {
        Some(code) if *code != Some(0) => {}
        decided => *decided = Some(record.exit_code),
    }
}
