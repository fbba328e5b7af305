//! The whole center in virtual time: the same `haina-center` that serves, a simulated engine, and a journal that can
//! fail. One seed is one history; the invariants are checked after every step of it.
//!
//! Not here yet: trace readers and policies to compare; see docs/ARCHITECTURE.md.

mod engine;
mod journal;
mod oracle;
pub mod packing;
mod random;
mod workload;
mod world;

pub use journal::{Journal, Outcome};
pub use random::Random;
pub use world::{Summary, World};
