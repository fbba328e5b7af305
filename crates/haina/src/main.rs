//! The program: the server, and every command.

mod account;
mod admin;
mod agreement;
mod client;
mod command_line;
mod complaint;
mod connection;
mod database;
mod dates;
mod demo;
mod environment;
mod environments;
mod event_lines;
mod failed_task;
mod job;
mod job_logs;
mod job_metrics;
mod job_why;
mod jobs;
mod language;
mod login;
mod node;
mod node_discover;
mod organization;
mod own_center;
mod packages_files;
mod policy;
mod print;
mod printable;
mod profile;
mod quota;
mod shares;
mod shell;
mod simulate;
mod slurm;
mod statement;
mod submit;
mod table;
mod template;
mod terminal;
mod token;
mod top;
mod up;
mod up_directory;
mod up_failure;
mod user;
mod voucher;
mod wait;

use std::process::ExitCode;

fn main() -> ExitCode {
    // One of these runs beside every task for as long as it does: nothing else of the program is touched for it.
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    if slurm::is_called_by(&name)
        && let Some(code) = slurm::inside()
    {
        return code;
    }
    let first = arguments.next();
    if first.as_ref().is_some_and(|first| first == "enter") {
        let numbers: Vec<String> = arguments.filter_map(|text| text.into_string().ok()).collect();
        return haina_engine::enter(&numbers);
    }
    if first.as_ref().is_some_and(|first| first == "join") {
        let numbers: Vec<String> = arguments.filter_map(|text| text.into_string().ok()).collect();
        return haina_engine::join(&numbers);
    }
    if first.is_some_and(|first| first == "supervise") {
        return haina_engine::launch_supervisors();
    }
    if let Some(code) = slurm::inside() {
        return code;
    }
    match command_line::run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => complaint::report(&error),
    }
}
