//! An image's root file system as what a sandbox shows.
//!
//! It is shown read-only and in parts: a directory in which the sandbox makes a place for something else, such as the
//! task's home, is the sandbox's own, and what the image has in it is shown part by part.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the libraries are seen that the entering program needs: the image may have others, or none.
const LIBRARIES: &str = "/run/haina-libraries";

/// What the sandbox makes itself.
const OWN: [&str; 6] = ["/proc", "/dev", "/sys", "/tmp", "/run", "/var/tmp"];

/// An image's root.
#[derive(Clone, Debug)]
pub struct ImageRoot {
    root: PathBuf,
    /// The entering program's loader and libraries, on this machine; none where it needs none.
    pub libraries: Vec<PathBuf>,
}

impl ImageRoot {
    /// The image that is unpacked there.
    pub fn new(root: PathBuf) -> ImageRoot {
        ImageRoot { root, libraries: own_libraries() }
    }

    /// The options of bwrap that show it, where these paths are to be shown from the machine.
    pub fn options<'a>(&self, others: impl Iterator<Item = &'a PathBuf>) -> Vec<String> {
        let others: BTreeSet<&Path> = others.map(PathBuf::as_path).chain(OWN.map(Path::new)).collect();
        let opened: BTreeSet<&Path> = others.iter().flat_map(|path| path.ancestors().skip(1)).collect();
        let mut options = Vec::new();
        self.show(Path::new("/"), &others, &opened, &mut options);
        options
    }

    fn show(&self, place: &Path, others: &BTreeSet<&Path>, opened: &BTreeSet<&Path>, options: &mut Vec<String>) {
        let inside = self.root.join(place.strip_prefix("/").unwrap_or(place));
        let mut entries: Vec<_> = fs::read_dir(inside).into_iter().flatten().flatten().collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, Ok(kind)) = (place.join(entry.file_name()), entry.file_type()) else { continue };
            let Some(text) = path.to_str() else { continue };
            if others.contains(path.as_path()) {
                continue;
            }
            if opened.contains(path.as_path()) {
                // Even where the image has a link or a file there.
                if kind.is_dir() {
                    options.extend(["--dir", text].map(str::to_owned));
                    self.show(&path, others, opened, options);
                }
            } else if kind.is_symlink() {
                if let Some(target) =
                    fs::read_link(entry.path()).ok().and_then(|target| target.to_str().map(str::to_owned))
                {
                    options.extend(["--symlink".to_owned(), target, text.to_owned()]);
                }
            } else if let Some(source) = entry.path().to_str() {
                options.extend(["--ro-bind", source, text].map(str::to_owned));
            }
        }
    }

    /// Where a library is seen.
    pub fn seen(library: &Path) -> PathBuf {
        Path::new(LIBRARIES).join(library.file_name().unwrap_or_default())
    }

    /// The words before the entering program: the machine's loader with the machine's libraries.
    pub fn loader(&self) -> Vec<String> {
        let loader = self.libraries.iter().find(|library| is_loader(library));
        let words = loader.map(|loader| {
            [ImageRoot::seen(loader).display().to_string(), "--library-path".to_owned(), LIBRARIES.to_owned()]
        });
        words.into_iter().flatten().collect()
    }
}

fn is_loader(library: &Path) -> bool {
    library.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"ld-"))
}

/// The parts of the C library, by how their names begin: what this program is linked with.
const PARTS: [&str; 9] =
    ["ld-linux", "ld-musl", "libc.so", "libm.so", "libgcc_s.so", "libpthread.so", "libdl.so", "librt.so", "libc.musl"];

/// What of the C library this process itself has loaded.
fn own_libraries() -> Vec<PathBuf> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let files = maps.lines().filter_map(|line| Some(PathBuf::from(&line[line.find('/')?..])));
    let is_part = |file: &PathBuf| {
        let name = file.file_name().and_then(OsStr::to_str).unwrap_or_default();
        PARTS.iter().any(|part| name.starts_with(part))
    };
    files.filter(is_part).collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_on_the_way_to_other_paths_is_shown_in_parts() {
        let image = tempfile::tempdir().unwrap();
        for directory in ["usr/bin", "home/app", "var/lib", "var/tmp", "proc", "data/public"] {
            fs::create_dir_all(image.path().join(directory)).unwrap();
        }
        std::os::unix::fs::symlink("usr/bin", image.path().join("bin")).unwrap();
        std::os::unix::fs::symlink("/var", image.path().join("srv")).unwrap();
        let root = ImageRoot { root: image.path().to_owned(), libraries: Vec::new() };
        let others = ["/home/center/work", "/data/public", "/srv/models"].map(PathBuf::from);
        let options = root.options(others.iter()).join(" ").replace(&image.path().display().to_string(), "IMAGE");
        // `srv` is a link in the image: what the machine shows below it must not follow it.
        let shown = "--symlink usr/bin /bin --dir /data --dir /home --ro-bind IMAGE/home/app /home/app \
                     --ro-bind IMAGE/usr /usr --dir /var --ro-bind IMAGE/var/lib /var/lib";
        assert_eq!(options, shown);
    }
}
