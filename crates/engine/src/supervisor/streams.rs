//! Copies an output of the task from its pipe to its file.
//!
//! The pipe is always emptied, whatever becomes of the file: a full disk or a reached cap neither blocks nor ends a task.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use haina_core::Bytes;
use rustix::fs::{Uid, fchown};
use rustix::pipe::{PipeFlags, pipe_with};

/// As much as a pipe holds by default.
pub const BUFFER: usize = 64 << 10;

/// One output.
pub struct Stream {
    /// `None` once every writer is gone.
    pipe: Option<File>,
    path: PathBuf,
    /// Made with the first byte: many tasks say nothing on one of their outputs.
    file: Option<File>,
    /// Bytes that the file may still take.
    left: u64,
    cap: u64,
    /// Whether the line was written that says where the output is cut.
    is_cut: bool,
    /// Bytes that could not be written since the last that could.
    lost: u64,
    /// Why not.
    error: Option<io::Error>,
}

impl Stream {
    /// Opens a pipe for the file; the second value is the task's end of it. It belongs to `user`, if that is another: who
    /// opens `/dev/stderr` opens it anew.
    pub fn open(path: PathBuf, cap: Bytes, user: Option<u32>) -> io::Result<(Stream, OwnedFd)> {
        let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
        if let Some(user) = user {
            fchown(&theirs, Some(Uid::from_raw(user)), None)?;
        }
        // Only the supervisor's end: most programs cannot deal with an output that refuses to wait.
        rustix::io::ioctl_fionbio(&ours, true)?;
        let stream = Stream {
            pipe: Some(File::from(ours)),
            path,
            file: None,
            left: cap.0,
            cap: cap.0,
            is_cut: false,
            lost: 0,
            error: None,
        };
        Ok((stream, theirs))
    }

    /// What to wait on, while there is something to wait for.
    pub fn readiness(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Copies what is there, at most one buffer. Returns whether there may be more.
    pub fn pump(&mut self, buffer: &mut [u8]) -> bool {
        self.copy(buffer).is_some()
    }

    /// Copies all that is left when the task's processes are gone. What is in the pipe now is all that they wrote: somebody
    /// else who got hold of it might write without end.
    pub fn finish(&mut self, buffer: &mut [u8]) {
        let mut left = self.pipe.as_ref().and_then(|pipe| rustix::io::ioctl_fionread(pipe).ok()).unwrap_or(0);
        while left > 0 {
            let Some(length) = self.copy(buffer) else { break };
            left = left.saturating_sub(length);
        }
        self.pipe = None;
    }

    /// How much was copied, if there may be more.
    fn copy(&mut self, buffer: &mut [u8]) -> Option<u64> {
        match self.pipe.as_mut()?.read(buffer) {
            Ok(0) => self.pipe = None,
            Ok(length) => {
                self.keep(&buffer[..length]);
                return Some(length as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Some(0),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => self.pipe = None,
        }
        None
    }

    fn keep(&mut self, output: &[u8]) {
        let fitting = output.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.write(&output[..fitting]);
        self.left -= fitting as u64;
        if fitting < output.len() && !self.is_cut {
            self.is_cut = true;
            let line = format!("\n[haina: the output is cut here, after {} bytes]\n", self.cap);
            self.write(line.as_bytes());
        }
    }

    fn file(&mut self) -> io::Result<&mut File> {
        match &mut self.file {
            Some(file) => Ok(file),
            none => Ok(none.insert(OpenOptions::new().create(true).append(true).open(&self.path)?)),
        }
    }

    fn write(&mut self, mut output: &[u8]) {
        if output.is_empty() {
            return;
        }
        if let Some(error) = &self.error {
            let line = format!("\n[haina: {} bytes were lost here: {error}]\n", self.lost);
            if self.file().and_then(|file| file.write_all(line.as_bytes())).is_err() {
                self.lost += output.len() as u64;
                return;
            }
            self.error = None;
            self.lost = 0;
        }
        while !output.is_empty() {
            match self.file().and_then(|file| file.write(output)) {
                Ok(length) => output = &output[length..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.lost = output.len() as u64;
                    self.error = Some(error);
                    return;
                }
            }
        }
    }
}
