//! What a task is confined to, as its order says it; and the options of the sandbox program, bwrap(1).

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::groups::TaskGroup;
use super::image_scene;
use super::loader::Loader;

/// The confinement of one task. Part of its order: the supervisor carries it out without asking anybody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    /// The sandbox program with its options, up to the program that is to run in it; none where there is no such
    /// program on this machine.
    pub wrapper: Vec<String>,
    /// The program that gives up rights and then starts the task, seen from inside, with its arguments; none where there
    /// is nothing to give up.
    pub enter: Vec<String>,
    /// User and group number of the task; the server's own if absent.
    pub user: Option<u32>,
    /// Groups that the device files of its cards belong to, where not everybody may open them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub device_groups: Vec<u32>,
    /// What of the file system it may touch, for the kernel to enforce once more; see landlock(7).
    pub files: Option<FileRules>,
    /// Its control groups.
    pub groups: Vec<TaskGroup>,
}

/// Everything below these may be touched, and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRules {
    /// Read and executed.
    pub read: Vec<PathBuf>,
    /// Also written.
    pub write: Vec<PathBuf>,
}

/// Where the entering program is seen in a sandbox.
pub const ENTRY: &str = "/run/haina-enter";

/// What a sandbox shows.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// Read-only, at their own place; what does not exist is left out.
    pub read: Vec<PathBuf>,
    /// Writable, at their own place; these must exist.
    pub write: Vec<PathBuf>,
    /// Device files.
    pub devices: Vec<PathBuf>,
    /// Files that stand in for others: what, and where it is seen.
    pub replaced: Vec<(PathBuf, PathBuf)>,
    /// The files of an image, in the place of [`SYSTEM`].
    pub image: Option<PathBuf>,
    /// A directory that is made where the image has none.
    pub made: Option<PathBuf>,
    /// What the machine is called inside.
    pub hostname: String,
    /// The program that is seen as [`ENTRY`].
    pub entry: PathBuf,
}

/// What every program needs of the system.
pub const SYSTEM: [&str; 10] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/sys"];

/// Of these the one with the most mounts below it: bwrap reads the list of all mounts anew for each that it makes.
const LAST: &str = "/sys";

impl Scene {
    /// The options of bwrap that make it. What comes later covers what came before. Rights are needed inside only to
    /// become another user, who then has none.
    pub fn options(&self, becomes_user: bool, loader: &Loader) -> io::Result<Vec<String>> {
        let system = match &self.image {
            None => system(),
            Some(root) => self.image_options(root)?,
        };
        let mut options: Vec<String> = Vec::new();
        let mut add = |words: &[&str]| options.extend(words.iter().map(|word| (*word).to_owned()));
        // Pid 1 of the sandbox is the entering program; with it everything in the sandbox ends.
        add(&["--die-with-parent", "--unshare-pid", "--as-pid-1", "--unshare-ipc", "--unshare-uts"]);
        if !becomes_user {
            add(&["--cap-drop", "ALL"]);
        }
        add(&["--hostname", hostname(&self.hostname)]);
        // The root of a sandbox is an empty file system of its own, in memory.
        add(&system.iter().map(String::as_str).collect::<Vec<_>>());
        add(&["--proc", "/proc", "--dev", "/dev", "--dir", "/run", "--dir", "/var"]);
        // Shared memory of MPI, of Python's multiprocessing; part of /dev, and so the sandbox's own.
        add(&["--chmod", "1777", "/dev/shm"]);
        // An image is read-only, also where it has a directory for what is not to be kept.
        let fresh = if self.image.is_some() { "--tmpfs" } else { "--dir" };
        for path in ["/tmp", "/var/tmp"] {
            add(&["--perms", "1777", fresh, path]);
        }
        match self.image {
            None => add(&["--ro-bind-try", "/run/systemd/resolve", "/run/systemd/resolve"]),
            Some(_) => {
                for path in ["/etc/resolv.conf", "/etc/hosts"] {
                    add(&["--ro-bind-try", path, path]);
                }
            }
        }
        // What bwrap itself makes on the way to a path, only root may enter.
        let all = self.places();
        let mut ways: BTreeSet<&Path> = all.iter().flat_map(|path| path.ancestors().skip(1)).collect();
        ways.extend(self.made_anew());
        for way in ways.into_iter().filter(|way| *way != Path::new("/")) {
            add(&["--dir", &shown(way)]);
        }
        for path in &self.read {
            add(&["--ro-bind-try", &shown(path), &shown(path)]);
        }
        for path in &self.devices {
            add(&["--dev-bind-try", &shown(path), &shown(path)]);
        }
        for path in &self.write {
            add(&["--bind", &shown(path), &shown(path)]);
        }
        for (from, to) in &self.replaced {
            add(&["--ro-bind", &shown(from), &shown(to)]);
        }
        add(&loader.options().iter().map(String::as_str).collect::<Vec<_>>());
        add(&["--ro-bind", &shown(&self.entry), ENTRY, "--ro-bind-try", LAST, LAST, "--"]);
        Ok(options)
    }

    /// Where something is shown that is not the system's or the image's.
    fn places(&self) -> Vec<&Path> {
        let all = self.read.iter().chain(&self.write).chain(&self.devices);
        all.map(PathBuf::as_path).chain(self.made_anew()).collect()
    }

    /// The directory that the image has not.
    fn made_anew(&self) -> Option<&Path> {
        let (root, directory) = (self.image.as_deref()?, self.made.as_deref()?);
        image_scene::lacks(root, directory).then_some(directory)
    }

    fn image_options(&self, root: &Path) -> io::Result<Vec<String>> {
        image_scene::options(root, &self.places())
    }

    /// Whether a file of the machine would be seen.
    pub fn shows(&self, file: &Path) -> bool {
        let seen = SYSTEM.iter().filter(|_| self.image.is_none()).map(Path::new);
        let seen = seen.chain(self.read.iter().map(PathBuf::as_path)).chain(self.write.iter().map(PathBuf::as_path));
        seen.filter_map(|path| path.canonicalize().ok()).any(|path| file.starts_with(path))
    }

    /// The same as rules for the kernel.
    pub fn rules(&self) -> FileRules {
        let system = SYSTEM.map(PathBuf::from).into_iter().chain([PathBuf::from("/run")]);
        let always = ["/tmp", "/var/tmp", "/dev", "/proc"].map(PathBuf::from);
        FileRules {
            read: system.chain(self.read.iter().cloned()).chain([self.entry.clone(), PathBuf::from("/")]).collect(),
            write: always.into_iter().chain(self.write.iter().cloned()).chain(self.devices.iter().cloned()).collect(),
        }
    }
}

/// The options of bwrap that show this machine's system.
fn system() -> Vec<String> {
    let shown_at = |path: &str| match std::fs::read_link(path) {
        // A merged /usr: /bin is a link to usr/bin.
        Ok(target) => ["--symlink".to_owned(), shown(&target), path.to_owned()],
        Err(_) => ["--ro-bind-try", path, path].map(str::to_owned),
    };
    SYSTEM.into_iter().filter(|path| *path != LAST).flat_map(shown_at).collect()
}

/// The kernel takes 64 bytes.
fn hostname(name: &str) -> &str {
    let mut end = name.len().min(64);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_of_a_node_is_cut_where_the_kernel_would_refuse_it() {
        assert_eq!(hostname("node-1"), "node-1");
        assert_eq!(hostname(&"x".repeat(200)).len(), 64);
        assert_eq!(hostname(&"节".repeat(40)).len(), 63);
    }
}
