//! For people who come from Slurm: `haina sbatch`, and what its jobs find inside.
//!
//! [`sbatch`] reads a batch script as Slurm's does and submits it as a job. In the job, [`batch`] runs the script once, on
//! the first node, with Slurm's variables and with [`srun`] and [`scontrol`] in its path; on each further node waits an
//! [`agent`] that starts that node's tasks. docs/slurm.md says what maps to what.
//!
//! Source: Slurm's manual pages (sbatch, srun, scontrol; version 22.05), and what its programs do where these are silent.

mod agent;
mod array;
mod batch;
mod convert;
mod directives;
mod file_names;
mod hosts;
mod ignored;
mod layout;
mod memory;
mod options;
mod resources;
mod sbatch;
mod scontrol;
mod srun;
mod step;
mod tee;
mod times;
mod variables;

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

pub use sbatch::{Arguments, run};

/// Whether this program is called by the name of one of Slurm's.
pub fn is_called_by(name: &OsStr) -> bool {
    matches!(Path::new(name).file_name().and_then(OsStr::to_str), Some("srun" | "scontrol"))
}

/// Runs what a job of `haina sbatch` calls: `srun` and `scontrol` by the name of the program, `batch` by its first word.
/// None where it is called otherwise.
pub fn inside() -> Option<ExitCode> {
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let name = words.first()?.rsplit('/').next()?;
    let (name, done) = match (name, words.get(1).map(String::as_str)) {
        ("srun", _) => ("srun", srun::run(&words[1..])),
        ("scontrol", _) => ("scontrol", scontrol::run(&words[1..])),
        (_, Some("batch")) => ("sbatch", batch::run(&words[2..])),
        _ => return None,
    };
    Some(match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{name}: error: {error:#}");
            ExitCode::from(1)
        }
    })
}
