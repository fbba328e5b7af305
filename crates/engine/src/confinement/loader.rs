//! The entering program inside an image, which need not have the C library that it was built for: it brings its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where a sandbox shows what the entering program is loaded with.
const DIRECTORY: &str = "/run/haina-loader";

/// What loads a program of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loader {
    /// The program that loads it; none for one that needs nothing.
    interpreter: Option<PathBuf>,
    libraries: Vec<PathBuf>,
}

impl Loader {
    /// Asks ldd(1).
    pub fn of(program: &Path) -> Result<Loader, String> {
        let output = Command::new("/usr/bin/ldd").arg(program).env_clear().stdin(Stdio::null()).output();
        let output = output.map_err(|error| format!("ldd: {error}"))?;
        let said = String::from_utf8_lossy(&output.stdout);
        match output.status.success() {
            true => Ok(Loader::read(&said)),
            false if String::from_utf8_lossy(&output.stderr).contains("not a dynamic executable") => {
                Ok(Loader::default())
            }
            false => Err(format!("ldd: {}", String::from_utf8_lossy(&output.stderr).trim())),
        }
    }

    fn read(said: &str) -> Loader {
        let mut loader = Loader::default();
        for line in said.lines() {
            let line = line.trim().rsplit_once(" (").map_or(line.trim(), |(line, _)| line);
            match line.split_once(" => ") {
                Some((_, path)) => loader.libraries.push(PathBuf::from(path)),
                None if line.starts_with('/') => loader.interpreter = Some(PathBuf::from(line)),
                // The kernel's own.
                None => {}
            }
        }
        loader
    }

    /// The options of bwrap that show it.
    pub fn options(&self) -> Vec<String> {
        let files = self.interpreter.iter().chain(&self.libraries);
        files.flat_map(|path| ["--ro-bind".to_owned(), path.display().to_string(), seen(path)]).collect()
    }

    /// The words that start `program` with it.
    pub fn words(&self, program: &str) -> Vec<String> {
        match &self.interpreter {
            Some(path) => [&seen(path), "--library-path", DIRECTORY, program].map(str::to_owned).into(),
            None => vec![program.to_owned()],
        }
    }
}

fn seen(path: &Path) -> String {
    format!("{DIRECTORY}/{}", path.file_name().unwrap_or_default().to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_started_by_the_loader_that_it_was_built_for() {
        let loader = Loader::read(
            "\tlinux-vdso.so.1 (0x00007fe7)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007fe7)\n\
             \t/lib64/ld-linux-x86-64.so.2 (0x00007fe7)\n",
        );
        assert_eq!(loader.libraries, [PathBuf::from("/lib/x86_64-linux-gnu/libc.so.6")]);
        let words = loader.words("/run/enter");
        assert_eq!(words[0], "/run/haina-loader/ld-linux-x86-64.so.2");
        assert_eq!(words[3], "/run/enter");
        assert_eq!(Loader::default().words("/run/enter"), ["/run/enter"]);
    }
}
