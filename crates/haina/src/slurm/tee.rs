//! A script's output: into the file that Slurm would write, and to Haina, whose logs are read from anywhere.

use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::process::{Child, ExitStatus};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// One output.
pub struct Output {
    /// What the script writes.
    pub pipe: PipeReader,
    /// The file, unless it cannot be written any more.
    pub file: Option<File>,
    /// Haina's.
    pub log: Box<dyn Write>,
}

/// Copies until the script has ended and what it wrote is copied. Processes that it left behind are not waited for.
pub fn run(child: &mut Child, mut outputs: Vec<Output>) -> io::Result<ExitStatus> {
    let pid = Pid::from_raw(child.id().cast_signed()).ok_or(io::ErrorKind::NotFound)?;
    let ended = pidfd_open(pid, PidfdFlags::empty())?;
    for output in &outputs {
        rustix::io::ioctl_fionbio(&output.pipe, true)?;
    }
    let mut buffer = vec![0; 64 << 10];
    loop {
        let mut sources = vec![PollFd::new(&ended, PollFlags::IN)];
        sources.extend(outputs.iter().map(|output| PollFd::new(&output.pipe, PollFlags::IN)));
        match poll(&mut sources, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let has_ended = !sources[0].revents().is_empty();
        drop(sources);
        outputs.retain_mut(|output| output.copy(&mut buffer));
        if has_ended {
            return child.wait();
        }
    }
}

impl Output {
    /// Copies all that is there. Whether more may come.
    fn copy(&mut self, buffer: &mut [u8]) -> bool {
        loop {
            match self.pipe.read(buffer) {
                Ok(0) => return false,
                Ok(length) => self.write(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(Err(error)) = self.file.as_mut().map(|file| file.write_all(bytes)) {
            eprintln!("sbatch: error: the output file cannot be written any more: {error}");
            self.file = None;
        }
        _ = self.log.write_all(bytes).and_then(|()| self.log.flush());
    }
}
