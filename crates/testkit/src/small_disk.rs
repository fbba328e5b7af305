//! A disk that is really small: a test runs one of its binary's ignored tests with a file system of its own, in a mount
//! namespace that ends with the process.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::require;

const DIRECTORY: &str = "HAINA_TEST_SMALL_DISK";

/// Runs the ignored test `inner` of this binary with a disk of `size`, such as `6m`, at `directory`, which exists and
/// is empty. A visible skip where nothing can be mounted.
///
/// # Panics
/// Where the test fails, or nothing can be mounted but `small-disk` is required.
pub fn run(directory: &Path, size: &str, inner: &str) {
    let script = r#"mount -t tmpfs -o size="$1" none "$2" || exit 77; exec "$3" --exact "$4" --ignored --nocapture"#;
    let output = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", script, "sh", size])
        .arg(directory)
        .arg(std::env::current_exe().expect("a test knows its binary"))
        .arg(inner)
        .env(DIRECTORY, directory)
        .output();
    match output {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(text.contains("1 passed"), "{text}");
        }
        Ok(output) if output.status.code() == Some(101) => {
            panic!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        }
        _ => require::skip("small-disk", "cannot be mounted here (unshare --mount)"),
    }
}

/// In a test that [`run`] runs: where the small disk is. `None` where somebody else runs it.
pub fn directory() -> Option<PathBuf> {
    std::env::var_os(DIRECTORY).map(PathBuf::from)
}
