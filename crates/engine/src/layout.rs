//! Where everything lies.
//!
//! ```text
//! center                                    the center whose attempts these are
//! epoch                                     the newest epoch that gave an order
//! active/<attempt>                          a link to its order; there until the attempt's end was acknowledged
//! attempts/<attempt>/                       one attempt
//!     order.json  stop.json  ended.json     what was ordered; that it was told to stop; its one end, if no task has one
//!     series.json                           what it used over time, if it ran long enough; written now and then
//!     rendezvous/                           host file, rank table and hosts, for its tasks to read
//!     environment                           which environment its tasks use
//!     image.json                            which image they run in, if in one
//!     task-<rank>/                          one task
//!         task.json                         what the supervisor is to do
//!         lock                              held by the supervisor as long as it lives
//!         started.json                      written before the process starts: it never starts twice
//!         running.json                      what becomes of it: the process, and since when it runs
//!         stop.json  control                an order to stop, and the pipe that wakes the supervisor for it
//!         exit.json                         what becomes of that: how it ended
//!         stdout  stderr                    its output
//! environments/<digest>/                    an environment: complete (when it is), lock, build/<n> (a task), about.json, used,
//!                                           size; of Python packages: venv, and the file that says which; of an image:
//!                                           image.json, and while it is built, podman's storage
//! images/<id>/                              the files of an image
//! work/<organization>/                      the default working directory, and its tasks' home
//! names/<organization>/                     user and group files that its tasks see
//! real-node.json                            the node that is this machine, with its cards by index
//! ```

use std::path::{Path, PathBuf};

use haina_core::AttemptId;

use crate::logs::LogStream;

/// The engine's directory.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// A layout below `root`, an absolute path.
    pub fn new(root: PathBuf) -> Layout {
        Layout { root }
    }

    /// The center whose attempts these are.
    pub fn center(&self) -> PathBuf {
        self.root.join("center")
    }

    /// The newest epoch that gave an order.
    pub fn epoch(&self) -> PathBuf {
        self.root.join("epoch")
    }

    /// Where attempts are listed whose end was not acknowledged yet.
    pub fn active(&self) -> PathBuf {
        self.root.join("active")
    }

    /// The mark of one such attempt.
    pub fn active_mark(&self, attempt: AttemptId) -> PathBuf {
        self.active().join(attempt.to_string())
    }

    /// Where all attempts are.
    pub fn attempts(&self) -> PathBuf {
        self.root.join("attempts")
    }

    /// One attempt.
    pub fn attempt(&self, attempt: AttemptId) -> AttemptPaths {
        AttemptPaths { directory: self.attempts().join(attempt.to_string()) }
    }

    /// Where all environments are.
    pub fn environments(&self) -> PathBuf {
        self.root.join("environments")
    }

    /// Where the files of images are.
    pub fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    /// The node that is this machine.
    pub fn real_node(&self) -> PathBuf {
        self.root.join("real-node.json")
    }

    /// Where the names of users are that tasks look up.
    pub fn names(&self) -> PathBuf {
        self.root.join("names")
    }

    /// An organization's default working directory, and its tasks' home.
    pub fn work(&self, organization: &str) -> PathBuf {
        self.root.join("work").join(organization)
    }
}

/// The files of one attempt.
#[derive(Clone, Debug)]
pub struct AttemptPaths {
    directory: PathBuf,
}

impl AttemptPaths {
    /// Where they are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What was ordered.
    pub fn order(&self) -> PathBuf {
        self.directory.join("order.json")
    }

    /// There if the attempt was told to stop.
    pub fn stop(&self) -> PathBuf {
        self.directory.join("stop.json")
    }

    /// Its one end.
    pub fn ended(&self) -> PathBuf {
        self.directory.join("ended.json")
    }

    /// What it used over time.
    pub fn series(&self) -> PathBuf {
        self.directory.join("series.json")
    }

    /// Which environment its tasks use.
    pub fn environment(&self) -> PathBuf {
        self.directory.join("environment")
    }

    /// Which image its tasks run in, if in one.
    pub fn image(&self) -> PathBuf {
        self.directory.join("image.json")
    }

    /// What its tasks find each other by.
    pub fn rendezvous(&self) -> PathBuf {
        self.directory.join("rendezvous")
    }

    /// One of its tasks.
    pub fn task(&self, rank: u32) -> TaskPaths {
        TaskPaths::new(&self.directory.join(format!("task-{rank}")))
    }
}

/// The files of one task.
#[derive(Clone, Debug)]
pub struct TaskPaths {
    directory: PathBuf,
}

macro_rules! files {
    ($($(#[$doc:meta])* $name:ident $file:literal;)*) => {
        $($(#[$doc])* pub fn $name(&self) -> PathBuf { self.directory.join($file) })*
    };
}

impl TaskPaths {
    /// The task in this directory.
    pub fn new(directory: &Path) -> TaskPaths {
        TaskPaths { directory: directory.to_owned() }
    }

    /// Where they are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// One of its two outputs.
    pub fn log(&self, stream: LogStream) -> PathBuf {
        self.directory.join(stream.word())
    }

    files! {
        /// What the supervisor is to do.
        order "task.json";
        /// Held by the supervisor as long as it lives.
        lock "lock";
        /// Written before the process starts.
        started "started.json";
        /// What becomes of it: the process, and since when it runs.
        running "running.json";
        /// An order to stop.
        stop "stop.json";
        /// A named pipe; a byte in it makes the supervisor look at `stop`.
        control "control";
        /// The same before it is durable.
        started_partial ".started";
        /// How it ended.
        exit "exit.json";
    }
}
