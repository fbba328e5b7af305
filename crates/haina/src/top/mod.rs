//! `haina top`: the center and one's own jobs, live.

mod frame;
mod snapshot;

use std::io::{self, IsTerminal, PipeWriter, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use nix::sys::signal::Signal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::LocalModes;

use crate::client::Client;
use crate::event_lines::EventLines;
use crate::terminal::{Borrowed, signals, size, width};
use frame::draw;
use snapshot::Snapshot;

/// The center is asked again at most this often, however busy it is.
const ASKED: Duration = Duration::from_secs(1);
/// What has run so long moves on the screen this often, without anybody being asked.
const REDRAWN: Duration = Duration::from_secs(1);
/// Between two tries to follow a center that is away.
const AWAY: Duration = Duration::from_secs(2);

/// Options of `haina top`.
#[derive(clap::Args, Debug)]
#[command(after_help = "q ends it. Without a terminal, one frame is printed, as with --once.")]
pub struct Arguments {
    /// Print one frame and end
    #[arg(long)]
    once: bool,
}

/// Shows the center until `q` is pressed.
pub fn run(arguments: &Arguments, client: Client) -> Result<u8> {
    if arguments.once || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        println!("{}", draw(&Snapshot::read(&client)?, width(), None).join("\n"));
        return Ok(0);
    }
    let first = Snapshot::read(&client)?;
    let client = Arc::new(client);
    let signals = signals()?;
    let (mut happened, told) = io::pipe()?;
    let follower = client.clone();
    std::thread::spawn(move || follow(&follower, told));
    let modes = Borrowed::change(|modes| modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO))?;
    let screen = Screen::open()?;
    let mut view = View { client: &client, snapshot: first, asked: Instant::now(), is_stale: false, trouble: None };
    let ended = loop {
        screen.show(&view)?;
        let mut sources = [
            PollFd::from_borrowed_fd(rustix::stdio::stdin(), PollFlags::IN),
            PollFd::new(&signals, PollFlags::IN),
            PollFd::new(&happened, PollFlags::IN),
        ];
        let wait = if view.is_stale { ASKED.saturating_sub(view.asked.elapsed()) } else { REDRAWN };
        let wait = Timespec { tv_sec: wait.as_secs().cast_signed(), tv_nsec: i64::from(wait.subsec_nanos()) };
        poll(&mut sources, Some(&wait))?;
        let [is_typed, is_signalled, has_happened] = sources.each_ref().map(|source| !source.revents().is_empty());
        if is_typed {
            let mut key = [0; 16];
            let length = rustix::io::read(rustix::stdio::stdin(), &mut key[..])?;
            if length == 0 || key[..length].contains(&b'q') {
                break 0;
            }
        }
        if is_signalled
            && let Some(signal) = signals.read_signal()?
            && signal.ssi_signo != Signal::SIGWINCH as u32
        {
            break 128u8.saturating_add(u8::try_from(signal.ssi_signo).unwrap_or(0));
        }
        if has_happened {
            let mut bytes = [0; 4096];
            _ = happened.read(&mut bytes)?;
            view.is_stale = true;
        }
        if view.is_stale && view.asked.elapsed() >= ASKED {
            view.refresh();
        }
    };
    drop(screen);
    drop(modes);
    Ok(ended)
}

/// Tells of everything that happens with a byte, as long as somebody listens.
fn follow(client: &Client, mut told: PipeWriter) {
    loop {
        if let Ok(stream) = client.stream("/api/v1/events", "text/event-stream", &[]) {
            for event in EventLines::new(stream) {
                if event.is_err() {
                    break;
                }
                if told.write_all(b".").is_err() {
                    return;
                }
            }
        }
        std::thread::sleep(AWAY);
        // What happened meanwhile is not known.
        if told.write_all(b".").is_err() {
            return;
        }
    }
}

/// What is shown, and how old it is.
struct View<'a> {
    client: &'a Client,
    snapshot: Snapshot,
    asked: Instant,
    is_stale: bool,
    /// Why it could not be read again.
    trouble: Option<String>,
}

impl View<'_> {
    fn refresh(&mut self) {
        match Snapshot::read(self.client) {
            Ok(snapshot) => {
                self.snapshot = snapshot;
                self.is_stale = false;
                self.trouble = None;
            }
            Err(error) => self.trouble = Some(error.to_string()),
        }
        self.asked = Instant::now();
    }
}

/// The terminal's other screen. What was on it before comes back with the end.
struct Screen;

impl Screen {
    fn open() -> io::Result<Screen> {
        let mut output = io::stdout().lock();
        output.write_all(b"\x1b[?1049h\x1b[?25l")?;
        output.flush().map(|()| Screen)
    }

    fn show(&self, view: &View<'_>) -> io::Result<()> {
        let (columns, rows) = size();
        let age = view.asked.elapsed().as_secs_f64();
        let mut lines = draw(&view.snapshot.later(age), Some(columns.into()), view.trouble.as_deref());
        lines.truncate(rows.into());
        let mut output = io::stdout().lock();
        // Each line is cleared to its end, and the rest of the screen after the last: nothing flickers.
        write!(output, "\x1b[H{}\x1b[K\x1b[J", lines.join("\x1b[K\r\n"))?;
        output.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let mut output = io::stdout().lock();
        _ = output.write_all(b"\x1b[?25h\x1b[?1049l").and_then(|()| output.flush());
    }
}
