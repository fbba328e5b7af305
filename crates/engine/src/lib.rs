//! Engines start, watch and end the processes of attempts; the center decides, an engine does.
//!
//! [`Engine`] is what the runtime drives. [`LocalEngine`] is the engine of one machine: every task is a real process
//! under a small supervisor process ([`launch_supervisors`]) that outlives the server. Nodes and cards may be simulated; the
//! processes never are.
//!
//! What is true about a task is what its files say (see [`layout`]): the supervisor writes them, the engine reads them
//! and writes only orders. So a server may be killed at any moment, and the next one goes on from the files. The two
//! never talk in any other way, and no message between them can be lost.
//!
//! What this is not: it decides nothing about cards, money or retries, and it knows no queue.

pub mod card_series;
mod clock;
mod confinement;
mod descriptors;
pub mod discovery;
mod disk;
mod durable;
pub mod engine;
mod environment;
mod keep;
pub mod layout;
mod local;
mod logs;
mod order;
mod processes;
mod programs;
mod readiness;
mod records;
pub mod rendezvous;
pub mod series;
mod shell;
mod supervisor;
mod task_state;
mod usage;
mod variables;
mod watch;

pub use confinement::{Enforcement, Protection, enter};
pub use descriptors::prepare_server;
pub use engine::{Delivery, Engine, EngineError, EngineFuture, Reconciliation, ReportId, ReportReceiver};
pub use environment::{EnvironmentState, ListedEnvironment};
pub use local::{LocalEngine, NodeSeries};
pub use logs::{LogChunk, LogReceiver, LogStream};
pub use order::{LaunchOrder, NodeDescription};
pub use shell::{Shell, ShellRequest, Terminal, TerminalSize, join};
pub use supervisor::launch_supervisors;
