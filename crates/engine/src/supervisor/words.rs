//! What the supervisor hears from inside a sandbox.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};

use crate::confinement::Word;

/// The pipe from the program that entered.
pub struct Words {
    /// `None` once every writer is gone.
    pipe: Option<File>,
    unread: Vec<u8>,
}

impl From<File> for Words {
    fn from(pipe: File) -> Words {
        Words { pipe: Some(pipe), unread: Vec::new() }
    }
}

impl Words {
    /// What to wait on, while there is something to wait for.
    pub fn readiness(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// The next word, waited for; none when nobody is left to speak. A word that cannot be understood is none.
    pub fn next(&mut self) -> Option<Word> {
        loop {
            if let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return serde_json::from_slice(&line).ok();
            }
            let mut buffer = [0; 4096];
            match self.pipe.as_mut()?.read(&mut buffer) {
                Ok(length @ 1..) => self.unread.extend(&buffer[..length]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => self.pipe = None,
            }
        }
    }
}
