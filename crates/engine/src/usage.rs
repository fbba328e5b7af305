//! What the tasks of an attempt on one node have used so far and hold now: as their control groups count it, else added
//! up from `/proc` (see proc(5)), where memory that processes share counts for each of them.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use haina_core::{Bytes, Milliseconds};

use crate::layout::TaskPaths;
use crate::processes::{self, Process};
use crate::task_state;

/// Use so far, and memory now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time since the tasks were started.
    pub cpu: Milliseconds,
    /// Memory, without files that the kernel may forget.
    pub memory: Bytes,
}

/// Where the use of an attempt's tasks on one node is read.
#[derive(Clone, Debug)]
pub struct Source {
    /// Control groups with all of these tasks in them; none where there are none.
    pub groups: Vec<PathBuf>,
    /// The tasks.
    pub tasks: Vec<TaskPaths>,
}

impl Source {
    /// What is used; none where nothing runs. `family` is all processes, looked up by who needs them first.
    pub fn read(&self, family: &Family) -> Option<Usage> {
        let cpu = self.groups.iter().find_map(|group| cpu_of_group(group));
        let memory = self.groups.iter().find_map(|group| memory_of_group(group));
        if let (Some(cpu), Some(memory)) = (cpu, memory) {
            return Some(Usage { cpu, memory });
        }
        let of_tasks = self.tasks.iter().filter_map(|task| family.of_task(task));
        let added = of_tasks.reduce(|sum, task| Usage {
            cpu: sum.cpu + task.cpu,
            memory: Bytes(sum.memory.0.saturating_add(task.memory.0)),
        })?;
        Some(Usage { cpu: cpu.unwrap_or(added.cpu), memory: memory.unwrap_or(added.memory) })
    }
}

/// Version 2, and version 1 where the group's hierarchy counts processor time.
fn cpu_of_group(group: &Path) -> Option<Milliseconds> {
    let stat =
        || number_after(&fs::read_to_string(group.join("cpu.stat")).ok()?, "usage_usec").map(|micros| micros / 1000);
    let first = || {
        fs::read_to_string(group.join("cpuacct.usage")).ok()?.trim().parse().ok().map(|nanos: u64| nanos / 1_000_000)
    };
    stat().or_else(first).map(Milliseconds)
}

fn memory_of_group(group: &Path) -> Option<Bytes> {
    let now = ["memory.current", "memory.usage_in_bytes"];
    let now = now.iter().find_map(|file| fs::read_to_string(group.join(file)).ok())?;
    let stat = fs::read_to_string(group.join("memory.stat")).ok()?;
    let idle = number_after(&stat, "total_inactive_file").or_else(|| number_after(&stat, "inactive_file"))?;
    Some(Bytes(now.trim().parse::<u64>().ok()?.saturating_sub(idle)))
}

/// The number after a word at a line's beginning.
fn number_after(text: &str, word: &str) -> Option<u64> {
    let value = |line: &str| line.strip_prefix(word)?.strip_prefix(' ')?.trim().parse().ok();
    text.lines().find_map(value)
}

/// All processes of the machine, by who started them. Looked up once, when first needed.
#[derive(Default)]
pub struct Family {
    all: OnceLock<HashMap<i32, Vec<Process>>>,
}

impl Family {
    /// What a task's processes have used: those below its supervisor, and those that have ended and were waited for.
    fn of_task(&self, task: &TaskPaths) -> Option<Usage> {
        let running = task_state::running(task).ok().flatten()?;
        let first = processes::find(running.pid).filter(|first| first.start_ticks == running.start_ticks)?;
        let supervisor = processes::find(first.parent)?;
        let by_parent = self.all.get_or_init(|| {
            let mut by_parent: HashMap<i32, Vec<Process>> = HashMap::new();
            for process in processes::all() {
                by_parent.entry(process.parent).or_default().push(process);
            }
            by_parent
        });
        let (mut ticks, mut pages) = (supervisor.waited_ticks, 0u64);
        let mut parents = vec![supervisor.pid];
        while let Some(parent) = parents.pop() {
            for process in by_parent.get(&parent).into_iter().flatten() {
                ticks += process.own_ticks + process.waited_ticks;
                pages += process.pages;
                parents.push(process.pid);
            }
        }
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        let page = rustix::param::page_size() as u64;
        Some(Usage {
            cpu: Milliseconds(ticks.saturating_mul(1000) / per_second),
            memory: Bytes(pages.saturating_mul(page)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        directory
    }

    #[test]
    fn control_groups_of_both_versions_are_read() {
        let second = group(&[
            ("cpu.stat", "usage_usec 2500999\nuser_usec 1\n"),
            ("memory.current", "5000\n"),
            ("memory.stat", "anon 1\nfile 2\ninactive_file 1000\n"),
        ]);
        assert_eq!(cpu_of_group(second.path()), Some(Milliseconds(2500)));
        assert_eq!(memory_of_group(second.path()), Some(Bytes(4000)));
        let processor = group(&[("cpuacct.usage", "2500999999\n"), ("cpu.stat", "nr_periods 0\n")]);
        let memory = group(&[
            ("memory.usage_in_bytes", "5000\n"),
            ("memory.stat", "inactive_file 9\ntotal_inactive_file 1000\n"),
        ]);
        let source = Source { groups: vec![memory.path().into(), processor.path().into()], tasks: Vec::new() };
        let usage = Usage { cpu: Milliseconds(2500), memory: Bytes(4000) };
        assert_eq!(source.read(&Family::default()), Some(usage));
        let half = Source { groups: vec![memory.path().into()], tasks: Vec::new() };
        assert_eq!(half.read(&Family::default()), None, "nothing runs");
    }
}
