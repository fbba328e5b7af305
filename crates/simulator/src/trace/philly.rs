//! Microsoft's Philly clusters (Jeon et al., ATC '19), as published with Sia: `timestamp,duration,num_gpus,gpu_time,cluster`.
//! No users and no limits: all jobs are one organization's, and the virtual cluster is the job's name, with letters for its
//! digits: to a center, names that differ in digits only are alike.

use super::{Builder, Complaint, Submission, Workload, fields};

pub fn begins(first: &str) -> bool {
    first.trim() == "timestamp,duration,num_gpus,gpu_time,cluster"
}

pub fn read(text: &str) -> Workload {
    let mut builder = Builder::default();
    for (index, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty()) {
        if let Err(complaint) = job(&mut builder, line) {
            builder.workload.report.complain(complaint, index + 1);
        }
    }
    builder.finish()
}

fn job(builder: &mut Builder, line: &str) -> Result<(), Complaint> {
    let mut parts = line.split(',');
    let mut next = || parts.next().ok_or(Complaint::Fields);
    let (at, run, cards, _, cluster) = (next()?, next()?, next()?, next()?, next()?);
    if parts.next().is_some() {
        return Err(Complaint::Fields);
    }
    let (at, run, cards) = (fields::moment(at)?, fields::seconds(run)?, fields::cards(cards)?);
    let (organization, name) = (builder.label("philly"), builder.label(&without_digits(cluster.trim())));
    let (cpu, memory) = Default::default();
    builder.job(Submission { at, run, limit: None, cards, cpu, memory, organization, user: organization, name });
    Ok(())
}

/// `6214e9` as `mihkep`: names of clusters have no letters beyond f.
fn without_digits(cluster: &str) -> String {
    let letter = |c: char| c.to_digit(10).map_or(c, |digit| char::from(b'g' + digit as u8));
    cluster.chars().map(letter).collect()
}
