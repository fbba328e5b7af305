//! How a supervisor learns that it shall stop: `stop.json` says so, a byte in the pipe `control` says when to look.
//!
//! A pipe and not inotify, because the kernel gives each user only 128 inotify instances by default, and there are as
//! many supervisors as tasks.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

use haina_core::Epoch;
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};

use crate::durable;
use crate::layout::TaskPaths;
use crate::records::TaskStop;

/// The supervisor's end.
pub struct Control {
    pipe: File,
    task: TaskPaths,
    epoch: Epoch,
}

impl Control {
    /// Opens the pipe. A stop that was written before is found by [`Control::stop`]; a later one wakes.
    pub fn open(task: &TaskPaths, epoch: Epoch) -> io::Result<Control> {
        match mknodat(CWD, task.control(), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        // Open for writing too, so that the pipe never reports an end.
        let flags = OFlags::NONBLOCK.bits() as i32;
        let pipe = OpenOptions::new().read(true).write(true).custom_flags(flags).open(task.control())?;
        Ok(Control { pipe, task: task.clone(), epoch })
    }

    /// What to wait on.
    pub fn readiness(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// Takes the bytes out of the pipe.
    pub fn clear(&mut self) {
        let mut buffer = [0; 64];
        while matches!(self.pipe.read(&mut buffer), Ok(1..)) {}
    }

    /// The stop, if one was ordered by a leader that is not older than the one that ordered the start.
    pub fn stop(&self, notes: &mut Vec<String>) -> Option<TaskStop> {
        match durable::read::<TaskStop>(&self.task.stop()) {
            Ok(stop) => {
                let stop = stop?;
                if stop.epoch < self.epoch {
                    let note = format!("a stop of epoch {} was refused: the task is of {}", stop.epoch, self.epoch);
                    if !notes.contains(&note) && notes.len() < 8 {
                        notes.push(note);
                    }
                    return None;
                }
                Some(stop)
            }
            Err(error) => {
                let note = format!("an order to stop could not be read: {error}");
                if !notes.contains(&note) && notes.len() < 8 {
                    notes.push(note);
                }
                None
            }
        }
    }
}

/// Writes the order and wakes the supervisor, if one is there. The order is not made durable: the attempt's own is, and
/// it is given again after a restart.
pub fn order_stop(task: &TaskPaths, stop: &TaskStop) -> io::Result<()> {
    durable::write_atomically(&task.stop(), stop)?;
    let flags = OFlags::NONBLOCK.bits() as i32;
    match OpenOptions::new().write(true).custom_flags(flags).open(task.control()) {
        // A full pipe means that it was woken already.
        Ok(mut pipe) => drop(pipe.write(&[1])),
        // No pipe or no reader: no supervisor, or one that has yet to look at the file.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}
