//! Which device files the kernel lets a task open, whatever it sees: the `devices` controller of control groups of version
//! 1 (see the kernel's "Device Whitelist Controller"). Version 2 has no such files; there a program of the kernel (BPF)
//! would have to be loaded, which Haina does not do.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::groups::{ALLOW_DEVICES, DENY_DEVICES, Hierarchy, TaskGroup};

/// What programs need beside cards: null, zero, full, random, urandom; tty, ptmx and the terminals behind it.
const COMMON: [&str; 8] = ["1:3", "1:5", "1:7", "1:8", "1:9", "5:0", "5:2", "136:*"];

/// The group of a task that may open these device files and the common ones, and no others; reading and writing only.
pub fn plan(hierarchy: &Hierarchy, node: &str, task: &str, devices: &[PathBuf]) -> TaskGroup {
    let numbers = COMMON.iter().map(|number| format!("c {number}")).chain(devices.iter().filter_map(|path| name(path)));
    let allowed = numbers.map(|name| (ALLOW_DEVICES.to_owned(), format!("{name} rw")));
    let denied = (DENY_DEVICES.to_owned(), "a".to_owned());
    TaskGroup {
        node: hierarchy.base.join(node),
        task: task.to_owned(),
        limits: std::iter::once(denied).chain(allowed).collect(),
        controllers: Vec::new(),
    }
}

/// A device as the controller calls it: `c 195:0`.
fn name(path: &Path) -> Option<String> {
    let found = fs::metadata(path).ok()?;
    let is_device = found.file_type().is_char_device();
    is_device.then(|| format!("c {}:{}", rustix::fs::major(found.rdev()), rustix::fs::minor(found.rdev())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_denied_before_its_own_is_allowed() {
        let hierarchy = Hierarchy { base: "/cg/devices/haina".into(), unified: false };
        let devices = ["/dev/null", "/dev/full", "/etc/passwd", "/no/such"].map(PathBuf::from);
        let group = plan(&hierarchy, "7.1-0", "task-1", &devices);
        assert_eq!((group.node.to_str(), &group.task[..]), (Some("/cg/devices/haina/7.1-0"), "task-1"));
        assert_eq!(group.limits[0], ("devices.deny".to_owned(), "a".to_owned()));
        let allowed: Vec<&str> = group.limits[1..].iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(allowed[COMMON.len()..], ["c 1:3 rw", "c 1:7 rw"]);
    }
}
