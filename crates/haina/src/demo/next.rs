//! Where to go from the demo: lines that can be pasted as they are.

use std::path::Path;

use super::center::DemoCenter;
use crate::language::say;

/// Prints them.
pub fn print(center: &DemoCenter) {
    let (url, pid) = (&center.url, center.pid());
    println!(
        "\n{}",
        say(
            format!("The center goes on at {url} (process {pid}).\nTry next:"),
            format!("中心继续在 {url} 运行（进程 {pid}）。\n可继续尝试："),
        )
    );
    // The program need not be on anybody's path after `cargo xtask demo`.
    let program = std::env::current_exe().ok();
    if let Some(directory) = program.as_deref().and_then(Path::parent) {
        println!("  export PATH={}:$PATH", quoted(directory));
    }
    println!("  export HAINA_URL={url} HAINA_TOKEN=$(cat {})", quoted(&center.token_file()));
    for command in [
        "haina jobs --all",
        "haina job show 2",
        "haina job events 2",
        "haina nodes",
        "haina account ocean-institute --postings",
        "haina submit --organization ocean-institute --cards 1 --wait -- echo hello",
    ] {
        println!("  {command}");
    }
    println!("  curl {url}/api/openapi.json");
    let meaning = say(
        "ends the center; running jobs would go on, and be found again by the next one",
        "停止中心；正在运行的作业会继续，下次启动时重新接管",
    );
    println!("  kill {pid}    # {meaning}");
}

/// A path as a word of a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:,@%".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_whatever_it_holds() {
        assert_eq!(quoted(Path::new("/a/b-c.d")), "/a/b-c.d");
        assert_eq!(quoted(Path::new("/it's here")), r"'/it'\''s here'");
    }
}
