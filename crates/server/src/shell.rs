//! Carries a shell between a task and its client.

use std::io;
use std::time::Duration;

use haina_api::{ShellFrame, ShellFrames, ShellStart};
use haina_core::{AttemptId, Refusal};
use haina_engine::{EngineError, Shell, ShellRequest, Terminal, TerminalSize};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::time::{Instant, sleep_until, timeout};

use crate::app::App;
use crate::caller::Caller;

/// How long a client may take to say what it wants.
const START_MOST: Duration = Duration::from_secs(30);
/// How long the last output of something that has ended is waited for.
const REST_MOST: Duration = Duration::from_secs(2);
/// Bytes that are read at once.
const PIECE: usize = 16 << 10;

/// Which task it is.
pub struct Place {
    /// The attempt.
    pub attempt: AttemptId,
    /// The task's rank.
    pub rank: u32,
    /// What is said if it does not run.
    pub not_running: Refusal,
}

/// Serves one shell to its end; or to that of the caller's token, of the connection, or of this server.
pub async fn serve(app: App, caller: Caller, place: Place, upgrade: OnUpgrade) {
    let Ok(upgraded) = upgrade.await else { return };
    let (mut from, mut to) = tokio::io::split(TokioIo::new(upgraded));
    let mut frames = ShellFrames::default();
    let Ok(Ok(Some(ShellFrame::Start(start)))) = timeout(START_MOST, next(&mut from, &mut frames)).await else {
        return;
    };
    let mut shell = match app.center.engine().shell(place.attempt, place.rank, request(start)).await {
        Ok(Some(shell)) => shell,
        Ok(None) | Err(EngineError::NoSuchTask { .. }) => return fail(&mut to, &place.not_running, &caller).await,
        Err(error) => {
            let refusal = Refusal::new(haina_core::Code::Internal).because(&error);
            tracing::warn!(attempt = %place.attempt, %error, "a shell could not be opened");
            return fail(&mut to, &refusal, &caller).await;
        }
    };
    let process = &mut shell.process;
    let (input, output, error) = (process.stdin.take(), process.stdout.take(), process.stderr.take());
    let (typed, typing) = tokio::sync::mpsc::channel(1);
    let listening = listen(&mut from, frames, typed);
    let showing = show(&mut shell, Streams { input, output, error }, &mut to, typing);
    tokio::select! {
        () = listening => {}
        _ = showing => {}
        () = app.closed() => {}
        () = caller.gone(&app) => {}
    }
}

fn request(start: ShellStart) -> ShellRequest {
    let terminal = start.terminal.map(|terminal| Terminal {
        kind: terminal.kind,
        size: TerminalSize { columns: terminal.columns, rows: terminal.rows },
    });
    ShellRequest { command: start.command, terminal }
}

async fn fail(to: &mut (impl AsyncWrite + Unpin), refusal: &Refusal, caller: &Caller) {
    let sentence = format!("{} ({})", refusal.sentence(caller.language), refusal.code.word());
    // A client that has gone needs no reason.
    _ = to.write_all(&ShellFrame::Failed(sentence).encode()).await;
    _ = to.shutdown().await;
}

/// The next frame; none where the client has gone, or speaks otherwise.
async fn next(from: &mut (impl AsyncRead + Unpin), frames: &mut ShellFrames) -> io::Result<Option<ShellFrame>> {
    let mut buffer = vec![0; PIECE];
    loop {
        match frames.take() {
            Ok(Some(frame)) => return Ok(Some(frame)),
            Ok(None) => {}
            Err(_) => return Ok(None),
        }
        match from.read(&mut buffer).await? {
            0 => return Ok(None),
            length => frames.push(&buffer[..length]),
        }
    }
}

/// Hands on what the client sends, until it has gone. What the task does not read yet, the client keeps.
async fn listen(
    from: &mut (impl AsyncRead + Unpin),
    mut frames: ShellFrames,
    typed: tokio::sync::mpsc::Sender<ShellFrame>,
) {
    while let Ok(Some(frame)) = next(from, &mut frames).await {
        if typed.send(frame).await.is_err() {
            return;
        }
    }
}

/// The shell's streams, while they are open.
struct Streams {
    input: Option<ChildStdin>,
    output: Option<ChildStdout>,
    error: Option<ChildStderr>,
}

/// Reads from a stream that is open.
async fn read(stream: &mut Option<impl AsyncRead + Unpin>, buffer: &mut [u8]) -> io::Result<usize> {
    match stream {
        Some(stream) => stream.read(buffer).await,
        None => std::future::pending().await,
    }
}

/// Writes to a stream; an error where it is not open.
async fn write(stream: &mut Option<ChildStdin>, bytes: &[u8]) -> io::Result<usize> {
    match stream {
        Some(stream) => stream.write(bytes).await,
        None => Err(io::ErrorKind::BrokenPipe.into()),
    }
}

/// Sends what the shell writes, and gives it what was typed, until it or its task has ended.
async fn show(
    shell: &mut Shell,
    streams: Streams,
    to: &mut (impl AsyncWrite + Unpin),
    mut typed: tokio::sync::mpsc::Receiver<ShellFrame>,
) -> io::Result<()> {
    let Streams { mut input, mut output, mut error } = streams;
    let (mut written, mut complained) = (vec![0; PIECE], vec![0; PIECE]);
    let mut pending: Vec<u8> = Vec::new();
    // For the client, who may be slow to read: meanwhile what it types is taken all the same.
    let mut outgoing: Vec<u8> = Vec::new();
    let mut code = None;
    let mut deadline = None;
    loop {
        let (is_taking, is_reading) = (pending.is_empty() && code.is_none(), outgoing.is_empty());
        tokio::select! {
            read = read(&mut output, &mut written), if is_reading && output.is_some() => match read {
                Ok(length @ 1..) => outgoing = ShellFrame::Output(written[..length].to_vec()).encode(),
                _ => output = None,
            },
            read = read(&mut error, &mut complained), if is_reading && error.is_some() => match read {
                Ok(length @ 1..) => outgoing = ShellFrame::ErrorOutput(complained[..length].to_vec()).encode(),
                _ => error = None,
            },
            sent = to.write(&outgoing), if !outgoing.is_empty() => match sent? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                length => drop(outgoing.drain(..length)),
            },
            wrote = write(&mut input, &pending), if !pending.is_empty() => match wrote {
                Ok(length) => drop(pending.drain(..length)),
                // It reads no more.
                Err(_) => {
                    pending.clear();
                    input = None;
                }
            },
            frame = typed.recv(), if is_taking => match frame {
                Some(ShellFrame::Input(bytes)) if input.is_some() => pending = bytes,
                Some(ShellFrame::InputEnded) => input = None,
                Some(ShellFrame::Size(columns, rows)) => shell.resize(TerminalSize { columns, rows }),
                Some(_) => {}
                None => return Ok(()),
            },
            ended = shell.ended(), if code.is_none() => {
                code = Some(ended?);
                deadline = Some(Instant::now() + REST_MOST);
            }
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                output = None;
                error = None;
                // A client that reads nothing gets no more than this.
                deadline = None;
                if !outgoing.is_empty() {
                    let rest = timeout(REST_MOST, to.write_all(&outgoing)).await;
                    rest.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
                    outgoing.clear();
                }
            }
        }
        if let (Some(code), None, None, true) = (code, &output, &error, outgoing.is_empty()) {
            let last = ShellFrame::Ended(code).encode();
            timeout(REST_MOST, to.write_all(&last)).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            return to.shutdown().await;
        }
    }
}
