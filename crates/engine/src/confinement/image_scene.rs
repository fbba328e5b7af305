//! How the files of an image become the root of a sandbox.
//!
//! The root is an empty file system in memory, as without an image; what the image has is shown in it, read-only and as
//! large as possible. Only on the way to what else is shown, such as the job's own directory, directories are made anew
//! and shown entry by entry: nothing can be mounted where a read-only file system has no directory for it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// What a sandbox has of its own at the top.
const OWN: [&str; 5] = ["dev", "proc", "run", "sys", "tmp"];

/// The options of bwrap that show the image at `root`, with directories that can be mounted into on the way to each of
/// `places`.
pub fn options(root: &Path, places: &[&Path]) -> io::Result<Vec<String>> {
    let ways: BTreeSet<&Path> = places.iter().flat_map(|path| path.ancestors().skip(1)).collect();
    let mut options = Vec::new();
    show(root, Path::new("/"), &ways, &mut options)?;
    Ok(options)
}

fn show(root: &Path, at: &Path, ways: &BTreeSet<&Path>, options: &mut Vec<String>) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(inside(root, at))?.collect::<io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        if at == Path::new("/") && OWN.iter().any(|own| name == *own) {
            continue;
        }
        let seen = at.join(name);
        let kind = entry.file_type()?;
        if ways.contains(seen.as_path()) {
            // A link would lead the mounts below it elsewhere.
            if kind.is_dir() {
                options.extend(["--dir".to_owned(), shown(&seen)]);
                show(root, &seen, ways, options)?;
            }
        } else if kind.is_symlink() {
            let target = fs::read_link(entry.path())?;
            options.extend(["--symlink".to_owned(), shown(&target), shown(&seen)]);
        } else {
            options.extend(["--ro-bind".to_owned(), shown(&entry.path()), shown(&seen)]);
        }
    }
    Ok(())
}

/// Whether the image surely has no such directory: the sandbox must make it.
pub fn lacks(root: &Path, directory: &Path) -> bool {
    let mut at = root.to_owned();
    for part in directory.components().filter(|part| matches!(part, Component::Normal(_))) {
        at.push(part);
        match fs::symlink_metadata(&at) {
            // Where it leads is for those inside.
            Ok(found) if found.is_symlink() => return false,
            Ok(_) => {}
            Err(_) => return true,
        }
    }
    false
}

fn inside(root: &Path, at: &Path) -> PathBuf {
    root.join(at.strip_prefix("/").unwrap_or(at))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_shown_as_a_whole_but_on_the_way_to_what_else_is_shown() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        for directory in ["usr/bin", "var/lib/apt", "var/lib/haina", "var/log", "proc", "srv"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        std::os::unix::fs::symlink("usr/bin", root.join("bin")).unwrap();
        std::os::unix::fs::symlink("/usr", root.join("opt")).unwrap();
        let places = ["/var/lib/haina/work", "/opt/driver/lib", "/srv"].map(Path::new);
        let bind = |path: &str| vec!["--ro-bind".to_owned(), format!("{}{path}", root.display()), path.to_owned()];
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let expected = [
            words("--symlink usr/bin /bin"),
            bind("/srv"),
            bind("/usr"),
            words("--dir /var --dir /var/lib"),
            bind("/var/lib/apt"),
            words("--dir /var/lib/haina"),
            bind("/var/log"),
        ];
        assert_eq!(options(root, &places).unwrap(), expected.concat());
        assert!(lacks(root, Path::new("/usr/share")) && !lacks(root, Path::new("/usr/bin/")));
        assert!(!lacks(root, Path::new("/bin/x")) && !lacks(root, Path::new("/")));
    }
}
