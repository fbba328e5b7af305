//! The files of Python packages that a job file names: read here and sent as what is in them.

use std::io;
use std::path::{Path, PathBuf};

use haina_api::{JobSpec, PackagesFileKind, PackagesFileSpec, PythonSpec};
use haina_core::{Code, Refusal, both};

use crate::complaint::{Complaint, FAILED};
use crate::language::say;

/// Puts what is in the files in the place of their names, which are relative to the job file's directory.
pub fn read_into(job: &mut JobSpec, directory: &Path) -> Result<(), Complaint> {
    let Some(python) = &mut job.python else { return Ok(()) };
    read_packages(python, directory).map_err(|(path, error)| {
        let what = say(
            format!("the file {}, which the job file names, cannot be read", path.display()),
            format!("无法读取作业文件所指的文件 {}", path.display()),
        );
        Complaint::new(FAILED, what).because(error)
    })
}

/// The same for packages that a center file asks for, whose files have absolute paths.
pub fn read_for_center(python: &mut PythonSpec) -> Result<(), Refusal> {
    read_packages(python, Path::new("/")).map_err(|(path, error)| {
        let detail = both(
            format!("the file {}, which [[local.environments]] names, cannot be read: {error}", path.display()),
            format!("无法读取 [[local.environments]] 所指的文件 {}：{error}", path.display()),
        );
        Refusal::new(Code::InvalidRequest).with_phrase("detail", detail)
    })
}

fn read_packages(python: &mut PythonSpec, directory: &Path) -> Result<(), (PathBuf, io::Error)> {
    // What is given twice is refused where everything else is.
    match (&python.requirements, &python.requirements_file, &python.lock_file, &python.file) {
        (None, Some(file), None, None) => {
            let text = read(directory.join(file))?;
            python.file = Some(PackagesFileSpec { kind: PackagesFileKind::Requirements, text, project: None });
            python.requirements_file = None;
        }
        (None, None, Some(file), None) => {
            let path = directory.join(file);
            let kind = lock_kind(&path);
            let project = match kind {
                PackagesFileKind::UvLock => Some(read(path.with_file_name("pyproject.toml"))?),
                _ => None,
            };
            python.file = Some(PackagesFileSpec { kind, text: read(path)?, project });
            python.lock_file = None;
        }
        _ => {}
    }
    Ok(())
}

/// By the names that the tools themselves ask for; see PEP 751.
fn lock_kind(path: &Path) -> PackagesFileKind {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match name {
        "uv.lock" => PackagesFileKind::UvLock,
        name if name.starts_with("pylock.") && name.ends_with("toml") => PackagesFileKind::Pylock,
        _ => PackagesFileKind::HashedRequirements,
    }
}

fn read(path: PathBuf) -> Result<String, (PathBuf, io::Error)> {
    std::fs::read_to_string(&path).map_err(|error| (path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_is_known_by_its_name() {
        for (name, kind) in [
            ("a/uv.lock", PackagesFileKind::UvLock),
            ("pylock.toml", PackagesFileKind::Pylock),
            ("pylock.train.toml", PackagesFileKind::Pylock),
            ("requirements.lock.txt", PackagesFileKind::HashedRequirements),
        ] {
            assert_eq!(lock_kind(Path::new(name)), kind, "{name}");
        }
    }
}
