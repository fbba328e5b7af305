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

/// Bytes that are read at once.
const PIECE: u64 = 256 << 10;
/// Between two looks for an attempt that is not there yet.
const REST: Duration = Duration::from_millis(100);
/// More attempts than an element can have.
const ATTEMPTS_MOST: u32 = 1000;

/// One output of one task.
#[derive(Clone, Copy)]
pub struct Output {
    /// The attempt.
    pub attempt: AttemptId,
    /// The task's rank.
    pub rank: u32,
    /// Which of the two.
    pub stream: LogStream,
}

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

/// What was written so far, from `offset`.
pub fn written(app: App, output: Output, mut offset: u64) -> Body {
    Body::from_stream(async_stream::stream! {
        loop {
            let Output { attempt, rank, stream } = output;
            match app.center.engine().read_log(attempt, rank, stream, offset, PIECE).await {
                Ok(chunk) if chunk.bytes.is_empty() => return,
                Ok(chunk) => {
                    offset += chunk.bytes.len() as u64;
                    yield Ok(Bytes::from(chunk.bytes));
                }
                // It has not been launched yet, or never was: nothing was written.
                Err(EngineError::NoSuchTask { .. }) => return,
                Err(error) => {
                    yield Err(io::Error::other(error));
                    return;
                }
            }
        }
    })
}

/// What was written and will be, from `offset`, until the task ends or the caller's token does.
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

/// Which output is to be followed.
#[derive(Clone, Copy)]
pub struct Wanted {
    /// The attempt's number; the last one's, or the first to come, if absent.
    pub number: Option<u16>,
    /// The task's rank.
    pub rank: u32,
    /// Which of the two.
    pub stream: LogStream,
    /// From which byte on.
    pub offset: u64,
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
            if let Ok(Some(record)) = found {
                let followed = app.center.engine().follow_log(record.id, wanted.rank, wanted.stream, wanted.offset);
                match followed.await {
                    Ok(mut pieces) => {
                        while let Some(piece) = pieces.recv().await {
                            yield piece.map(Bytes::from);
                        }
                        return;
                    }
                    Err(EngineError::NoSuchTask { .. }) if record.ended.is_none() => {}
                    Err(EngineError::NoSuchTask { .. }) => return,
                    Err(error) => {
                        yield Err(io::Error::other(error));
                        return;
                    }
                }
            } else if ended {
                return;
            }
            // Launched a moment after the commit that placed it: looks again on the next commit, or soon.
            tokio::select! {
                () = app.center.wait_for(committed + 1) => tokio::time::sleep(REST).await,
                () = tokio::time::sleep(REST * 10) => {}
            }
        }
    }
}

/// The stream with this word.
pub fn stream_of(word: Option<&str>) -> Result<LogStream, Refusal> {
    match word {
        None | Some("stdout") => Ok(LogStream::Stdout),
        Some("stderr") => Ok(LogStream::Stderr),
        Some(other) => Err(Refusal::invalid_value("stream", other, both("stdout or stderr", "stdout 或 stderr"))),
    }
}
