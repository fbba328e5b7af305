//! The terminal: what it can show, and how it is borrowed.

use std::io::{self, IsTerminal};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The terminal's width, if standard output is one.
pub fn width() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Columns and rows; the usual ones where there is no terminal.
pub fn size() -> (u16, u16) {
    tcgetwinsize(io::stdout()).map_or((80, 24), |size| (size.ws_col, size.ws_row))
}

/// A terminal whose modes were changed. They are put back with this, whatever happens.
pub struct Borrowed(Termios);

impl Borrowed {
    /// Changes the modes of the terminal that is standard input.
    pub fn change(change: impl FnOnce(&mut Termios)) -> io::Result<Borrowed> {
        let before = tcgetattr(io::stdin())?;
        let mut changed = before.clone();
        change(&mut changed);
        // What was typed already is kept.
        tcsetattr(io::stdin(), OptionalActions::Drain, &changed)?;
        Ok(Borrowed(before))
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.0);
    }
}

/// From here on, the signals that a program with a borrowed terminal must hear are read instead of felt: another size of
/// the window, and whatever would end it. Call it before there are threads.
pub fn signals() -> nix::Result<SignalFd> {
    let mut watched = SigSet::empty();
    for signal in [Signal::SIGWINCH, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT] {
        watched.add(signal);
    }
    watched.thread_block()?;
    SignalFd::with_flags(&watched, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
}

/// The text in at most so many terminal cells, with an ellipsis where it is cut; a wide character takes two.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = 0;
    for c in text.chars() {
        let cells = c.width().unwrap_or(0);
        if used + cells + 1 > width {
            break;
        }
        used += cells;
        cut.push(c);
    }
    if width > 0 {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_never_takes_more_cells_than_there_are() {
        let text = "海洋: elnino-train 运行中 (3 of 14)";
        for width in 0..50 {
            assert!(cut(text, width).width() <= width, "{width}: {}", cut(text, width));
        }
        assert_eq!(cut(text, 6), "海洋:…");
        assert_eq!(cut(text, 4), "海…");
        assert_eq!(cut("abc", 3), "abc");
    }
}
