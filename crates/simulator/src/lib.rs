//! The center in virtual time: the same `haina-center` that serves.
//!
//! [`World`] puts it under faults: a simulated engine, a journal that can fail, invariants checked after every step, and the
//! whole plan at its end, by a checker that knows nothing of the scheduler.
//! [`Scheme`] replays a [`Workload`], a trace or a generated one, on it, and [`Measures`] say how well it went.

mod audit;
pub mod checker;
mod demand;
mod engine;
mod estimates;
mod journal;
mod judge;
mod measures;
mod oracle;
pub mod packing;
pub mod past;
pub mod plan_log;
mod plan_of_facts;
pub mod pool;
mod random;
pub mod random_center;
pub mod reference;
mod replay;
mod scheme;
mod timeline;
pub mod trace;
mod workload;
mod workload_of_agreements;
mod world;

pub use audit::audit;
pub use estimates::Estimates;
pub use journal::{Journal, Outcome};
pub use measures::{Distribution, Measures, OrganizationShare};
pub use plan_of_facts::PlanOfFacts;
pub use random::Random;
pub use replay::{Look, Schedule, Span, replay};
pub use scheme::Scheme;
pub use timeline::Timeline;
pub use trace::Workload;
pub use world::{Summary, World};
