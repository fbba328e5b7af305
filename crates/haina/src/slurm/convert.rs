//! From Slurm's options to a job. Pure.

use std::collections::BTreeMap;

use anyhow::Result;
use haina_api::{After, ArraySpec, Condition, JobSpec, Number, Quantity};
use jiff::ZonedDateTime;

use super::array::Array;
use super::batch::Batch;
use super::options::Given;
use super::{memory, times};
use crate::complaint::{Complaint, FAILED};
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

fn refuse<T>(what: String, hint: &str) -> Result<T> {
    Err(Complaint::new(FAILED, what).hint(hint).into())
}

fn wrong(option: &str, value: &str) -> anyhow::Error {
    let what = say(format!("Invalid --{option} specification: {value}"), format!("--{option} 的取值无效：{value}"));
    Complaint::new(FAILED, what).into()
}

/// A count from 1.
fn count(option: &str, text: &str) -> Result<u32> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| wrong(option, text))
}

/// Nodes and tasks.
#[derive(Clone, Copy)]
struct Size {
    nodes: u32,
    tasks: u32,
    /// On the node that has most.
    per_node: u32,
}

fn size(given: &Given, notes: &mut Vec<String>) -> Result<Size> {
    let optional = |name: &str| given.get(name).map(|text| count(name, text)).transpose();
    let (tasks, per_node) = (optional("ntasks")?, optional("ntasks-per-node")?);
    let nodes = match given.get("nodes") {
        None => None,
        Some(text) => {
            let (least, most) = text.split_once('-').unwrap_or((text, text));
            let (least, most) = (count("nodes", least)?, count("nodes", most)?);
            if most < least {
                return Err(wrong("nodes", text));
            }
            if most > least {
                notes.push(say(
                    format!("--nodes={text}: the job takes {least}, the least that was said"),
                    format!("--nodes={text}：作业使用最小值 {least} 个节点"),
                ));
            }
            Some(least)
        }
    };
    let mut nodes = nodes.unwrap_or_else(|| match (tasks, per_node) {
        (Some(tasks), Some(per_node)) => tasks.div_ceil(per_node),
        _ => 1,
    });
    let tasks = tasks.unwrap_or(nodes.saturating_mul(per_node.unwrap_or(1)));
    if tasks < nodes {
        notes.push(say(
            format!("{tasks} task(s) do not need {nodes} nodes; the job takes {tasks}"),
            format!("{tasks} 个任务用不到 {nodes} 个节点；作业使用 {tasks} 个"),
        ));
        nodes = tasks;
    }
    if per_node.is_some_and(|per_node| tasks > nodes.saturating_mul(per_node)) {
        let (per_node, what) = (per_node.unwrap_or(1), "--ntasks-per-node");
        return refuse(
            say(
                format!("{tasks} tasks do not fit on {nodes} node(s) with {what}={per_node}"),
                format!("{what}={per_node} 时，{nodes} 个节点容不下 {tasks} 个任务"),
            ),
            "",
        );
    }
    Ok(Size { nodes, tasks, per_node: tasks.div_ceil(nodes) })
}

/// Cards on each node.
struct Cards {
    count: u32,
    model: Option<String>,
}

fn cards(given: &Given, size: Size) -> Result<Cards> {
    let mut found: Option<(Cards, &str)> = None;
    let all = ["gres", "gpus-per-node", "gpus-per-task", "gpus"];
    for (option, text) in all.into_iter().filter_map(|option| Some((option, given.get(option)?))) {
        let Some((model, number)) = card_request(option, text)? else { continue };
        let number = match option {
            "gpus-per-task" => number.saturating_mul(size.per_node),
            "gpus" if number % size.nodes != 0 => {
                let nodes = size.nodes;
                return refuse(
                    say(
                        format!("--gpus={text} cannot be shared evenly by {nodes} nodes"),
                        format!("--gpus={text} 无法平均分配到 {nodes} 个节点"),
                    ),
                    say("Every node of a job has the same number of cards.", "作业的每个节点卡数相同。"),
                );
            }
            "gpus" => number / size.nodes,
            _ => number,
        };
        found = Some(match found {
            None => (Cards { count: number, model }, option),
            Some((before, said)) if before.count != number => {
                return refuse(
                    say(
                        format!("--{said} and --{option} ask for different numbers of cards"),
                        format!("--{said} 与 --{option} 申请的卡数不一致"),
                    ),
                    "",
                );
            }
            Some((before, said)) => (Cards { model: before.model.or(model), ..before }, said),
        });
    }
    Ok(found.map_or(Cards { count: 0, model: None }, |(cards, _)| cards))
}

/// `[gres/]gpu[:model][:count]` for --gres, `[model:]count` for the others. None for none.
fn card_request(option: &str, text: &str) -> Result<Option<(Option<String>, u32)>> {
    let number = |text: &str| text.parse::<u32>().map_err(|_| wrong(option, text));
    if option != "gres" {
        return Ok(Some(match text.rsplit_once(':') {
            Some((model, count)) if !model.is_empty() => (Some(model.to_owned()), number(count)?),
            Some(_) => return Err(wrong(option, text)),
            None => (None, number(text)?),
        }));
    }
    if text == "none" {
        return Ok(None);
    }
    let words: Vec<&str> = text.trim_start_matches("gres/").split([':', '=']).collect();
    let (kind, rest) = words.split_first().unwrap_or((&"", &[]));
    if text.contains(',') || !["gpu", "npu"].contains(kind) {
        return refuse(
            say(format!("Invalid generic resource (gres) specification: {text}"), format!("无效的 gres：{text}")),
            say(
                "gpu or npu, once, such as --gres=gpu:8 or --gres=npu:MODEL:8.",
                "只支持一项 gpu 或 npu，例如 --gres=gpu:8 或 --gres=npu:型号:8。",
            ),
        );
    }
    Ok(Some(match rest {
        [] => (None, 1),
        [one] => one.parse().map_or_else(|_| (Some((*one).to_owned()), 1), |count| (None, count)),
        [model, count] => (Some((*model).to_owned()), number(count)?),
        _ => return Err(wrong(option, text)),
    }))
}

/// Processors on each node.
fn cpus(given: &Given, size: Size, cards: u32) -> Result<u32> {
    let by_task = match given.get("cpus-per-task") {
        Some(text) => count("cpus-per-task", text)?.saturating_mul(size.per_node),
        None => size.per_node,
    };
    let by_card = match given.get("cpus-per-gpu") {
        Some(text) => count("cpus-per-gpu", text)?.saturating_mul(cards),
        None => 0,
    };
    Ok(by_task.max(by_card))
}

/// Bytes on each node.
fn memory(given: &Given, cpus: u32, cards: u32) -> Result<u64> {
    let all = [("mem", 1), ("mem-per-cpu", cpus), ("mem-per-gpu", cards)];
    let Some((option, text, times)) =
        all.into_iter().find_map(|(option, times)| Some((option, given.get(option)?, times)))
    else {
        return Ok(1 << 30);
    };
    let bytes = memory::bytes(text).and_then(|bytes| bytes.checked_mul(times.into()));
    match bytes.ok_or_else(|| wrong(option, text))? {
        0 => refuse(
            say(format!("--{option}={text} asks for no memory"), format!("--{option}={text} 没有申请内存")),
            say("All of a node's memory cannot be asked for; say how much.", "不能申请节点的全部内存，请写明数量。"),
        ),
        bytes => Ok(bytes),
    }
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
