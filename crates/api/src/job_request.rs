//! From the job file to what the core decides on.

use haina_core::{Phrase, both};
use std::collections::BTreeMap;

use haina_core::{
    ArrayRequest, Bytes, CardMillis, Code, CpuMillis, Dependency, Digest, ImageReference, JobReference, JobRequest,
    Milliseconds, Payload, Refusal, Shape, Topology,
};

use crate::job_spec::{After, JobSpec};
use crate::moment::Moment;
use crate::packages::PythonSpec;
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
            let rule = both(
                "the name of one job only; several of this submission have it",
                "唯一的作业名；本次提交中有多个作业用了这个名称",
            );
            return Err(Refusal::invalid_value("after", &after.job, rule));
        }
        None => match after.job.parse() {
            Ok(id) => JobReference::Id(id),
            Err(_) => {
                let known: Vec<&str> = names.keys().map(String::as_str).collect();
                let rule = match crate::nearest::nearest(&after.job, &known) {
                    Some(near) => both(
                        format!("a job's id, or the name of a job of this submission, such as `{near}`"),
                        format!("作业编号，或本次提交中的作业名，例如 `{near}`"),
                    ),
                    None => {
                        both("a job's id, or the name of a job of this submission", "作业编号，或本次提交中的作业名")
                    }
                };
                return Err(Refusal::invalid_value("after", &after.job, rule));
            }
        },
    };
    Ok(Dependency { on, condition: after.condition })
}

fn topology(text: &str) -> Result<Topology, Refusal> {
    text.parse().map_err(|()| {
        let rule = both(
            "`required:` or `preferred:` and one of ring, node, rack and pod, such as `required:rack`",
            "`required:` 或 `preferred:` 加上 ring、node、rack、pod 之一，例如 `required:rack`",
        );
        Refusal::invalid_value("topology", text, rule)
    })
}

fn convert(spec: JobSpec, dependencies: Vec<Dependency>) -> Result<(JobRequest, String), Refusal> {
    let whole = |number: Option<Number>, default: u32, field: &str, rule: Phrase| match number {
        Some(number) => number.whole::<u32>(field, rule),
        None => Ok(default),
    };
    let shape = Shape {
        nodes: whole(spec.nodes, 1, "nodes", both("a whole number between 1 and 4096", "1 到 4096 之间的整数"))?,
        tasks_per_node: whole(
            spec.tasks_per_node,
            1,
            "tasks_per_node",
            both("a whole number between 1 and 256", "1 到 256 之间的整数"),
        )?,
        cards_per_node: spec.cards.map_or(Ok(CardMillis(0)), |cards| cards.cards("cards"))?,
        card_model: spec.card_model,
        cpu_per_node: spec.cpus.map_or(Ok(CpuMillis(1000)), |cpus| cpus.cpus("cpus"))?,
        topology: spec.topology.as_deref().map(topology).transpose()?,
        memory_per_node: spec.memory.map_or(Ok(Bytes(GIB)), |memory| memory.bytes("memory"))?,
    };
    let array = match spec.array {
        None => None,
        Some(array) => {
            let rule = both("a whole number between 1 and 1000000", "1 到 1000000 之间的整数");
            let cap = array.concurrency.map(|cap| cap.whole("array.concurrency", rule.clone())).transpose()?;
            Some(ArrayRequest { count: array.count.whole("array.count", rule)?, concurrency: cap })
        }
    };
    let hour = Milliseconds::from_seconds(3600);
    let payload = Payload {
        command: command(spec.command, spec.script)?,
        image: image(spec.image, spec.python.is_some())?,
        python: spec.python.map(PythonSpec::environment).transpose()?,
        variables: spec.env,
        working_directory: spec.working_directory,
        labels: spec.labels,
    };
    check_payload(&payload)?;
    let (digest, text) = payload.encode();
    if text.len() > PAYLOAD_MOST {
        return Err(Refusal::new(Code::TooLarge)
            .with_phrase("what", both("the job's program, environment and labels", "作业的程序、运行环境和标签"))
            .with_phrase("size", both(format!("{} bytes", text.len()), format!("{} 字节", text.len())))
            .with_phrase("limit", both(format!("{PAYLOAD_MOST} bytes"), format!("{PAYLOAD_MOST} 字节"))));
    }
    let job = JobRequest {
        name: spec.name,
        organization: spec.organization,
        project: spec.project,
        pool: spec.pool,
        shape,
        priority: spec.priority.map_or(Ok(0), |n| {
            n.whole("priority", both("a whole number between -1000 and 1000", "-1000 到 1000 之间的整数"))
        })?,
        time_limit: spec.time_limit.map_or(Ok(hour), |length| length.length("time_limit"))?,
        grace: spec.grace.map_or(Ok(Milliseconds::from_seconds(10)), |length| length.length("grace"))?,
        retries: spec
            .retries
            .map_or(Ok(0), |n| n.whole("retries", both("a whole number between 0 and 100", "0 到 100 之间的整数")))?,
        not_before: spec.not_before.map(|text| Moment::of_field(&text, "not_before")).transpose()?.map(|at| at.0),
        array,
        dependencies,
        payload: digest,
    };
    Ok((job, text))
}

fn image(image: Option<String>, has_python: bool) -> Result<Option<ImageReference>, Refusal> {
    let Some(text) = image else { return Ok(None) };
    if has_python {
        let rule = both(
            "given without `python`: packages belong into the image",
            "不能与 `python` 同时填写：软件包应装入镜像",
        );
        let value = both("given with `python`", "与 `python` 同时填写的内容");
        return Err(Refusal::invalid_value("image", "", rule).with_phrase("value", value));
    }
    read_image("image", &text).map(Some)
}

/// A reference to an image.
pub(crate) fn read_image(field: &str, text: &str) -> Result<ImageReference, Refusal> {
    let rule = both(
        "a reference to an image of a registry, such as `registry.example/team/torch:2.4`",
        "镜像仓库中的镜像引用，例如 `registry.example/team/torch:2.4`",
    );
    text.parse().map_err(|_| Refusal::invalid_value(field, text, rule))
}

fn command(command: Option<Vec<String>>, script: Option<String>) -> Result<Vec<String>, Refusal> {
    match (command, script) {
        (Some(command), None) if command.first().is_some_and(|program| !program.is_empty()) => Ok(command),
        (Some(_), None) => Err(Refusal::empty("command", both("a program and its arguments", "程序及其参数"))),
        (None, Some(script)) if !script.trim().is_empty() => Ok(vec!["/bin/sh".to_owned(), "-c".to_owned(), script]),
        (None, Some(_)) => Err(Refusal::empty("script", both("shell text", "shell 脚本内容"))),
        (Some(_), Some(_)) => {
            let rule = both("given, or `script`; not both", "`command` 与 `script` 只能填写一个");
            let value = both("given with `script`", "与 `script` 同时填写的内容");
            Err(Refusal::invalid_value("command", "", rule).with_phrase("value", value))
        }
        (None, None) => Err(Refusal::absent("command", both("given, or `script`", "必须填写 `command` 或 `script`"))),
    }
}

/// What no process can be started with.
fn check_payload(payload: &Payload) -> Result<(), Refusal> {
    let no_zero = |field: &str, text: &str| match text.contains('\0') {
        true => {
            let rule = both("a text without zero bytes", "不含零字节的文本");
            Err(Refusal::invalid_value(field, "", rule)
                .with_phrase("value", both("a text with a zero byte", "含有零字节的文本")))
        }
        false => Ok(()),
    };
    payload.command.iter().try_for_each(|argument| no_zero("command", argument))?;
    for (name, value) in &payload.variables {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(Refusal::invalid_value("env", name, both("named without `=`", "名称中不含 `=`")));
        }
        no_zero("env", value)?;
    }
    if let Some(directory) = &payload.working_directory {
        no_zero("working_directory", directory)?;
        if !directory.starts_with('/') {
            return Err(Refusal::invalid_value("working_directory", directory, both("an absolute path", "绝对路径")));
        }
    }
    Ok(())
}
