//! The supervisor alone, for this crate's own tests; the product runs it as `haina supervise`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, rest)) if first == "enter" => haina_engine::enter(rest),
        Some((first, rest)) if first == "join" => haina_engine::join(rest),
        _ => haina_engine::launch_supervisors(),
    }
}
