//! A storage of podman's with images that need no registry: they are made of programs of this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::require;

/// Programs that every image has, with the libraries that they need.
const PROGRAMS: [&str; 9] = ["sh", "cat", "env", "head", "id", "ls", "sleep", "tail", "touch"];

/// Arguments: the directory to fill, and the names of programs. A device file and a program that gives rights are there to
/// be left out and taken the right from.
const FILL: &str = r#"
set -e
root=$1
shift
mkdir -p "$root/bin" "$root/dev" "$root/root"
for name; do
    program=$(readlink -f "$(command -v "$name")")
    cp "$program" "$root/bin/$name"
    for library in $(ldd "$program" | grep -o '/[^ ]*'); do
        mkdir -p "$root${library%/*}"
        cp -L "$library" "$root$library"
    done
done
chmod 700 "$root/root"
chmod 6755 "$root/bin/id"
mknod "$root/dev/disk" b 8 0 2>/dev/null || :
tar -C "$root" -cf "$root.tar" .
"#;

/// Where podman keeps images that are the test's own.
pub struct Storage {
    directory: PathBuf,
}

impl Storage {
    /// In a directory of the test's. None, visibly, where podman is not installed, or this is not root: podman as an ordinary
    /// user needs more than the program.
    pub fn new(directory: &Path) -> Option<Storage> {
        if Command::new("podman").arg("--version").output().is_err() {
            require::skip("podman", "is not installed (Debian: apt-get install podman)");
            return None;
        }
        if Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout != b"0\n") {
            require::skip("root", "is needed for this test: podman as an ordinary user is not tried");
            return None;
        }
        Some(Storage { directory: directory.to_owned() })
    }

    /// Podman's root directory.
    pub fn root(&self) -> PathBuf {
        self.directory.join("storage")
    }

    /// Runs podman on it; what it printed.
    ///
    /// # Panics
    /// Where it fails.
    pub fn podman(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("podman");
        command.arg("--root").arg(self.root()).arg("--runroot").arg(self.root().join("run"));
        let output = command.args(arguments).output().expect("podman starts");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Makes an image of a few programs and of `files`, paths without a first slash and texts; `options` are those of
    /// `podman import`.
    ///
    /// # Panics
    /// Where it cannot be made.
    pub fn make(&self, name: &str, files: &[(&str, &str)], options: &[&str]) {
        let root = self.directory.join("image-files");
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a path of a file")).expect("a directory of the image");
            fs::write(path, text).expect("a file of the image");
        }
        let status = Command::new("sh").args(["-c", FILL, "sh"]).arg(&root).args(PROGRAMS).status();
        assert!(status.is_ok_and(|status| status.success()), "the image's files could not be gathered");
        let archive = root.with_extension("tar").display().to_string();
        self.podman(&[&["import", "--quiet"], options, &[&archive, name]].concat());
        fs::remove_dir_all(&root).expect("the image's files are removed");
        fs::remove_file(archive).expect("the archive is removed");
    }

    /// Makes `localhost/tiny:1`, which says what it is.
    pub fn make_tiny(&self) {
        let files = [("etc/os-release", "ID=tiny\n"), ("srv/app/words", "of the image\n"), ("root/kept", "")];
        let changes =
            ["--change", "ENV=GREETING=hello", "--change", "WORKDIR=/srv/app", "--change", "ENTRYPOINT=/bin/no"];
        self.make("localhost/tiny:1", &files, &changes);
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        // Podman may leave its directory mounted on itself, so that nobody could remove it.
        _ = Command::new("umount").arg("--quiet").arg(self.root().join("overlay")).status();
    }
}
