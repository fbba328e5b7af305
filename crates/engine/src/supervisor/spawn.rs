//! Starting the task's process.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::sys::signal::SigSet;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal, setsid};

use crate::records::TaskOrder;

/// Starts the ordered program in a session and process group of its own. It dies with the supervisor.
///
/// The error says in the kernel's words why it could not be started.
pub fn spawn(order: &TaskOrder, stdout: OwnedFd, stderr: OwnedFd) -> Result<Pid, String> {
    let Some((program, arguments)) = order.command.split_first() else {
        return Err("the command is empty".to_owned());
    };
    let directory = &order.working_directory;
    match std::fs::metadata(directory) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(format!("the working directory {} is not a directory", directory.display())),
        Err(error) => return Err(format!("the working directory {}: {error}", directory.display())),
    }
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(&order.variables)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr);
    prepare_in_child(&mut command);
    let child = command.spawn().map_err(|error| format!("{}: {error}", shortened(program)))?;
    Pid::from_raw(child.id() as i32).ok_or_else(|| "the kernel gave no process number".to_owned())
}

fn shortened(program: &str) -> String {
    program.chars().take(200).collect()
}

#[allow(unsafe_code)]
fn prepare_in_child(command: &mut Command) {
    let supervisor = Pid::from_raw(std::process::id() as i32);
    // SAFETY: between fork and exec only async-signal-safe calls are made: four system calls, no allocation, no lock.
    unsafe {
        command.pre_exec(move || {
            setsid()?;
            set_parent_process_death_signal(Some(Signal::KILL))?;
            if getppid() != supervisor {
                // It died before the line above could take effect.
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            // The supervisor blocks SIGCHLD for itself; the task shall find an empty mask.
            SigSet::empty().thread_set_mask()?;
            Ok(())
        });
    }
}
