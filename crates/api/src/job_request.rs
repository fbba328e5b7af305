//! From the job file to what the core decides on.

use std::collections::BTreeMap;

use haina_core::{
    ArrayRequest, Bytes, CardMillis, Code, CpuMillis, Dependency, Digest, JobReference, JobRequest, Milliseconds,
    Payload, PythonEnvironment, Refusal, Shape,
};

use crate::job_spec::{After, JobSpec};
use crate::moment::Moment;
use crate::quantity::Number;

/// The most bytes of one job's program, environment and labels.
const PAYLOAD_MOST: usize = 1 << 20;
const GIB: u64 = 1 << 30;

/// What a submission becomes: requests, and the payloads that they name, each once.
#[derive(Clone, Debug)]
pub struct SubmittedRequest {
    /// In the order of the submission.
    pub jobs: Vec<JobRequest>,
    /// Digest and canonical text of each different payload.
    pub payloads: Vec<(Digest, String)>,
}

/// Converts one job.
///
/// # Errors
/// `invalid_value` with the field, or `too_large`.
pub fn convert_one(spec: JobSpec) -> Result<SubmittedRequest, Refusal> {
    let dependencies = spec.after.iter().map(|after| dependency(after, &BTreeMap::new())).collect::<Result<_, _>>()?;
    let (job, text) = convert(spec, dependencies)?;
    let payload = job.payload;
    Ok(SubmittedRequest { jobs: vec![job], payloads: vec![(payload, text)] })
}

/// Converts jobs that are submitted together; they may name each other in `after`.
///
/// # Errors
/// That of the first job that cannot be, with `job_index` and `job_name` among its values.
pub fn convert_all(specs: Vec<JobSpec>) -> Result<SubmittedRequest, Refusal> {
    let mut names: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    if specs.iter().any(|spec| !spec.after.is_empty()) {
        for (index, spec) in specs.iter().enumerate() {
            names.entry(spec.name.clone()).or_default().push(index as u32);
        }
    }
    let mut submitted = SubmittedRequest { jobs: Vec::with_capacity(specs.len()), payloads: Vec::new() };
    let mut seen = std::collections::BTreeSet::new();
    let only_one = specs.len() == 1;
    for (index, spec) in specs.into_iter().enumerate() {
        let name = spec.name.clone();
        let dependencies = spec.after.iter().map(|after| dependency(after, &names)).collect::<Result<_, _>>();
        let converted = dependencies.and_then(|dependencies| convert(spec, dependencies));
        let (job, text) = converted.map_err(|refusal| match only_one {
            true => refusal,
            false => refusal.with("job_index", index).with("job_name", name),
        })?;
        if seen.insert(job.payload) {
            submitted.payloads.push((job.payload, text));
        }
        submitted.jobs.push(job);
    }
    Ok(submitted)
}

fn dependency(after: &After, names: &BTreeMap<String, Vec<u32>>) -> Result<Dependency, Refusal> {
    let on = match names.get(&after.job).map(Vec::as_slice) {
        Some([index]) => JobReference::Index(*index),
        Some(_) => {
            let rule = "the name of one job only; several of this submission have it";
            return Err(Refusal::invalid_value("after", &after.job, rule));
        }
        None => match after.job.parse() {
            Ok(id) => JobReference::Id(id),
            Err(_) => {
                let known: Vec<&str> = names.keys().map(String::as_str).collect();
                let rule = match crate::nearest::nearest(&after.job, &known) {
                    Some(near) => format!("a job's id, or the name of a job of this submission, such as `{near}`"),
                    None => "a job's id, or the name of a job of this submission".to_owned(),
                };
                return Err(Refusal::invalid_value("after", &after.job, rule));
            }
        },
    };
    Ok(Dependency { on, condition: after.condition })
}

fn convert(spec: JobSpec, dependencies: Vec<Dependency>) -> Result<(JobRequest, String), Refusal> {
    let whole = |number: Option<Number>, default: u32, field: &str, rule: &str| match number {
        Some(number) => number.whole::<u32>(field, rule),
        None => Ok(default),
    };
    let shape = Shape {
        nodes: whole(spec.nodes, 1, "nodes", "a whole number between 1 and 4096")?,
        tasks_per_node: whole(spec.tasks_per_node, 1, "tasks_per_node", "a whole number between 1 and 256")?,
        cards_per_node: spec.cards.map_or(Ok(CardMillis(0)), |cards| cards.cards("cards"))?,
        card_model: spec.card_model,
        cpu_per_node: spec.cpus.map_or(Ok(CpuMillis(1000)), |cpus| cpus.cpus("cpus"))?,
        memory_per_node: spec.memory.map_or(Ok(Bytes(GIB)), |memory| memory.bytes("memory"))?,
    };
    let array = match spec.array {
        None => None,
        Some(array) => {
            let rule = "a whole number between 1 and 1000000";
            let cap = array.concurrency.map(|cap| cap.whole("array.concurrency", rule)).transpose()?;
            Some(ArrayRequest { count: array.count.whole("array.count", rule)?, concurrency: cap })
        }
    };
    let hour = Milliseconds::from_seconds(3600);
    let payload = Payload {
        command: command(spec.command, spec.script)?,
        python: spec.python.map(|python| PythonEnvironment { requirements: python.requirements }),
        variables: spec.env,
        working_directory: spec.working_directory,
        labels: spec.labels,
    };
    check_payload(&payload)?;
    let (digest, text) = payload.encode();
    if text.len() > PAYLOAD_MOST {
        return Err(Refusal::new(Code::TooLarge)
            .with("what", "the job's program, environment and labels")
            .with("size", format!("{} bytes", text.len()))
            .with("limit", format!("{PAYLOAD_MOST} bytes")));
    }
    let job = JobRequest {
        name: spec.name,
        organization: spec.organization,
        pool: spec.pool,
        shape,
        priority: spec.priority.map_or(Ok(0), |n| n.whole("priority", "a whole number between -1000 and 1000"))?,
        time_limit: spec.time_limit.map_or(Ok(hour), |length| length.length("time_limit"))?,
        grace: spec.grace.map_or(Ok(Milliseconds::from_seconds(10)), |length| length.length("grace"))?,
        retries: spec.retries.map_or(Ok(0), |n| n.whole("retries", "a whole number between 0 and 100"))?,
        not_before: spec.not_before.map(|text| Moment::of_field(&text, "not_before")).transpose()?.map(|at| at.0),
        array,
        dependencies,
        payload: digest,
    };
    Ok((job, text))
}

fn command(command: Option<Vec<String>>, script: Option<String>) -> Result<Vec<String>, Refusal> {
    match (command, script) {
        (Some(command), None) if command.first().is_some_and(|program| !program.is_empty()) => Ok(command),
        (Some(_), None) => Err(Refusal::invalid_value("command", "empty", "a program and its arguments")),
        (None, Some(script)) if !script.trim().is_empty() => Ok(vec!["/bin/sh".to_owned(), "-c".to_owned(), script]),
        (None, Some(_)) => Err(Refusal::invalid_value("script", "empty", "shell text")),
        (Some(_), Some(_)) => {
            Err(Refusal::invalid_value("command", "given with `script`", "given, or `script`; not both"))
        }
        (None, None) => Err(Refusal::invalid_value("command", "absent", "given, or `script`")),
    }
}

/// What no process can be started with.
fn check_payload(payload: &Payload) -> Result<(), Refusal> {
    let no_zero = |field: &str, text: &str| match text.contains('\0') {
        true => Err(Refusal::invalid_value(field, "a text with a zero byte", "a text without zero bytes")),
        false => Ok(()),
    };
    payload.command.iter().try_for_each(|argument| no_zero("command", argument))?;
    for (name, value) in &payload.variables {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(Refusal::invalid_value("env", name, "named without `=`"));
        }
        no_zero("env", value)?;
    }
    if let Some(python) = &payload.python {
        let one_line = |text: &String| !text.trim().is_empty() && !text.contains(['\n', '\r', '\0']);
        if let Some(wrong) = python.requirements.iter().find(|text| !one_line(text)) {
            let rule = "requirement specifiers such as `numpy==2.1.0`, one each";
            return Err(Refusal::invalid_value("python.requirements", wrong, rule));
        }
    }
    if let Some(directory) = &payload.working_directory {
        no_zero("working_directory", directory)?;
        if !directory.starts_with('/') {
            return Err(Refusal::invalid_value("working_directory", directory, "an absolute path"));
        }
    }
    Ok(())
}
