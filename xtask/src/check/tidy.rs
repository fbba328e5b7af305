//! Rules that reviewers would otherwise repeat.

use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::workspace;

/// Lines of code that one file may have: neither blank nor comment alone.
const LINES_MOST: usize = 800;

/// The crates that compute and do nothing else.
const PURE: [&str; 5] = ["core", "scheduler", "ledger", "center", "simulator"];

/// What a pure crate's product code does not name, and why.
const FORBIDDEN: &[(&str, &str)] = &[
    ("SystemTime", "time is handed in"),
    ("Instant::", "time is handed in"),
    ("HashMap", "its order differs from run to run: BTreeMap"),
    ("HashSet", "its order differs from run to run: BTreeSet"),
    ("thread_rng", "randomness is handed in"),
    ("std::env", "the environment is no input"),
    ("std::fs", "no files"),
    ("std::net", "no network"),
    ("std::process", "no processes"),
    ("std::thread", "no threads"),
    ("async fn", "nothing to wait for"),
    ("f32", "floats differ between platforms"),
    ("f64", "floats differ between platforms"),
];

/// The named exceptions.
const EXCEPTIONS: &[(&str, &[&str])] = &[
    // Tests kill the process at named points, and want to see that it was so; see its module comment.
    ("crates/core/src/failpoint.rs", &["std::env", "std::process", "std::fs"]),
];

/// Where the product reads its environment: each variable is declared once.
const READS_ENVIRONMENT: &[&str] = &[
    // All variables of the command line.
    "crates/haina/src/environment.rs",
    // What tasks inherit.
    "crates/engine/src/variables.rs",
    // The failpoint, and handing it on to supervisors.
    "crates/core/src/failpoint.rs",
    "crates/engine/src/local/launcher.rs",
];

/// Checks all Rust sources.
///
/// # Errors
/// With every complaint.
pub fn check() -> anyhow::Result<()> {
    let (files, complaints) = complaints()?;
    if !complaints.is_empty() {
        bail!("{}", complaints.join("\n"));
    }
    println!("{files} files are tidy");
    Ok(())
}

fn complaints() -> anyhow::Result<(usize, Vec<String>)> {
    let mut files = Vec::new();
    for directory in ["crates", "xtask"] {
        rust_files(&workspace::root().join(directory), &mut files)?;
    }
    files.sort();
    let mut complaints = Vec::new();
    for path in &files {
        let name = path.strip_prefix(workspace::root()).unwrap_or(path).to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path)?;
        complaints.extend(about_length(&name, &text));
        let of_product = name.starts_with("crates/") && name.contains("/src/") && !name.starts_with("crates/testkit/");
        if of_product && !READS_ENVIRONMENT.contains(&&*name) {
            complaints.extend(about_environment(&name, &text));
        }
        if PURE.iter().any(|krate| name.starts_with(&format!("crates/{krate}/src/"))) {
            complaints.extend(about_purity(&name, &text));
        }
    }
    Ok((files.len(), complaints))
}

fn rust_files(directory: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            rust_files(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

fn is_code(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with("//")
}

fn about_length(name: &str, text: &str) -> Option<String> {
    let lines = text.lines().filter(|line| is_code(line)).count();
    (lines > LINES_MOST).then(|| format!("{name} has {lines} lines of code: split it by idea ({LINES_MOST} at most)"))
}

/// The lines of the product, with their numbers: tests stand at the end of a file, and may do what they like.
fn product_code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let product = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
    product.enumerate().map(|(index, line)| (index + 1, line)).filter(|(_, line)| is_code(line))
}

fn about_environment(name: &str, text: &str) -> Vec<String> {
    let reads = product_code(text).filter(|(_, line)| line.contains("env::var"));
    reads
        .map(|(number, _)| format!("{name}:{number}: the environment is read in crates/haina/src/environment.rs"))
        .collect()
}

fn about_purity(name: &str, text: &str) -> Vec<String> {
    let exceptions = EXCEPTIONS.iter().find(|(file, _)| *file == name).map_or(&[][..], |(_, words)| words);
    let mut complaints = Vec::new();
    for (number, line) in product_code(text) {
        for (word, why) in FORBIDDEN {
            if line.contains(word) && !exceptions.contains(word) {
                complaints.push(format!("{name}:{number}: `{word}` in a pure crate: {why}"));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_sources_are_tidy() {
        let (files, complaints) = complaints().unwrap();
        assert!(files > 50, "the sources are found");
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    }

    #[test]
    fn a_clock_in_a_pure_crate_is_seen_but_not_in_its_tests_or_comments() {
        let text =
            "// Instant::now is not called\nlet now = Instant::now();\n#[cfg(test)]\nlet now = Instant::now();\n";
        let complaints = about_purity("crates/center/src/state.rs", text);
        assert_eq!(complaints, ["crates/center/src/state.rs:2: `Instant::` in a pure crate: time is handed in"]);
    }

    #[test]
    fn a_file_of_801_lines_of_code_is_too_long() {
        let text = "let x = 1;\n\n// why\n".repeat(801);
        assert!(about_length("a.rs", &text).is_some());
        assert!(about_length("a.rs", &text[..text.len() - 20]).is_none());
    }
}
