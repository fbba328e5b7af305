//! Which nodes and cards a job gets, and which job is next. Pure: no clock, no randomness, no I/O.
//!
//! Two structures, owned by the center's state. [`Cluster`] knows what every node has and what is free of it, and
//! finds a place for a [`Demand`]. [`Queue`] keeps the ready jobs in line by class and remembers what each blocked
//! class waits for. Questions take `&self`; changes take `&mut self`, cannot fail, and assert their invariants.
//!
//! Every answer is a function of what the structures hold now, never of the way in which they came to hold it: a state
//! that was loaded answers like the one that lived.
//!
//! [`Shares`] says who is next, [`Quotas`] who may hold more, [`Plan`] what is promised.
//!
//! Not here: money, preemption.

mod admission;
mod bits;
mod check;
mod class;
mod cluster;
mod decay;
mod demand;
mod domains;
mod due;
mod earliest;
mod fair_share;
mod fair_tree;
mod find;
mod fit;
mod history;
mod index;
mod lane;
mod least_fragmentation;
mod mix;
mod multifactor;
mod near;
mod next;
mod node;
mod peers;
mod plan;
mod queue;
mod queue_check;
mod quotas;
mod ranking;
mod ratio;
mod releases;
mod shapes;
mod share_table;
mod share_tree;
mod shares;
mod table;
mod terms;
mod turns;

pub use class::{Blocker, ClassKey};
pub use cluster::{Cluster, Totals};
pub use decay::{DecayedUse, HALF_LIFE};
pub use demand::{Demand, Fuel};
pub use due::{Alike, Outlook, passed_for};
pub use earliest::Room;
pub use fair_share::FairShare;
pub use fair_tree::FairTree;
pub use find::Found;
pub use history::{History, Remembered, Similar};
pub use lane::{Standing, Waiting};
pub use mix::Mix;
pub use multifactor::{FairShareHeadStart, class_head_start, fair_share_head_starts};
pub use node::{NodeSpec, NodeState, NodeStatus};
pub use plan::{Plan, Planned, Promise, Run};
pub use queue::Queue;
pub use quotas::{Exceeded, QuotaPath, Quotas};
pub use ratio::Ratio;
pub use releases::{Release, Releases, Span};
pub use share_table::{ShareRow, share_table};
pub use share_tree::{ShareTree, Sharer};
pub use shares::{Attempted, Share, Shares};
pub use terms::{Terms, Withheld, WithheldShare};
