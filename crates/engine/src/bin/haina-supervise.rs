//! The supervisor alone, for this crate's own tests; the product runs it as `haina supervise DIR`.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        Some(directory) => haina_engine::supervise(Path::new(&directory)),
        None => ExitCode::from(2),
    }
}
