//! One resource a file.

pub mod accounts;
pub mod adjustments;
pub mod agreements;
pub mod center;
pub mod environments;
pub mod events;
pub mod health;
pub mod job;
pub mod job_attempts;
pub mod job_events;
pub mod job_logs;
pub mod job_metrics;
pub mod job_shell;
pub mod jobs;
pub mod nodes;
pub mod organizations;
pub mod policy;
pub mod quotas;
pub mod shares;
pub mod tokens;
pub mod users;
pub mod vouchers;
