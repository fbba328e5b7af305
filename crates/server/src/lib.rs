//! The HTTP interface: routes, authentication, authorization, and how things are shown.
//!
//! Every rule of the center is decided by `haina-center`, behind `haina-runtime`; in here are only the questions who
//! asks, what they may see, and how it is written down. The table of routes and the OpenAPI document are one thing.

mod app;
mod caller;
mod document;
mod event_stream;
mod event_text;
mod failure;
mod input;
mod jobs_seen;
mod latencies;
mod logs;
mod merged_logs;
mod metrics;
mod reply;
mod routes;
mod serve;
mod shell;
mod shown;
mod shown_agreed;
mod shown_job;
mod shown_statement;
mod shown_waiting;

pub use document::{document, router};
pub use serve::serve;
