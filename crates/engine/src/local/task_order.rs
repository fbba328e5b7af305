//! From an attempt's order to what one supervisor is told.

use std::io;
use std::path::{Path, PathBuf};

use super::Shared;
use crate::confinement::Whose;
use crate::environment::{Prepared, Python};
use crate::layout::TaskPaths;
use crate::order::LaunchOrder;
use crate::records::TaskOrder;
use crate::{durable, rendezvous, variables};

/// What the task's programs come from.
#[derive(Clone, Debug, Default)]
pub struct Programs {
    /// The environment, if the job asked for one.
    pub environment: Option<Prepared>,
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
    let (venv, image) = match &programs.environment {
        Some(Prepared::Python(venv)) => (Some(venv.as_path()), None),
        Some(Prepared::Image(image)) => (None, Some(image.as_ref())),
        None => (None, None),
    };
    let mut read: Vec<PathBuf> = venv.iter().map(|venv| venv.to_path_buf()).collect();
    if image.is_none() {
        read.extend(programs.python.iter().map(|python| python.prefix.clone()));
    }
    let meeting = shared.layout.attempt(order.launch.attempt).rendezvous();
    if order.is_gang() {
        read.push(meeting.clone());
    }
    let hostname = order.node_name(place.share);
    let alone = shared.confinement.shows_own_devices_only();
    let real = shared.real.as_ref();
    let own = real.map(|real| real.own_cards(&hostname, &place.share.cards, alone)).unwrap_or_default();
    let whose = Whose {
        organization: Some((order.launch.organization, &order.organization)),
        write: vec![home.clone()],
        read,
        devices: own.devices,
        image: image.map(|image| (image.root.as_path(), image.working_directory.as_deref())),
        hostname: &hostname,
        hosts: Some(rendezvous::hosts_path(&meeting)).filter(|_| order.is_gang() && Path::new("/etc/hosts").exists()),
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
    if let Some(image) = image {
        inherited = variables::of_image(&inherited, &image.variables);
        variables::be(&mut inherited, &order.organization, &home);
    } else if is_entered {
        let python = programs.python.as_ref().map(|python| python.directory.as_path());
        variables::confine(&mut inherited, &order.organization, &home, python, &whose.read);
    }
    let mut variables = variables::of_task(&inherited, order, rank, task, &meeting, venv);
    variables.extend(own.visible.map(|(name, numbers)| (name.to_owned(), numbers)));
    let program = shared.confinement.program(sandbox.as_ref());
    variables.insert("HAINA_PROGRAM".to_owned(), program.display().to_string());
    if let Some(image) = image {
        variables.insert("HAINA_IMAGE".to_owned(), image.reference.to_string());
        variables.insert("HAINA_IMAGE_DIGEST".to_owned(), image.digest.clone());
    }
    let asked = order.payload.working_directory.as_ref().map(PathBuf::from);
    let of_image = || image.and_then(|image| image.working_directory.clone());
    Ok(TaskOrder {
        epoch: order.epoch,
        command: order.payload.command.clone(),
        variables,
        working_directory: asked.or_else(of_image).unwrap_or(home),
        time_limit: order.launch.time_limit,
        grace: order.launch.grace,
        log_cap: order.log_cap.unwrap_or(LaunchOrder::LOG_CAP),
        sandbox,
    })
}
