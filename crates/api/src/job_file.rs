//! Reading the job file and bodies of requests, with sentences that say where and what.

use haina_core::Refusal;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::job_spec::{JobSpec, JobsSpec};
use crate::nearest::{place, unreadable};

/// What a job file holds.
#[derive(Clone, Debug, PartialEq)]
pub enum JobFile {
    /// One job at the top level.
    One(Box<JobSpec>),
    /// A workflow: `[[job]]` entries, accepted together or not at all.
    Several(Vec<JobSpec>),
}

impl JobFile {
    /// All its jobs.
    pub fn jobs(&self) -> &[JobSpec] {
        match self {
            JobFile::One(job) => std::slice::from_ref(job),
            JobFile::Several(jobs) => jobs,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Workflow {
    job: Vec<JobSpec>,
}

/// Reads a job file.
///
/// # Errors
/// `invalid_request` with line, column and what is wrong there.
pub fn parse_job_file(text: &str) -> Result<JobFile, Refusal> {
    // Which of the two forms is meant decides which fields are known.
    let is_workflow = toml::from_str::<toml::Table>(text).is_ok_and(|table| table.contains_key("job"));
    match is_workflow {
        true => parse_toml::<Workflow>(text).map(|workflow| JobFile::Several(workflow.job)),
        false => parse_toml(text).map(|job| JobFile::One(Box::new(job))),
    }
}

/// Reads TOML.
pub(crate) fn parse_toml<T: DeserializeOwned>(text: &str) -> Result<T, Refusal> {
    toml::from_str(text).map_err(|error| unreadable(error.span().map(|span| place(text, span.start)), error.message()))
}

/// Reads a JSON body.
///
/// # Errors
/// `invalid_request` with line, column and what is wrong there.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    // A derived reader would also take a list of the fields' values.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(unreadable(Some((1, 1)), "invalid type: sequence, expected an object"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let text = error.to_string();
        let message = text.rfind(" at line ").map_or(&*text, |end| &text[..end]);
        unreadable(Some((error.line(), error.column())), message)
    })
}

/// Reads the JSON of one job.
///
/// # Errors
/// As [`parse_json`].
pub fn parse_job(bytes: &[u8]) -> Result<JobSpec, Refusal> {
    parse_json(bytes)
}

/// Reads the JSON of several jobs.
///
/// # Errors
/// As [`parse_json`].
pub fn parse_jobs(bytes: &[u8]) -> Result<JobsSpec, Refusal> {
    parse_json(bytes)
}
