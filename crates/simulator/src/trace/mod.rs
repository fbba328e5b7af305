//! Traces: what was submitted to a center, when, and how long it ran. Readers go from text to a [`Workload`]; they read
//! no files. Lines that cannot be used are counted by what is wrong with them, never silently repaired.

mod detail;
mod fields;
mod generate;
pub mod openb;
mod philly;
mod report;
mod swf;

use std::collections::BTreeMap;

use haina_core::{Bytes, CardMillis, CpuMillis, Milliseconds, Refusal, both};

pub use detail::{Detail, Run};
pub use generate::{Generation, generate};
pub use report::{Complaint, ReadReport};

/// A text that many jobs share, by its place in [`Workload::labels`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label(pub u32);

/// One job of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Submitted so long after the beginning of the trace.
    pub at: Milliseconds,
    /// How long it runs if nobody stops it.
    pub run: Milliseconds,
    /// The time limit that its user gave.
    pub limit: Option<Milliseconds>,
    /// All of its cards: whole ones, or a part of one.
    pub cards: CardMillis,
    /// Processors of all of it, where the trace says.
    pub cpu: CpuMillis,
    /// Memory of all of it, where the trace says.
    pub memory: Bytes,
    /// Who pays.
    pub organization: Label,
    /// Who asked.
    pub user: Label,
    /// Its name: jobs of one name are likely to be alike.
    pub name: Label,
}

/// The jobs of a trace, in the order of their submission; those of one moment by their run time, then by line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// The jobs.
    pub jobs: Vec<Submission>,
    /// The texts.
    pub labels: Vec<String>,
    /// What was read and what was not.
    pub report: ReadReport,
    /// What more is known of each job: of all of them, or of none.
    pub details: Vec<Detail>,
}

impl Workload {
    /// Reads a trace, whose form is seen from its beginning: Philly's CSV, openb's pods, or the Standard Workload Format.
    ///
    /// # Errors
    /// Where no form fits, or no job is left.
    pub fn read(text: &str) -> Result<Workload, Refusal> {
        let first = text.trim_start_matches('\u{feff}').lines().find(|line| !line.trim().is_empty()).unwrap_or("");
        let workload = if philly::begins(first) {
            philly::read(text)
        } else if openb::begins(first) {
            openb::read(text)
        } else if swf::begins(first) {
            swf::read(text)
        } else {
            let shown: String = first.chars().filter(|c| !c.is_control()).take(60).collect();
            let rule = both(
                "a trace that begins as Philly's CSV, openb's pod list or the Standard Workload Format does",
                "以 Philly CSV、openb pod 列表或标准负载格式（SWF）开头的作业轨迹",
            );
            return Err(Refusal::invalid_value("trace", shown, rule));
        };
        match workload.jobs.is_empty() {
            false => Ok(workload),
            true => {
                let rule = both("a trace with at least one job that can be used", "至少包含一个可用作业的轨迹");
                Err(Refusal::invalid_value("trace", "", rule).with_phrase("value", workload.report.first_phrase()))
            }
        }
    }

    /// Lets each limit be the run time itself, as if users knew it.
    pub fn limit_exactly(&mut self) {
        self.jobs.iter_mut().for_each(|job| job.limit = Some(job.limit.map_or(job.run, |limit| job.run.min(limit))));
    }

    /// The text of a label.
    pub fn text(&self, label: Label) -> &str {
        &self.labels[label.0 as usize]
    }

    /// Cards × run time of all jobs, in thousandths of card-milliseconds.
    pub fn card_use(&self) -> u128 {
        self.jobs.iter().map(|job| u128::from(job.cards.0) * u128::from(job.run.0)).sum()
    }
}

/// Gathers jobs and numbers their texts.
#[derive(Default)]
pub(crate) struct Builder {
    workload: Workload,
    known: BTreeMap<String, Label>,
}

impl Builder {
    pub(crate) fn label(&mut self, text: &str) -> Label {
        if let Some(label) = self.known.get(text) {
            return *label;
        }
        let label = Label(self.workload.labels.len() as u32);
        self.workload.labels.push(text.to_owned());
        self.known.insert(text.to_owned(), label);
        label
    }

    /// A job whose moment counts from any beginning.
    pub(crate) fn job(&mut self, job: Submission) {
        self.workload.report.jobs += 1;
        self.workload.jobs.push(job);
    }

    /// Something is wrong with a line.
    pub(crate) fn complain(&mut self, complaint: Complaint, line: usize) {
        self.workload.report.complain(complaint, line);
    }

    /// As they came.
    pub(crate) fn unsorted(self) -> Workload {
        self.workload
    }

    /// Sorts, and lets time begin with the first job.
    fn finish(mut self) -> Workload {
        let jobs = &mut self.workload.jobs;
        let sorted = jobs.is_sorted_by_key(|job| job.at);
        self.workload.report.unsorted = !sorted;
        jobs.sort_by_key(|job| (job.at, job.run));
        let begin = jobs.first().map_or(0, |job| job.at.0);
        jobs.iter_mut().for_each(|job| job.at.0 -= begin);
        self.workload
    }
}
