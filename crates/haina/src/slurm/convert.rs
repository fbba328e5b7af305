//! From Slurm's options to a job. Pure.

use std::collections::BTreeMap;

use anyhow::Result;
use haina_api::{After, ArraySpec, Condition, JobSpec, Number, Quantity};
use jiff::ZonedDateTime;

use super::array::Array;
use super::batch::Batch;
use super::options::Given;
use super::resources::{cards, count, cpus, memory, refuse, size, wrong};
use super::times;
use crate::language::say;

/// A batch script and how it is called.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// Its text.
    pub text: String,
    /// What the job is called if nothing is said.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// Where and when it is submitted.
#[derive(Clone, Debug)]
pub struct Place {
    /// The working directory.
    pub directory: String,
    /// The machine's name.
    pub host: String,
    /// The pool of jobs that name none.
    pub pool: Option<String>,
    /// Environment variables.
    pub variables: BTreeMap<String, String>,
    /// The time, in the user's time zone.
    pub now: ZonedDateTime,
}

/// The job, and what is to be said about it.
#[derive(Clone, Debug)]
pub struct Converted {
    /// The job.
    pub job: JobSpec,
    /// What a user of Slurm may not expect.
    pub notes: Vec<String>,
}

/// The most bytes of a script: it is one argument of a program, of which the kernel takes 128 KiB.
const SCRIPT_MOST: usize = 120 << 10;

/// Runs `haina batch` wherever the task finds this program.
const START: &str = r#"exec "${HAINA_PROGRAM:?this center cannot run batch scripts}" batch "$@""#;

/// Converts.
pub fn convert(given: &Given, script: Script, place: &Place) -> Result<Converted> {
    let mut notes = Vec::new();
    let size = size(given, &mut notes)?;
    let cards = cards(given, size)?;
    let cpus = cpus(given, size, cards.count)?;
    let memory = memory(given, cpus, cards.count)?;
    let array = given.get("array").map(|text| Array::parse(text).ok_or_else(|| wrong("array", text))).transpose()?;
    if array.as_ref().is_some_and(|array| !array.is_plain()) {
        notes.push(say(
            "Haina counts an array's elements from 0, in the order of SLURM_ARRAY_TASK_ID: `haina job logs JOB_0` is the first",
            "Haina 从 0 开始为数组任务编号，顺序与 SLURM_ARRAY_TASK_ID 一致：`haina job logs 作业_0` 是第一个",
        ).to_owned());
    }
    if script.text.len() > SCRIPT_MOST {
        let most = SCRIPT_MOST >> 10;
        refuse(say(format!("the script is larger than {most} KiB"), format!("脚本超过 {most} KiB")), "")?;
    }
    let pool = pool(given, &mut notes);
    let append = match given.get("open-mode") {
        None | Some("truncate" | "t") => false,
        Some("append" | "a") => true,
        Some(other) => return Err(wrong("open-mode", other)),
    };
    let batch = Batch {
        tasks: size.tasks,
        tasks_per_node: given.has("ntasks-per-node").then_some(size.per_node),
        cpus_per_task: given.get("cpus-per-task").map(|text| count("cpus-per-task", text)).transpose()?,
        cpus_on_node: cpus,
        memory_mib: memory >> 20,
        array: array.as_ref().map(|array| array.indices.clone()).unwrap_or_default(),
        output: given.get("output").map(str::to_owned),
        error: given.get("error").map(str::to_owned),
        input: given.get("input").map(str::to_owned),
        append,
        partition: pool.clone().or_else(|| place.pool.clone()),
        chdir: given.has("chdir"),
        submit_directory: place.directory.clone(),
        submit_host: place.host.clone(),
    };
    let batch = serde_json::to_string(&batch)?;
    let start = ["/bin/sh", "-c", START, "haina"].map(str::to_owned).into_iter().chain([batch, script.text]);
    let job = JobSpec {
        name: given.get("job-name").filter(|name| !name.is_empty()).map_or(script.name, str::to_owned),
        organization: given.get("account").map(str::to_owned),
        pool,
        nodes: Some(size.nodes.into()),
        cards: Some(cards.count.into()),
        card_model: cards.model,
        cpus: Some(cpus.into()),
        memory: Some(Quantity::Number(Number::Whole(memory.into()))),
        time_limit: given.get("time").map(time_limit).transpose()?,
        not_before: given.get("begin").map(|text| begin(text, &place.now)).transpose()?,
        array: array.map(|array| ArraySpec {
            count: (array.indices.len() as u32).into(),
            concurrency: array.concurrency.map(Number::from),
        }),
        after: given.get("dependency").map(after).transpose()?.unwrap_or_default(),
        command: Some(start.chain(script.arguments).collect()),
        env: exported(given.get("export"), place, &mut notes)?,
        working_directory: given.get("chdir").map(|path| absolute(path, place)),
        labels: given.get("comment").map(|text| ("comment".to_owned(), text.to_owned())).into_iter().collect(),
        ..JobSpec::default()
    };
    Ok(Converted { job, notes })
}

/// The pool: the first that was named.
fn pool(given: &Given, notes: &mut Vec<String>) -> Option<String> {
    let text = given.get("partition")?;
    let (first, rest) = text.split_once(',').unwrap_or((text, ""));
    if !rest.is_empty() {
        notes.push(say(
            format!("--partition={text}: the job waits in the first pool, {first}"),
            format!("--partition={text}：作业只在第一个资源池 {first} 中排队"),
        ));
    }
    Some(first.to_owned())
}

fn time_limit(text: &str) -> Result<Quantity> {
    match times::limit(text).ok_or_else(|| wrong("time", text))? {
        0 => refuse(
            say("a job without a time limit is not possible".to_owned(), "作业必须有时限".to_owned()),
            say("Say at most 30 days: --time=30-0.", "最长 30 天：--time=30-0。"),
        ),
        seconds => Ok(Quantity::Number(Number::Whole(seconds.into()))),
    }
}

fn begin(text: &str, now: &ZonedDateTime) -> Result<String> {
    let moment = times::begin(text, now).ok_or_else(|| wrong("begin", text))?;
    Ok(moment.timestamp().to_string())
}

/// `afterok:1:2,afterany:3`.
fn after(text: &str) -> Result<Vec<After>> {
    let hint = say(
        "afterok and afterany can be waited for, all of them: --dependency=afterok:17:18,afterany:19.",
        "支持 afterok 和 afterany，且须全部满足：--dependency=afterok:17:18,afterany:19。",
    );
    let refused =
        |what: &str| refuse(say(format!("dependency `{what}` is not supported"), format!("不支持依赖 `{what}`")), hint);
    if text.contains('?') {
        return refused("?");
    }
    let mut all = Vec::new();
    for part in text.split(',') {
        let mut words = part.split(':');
        let kind = words.next().unwrap_or_default();
        let condition = match kind {
            "afterok" => Condition::Succeeded,
            "afterany" => Condition::Ended,
            other => return refused(other),
        };
        let before = all.len();
        for job in words {
            if job.contains('_') {
                return refuse(
                    say(
                        format!("{job}: one element of an array cannot be waited for"),
                        format!("{job}：不能只等待作业数组中的一个任务"),
                    ),
                    say("Wait for the whole array.", "请等待整个作业数组。"),
                );
            }
            if job.is_empty() || !job.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(wrong("dependency", text));
            }
            all.push(After { job: job.to_owned(), condition });
        }
        if all.len() == before {
            return Err(wrong("dependency", text));
        }
    }
    Ok(all)
}

/// Variables that are named. The shell's others stay where they are: they speak of another machine, and may be secret.
fn exported(text: Option<&str>, place: &Place, notes: &mut Vec<String>) -> Result<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    let Some(text) = text else { return Ok(variables) };
    for word in list(text) {
        match (word.split_once('='), word.as_str()) {
            (None, "NONE" | "NIL" | "") => {}
            (None, "ALL") => notes.push(
                say(
                    "--export=ALL: the shell's variables are not copied; name those that the job needs: --export=NAME,…",
                    "--export=ALL：不会复制当前 shell 的变量；请列出作业需要的变量：--export=变量名,…",
                )
                .to_owned(),
            ),
            (Some((name, value)), _) if !name.is_empty() => _ = variables.insert(name.to_owned(), value.to_owned()),
            (Some(_), _) => return Err(wrong("export", text)),
            (None, name) => match place.variables.get(name) {
                Some(value) => _ = variables.insert(name.to_owned(), value.clone()),
                None => notes.push(say(
                    format!("--export={name}: there is no such variable"),
                    format!("--export={name}：没有该变量"),
                )),
            },
        }
    }
    Ok(variables)
}

/// Split at commas outside of quotes.
fn list(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in text.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            (',', None) => words.push(String::new()),
            (c, _) => words.last_mut().expect("never empty").push(c),
        }
    }
    words
}

fn absolute(path: &str, place: &Place) -> String {
    std::path::Path::new(&place.directory).join(path).display().to_string()
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
