//! The program: the server, and every command.

mod account;
mod client;
mod command_line;
mod complaint;
mod connection;
mod demo;
mod environment;
mod event_lines;
mod job;
mod job_logs;
mod jobs;
mod language;
mod login;
mod node;
mod print;
mod profile;
mod submit;
mod table;
mod terminal;
mod token;
mod up;
mod up_directory;
mod up_failure;
mod user;
mod wait;

use std::process::ExitCode;

fn main() -> ExitCode {
    // One of these runs beside every task for as long as it does: nothing else of the program is touched for it.
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next();
    if first.as_ref().is_some_and(|first| first == "enter") {
        let numbers: Vec<String> = arguments.filter_map(|text| text.into_string().ok()).collect();
        return haina_engine::enter(&numbers);
    }
    if first.is_some_and(|first| first == "supervise") {
        return haina_engine::launch_supervisors();
    }
    match command_line::run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => complaint::report(&error),
    }
}
