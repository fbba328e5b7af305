//! Carries what a terminal shows and what is typed, in one thread.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, ExitStatus};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::TerminalSize;
use super::join::resize;

/// Until the command has ended, or nobody listens any more. `control` brings sizes.
pub fn relay(child: &mut Child, terminal: &OwnedFd, control: &mut UnixStream) -> io::Result<ExitStatus> {
    let ended = handle(child)?;
    rustix::io::ioctl_fionbio(terminal, true)?;
    let mut screen = File::from(terminal.try_clone()?);
    let (mut input, mut output) = (io::stdin(), io::stdout());
    let mut buffer = vec![0; 16 << 10];
    let mut typed: Vec<u8> = Vec::new();
    let mut is_open = true;
    loop {
        let wanted = if typed.is_empty() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
        // What is typed faster than it is read waits outside.
        let asked = if is_open && typed.is_empty() { PollFlags::IN } else { PollFlags::empty() };
        let keyboard = io::stdin();
        let mut sources = [
            PollFd::new(&ended, PollFlags::IN),
            PollFd::new(terminal, wanted),
            PollFd::new(control, PollFlags::IN),
            PollFd::new(&keyboard, asked),
        ];
        match poll(if is_open { &mut sources[..] } else { &mut sources[..3] }, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let [has_ended, screen_is, control_is, keyboard_is] = sources.each_ref().map(PollFd::revents);
        if !has_ended.is_empty() {
            // The last that it showed.
            while let Ok(length @ 1..) = screen.read(&mut buffer) {
                output.write_all(&buffer[..length])?;
            }
            output.flush()?;
            return child.wait();
        }
        if screen_is.intersects(PollFlags::OUT) && !typed.is_empty() {
            match screen.write(&typed) {
                Ok(written) => drop(typed.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        if screen_is.intersects(PollFlags::IN)
            && let Ok(length @ 1..) = screen.read(&mut buffer)
            && output.write_all(&buffer[..length]).and_then(|()| output.flush()).is_err()
        {
            return end(child);
        }
        if screen_is.intersects(PollFlags::HUP) && !screen_is.intersects(PollFlags::IN) {
            // Every process has closed it; only the end is left to wait for.
            return child.wait();
        }
        if !control_is.is_empty() {
            let mut size = [0; 4];
            if control.read_exact(&mut size).is_err() {
                return end(child);
            }
            resize(terminal, TerminalSize::from_bytes(size))?;
        }
        if is_open && !keyboard_is.is_empty() {
            match input.read(&mut buffer)? {
                0 => is_open = false,
                length => typed.extend(&buffer[..length]),
            }
        }
    }
}

/// The command has the streams itself; this waits for its end, or until nobody listens any more.
pub fn without_terminal(child: &mut Child, control: &UnixStream) -> io::Result<ExitStatus> {
    let ended = handle(child)?;
    let mut sources = [PollFd::new(&ended, PollFlags::IN), PollFd::new(control, PollFlags::IN)];
    while let Err(Errno::INTR) = poll(&mut sources, None) {}
    if sources[0].revents().is_empty() { end(child) } else { child.wait() }
}

/// Nobody listens any more: ends the command, with what it runs in the foreground.
fn end(child: &mut Child) -> io::Result<ExitStatus> {
    if let Some(group) = Pid::from_raw(child.id().cast_signed()) {
        // It leads a session and a group of its own.
        _ = kill_process_group(group, Signal::KILL);
    }
    child.wait()
}

fn handle(child: &Child) -> io::Result<OwnedFd> {
    let pid = Pid::from_raw(child.id().cast_signed()).ok_or(io::ErrorKind::NotFound)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}
