//! From the process's start to the end of the last process it left behind.
//!
//! One loop waits for: the end of a child, an order to stop, output, and the next moment at which something is due. It
//! ends when no child is left. Orphans of the task become the supervisor's own children (it is a subreaper), so
//! whatever the task starts is reaped, and killed at the end.

use std::time::{Duration, Instant};

use haina_core::{Bytes, Ending, Milliseconds, TaskUse, Timestamp};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{SigSet, Signal as NixSignal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, set_child_subreaper, wait};

use super::control::Control;
use super::exit::Started;
use super::spawn::{Spawned, end_of, spawn};
use super::streams::{BUFFER, Stream};
use super::words::Words;
use crate::confinement::groups::TaskGroups;
use crate::confinement::{Status, Word};
use crate::layout::TaskPaths;
use crate::logs::LogStream;
use crate::records::{ExitRecord, RunningRecord, StopCause, TaskOrder};
use crate::{clock, processes};

/// Why the task is being ended.
#[derive(Clone, Copy)]
enum Cause {
    TimeLimit,
    Stop(StopCause),
}

/// A sandbox that is not made by then never will be: a directory that it is to show may be on a server that is gone.
const MAKING_LONGEST: Duration = Duration::from_secs(60);

/// How long what was killed is waited for. What hangs in the kernel cannot be killed.
const DYING_LONGEST: Duration = Duration::from_secs(5);

/// Why a task's process was never started.
pub enum NotStarted {
    /// It could not be.
    Unstartable(String),
    /// It was told to stop before.
    Stopped(StopCause),
}

impl From<String> for NotStarted {
    fn from(reason: String) -> NotStarted {
        NotStarted::Unstartable(reason)
    }
}

/// A running task.
pub struct Supervision {
    control: Control,
    children: SignalFd,
    streams: [Stream; 2],
    /// The task's process, or the sandbox around it.
    main: Pid,
    /// From inside the sandbox.
    words: Option<Words>,
    groups: TaskGroups,
    /// Of the task's process, once it is known; its number means nothing from then on.
    status: Option<Status>,
    /// When it became known.
    exited: Option<Instant>,
    started: Timestamp,
    began: Instant,
    /// When the last of its processes was gone, if the sandbox said so.
    ended: Option<Instant>,
    /// `None` where the limit is beyond what the clock can count.
    limit: Option<Instant>,
    grace: Milliseconds,
    cause: Option<Cause>,
    kill: Option<Instant>,
    is_killing: bool,
    strays: u32,
    notes: Vec<String>,
}

impl Supervision {
    /// Starts the process. The error says why it was not.
    pub fn start(
        task: &TaskPaths,
        order: &TaskOrder,
        mut control: Control,
        mark: &mut Started,
    ) -> Result<Supervision, NotStarted> {
        let user = order.sandbox.as_ref().and_then(|sandbox| sandbox.user);
        let open = |stream| Stream::open(task.log(stream), order.log_cap, user);
        let (stdout, stdout_writer) = open(LogStream::Stdout).map_err(|error| format!("stdout: {error}"))?;
        let (mut stderr, stderr_writer) = open(LogStream::Stderr).map_err(|error| format!("stderr: {error}"))?;
        let children = watch_children().map_err(|error| format!("signals: {error}"))?;
        set_child_subreaper(Some(rustix::process::getpid())).map_err(|error| format!("subreaper: {error}"))?;
        let (mut started, mut began) = (clock::now(), Instant::now());
        let planned = order.sandbox.as_ref().map_or(&[][..], |sandbox| &sandbox.groups);
        let groups = TaskGroups::create(planned).map_err(|why| format!("the control groups: {why}"))?;
        let Spawned { pid: main, mut words } = spawn(order, &groups, stdout_writer, stderr_writer)?;
        let mut notes = Vec::new();
        let first = words.as_mut().map(|words| first_word(words, &mut control, &mut notes));
        let refusal = match first {
            None => None,
            Some(FirstWord::Word(Some(Word::Started(at)))) => {
                // What it took to make the sandbox is nobody's use.
                let since = Duration::from_millis(clock::now().since(at).0).min(began.elapsed());
                (started, began) = (at.max(started), Instant::now().checked_sub(since).unwrap_or(began));
                None
            }
            Some(FirstWord::Word(Some(Word::Unstartable(reason)))) => Some(NotStarted::Unstartable(reason)),
            Some(FirstWord::Word(_)) => {
                stderr.finish(&mut vec![0; BUFFER]);
                let said = end_of(&task.log(LogStream::Stderr));
                Some(NotStarted::Unstartable(format!("the sandbox could not be made: {said}")))
            }
            Some(FirstWord::Stopped(cause)) => Some(NotStarted::Stopped(cause)),
            Some(FirstWord::TooLong) => {
                let longest = MAKING_LONGEST.as_secs();
                Some(NotStarted::Unstartable(format!("the sandbox was not made within {longest} s")))
            }
        };
        if let Some(refusal) = refusal {
            // Its control groups can only be removed once nobody is in them.
            end_all(main);
            return Err(refusal);
        }
        let pid = main.as_raw_nonzero().get();
        let running =
            RunningRecord { at: started, boot: processes::boot_id(), pid, start_ticks: processes::start_ticks(pid) };
        if let Err(error) = mark.tell_running(&running) {
            notes.push(format!("running.json could not be written: {error}"));
        }
        Ok(Supervision {
            control,
            children,
            streams: [stdout, stderr],
            main,
            words,
            groups,
            status: None,
            exited: None,
            started,
            began,
            ended: None,
            limit: began.checked_add(Duration::from_millis(order.time_limit.0)),
            grace: order.grace,
            cause: None,
            kill: None,
            is_killing: false,
            strays: 0,
            notes,
        })
    }

    /// Waits for the end.
    pub fn run(mut self) -> ExitRecord {
        let mut buffer = vec![0; BUFFER];
        // A stop may have been ordered since the process was started.
        self.look_for_stop();
        while self.reap() {
            let now = Instant::now();
            self.do_what_is_due(now);
            self.wait_for_something(now, &mut buffer);
        }
        let at = self.moment(self.ended.unwrap_or_else(Instant::now));
        for stream in &mut self.streams {
            stream.finish(&mut buffer);
        }
        self.hear_the_rest();
        let ending = self.ending();
        ExitRecord {
            ending,
            stopped_by: match self.cause {
                Some(Cause::Stop(cause)) => Some(cause),
                _ => None,
            },
            started: Some(self.started),
            exited: self.exited.map(|exited| self.moment(exited)),
            at,
            used: used(),
            strays: self.strays,
            notes: self.notes,
        }
    }

    /// By the clock that is never set.
    fn moment(&self, instant: Instant) -> Timestamp {
        let elapsed = instant.saturating_duration_since(self.began).as_micros();
        Timestamp(self.started.0.saturating_add(i64::try_from(elapsed).unwrap_or(i64::MAX)))
    }

    /// Reaps what has ended. Returns whether a child is left.
    fn reap(&mut self) -> bool {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.main && self.words.is_none() && self.status.is_none() => {
                    self.status = Status::of(status);
                    self.exited = Some(Instant::now());
                    // What was told to stop keeps its grace: often a shell dies at once, but what it runs still saves
                    // its work. What ended by itself has no business leaving processes behind.
                    self.is_killing |= self.cause.is_none();
                }
                // In a sandbox, the sandbox and who entered it.
                Ok(Some(_)) if self.words.is_some() => {}
                Ok(Some(_)) => self.strays += u32::from(self.is_killing && self.status.is_some()),
                Ok(None) => return true,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }

    /// Hears what the sandbox says.
    fn listen(&mut self) {
        let Some(Word::Ended { status, left }) = self.words.as_mut().and_then(Words::next) else { return };
        self.status = Some(status);
        self.exited = Some(Instant::now());
        // Neither is what it takes to end the sandbox.
        self.ended = self.exited.filter(|_| !left);
        if left && self.cause.is_none() {
            // Not the sandbox and who entered it.
            let others = processes::descendants().len().saturating_sub(2);
            self.strays = u32::try_from(others).unwrap_or(u32::MAX);
            self.is_killing = true;
        }
    }

    fn do_what_is_due(&mut self, now: Instant) {
        if self.cause.is_none() && self.status.is_none() && self.limit.is_some_and(|limit| limit <= now) {
            self.begin_end(Cause::TimeLimit, self.grace);
        }
        self.is_killing |= self.kill.is_some_and(|kill| kill <= now);
        if self.is_killing {
            if self.status.is_none() || self.words.is_some() {
                let _ = kill_process_group(self.main, Signal::KILL);
            }
            processes::kill_descendants();
        }
    }

    fn begin_end(&mut self, cause: Cause, grace: Milliseconds) {
        let kill = Instant::now().checked_add(Duration::from_millis(grace.0));
        self.kill = match (self.kill, kill) {
            (Some(before), Some(now)) => Some(before.min(now)),
            (before, now) => before.or(now),
        };
        if self.cause.is_none() {
            self.cause = Some(cause);
            let _ = kill_process_group(self.main, Signal::TERM);
        }
    }

    fn look_for_stop(&mut self) {
        // What has ended by itself was not stopped.
        self.reap();
        if let Some(stop) = self.control.stop(&mut self.notes)
            && self.status.is_none()
        {
            self.begin_end(Cause::Stop(stop.cause), stop.grace);
        }
    }

    fn wait_for_something(&mut self, now: Instant, buffer: &mut [u8]) {
        let mut sources = vec![
            PollFd::new(&self.children, PollFlags::IN),
            PollFd::from_borrowed_fd(self.control.readiness(), PollFlags::IN),
        ];
        let words = self.words.as_ref().and_then(Words::readiness);
        let first_stream = sources.len() + usize::from(words.is_some());
        sources.extend(words.map(|pipe| PollFd::from_borrowed_fd(pipe, PollFlags::IN)));
        let open: Vec<usize> = (0..self.streams.len()).filter(|&at| self.streams[at].readiness().is_some()).collect();
        sources.extend(
            open.iter()
                .filter_map(|&at| self.streams[at].readiness())
                .map(|pipe| PollFd::from_borrowed_fd(pipe, PollFlags::IN)),
        );
        let timeout = self.next_due().map(|due| timespec(due.saturating_duration_since(now)));
        if poll(&mut sources, timeout.as_ref()).is_err() {
            return;
        }
        let is_ready: Vec<bool> = sources.iter().map(|source| !source.revents().is_empty()).collect();
        drop(sources);
        if is_ready[0] {
            while matches!(self.children.read_signal(), Ok(Some(_))) {}
        }
        if is_ready[1] {
            self.control.clear();
            self.look_for_stop();
        }
        if first_stream == 3 && is_ready[2] {
            self.listen();
        }
        for (&at, _) in open.iter().zip(&is_ready[first_stream..]).filter(|(_, is_ready)| **is_ready) {
            self.streams[at].pump(buffer);
        }
    }

    fn next_due(&self) -> Option<Instant> {
        if self.is_killing {
            // What is forked while it is killed is found by the next look.
            return Some(Instant::now() + Duration::from_millis(50));
        }
        let limit = self.limit.filter(|_| self.cause.is_none() && self.status.is_none());
        [limit, self.kill].into_iter().flatten().min()
    }

    /// What was said just before the end.
    fn hear_the_rest(&mut self) {
        while let Some(word) = self.words.as_mut().and_then(Words::next) {
            if let Word::Ended { status, .. } = word {
                self.status = Some(status);
                self.exited = Some(Instant::now());
            }
        }
    }

    fn ending(&self) -> Ending {
        let killed_for_memory = self.groups.killed_for_memory() > 0;
        match (self.cause, self.status) {
            (Some(Cause::TimeLimit), _) => Ending::TimedOut,
            (Some(Cause::Stop(_)), _) => Ending::Stopped,
            // Whether the program noticed, and what it made of it, says less than the kernel does.
            (None, status) if killed_for_memory && status != Some(Status::Exited(0)) => Ending::OutOfMemory,
            (None, Some(Status::Exited(code))) => Ending::Exited { code: (code & 0xff) as u8 },
            (None, Some(Status::Signalled(signal))) => Ending::Signalled { signal: (signal & 0xff) as u8 },
            (None, None) => Ending::Lost { reason: "nobody knows how the process ended".to_owned() },
        }
    }
}

/// What was heard first from a sandbox that is being made.
enum FirstWord {
    /// What the program that entered said; nothing if it never came to speak.
    Word(Option<Word>),
    /// The task was told to stop.
    Stopped(StopCause),
    /// Nothing, for too long.
    TooLong,
}

fn first_word(words: &mut Words, control: &mut Control, notes: &mut Vec<String>) -> FirstWord {
    let deadline = Instant::now() + MAKING_LONGEST;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return FirstWord::TooLong;
        }
        let Some(pipe) = words.readiness() else { return FirstWord::Word(None) };
        let mut sources = [
            PollFd::from_borrowed_fd(pipe, PollFlags::IN),
            PollFd::from_borrowed_fd(control.readiness(), PollFlags::IN),
        ];
        if poll(&mut sources, Some(&timespec(left))).is_err() {
            continue;
        }
        let [has_spoken, is_told] = sources.each_ref().map(|source| !source.revents().is_empty());
        if has_spoken {
            return FirstWord::Word(words.next());
        }
        if is_told {
            control.clear();
            if let Some(stop) = control.stop(notes) {
                return FirstWord::Stopped(stop.cause);
            }
        }
    }
}

/// Kills what was started, and waits until it is gone.
fn end_all(main: Pid) {
    let deadline = Instant::now() + DYING_LONGEST;
    while Instant::now() < deadline {
        let _ = kill_process_group(main, Signal::KILL);
        processes::kill_descendants();
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(None) => break,
                Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Makes the ends of children readable instead of a signal.
fn watch_children() -> nix::Result<SignalFd> {
    let mut signals = SigSet::empty();
    signals.add(NixSignal::SIGCHLD);
    signals.thread_block()?;
    SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
}

/// What all reaped descendants used; see getrusage(2). Blocks are of 512 bytes whatever the device.
fn used() -> TaskUse {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else { return TaskUse::default() };
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    let time = |time: nix::sys::time::TimeVal| count(time.tv_sec()) * 1_000_000 + count(time.tv_usec());
    TaskUse {
        cpu: Milliseconds((time(usage.user_time()) + time(usage.system_time())) / 1000),
        memory_peak: Bytes(count(usage.max_rss()) * 1024),
        read: Bytes(count(usage.block_reads()) * 512),
        written: Bytes(count(usage.block_writes()) * 512),
    }
}

/// Rounded up, so that what is due at the end of the wait is due.
fn timespec(length: Duration) -> Timespec {
    let length = length + Duration::from_millis(1);
    Timespec { tv_sec: i64::try_from(length.as_secs()).unwrap_or(i64::MAX), tv_nsec: i64::from(length.subsec_nanos()) }
}
