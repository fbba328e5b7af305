//! Control groups: how much memory and processor, and how many processes, the kernel gives a task at most. See
//! cgroups(7); versions 1 and 2, also mixed.
//!
//! An attempt has one group on each of its nodes, which carries the limits, and in it, if they are several, one for each
//! task, which says whose processes are whose:
//!
//! ```text
//! <the server's own group>/haina-<engine>/<attempt>-<node>[/task-<rank>]
//! ```
//!
//! The supervisor makes them, puts the task in, and removes them when the task has ended; itself it stays outside, or it
//! would be killed for its task's memory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use haina_core::{Bytes, CpuMillis};
use serde::{Deserialize, Serialize};

/// Takes device files from a group.
pub(super) const DENY_DEVICES: &str = "devices.deny";

/// Gives a group device files, if the group above has them.
pub(super) const ALLOW_DEVICES: &str = "devices.allow";

/// A directory of control groups in which this process may make others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// Where new groups go.
    pub base: PathBuf,
    /// Whether it is of version 2.
    pub unified: bool,
}

/// The groups of one task in one hierarchy, as its order says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskGroup {
    /// Of the attempt on this node: has the limits.
    pub node: PathBuf,
    /// The task's own in it; empty where the task is alone there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub task: String,
    /// Files of `node` and what is written to them.
    pub limits: Vec<(String, String)>,
    /// Controllers that the groups need; version 2 only.
    pub controllers: Vec<String>,
}

/// What a task may use on its node, together with its siblings there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory.
    pub memory: Bytes,
    /// Processor share; none where it is all that there is.
    pub cpu: Option<CpuMillis>,
    /// Processes and threads.
    pub processes: u64,
}

/// What a hierarchy limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Controller {
    /// Memory.
    Memory,
    /// Processor time.
    Cpu,
    /// The number of processes and threads.
    Processes,
    /// Which device files are opened; version 1 only.
    Devices,
}

impl Controller {
    /// Those that limit every task.
    pub const ALL: [Controller; 3] = [Controller::Memory, Controller::Cpu, Controller::Processes];

    /// The kernel's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Controller::Memory => "memory",
            Controller::Cpu => "cpu",
            Controller::Processes => "pids",
            Controller::Devices => "devices",
        }
    }

    /// The file that carries the limit, as a probe whether there is one.
    pub(super) fn file(self, unified: bool) -> &'static str {
        match (self, unified) {
            (Controller::Memory, true) => "memory.max",
            (Controller::Memory, false) => "memory.limit_in_bytes",
            (Controller::Cpu, true) => "cpu.max",
            (Controller::Cpu, false) => "cpu.cfs_quota_us",
            (Controller::Processes, _) => "pids.max",
            (Controller::Devices, _) => DENY_DEVICES,
        }
    }

    /// Files and values, in the order in which the kernel wants them.
    fn limits(self, unified: bool, limits: Limits) -> Vec<(String, String)> {
        /// The kernel looks at processor shares in slices of this many microseconds.
        const PERIOD: u64 = 100_000;
        let of = |file: &str, value: String| (file.to_owned(), value);
        match (self, unified) {
            (Controller::Memory, true) => {
                vec![of("memory.max", limits.memory.0.to_string()), of("memory.swap.max", "0".to_owned())]
            }
            (Controller::Memory, false) => {
                let bytes = limits.memory.0.to_string();
                vec![of("memory.limit_in_bytes", bytes.clone()), of("memory.memsw.limit_in_bytes", bytes)]
            }
            (Controller::Cpu, _) => {
                let Some(cpu) = limits.cpu else { return Vec::new() };
                let quota = (cpu.0.saturating_mul(PERIOD) / 1000).max(1000);
                match unified {
                    true => vec![of("cpu.max", format!("{quota} {PERIOD}"))],
                    false => {
                        vec![of("cpu.cfs_period_us", PERIOD.to_string()), of("cpu.cfs_quota_us", quota.to_string())]
                    }
                }
            }
            (Controller::Processes, _) => vec![of("pids.max", limits.processes.to_string())],
            // What is allowed depends on the task's cards.
            (Controller::Devices, _) => Vec::new(),
        }
    }
}

/// The groups of a task: one hierarchy of version 2 for all controllers, or one of version 1 for each that limits
/// something. `task` is empty where the attempt has one task on the node.
pub fn plan(found: &[(Controller, Hierarchy)], node: &str, task: &str, limits: Limits) -> Vec<TaskGroup> {
    let mut groups: Vec<TaskGroup> = Vec::new();
    for (controller, hierarchy) in found {
        let node = hierarchy.base.join(node);
        let values = controller.limits(hierarchy.unified, limits);
        if values.is_empty() && !hierarchy.unified {
            continue;
        }
        let group = match groups.iter_mut().find(|group| group.node == node) {
            Some(group) => group,
            None => {
                groups.push(TaskGroup { node, task: task.to_owned(), limits: Vec::new(), controllers: Vec::new() });
                groups.last_mut().expect("just pushed")
            }
        };
        group.limits.extend(values);
        if hierarchy.unified {
            group.controllers.push(controller.name().to_owned());
        }
    }
    groups
}

/// The groups of a task that is about to run, or runs.
#[derive(Debug, Default)]
pub struct TaskGroups {
    groups: Vec<TaskGroup>,
    /// Where a process writes `0` to join.
    doors: Vec<File>,
}

impl TaskGroups {
    /// Makes them.
    pub fn create(groups: &[TaskGroup]) -> Result<TaskGroups, String> {
        let mut doors = Vec::new();
        for group in groups {
            // A sibling that ends may remove the node's group before this task is in it.
            let mut made = create(group);
            for _ in 0..5 {
                match &made {
                    Err((_, error)) if error.kind() == io::ErrorKind::NotFound => made = create(group),
                    _ => break,
                }
            }
            doors.push(made.map_err(|(path, error)| format!("{}: {error}", path.display()))?);
        }
        Ok(TaskGroups { groups: groups.to_vec(), doors })
    }

    /// Where a process writes `0` to join; between fork and exec too.
    pub fn doors(&self) -> &[File] {
        &self.doors
    }

    /// Processes of the task that the kernel ended because there was no memory left.
    pub fn killed_for_memory(&self) -> u64 {
        let count = |group: &TaskGroup| {
            ["memory.events", "memory.oom_control"].iter().find_map(|file| {
                let text = fs::read_to_string(directory(group).join(file)).ok()?;
                text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse::<u64>().ok())
            })
        };
        self.groups.iter().filter_map(count).max().unwrap_or(0)
    }
}

/// Sends SIGKILL to whatever is in the groups.
pub fn kill(groups: &[TaskGroup]) {
    for group in groups {
        let directory = directory(group);
        if fs::write(directory.join("cgroup.kill"), "1").is_err() {
            processes(&directory).into_iter().for_each(crate::processes::kill);
        }
    }
}

/// Removes groups whose processes are gone; the node's with its last task, and the engine's with its last attempt.
pub fn remove(groups: &[TaskGroup]) {
    for group in groups {
        remove_emptied(&directory(group));
        // What is not empty yet stays.
        if !group.task.is_empty() {
            _ = fs::remove_dir(&group.node);
        }
        _ = group.node.parent().map(fs::remove_dir);
    }
}

/// The kernel needs a moment to let go of processes that were killed.
fn remove_emptied(directory: &Path) {
    for _ in 0..100 {
        match fs::remove_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => std::thread::sleep(Duration::from_millis(5)),
            _ => return,
        }
    }
}

/// Removes what an engine's supervisors could not: groups below `base` that are empty, but not those of attempts that
/// are `active`: there a supervisor may be about to put its task in.
pub(super) fn sweep(base: &Path, active: &impl Fn(&str) -> bool) {
    let below = |directory: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    };
    for node in below(base) {
        let name = node.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.rsplit_once('-').is_some_and(|(attempt, _)| active(attempt)) {
            continue;
        }
        for task in below(&node) {
            _ = fs::remove_dir(task);
        }
        _ = fs::remove_dir(node);
    }
}

fn directory(group: &TaskGroup) -> PathBuf {
    match group.task.is_empty() {
        true => group.node.clone(),
        false => group.node.join(&group.task),
    }
}

fn processes(directory: &Path) -> Vec<i32> {
    let text = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

fn create(group: &TaskGroup) -> Result<File, (PathBuf, io::Error)> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| (path, error)
    };
    let directory = directory(group);
    if let Some(base) = group.node.parent().filter(|_| !group.controllers.is_empty()) {
        fs::create_dir_all(base).and_then(|()| enable(base, &group.controllers)).map_err(at(base))?;
    }
    fs::create_dir_all(&group.node).map_err(at(&group.node))?;
    for (file, value) in &group.limits {
        let path = group.node.join(file);
        // Once is enough, and a sibling that runs there must not lose for a moment what it has.
        if file == DENY_DEVICES && !may_open_all(&group.node) {
            continue;
        }
        // Swap is only counted by kernels that can, and what the server itself may not open its tasks cannot either.
        let is_optional = file.contains("sw") || file == ALLOW_DEVICES;
        match write(&path, value) {
            Err(_) if is_optional => {}
            written => written.map_err(at(&path))?,
        }
    }
    if !group.task.is_empty() {
        create_in(group, &directory)?;
    }
    let door = directory.join("cgroup.procs");
    OpenOptions::new().write(true).open(&door).map_err(at(&door))
}

/// Whether nothing was taken from the group yet.
fn may_open_all(group: &Path) -> bool {
    fs::read_to_string(group.join("devices.list")).map_or(true, |list| list.starts_with("a "))
}

/// The task's own group beside its siblings'.
fn create_in(group: &TaskGroup, directory: &Path) -> Result<(), (PathBuf, io::Error)> {
    if !group.controllers.is_empty() {
        enable(&group.node, &group.controllers).map_err(|error| (group.node.join("cgroup.subtree_control"), error))?;
    }
    match fs::create_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err((directory.to_owned(), error)),
        _ => Ok(()),
    }
}

/// Lets groups below `group` have these controllers.
pub(super) fn enable(group: &Path, controllers: &[String]) -> io::Result<()> {
    let words: Vec<String> = controllers.iter().map(|name| format!("+{name}")).collect();
    write(&group.join("cgroup.subtree_control"), &words.join(" "))
}

/// The kernel wants the whole value in one write.
fn write(path: &Path, value: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.write_all(value.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { memory: Bytes(1 << 30), cpu: Some(CpuMillis(1500)), processes: 64 };

    #[test]
    fn version_2_has_one_group_for_all() {
        let unified = Hierarchy { base: "/cg/haina".into(), unified: true };
        let found = Controller::ALL.map(|controller| (controller, unified.clone()));
        let groups = plan(&found, "7.1-0", "task-0", LIMITS);
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].node, Path::new("/cg/haina/7.1-0"));
        assert_eq!(groups[0].controllers, ["memory", "cpu", "pids"]);
        let limit = |file: &str| groups[0].limits.iter().find(|limit| limit.0 == file).map(|limit| limit.1.as_str());
        assert_eq!(limit("memory.max"), Some("1073741824"));
        assert_eq!(limit("memory.swap.max"), Some("0"));
        assert_eq!(limit("cpu.max"), Some("150000 100000"));
        assert_eq!(limit("pids.max"), Some("64"));
    }

    #[test]
    fn version_1_has_one_for_each_controller() {
        let found = Controller::ALL.map(|controller| {
            (controller, Hierarchy { base: format!("/cg/{}/haina", controller.name()).into(), unified: false })
        });
        let groups = plan(&found, "7.1-0", "task-0", LIMITS);
        assert_eq!(groups.len(), 3);
        assert!(groups.iter().all(|group| group.controllers.is_empty()));
        assert_eq!(groups[0].limits[0], ("memory.limit_in_bytes".to_owned(), "1073741824".to_owned()));
        assert_eq!(groups[1].limits[1], ("cpu.cfs_quota_us".to_owned(), "150000".to_owned()));
    }
}
