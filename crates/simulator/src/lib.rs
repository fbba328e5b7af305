//! The whole center in virtual time: the same `haina-center` that serves, a simulated engine, and a journal that can
//! fail. One seed is one history; the invariants are checked after every step of it, and the
//! whole plan at its end, by a checker that knows nothing of the scheduler.
//!
//! Not here yet: trace readers and policies to compare; see docs/ARCHITECTURE.md.

pub mod checker;
mod engine;
mod journal;
mod oracle;
pub mod plan_log;
mod plan_of_facts;
mod random;
pub mod random_center;
mod workload;
mod world;

pub use journal::{Journal, Outcome};
pub use plan_of_facts::PlanOfFacts;
pub use random::Random;
pub use world::{Summary, World};
