//! The vocabulary that every other crate speaks: ids, quantities, time, job shapes, refusals, effects.
//!
//! Nothing here decides anything, reads a clock, or does I/O.

pub mod actor;
pub mod agreement;
pub mod allocation;
pub mod center_definition;
pub mod center_id;
pub mod digest;
pub mod effect;
pub mod failpoint;
pub mod ids;
pub mod image;
pub mod job;
pub mod job_token;
pub mod local_definition;
pub mod machine;
pub mod money;
pub mod month;
pub mod organization;
pub mod phrase;
pub mod policy;
pub mod programme;
pub mod quantity;
pub mod quota;
pub mod reason;
pub mod refusal;
pub mod report;
pub mod time;
pub mod topology;

pub use actor::{Actor, Role};
pub use agreement::{AgreementTerms, AtEnd, Document};
pub use allocation::{Allocation, CardSlot, NodeShare};
pub use center_id::CenterId;
pub use digest::Digest;
pub use effect::{Effect, Launch, Stop};
pub use ids::*;
pub use image::{ImageReference, is_image_source};
pub use job::*;
pub use job_token::JobTokens;
pub use machine::{Card, CardReading, ChipPort, Health, Machine, SuperPodPlace, UnusableCard};
pub use money::{Currency, Money};
pub use month::Month;
pub use organization::{OrganizationKind, Qualification};
pub use phrase::{Kind, Phrase, both};
pub use policy::{Backfill, Entitlement, Order, Placement, Policy, PriorityWeights};
pub use programme::ProgrammeRules;
pub use quantity::{Bytes, CardMillis, CardUse, CpuMillis};
pub use quota::{Quota, QuotaLevel, QuotaScope};
pub use reason::WaitReason;
pub use refusal::{Category, Code, Language, Refusal};
pub use report::{Ending, FailedTask, Report, TaskUse};
pub use time::{Milliseconds, Timestamp};
pub use topology::{Force, Level, Topology};
