//! `haina shell`: a terminal inside a running job.

use std::io::{self, BufReader, IsTerminal, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;

use anyhow::Result;
use haina_api::{SHELL_PROTOCOL, ShellFrame, ShellFrames, ShellStart, ShellTerminal};
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::Termios;

use crate::client::{Client, escaped};
use crate::complaint::{Complaint, FAILED, UNAVAILABLE};
use crate::environment;
use crate::language::say;
use crate::terminal::{Borrowed, signals, size};

/// Options of `haina shell`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "The shell is one more process of the task: it sees what the task sees, may do what the task may do, counts \
                  against what the job holds, and ends with it. It gets a terminal where both standard input and standard \
                  output are terminals."
)]
pub struct Arguments {
    /// `17`, or `17_3` for one element of an array
    id: String,
    /// The task's rank
    #[arg(long, visible_alias = "rank", value_name = "RANK", default_value_t = 0)]
    task: u32,
    /// A command to run there, instead of a shell; its exit code is this program's
    #[arg(last = true)]
    command: Vec<String>,
}

/// Runs it; the exit code is the command's.
pub fn run(arguments: &Arguments, client: &Client) -> Result<u8> {
    let path = format!("/api/v1/jobs/{}/shell?task={}", escaped(&arguments.id), arguments.task);
    let is_interactive = io::stdin().is_terminal() && io::stdout().is_terminal();
    let terminal = is_interactive.then(|| {
        let (columns, rows) = size();
        ShellTerminal { kind: environment::read(environment::TERM).unwrap_or_else(|| "dumb".to_owned()), columns, rows }
    });
    let connection = client.upgrade(&path, SHELL_PROTOCOL)?;
    let start = ShellFrame::Start(ShellStart { command: arguments.command.clone(), terminal });
    connection.get_ref().write_all(&start.encode())?;
    connection.get_ref().set_nonblocking(true)?;
    // Put back whatever happens below.
    let raw = if is_interactive { Some(Borrowed::change(Termios::make_raw)?) } else { None };
    let ended = Session { connection, is_interactive, unsent: Vec::new() }.run();
    drop(raw);
    match ended? {
        End::Exited(code) => Ok(code),
        End::Failed(why) => Err(Complaint::new(FAILED, why).into()),
        End::Lost => {
            let what = say("the connection to the shell is gone", "与终端的连接已断开");
            let why =
                say("Its job may have ended, or the center, or your token.", "作业或中心可能已结束，或令牌已失效。");
            Err(Complaint::new(UNAVAILABLE, what).hint(why).into())
        }
        End::Signalled(signal) => Ok(128u8.saturating_add(signal)),
    }
}

/// How a session came to its end.
enum End {
    Exited(u8),
    Failed(String),
    Lost,
    Signalled(u8),
}

struct Session {
    connection: BufReader<TcpStream>,
    is_interactive: bool,
    /// What the center has not taken yet. Nothing more is read for it meanwhile, but what it sends is.
    unsent: Vec<u8>,
}

impl Session {
    fn run(mut self) -> Result<End> {
        let signals = signals()?;
        let mut frames = ShellFrames::default();
        let mut buffer = vec![0; 16 << 10];
        let mut is_open = true;
        loop {
            // What came with the answer's head is there already.
            let is_buffered = !self.connection.buffer().is_empty();
            let mut is_ready = [is_buffered, false, false];
            if !is_buffered {
                let input = io::stdin();
                let wanted = if self.unsent.is_empty() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
                let mut sources = vec![
                    PollFd::new(self.connection.get_ref(), wanted),
                    PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN),
                ];
                if is_open && self.unsent.is_empty() {
                    sources.push(PollFd::new(&input, PollFlags::IN));
                }
                poll(&mut sources, None)?;
                for (is_ready, source) in is_ready.iter_mut().zip(&sources) {
                    *is_ready = !source.revents().is_empty();
                }
            }
            if is_ready[1]
                && let Some(end) = self.heed(&signals)?
            {
                return Ok(end);
            }
            if is_ready[0] {
                self.pass_on();
                match self.connection.read(&mut buffer) {
                    Ok(length @ 1..) => frames.push(&buffer[..length]),
                    Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                    _ => return Ok(End::Lost),
                }
                while let Some(frame) = frames.take().unwrap_or_else(|_| Some(unknown())) {
                    if let Some(end) = show(frame)? {
                        return Ok(end);
                    }
                }
            }
            if is_ready[2] {
                // Not through a buffer, of which poll would know nothing.
                let frame = match rustix::io::read(io::stdin(), &mut buffer[..])? {
                    0 => {
                        is_open = false;
                        ShellFrame::InputEnded
                    }
                    length => ShellFrame::Input(buffer[..length].to_vec()),
                };
                self.send(&frame);
            }
        }
    }

    fn send(&mut self, frame: &ShellFrame) {
        self.unsent.extend(frame.encode());
        self.pass_on();
    }

    /// Sends what the connection takes now. One that is gone is noticed where it is read.
    fn pass_on(&mut self) {
        while !self.unsent.is_empty() {
            match self.connection.get_ref().write(&self.unsent) {
                Ok(length) => drop(self.unsent.drain(..length)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.unsent.clear(),
            }
        }
    }

    fn heed(&mut self, signals: &SignalFd) -> Result<Option<End>> {
        while let Some(signal) = signals.read_signal()? {
            if signal.ssi_signo == Signal::SIGWINCH as u32 {
                let (columns, rows) = size();
                if self.is_interactive {
                    self.send(&ShellFrame::Size(columns, rows));
                }
            } else {
                return Ok(Some(End::Signalled(u8::try_from(signal.ssi_signo).unwrap_or(0))));
            }
        }
        Ok(None)
    }
}

fn unknown() -> ShellFrame {
    ShellFrame::Failed(
        say("the center sent what this program does not know", "中心发来了本程序无法识别的内容").to_owned(),
    )
}

fn show(frame: ShellFrame) -> io::Result<Option<End>> {
    match frame {
        ShellFrame::Output(bytes) => {
            let mut output = io::stdout().lock();
            output.write_all(&bytes)?;
            output.flush()?;
        }
        ShellFrame::ErrorOutput(bytes) => io::stderr().lock().write_all(&bytes)?,
        ShellFrame::Ended(code) => return Ok(Some(End::Exited(code))),
        ShellFrame::Failed(why) => return Ok(Some(End::Failed(why))),
        _ => {}
    }
    Ok(None)
}
