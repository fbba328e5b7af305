//! The Standard Workload Format 2.2 (Feitelson, Parallel Workloads Archive): comments that begin with `;`, then 18
//! numbers a line, −1 where nothing is known. A processor of the trace is a card here.

use super::{Builder, Complaint, Submission, Workload, fields};
use haina_core::Milliseconds;

const FIELDS: usize = 18;

pub fn begins(first: &str) -> bool {
    let first = first.trim();
    first.starts_with(';') || first.split_whitespace().count() == FIELDS
}

pub fn read(text: &str) -> Workload {
    let mut builder = Builder::default();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(comment) = line.strip_prefix(';') {
            if let Some((name, value)) = comment.split_once(':')
                && name.trim() == "MaxProcs"
            {
                builder.workload.report.cards = value.split_whitespace().next().and_then(|text| text.parse().ok());
            }
        } else if !line.is_empty()
            && let Err(complaint) = job(&mut builder, line, index + 1)
        {
            builder.workload.report.complain(complaint, index + 1);
        }
    }
    builder.finish()
}

fn job(builder: &mut Builder, line: &str, number: usize) -> Result<(), Complaint> {
    let mut parts = line.split_whitespace();
    let mut values = [""; FIELDS];
    for value in &mut values {
        *value = parts.next().ok_or(Complaint::Fields)?;
    }
    if parts.next().is_some() {
        return Err(Complaint::Fields);
    }
    let [_, submitted, _, run, used_processors, _, _, asked_processors, asked_time, ..] = values;
    let [.., user, group, executable, _, _, _, _] = values;
    let is_known = |text: &str| !text.starts_with('-');
    if !is_known(run) {
        return Err(Complaint::NeverRan);
    }
    let cards = fields::cards(if is_known(asked_processors) { asked_processors } else { used_processors })?;
    let (at, run) = (fields::seconds(submitted)?, fields::seconds(run)?);
    let limit = match is_known(asked_time) {
        true => Some(fields::seconds(asked_time)?).filter(|limit| *limit > Milliseconds(0)),
        false => None,
    };
    if limit.is_some_and(|limit| limit < run) {
        builder.workload.report.complain(Complaint::PastItsLimit, number);
    }
    let organization = builder.label(&named("group", group));
    let user = builder.label(&named("user", user));
    let name = builder.label(&named("program", executable));
    let (cpu, memory) = Default::default();
    builder.job(Submission { at, run, limit, cards, cpu, memory, organization, user, name });
    Ok(())
}

fn named(kind: &str, number: &str) -> String {
    match number.strip_prefix('-') {
        Some(_) => format!("{kind}-unknown"),
        None => format!("{kind}-{number}"),
    }
}
