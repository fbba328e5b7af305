//! The kernel's list of processes, from `/proc` (see proc(5)), and how to end those that belong to a task.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use crate::records::RunningRecord;

/// The variable that marks every process of a task, so that its strays are found when their supervisor is gone.
pub const MARK: &str = "HAINA_TASK_DIRECTORY";

/// One process that is not dead yet.
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// Who started it, or looks after it since that ended.
    pub parent: i32,
    session: i32,
    /// Its start in clock ticks since boot.
    pub start_ticks: u64,
    /// Clock ticks that it ran.
    pub own_ticks: u64,
    /// Clock ticks that those of its children ran that it has waited for.
    pub waited_ticks: u64,
    /// Pages of memory that it holds.
    pub pages: u64,
}

/// This boot of the machine; empty where the kernel does not say.
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// A process's start in clock ticks since boot; 0 where it is gone.
pub fn start_ticks(pid: i32) -> u64 {
    find(pid).map_or(0, |process| process.start_ticks)
}

/// A process by its number.
pub fn find(pid: i32) -> Option<Process> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything; what follows its last parenthesis is numbers.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    // fields[0] is field 3 of the manual: state, ppid, pgrp, session, …; 14 to 17 are the times, 22 is the start time,
    // and 24 the memory.
    if matches!(*fields.first()?, "Z" | "X") {
        return None;
    }
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Process {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        start_ticks: number(22)?,
        own_ticks: number(14)? + number(15)?,
        waited_ticks: number(16)? + number(17)?,
        pages: number(24)?,
    })
}

/// A process's children.
pub fn children(parent: i32) -> Vec<i32> {
    all().into_iter().filter(|process| process.parent == parent).map(|process| process.pid).collect()
}

/// Whether it is process 1 of a process namespace below this one.
pub fn is_first_inside(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    let numbers: Vec<&str> = numbers.split_ascii_whitespace().collect();
    numbers.len() > 1 && numbers.last() == Some(&"1")
}

/// All that can be seen.
pub fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.filter_map(|entry| find(entry.ok()?.file_name().to_str()?.parse().ok()?)).collect()
}

/// Sends SIGKILL to all processes below this one.
pub fn kill_descendants() {
    descendants().into_iter().for_each(kill);
}

/// All processes below this one.
pub fn descendants() -> Vec<i32> {
    let processes = all();
    let mut family = vec![std::process::id() as i32];
    let mut next = 0;
    while next < family.len() {
        let parent = family[next];
        family.extend(processes.iter().filter(|process| process.parent == parent).map(|process| process.pid));
        next += 1;
    }
    family.split_off(1)
}

/// Sends SIGKILL to a process, if it is there.
pub fn kill(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Kills what a dead supervisor left behind, and returns when it is gone (or after five seconds, saying so).
pub fn kill_strays(task_directory: &Path, running: Option<&RunningRecord>) -> Result<(), &'static str> {
    let running = running.filter(|running| running.boot == boot_id());
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let strays: Vec<i32> = all()
            .into_iter()
            .filter(|process| process.pid != std::process::id() as i32)
            .filter(|process| is_marked(process.pid, task_directory) || is_in_session(process, running))
            .map(|process| process.pid)
            .collect();
        if strays.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err("a process of the task could not be killed");
        }
        for &pid in &strays {
            let handle = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
            kill(pid);
            if let Some(handle) = handle {
                let _ = poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&Timespec { tv_sec: 1, tv_nsec: 0 }));
            }
        }
    }
}

fn is_marked(pid: i32, task_directory: &Path) -> bool {
    let mark = format!("{MARK}={}", task_directory.display());
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|&byte| byte == 0).any(|variable| variable == mark.as_bytes())
}

/// Whether the process is in the task's session, and that session is not a later one with the same number.
fn is_in_session(process: &Process, running: Option<&RunningRecord>) -> bool {
    running.is_some_and(|running| {
        let leader = start_ticks(running.pid);
        process.session == running.pid
            && process.start_ticks >= running.start_ticks
            && (leader == 0 || leader == running.start_ticks)
    })
}
