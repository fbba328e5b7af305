//! One task of a step, as it is started on its node.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};

use anyhow::Context;
use rustix::process::setsid;
use serde::{Deserialize, Serialize};

use super::variables::{TaskPlace, Variables, of_task};
use crate::environment;

/// What is to be started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Where it starts.
    pub directory: PathBuf,
    /// The variables that `srun` was called with.
    pub variables: Variables,
    /// Where it is.
    pub place: TaskPlace,
}

/// Standard input, output and error.
pub type Streams = [OwnedFd; 3];

impl Task {
    /// Starts it on this node, in a session of its own: what it starts is ended with it.
    #[allow(unsafe_code)]
    pub fn start(&self, streams: Streams) -> io::Result<Child> {
        let (program, arguments) = self.command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let [input, output, error] = streams;
        let variables = of_task(&self.variables, &environment::all(), &self.place);
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(variables).current_dir(&self.directory);
        // SAFETY: between fork and exec only one system call is made: no allocation, no lock.
        unsafe {
            command.pre_exec(|| Ok(setsid().map(drop)?));
        }
        command.stdin(input).stdout(output).stderr(error).spawn()
    }
}

/// A status as shells and Slurm tell it.
pub fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}

/// Where the nodes of the job meet: a directory of its user's that all of them see.
pub fn meeting_place(own: &Variables) -> anyhow::Result<PathBuf> {
    let of = |name: &str| own.get(name).with_context(|| format!("{name} is not set: this is no job of `haina sbatch`"));
    Ok(PathBuf::from(of("HOME")?).join(".haina").join("steps").join(of("HAINA_ATTEMPT")?))
}
