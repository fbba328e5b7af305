//! Writing the end where the disk may be full by then.
//!
//! At the start a file of fixed size is written and made durable. The end overwrites it in place and renames it, which
//! takes no new block.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use crate::durable;
use crate::layout::TaskPaths;
use crate::records::ExitRecord;

/// One block of common file systems; a record is well below it, because reasons and notes are short.
const SIZE: usize = 4096;

/// Disk blocks for one end.
pub struct ExitReserve {
    file: File,
    task: TaskPaths,
}

impl ExitReserve {
    /// Reserves them.
    pub fn create(task: &TaskPaths) -> io::Result<ExitReserve> {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(task.exit_reserve())?;
        file.write_all(&[b' '; SIZE])?;
        file.sync_all()?;
        Ok(ExitReserve { file, task: task.clone() })
    }

    /// Makes the end durable.
    pub fn write(self, end: &ExitRecord) -> io::Result<()> {
        let mut text = serde_json::to_vec(end)?;
        if text.len() > SIZE {
            return durable::write_durably(&self.task.exit(), end);
        }
        text.resize(SIZE, b' ');
        self.file.write_all_at(&text, 0)?;
        self.file.sync_data()?;
        fs::rename(self.task.exit_reserve(), self.task.exit())?;
        durable::sync_directory(self.task.directory())
    }
}
