//! From an attempt's order to what one supervisor is told.

use std::io;
use std::path::PathBuf;

use super::Shared;
use crate::confinement::Whose;
use crate::durable;
use crate::environment::Python;
use crate::layout::TaskPaths;
use crate::order::LaunchOrder;
use crate::records::TaskOrder;
use crate::variables;

/// What the task's programs come from.
#[derive(Clone, Debug, Default)]
pub struct Programs {
    /// The Python environment, if the job asked for one.
    pub environment: Option<PathBuf>,
    /// The machine's own Python, if it has one.
    pub python: Option<Python>,
}

/// The order of the task with this rank. Makes the directories that it names.
pub fn task_order(
    shared: &Shared,
    order: &LaunchOrder,
    rank: u32,
    task: &TaskPaths,
    programs: &Programs,
) -> io::Result<TaskOrder> {
    let place = order.place(rank);
    let organization = Some(order.launch.organization);
    let home = shared.layout.work(&order.organization);
    durable::create_directories(&home)?;
    shared.confinement.hand_over(&home, organization, 0o700)?;
    let mut read: Vec<PathBuf> = programs.environment.iter().cloned().collect();
    read.extend(programs.python.iter().map(|python| python.prefix.clone()));
    let rendezvous = shared.layout.attempt(order.launch.attempt).rendezvous();
    if order.is_gang() {
        read.push(rendezvous.clone());
    }
    let hostname = order.node_name(place.share);
    let whose = Whose {
        organization: Some((order.launch.organization, &order.organization)),
        write: vec![home.clone()],
        read,
        devices: Vec::new(),
        hostname: &hostname,
    };
    let node = rank / order.launch.tasks_per_node;
    let sandbox = shared.confinement.of_task(
        &whose,
        &shared.layout.names(),
        Some((place.share, order.launch.tasks_per_node)),
        &format!("{}-{node}", order.launch.attempt),
        &if order.launch.tasks_per_node == 1 { String::new() } else { format!("task-{rank}") },
    )?;
    let is_entered = sandbox.as_ref().is_some_and(|sandbox| !sandbox.enter.is_empty());
    let mut inherited = variables::without_credentials(&shared.inherited);
    if is_entered {
        let python = programs.python.as_ref().map(|python| python.directory.as_path());
        variables::confine(&mut inherited, &order.organization, &home, python, &whose.read);
    }
    Ok(TaskOrder {
        epoch: order.epoch,
        command: order.payload.command.clone(),
        variables: variables::of_task(&inherited, order, rank, task, &rendezvous, programs.environment.as_deref()),
        working_directory: order.payload.working_directory.as_ref().map_or(home, PathBuf::from),
        time_limit: order.launch.time_limit,
        grace: order.launch.grace,
        log_cap: order.log_cap.unwrap_or(LaunchOrder::LOG_CAP),
        sandbox,
    })
}
