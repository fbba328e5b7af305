//! What tasks wrote.

use haina_core::both;
use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::Stream;
use haina_core::{AttemptId, JobId, Refusal};
use haina_engine::{Engine, EngineError, LogStream};
use haina_store::AttemptRecord;

use crate::app::App;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::merged_logs::Merged;

/// Bytes that are read at once.
const PIECE: u64 = 256 << 10;
/// Between two looks for an attempt that is not there yet.
const REST: Duration = Duration::from_millis(100);
/// More attempts than an element can have.
const ATTEMPTS_MOST: u32 = 1000;

/// The attempt with this number, or the last; none if there is none yet.
pub async fn attempt(
    app: &App,
    job: JobId,
    element: Option<u32>,
    number: Option<u16>,
) -> Result<Option<AttemptRecord>, Failure> {
    let mut attempts = app.center.store().attempts(job, Some(element.unwrap_or(0)), None, ATTEMPTS_MOST).await?;
    Ok(match number {
        None => attempts.pop(),
        Some(number) => attempts.into_iter().find(|attempt| attempt.id.number == number),
    })
}

/// Which output is wanted.
#[derive(Clone, Copy)]
pub struct Wanted {
    /// The attempt's number; the last one's, or the first to come, if absent.
    pub number: Option<u16>,
    /// The task's rank; all tasks as one if absent.
    pub rank: Option<u32>,
    /// Tasks on each of the attempt's nodes.
    pub tasks_per_node: u32,
    /// Which of the two.
    pub stream: LogStream,
    /// Where to begin.
    pub from: Begin,
}

/// Where to begin.
#[derive(Clone, Copy)]
pub enum Begin {
    /// At this byte.
    Offset(u64),
    /// So many lines before the end.
    Tail(u64),
}

impl Wanted {
    /// The ranks that it is about.
    fn ranks(self, record: &AttemptRecord) -> std::ops::Range<u32> {
        self.rank.map_or(0..self.tasks(record), |rank| rank..rank.saturating_add(1))
    }

    /// How many tasks the attempt has.
    pub fn tasks(self, record: &AttemptRecord) -> u32 {
        let nodes = u32::try_from(record.attempt.allocation.shares.len()).unwrap_or(u32::MAX);
        nodes.saturating_mul(self.tasks_per_node).max(1)
    }

    /// The first byte that is wanted of a task.
    pub async fn begin(self, app: &App, attempt: AttemptId, rank: u32) -> Result<u64, EngineError> {
        match self.from {
            Begin::Offset(offset) => Ok(offset),
            Begin::Tail(lines) => app.center.engine().tail_of_log(attempt, rank, self.stream, lines).await,
        }
    }
}

/// What was written so far; of several tasks one after the other.
pub fn written(app: App, record: AttemptRecord, wanted: Wanted) -> Body {
    Body::from_stream(async_stream::stream! {
        let mut merged = wanted.rank.is_none().then(|| Merged::new(wanted.tasks(&record) as usize));
        for rank in wanted.ranks(&record) {
            let mut offset = None;
            loop {
                match (read(&app, &record, wanted, rank, &mut offset).await, &mut merged) {
                    (Ok(piece), _) if piece.is_empty() => break,
                    (Ok(piece), merged) => yield Ok(Bytes::from(said(merged.as_mut(), rank, piece))),
                    // It has not been launched yet, or never was: nothing was written.
                    (Err(EngineError::NoSuchTask { .. } | EngineError::NoSuchAttempt { .. }), _) => break,
                    (Err(error), _) => {
                        yield Err(io::Error::other(error));
                        return;
                    }
                }
            }
            if let Some(merged) = &mut merged {
                yield Ok(Bytes::from(merged.end(rank as usize)));
            }
        }
    })
}

/// The next piece of a task's output.
async fn read(
    app: &App,
    record: &AttemptRecord,
    wanted: Wanted,
    rank: u32,
    offset: &mut Option<u64>,
) -> Result<Vec<u8>, EngineError> {
    let begin = match *offset {
        Some(offset) => offset,
        None => wanted.begin(app, record.id, rank).await?,
    };
    let chunk = app.center.engine().read_log(record.id, rank, wanted.stream, begin, PIECE).await?;
    *offset = Some(begin + chunk.bytes.len() as u64);
    Ok(chunk.bytes)
}

fn said(merged: Option<&mut Merged>, rank: u32, piece: Vec<u8>) -> Vec<u8> {
    match merged {
        Some(merged) => merged.write(rank as usize, &piece),
        None => piece,
    }
}

/// What was written and will be, until the task ends or the caller's token does.
pub fn followed(app: App, caller: Caller, job: JobId, element: Option<u32>, wanted: Wanted) -> Body {
    let center = app.clone();
    let pieces = follow(app, job, element, wanted);
    Body::from_stream(async_stream::stream! {
        let (closed, gone) = (center.closed(), caller.gone(&center));
        tokio::pin!(closed, gone, pieces);
        loop {
            let piece = tokio::select! {
                piece = futures::StreamExt::next(&mut pieces) => piece,
                () = &mut closed => None,
                () = &mut gone => None,
            };
            match piece {
                Some(piece) => yield piece,
                None => return,
            }
        }
    })
}

fn follow(app: App, job: JobId, element: Option<u32>, wanted: Wanted) -> impl Stream<Item = io::Result<Bytes>> {
    async_stream::stream! {
        loop {
            let committed = app.center.position();
            let found = attempt(&app, job, element, wanted.number).await;
            let ended = match app.center.store().job(job).await {
                Ok(record) => record.is_none_or(|record| record.state.is_ended()),
                Err(_) => true,
            };
            let Ok(Some(record)) = found else {
                if ended {
                    return;
                }
                // Commits come often where a center is busy.
                app.center.wait_for(committed + 1).await;
                tokio::time::sleep(REST).await;
                continue;
            };
            match outputs(&app, &record, wanted).await {
                Ok(outputs) => {
                    let mut merged = wanted.rank.is_none().then(|| Merged::new(wanted.tasks(&record) as usize));
                    let mut pieces = futures::stream::select_all(outputs);
                    while let Some((rank, piece)) = futures::StreamExt::next(&mut pieces).await {
                        match (piece, &mut merged) {
                            (Some(Ok(piece)), merged) => yield Ok(Bytes::from(said(merged.as_mut(), rank, piece))),
                            (Some(Err(error)), _) => yield Err(error),
                            (None, Some(merged)) => yield Ok(Bytes::from(merged.end(rank as usize))),
                            (None, None) => {}
                        }
                    }
                    return;
                }
                Err(EngineError::NoSuchTask { .. } | EngineError::NoSuchAttempt { .. }) if record.ended.is_none() => {
                    // It is launched a moment after the commit that placed it.
                    tokio::time::sleep(REST).await;
                }
                Err(EngineError::NoSuchTask { .. } | EngineError::NoSuchAttempt { .. }) => return,
                Err(error) => {
                    yield Err(io::Error::other(error));
                    return;
                }
            }
        }
    }
}

/// A piece of a task's output; nothing once it has ended.
type Piece = (u32, Option<io::Result<Vec<u8>>>);

/// The outputs that are wanted of an attempt, as they are written.
async fn outputs(
    app: &App,
    record: &AttemptRecord,
    wanted: Wanted,
) -> Result<Vec<impl Stream<Item = Piece> + use<>>, EngineError> {
    let mut outputs = Vec::new();
    for rank in wanted.ranks(record) {
        let begin = wanted.begin(app, record.id, rank).await?;
        let mut pieces = app.center.engine().follow_log(record.id, rank, wanted.stream, begin).await?;
        outputs.push(Box::pin(async_stream::stream! {
            while let Some(piece) = pieces.recv().await {
                yield (rank, Some(piece));
            }
            yield (rank, None);
        }));
    }
    Ok(outputs)
}

/// The stream with this word.
pub fn stream_of(word: Option<&str>) -> Result<LogStream, Refusal> {
    match word {
        None | Some("stdout") => Ok(LogStream::Stdout),
        Some("stderr") => Ok(LogStream::Stderr),
        Some(other) => Err(Refusal::invalid_value("stream", other, both("stdout or stderr", "stdout 或 stderr"))),
    }
}
