//! An interrupt ends the demo's center too: it is in a process group of its own, so the terminal does not reach it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::language::say;

/// What a shell says of a program that an interrupt ended: 128 + SIGINT.
const INTERRUPTED: i32 = 130;

/// The center that an interrupt ends; 0 where there is none.
static CENTER: AtomicI32 = AtomicI32::new(0);

static UNDER_WAY: AtomicBool = AtomicBool::new(false);

/// From now on an interrupt ends the center that [`guard`] named, and then this process.
pub fn listen(data: &Path) -> Result<()> {
    let data = data.to_owned();
    ctrlc::set_handler(move || {
        UNDER_WAY.store(true, Ordering::SeqCst);
        if let Some(center) = Pid::from_raw(CENTER.swap(0, Ordering::SeqCst)) {
            // It may have ended by itself.
            _ = kill_process(center, Signal::TERM);
            _ = waitpid(Some(center), WaitOptions::empty());
            let data = data.display();
            eprintln!(
                "\n{}",
                say(
                    format!(
                        "Interrupted; the demo's center has ended. Processes of jobs that were running go on to their \
                         ends or time limits; `haina up --data {data}` finds them again."
                    ),
                    format!(
                        "已中断，演示中心已停止。正在运行的作业进程会继续，直至结束或达到时限；\
                         `haina up --data {data}` 可重新接管。"
                    ),
                )
            );
        }
        std::process::exit(INTERRUPTED);
    })
    .context("interrupts cannot be handled")
}

/// Where an interrupt is ending the center, does not return: what fails for that reason is not worth a word.
pub fn step_aside() {
    while UNDER_WAY.load(Ordering::SeqCst) {
        std::thread::park();
    }
}

/// An interrupt ends this center.
pub fn guard(center: Pid) {
    CENTER.store(center.as_raw_nonzero().get(), Ordering::SeqCst);
}

/// The center has ended, or is left to itself.
pub fn release() {
    CENTER.store(0, Ordering::SeqCst);
}
