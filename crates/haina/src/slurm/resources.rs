//! What a job takes on each node, from Slurm's many ways to say it. Pure.

use anyhow::Result;

use super::memory;
use super::options::Given;
use crate::complaint::{Complaint, FAILED};
use crate::language::say;

/// Refuses, with a hint.
pub fn refuse<T>(what: String, hint: &str) -> Result<T> {
    Err(Complaint::new(FAILED, what).hint(hint).into())
}

/// The refusal of a value, in Slurm's own words.
pub fn wrong(option: &str, value: &str) -> anyhow::Error {
    let what = say(format!("Invalid --{option} specification: {value}"), format!("--{option} 的取值无效：{value}"));
    Complaint::new(FAILED, what).into()
}

/// A count from 1.
pub fn count(option: &str, text: &str) -> Result<u32> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| wrong(option, text))
}

/// Nodes and tasks.
#[derive(Clone, Copy)]
pub struct Size {
    /// Nodes.
    pub nodes: u32,
    /// Tasks on all of them.
    pub tasks: u32,
    /// Tasks on the node that has most.
    pub per_node: u32,
}

/// Nodes and tasks that were asked for.
pub fn size(given: &Given, notes: &mut Vec<String>) -> Result<Size> {
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
pub struct Cards {
    /// How many.
    pub count: u32,
    /// The card model, if one was named.
    pub model: Option<String>,
}

/// Cards that were asked for, in whichever way.
pub fn cards(given: &Given, size: Size) -> Result<Cards> {
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
pub fn cpus(given: &Given, size: Size, cards: u32) -> Result<u32> {
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
pub fn memory(given: &Given, cpus: u32, cards: u32) -> Result<u64> {
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
