//! Alibaba's GPU cluster of 2023 (Weng et al., ATC '23): a list of pods, and a list of nodes.

use haina_core::center_definition::*;
use haina_core::{Bytes, CardMillis, CpuMillis, Milliseconds, Refusal, both};

use super::{Builder, Complaint, Submission, Workload, fields};
use crate::pool;

const PODS: &str = "name,cpu_milli,memory_mib,num_gpu,gpu_milli";
const NODES: &str = "sn,cpu_milli,memory_mib,gpu,model";

/// Whether a text begins as a list of pods does.
pub(super) fn begins(first: &str) -> bool {
    first.trim().starts_with(PODS)
}

/// Pods with cards, from their creation; they run from the moment they were placed to their deletion.
pub(super) fn read(text: &str) -> Workload {
    let mut builder = Builder::default();
    for (index, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty()) {
        if let Err(complaint) = pod(&mut builder, line, index + 1) {
            builder.workload.report.complain(complaint, index + 1);
        }
    }
    builder.finish()
}

fn pod(builder: &mut Builder, line: &str, number: usize) -> Result<(), Complaint> {
    let values: Vec<&str> = line.split(',').collect();
    // The list without times has five fields: its pods have no length.
    let [_, cpu, memory, cards, millis, models, class, _, created, deleted, scheduled] = values[..] else {
        return Err(if values.len() == 5 { Complaint::NeverRan } else { Complaint::Fields });
    };
    let (cpu, memory) = (CpuMillis(fields::whole(cpu)?), Bytes(fields::whole(memory)?.saturating_mul(1 << 20)));
    let mut cards = fields::cards(cards)?;
    let millis = fields::whole(millis)?;
    if cards == CardMillis::WHOLE && (1..1000).contains(&millis) {
        cards = CardMillis(millis as u32);
    }
    if deleted.is_empty() || scheduled.is_empty() {
        return Err(Complaint::NeverRan);
    }
    let (at, from, to) = (fields::seconds(created)?, fields::seconds(scheduled)?, fields::seconds(deleted)?);
    let run = Milliseconds(to.0.checked_sub(from.0).ok_or(Complaint::Negative)?);
    if !models.is_empty() {
        builder.workload.report.complain(Complaint::CardModels, number);
    }
    let (organization, name) = (builder.label("openb"), builder.label(class));
    builder.job(Submission { at, run, limit: None, cards, cpu, memory, organization, user: organization, name });
    Ok(())
}

/// Whether a text begins as a list of nodes does.
pub fn begins_as_nodes(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.trim() == NODES)
}

/// A center with the nodes of the list that have cards.
///
/// # Errors
/// Where a line cannot be read, or no node has cards.
pub fn center(text: &str) -> Result<CenterDefinition, Refusal> {
    let mut center = pool::without_nodes("openb");
    center.card_models.clear();
    for (index, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty()) {
        let node = node(line).map_err(|complaint| {
            let phrase = complaint.phrase();
            Refusal::invalid_value("center", format!("line {}", index + 1), phrase)
        })?;
        let Some(node) = node else { continue };
        let model = node.card_model.clone().expect("a node with cards has a model");
        if !center.card_models.iter().any(|known| known.name == model) {
            center.card_models.push(pool::card_model(&model));
        }
        center.nodes.push(node);
    }
    match center.nodes.is_empty() {
        false => Ok(center),
        true => {
            let rule = both("a list of nodes, some with cards", "包含带卡节点的节点列表");
            Err(Refusal::invalid_value("center", "", rule))
        }
    }
}

fn node(line: &str) -> Result<Option<NodeDefinition>, Complaint> {
    let values: Vec<&str> = line.split(',').collect();
    let [name, cpu, memory, cards, model] = values[..] else { return Err(Complaint::Fields) };
    let cards = fields::whole(cards)? as u32;
    Ok((cards > 0).then_some(NodeDefinition {
        rack: None,
        pod: None,
        name: name.to_owned(),
        pool: pool::NAME.to_owned(),
        card_model: Some(model.trim().to_owned()),
        cards,
        cpu: CpuMillis(fields::whole(cpu)?),
        memory: Bytes(fields::whole(memory)?.saturating_mul(1 << 20)),
    }))
}
