//! Reading what tasks wrote, also while they still write.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc};

use crate::layout::TaskPaths;
use crate::watch::Watcher;

/// Pieces of an output, in order. It ends when the task has ended and all was read.
pub type LogReceiver = mpsc::Receiver<io::Result<Vec<u8>>>;

/// The longest piece.
const PIECE: u64 = 64 << 10;

/// One of the two outputs of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl LogStream {
    /// Its word, which also names its file.
    pub fn word(self) -> &'static str {
        match self {
            LogStream::Stdout => "stdout",
            LogStream::Stderr => "stderr",
        }
    }
}

/// A part of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChunk {
    /// The part.
    pub bytes: Vec<u8>,
    /// How long the output is at the moment.
    pub length: u64,
    /// Whether nothing more will be written.
    pub is_complete: bool,
}

/// Reads a part. A task that has not started has written nothing.
pub fn read(task: &TaskPaths, stream: LogStream, offset: u64, limit: u64) -> io::Result<LogChunk> {
    // Before the file: what is written after this look is written by a task that has not ended.
    let is_complete = task.exit().exists();
    let file = match std::fs::File::open(task.log(stream)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(LogChunk { bytes: Vec::new(), length: 0, is_complete });
        }
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    let wanted = length.saturating_sub(offset).min(limit);
    let mut bytes = vec![0; usize::try_from(wanted).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(LogChunk { bytes, length, is_complete })
}

/// Where the last so many lines begin.
pub fn tail(task: &TaskPaths, stream: LogStream, lines: u64) -> io::Result<u64> {
    let file = match std::fs::File::open(task.log(stream)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    if lines == 0 {
        return Ok(length);
    }
    let mut piece = vec![0; PIECE as usize];
    let (mut end, mut found) = (length, 0);
    while end > 0 {
        let begin = end.saturating_sub(PIECE);
        let piece = &mut piece[..(end - begin) as usize];
        file.read_exact_at(piece, begin)?;
        for (at, _) in piece.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            let after = begin + at as u64 + 1;
            // The last line ends with the last byte; none begins there.
            if after < length {
                found += 1;
            }
            if found >= lines {
                return Ok(after);
            }
        }
        end = begin;
    }
    Ok(0)
}

/// Reads from `offset` to the end of the task, woken by what it writes.
pub fn follow(watcher: Arc<Watcher>, task: TaskPaths, stream: LogStream, offset: u64) -> LogReceiver {
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(async move {
        let stopped = sender.clone();
        tokio::select! {
            () = stopped.closed() => {}
            () = send_all(watcher, task, stream, offset, sender) => {}
        }
    });
    receiver
}

async fn send_all(
    watcher: Arc<Watcher>,
    task: TaskPaths,
    stream: LogStream,
    mut offset: u64,
    sender: mpsc::Sender<io::Result<Vec<u8>>>,
) {
    let wake = Arc::new(Notify::new());
    let _directory = watcher.directory(task.directory(), &["exit.json", "stdout", "stderr"], &wake);
    let path: PathBuf = task.log(stream);
    let mut growth = None;
    loop {
        if growth.is_none() && path.exists() {
            growth = Some(watcher.file(&path, &wake));
        }
        let task = task.clone();
        let chunk = tokio::task::spawn_blocking(move || read(&task, stream, offset, PIECE)).await;
        match chunk.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(chunk) if !chunk.bytes.is_empty() => {
                offset += chunk.bytes.len() as u64;
                if sender.send(Ok(chunk.bytes)).await.is_err() {
                    return;
                }
            }
            Ok(chunk) if chunk.is_complete => return,
            Ok(_) => wake.notified().await,
            Err(error) => {
                let _ = sender.send(Err(error)).await;
                return;
            }
        }
    }
}
