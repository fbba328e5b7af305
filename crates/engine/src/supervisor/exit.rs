//! Saying that a task's process may run from now on, and later how it ended, where the disk may be full by then.
//!
//! One file says all three, one after the other: `started.json` has a fixed size and is durable before the process
//! starts; it is overwritten in place and renamed to `running.json` and then to `exit.json`, which takes no new block.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::durable;
use crate::layout::TaskPaths;
use crate::records::{ExitRecord, RunningRecord, StartedRecord};

/// One block of common file systems; a record is well below it, because reasons and notes are short.
const SIZE: usize = 4096;

/// The right to start the task's process: it is on the disk that it may run, and there are blocks for its end.
pub struct Started {
    file: File,
    task: TaskPaths,
    /// What it is called by now.
    path: PathBuf,
}

impl Started {
    /// Makes it durable. If that fails, the process must not start, and another try may follow.
    pub fn mark(task: &TaskPaths, record: &StartedRecord) -> io::Result<Started> {
        let partial = task.started_partial();
        let marked = (|| -> io::Result<File> {
            let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(&partial)?;
            file.write_all(&padded(record)?)?;
            file.sync_all()?;
            fs::rename(&partial, task.started())?;
            durable::sync_directory(task.directory())?;
            Ok(file)
        })();
        if marked.is_err() {
            for path in [partial, task.started()] {
                remove_if_there(&path)?;
            }
        }
        Ok(Started { file: marked?, task: task.clone(), path: task.started() })
    }

    /// Tells that the process runs. Not durable: after a power failure nothing of it does.
    pub fn tell_running(&mut self, record: &RunningRecord) -> io::Result<()> {
        self.file.write_all_at(&padded(record)?, 0)?;
        fs::rename(&self.path, self.task.running())?;
        self.path = self.task.running();
        Ok(())
    }

    /// Makes the end durable.
    pub fn finish(self, end: &ExitRecord) -> io::Result<()> {
        let text = padded(end)?;
        if text.len() > SIZE {
            return durable::write_durably(&self.task.exit(), end);
        }
        self.file.write_all_at(&text, 0)?;
        self.file.sync_data()?;
        fs::rename(&self.path, self.task.exit())?;
        durable::sync_directory(self.task.directory())
    }
}

fn padded(record: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec(record)?;
    text.resize(text.len().max(SIZE), b' ');
    Ok(text)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    fs::remove_file(path).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })
}
