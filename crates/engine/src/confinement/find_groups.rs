//! Finding the control groups in which this process may make others, from `/proc/self/mountinfo` and
//! `/proc/self/cgroup`; see cgroups(7).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::groups::{Controller, Hierarchy, enable};

/// A mounted hierarchy.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    /// Where.
    point: PathBuf,
    /// Which of its groups is seen at that place.
    root: String,
    /// Version 1: its controllers; version 2: none.
    controllers: Option<Vec<String>>,
}

/// Where groups with this controller can be made, below a group of this name. The error is for people.
pub fn find(controller: Controller, name: &str) -> Result<Hierarchy, String> {
    let mounts = mounts(&read("/proc/self/mountinfo")?);
    let own = read("/proc/self/cgroup")?;
    let word = controller.name();
    let first = mounts.iter().find(|mount| mount.controllers.as_ref().is_some_and(|all| all.iter().any(|c| c == word)));
    if let Some(mount) = first {
        let group = own_group(&own, Some(word)).ok_or("this process is in no group of it")?;
        let base = below(mount, &group)?.join(name);
        probe(controller, &base, false)?;
        return Ok(Hierarchy { base, unified: false });
    }
    if controller == Controller::Devices {
        return Err("control groups of version 1 with `devices` are not mounted".to_owned());
    }
    let unified = mounts.iter().find(|mount| mount.controllers.is_none());
    let mount = unified.ok_or_else(|| format!("no control group hierarchy with `{word}` is mounted"))?;
    let group = own_group(&own, None).ok_or("this process is in no group of version 2")?;
    // It may have moved there for another controller, or be the child of one that has.
    let group = group.strip_suffix("/haina-server").map_or(group.clone(), str::to_owned);
    let home = below(mount, &group)?;
    delegate(&home, controller)?;
    let base = home.join(name);
    fs::create_dir_all(&base).map_err(|error| format!("{}: {error}", base.display()))?;
    enable(&base, &[word.to_owned()]).map_err(|error| format!("{}: {error}", base.display()))?;
    probe(controller, &base, true)?;
    Ok(Hierarchy { base, unified: true })
}

/// The group with this controller that this process is in, and those above it, as far as they are seen here.
pub fn own(controller: Controller) -> Vec<PathBuf> {
    let word = controller.name();
    let found = || -> Result<Vec<PathBuf>, String> {
        let mounts = mounts(&read("/proc/self/mountinfo")?);
        let has = |mount: &Mount| mount.controllers.as_ref().is_some_and(|all| all.iter().any(|name| name == word));
        let first = mounts.iter().find(|mount| has(mount));
        let mount =
            first.or_else(|| mounts.iter().find(|mount| mount.controllers.is_none())).ok_or("none is mounted")?;
        let group = own_group(&read("/proc/self/cgroup")?, first.map(|_| word)).ok_or("this process is in none")?;
        let own = below(mount, &group)?;
        Ok(own.ancestors().take_while(|path| path.starts_with(&mount.point)).map(Path::to_owned).collect())
    };
    found().unwrap_or_default()
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
}

/// See proc(5) on mountinfo: the fields after ` - ` are the type, the source and the options of the file system.
fn mounts(text: &str) -> Vec<Mount> {
    let mount = |line: &str| {
        let (place, kind) = line.split_once(" - ")?;
        let place: Vec<&str> = place.split(' ').collect();
        let kind: Vec<&str> = kind.split(' ').collect();
        let controllers = match *kind.first()? {
            "cgroup" => Some(kind.get(2)?.split(',').map(str::to_owned).collect()),
            "cgroup2" => None,
            _ => return None,
        };
        Some(Mount { point: PathBuf::from(place.get(4)?), root: (*place.get(3)?).to_owned(), controllers })
    };
    text.lines().filter_map(mount).collect()
}

/// The group in which this process is: lines are `number:controllers:group`, and version 2 has no controllers.
fn own_group(text: &str, controller: Option<&str>) -> Option<String> {
    text.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (number, controllers, group) = (fields.next()?, fields.next()?, fields.next()?);
        let is_it = match controller {
            Some(word) => controllers.split(',').any(|name| name == word),
            None => number == "0" && controllers.is_empty(),
        };
        is_it.then(|| group.to_owned())
    })
}

/// The directory of a group. A container may see only a part of the hierarchy, mounted at its own root.
fn below(mount: &Mount, group: &str) -> Result<PathBuf, String> {
    let inside = group.strip_prefix(mount.root.trim_end_matches('/')).unwrap_or(group);
    let directory = mount.point.join(inside.trim_start_matches('/'));
    match directory.is_dir() {
        true => Ok(directory),
        false => Err(format!("{} is not seen here", directory.display())),
    }
}

/// Version 2 gives a group's controllers to the groups below it only where it has no process itself, except at the
/// root: so a server that is alone in its group moves into one below.
fn delegate(home: &Path, controller: Controller) -> Result<(), String> {
    let word = controller.name();
    let at = |error: io::Error| format!("{}: {error}", home.display());
    let has = |file: &str| {
        let text = fs::read_to_string(home.join(file)).map_err(at)?;
        Ok::<bool, String>(text.split_ascii_whitespace().any(|name| name == word))
    };
    if !has("cgroup.controllers")? {
        return Err(format!("{} has no `{word}`: it was not delegated (systemd: Delegate=yes)", home.display()));
    }
    if has("cgroup.subtree_control")? || enable(home, &[word.to_owned()]).is_ok() {
        return Ok(());
    }
    let own = std::process::id().to_string();
    let inhabitants = fs::read_to_string(home.join("cgroup.procs")).map_err(at)?;
    if inhabitants.lines().any(|process| process != own) {
        return Err(format!(
            "{} is shared with other processes: run the server as a service of its own",
            home.display()
        ));
    }
    let leaf = home.join("haina-server");
    fs::create_dir_all(&leaf).and_then(|()| fs::write(leaf.join("cgroup.procs"), &own)).map_err(at)?;
    enable(home, &[word.to_owned()]).map_err(at)
}

/// Makes a group and looks whether it has the limit.
fn probe(controller: Controller, base: &Path, unified: bool) -> Result<(), String> {
    let directory = base.join(format!("probe-{}", std::process::id()));
    fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let file = directory.join(controller.file(unified));
    let found = fs::OpenOptions::new().write(true).open(&file).map_err(|error| format!("{}: {error}", file.display()));
    _ = fs::remove_dir(&directory);
    found.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_of_both_versions_are_recognized() {
        let text = "31 24 0:27 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n\
                    32 24 0:28 /docker/ab /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n\
                    33 24 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
                    34 24 8:1 / / rw - ext4 /dev/root rw\n";
        let found = mounts(text);
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].controllers.as_deref(), Some(&["rw".to_owned(), "memory".to_owned()][..]));
        assert_eq!(found[1].root, "/docker/ab");
        assert_eq!(found[2].controllers, None);
    }

    #[test]
    fn the_own_group_is_found_by_controller_or_as_version_2() {
        let text = "4:memory:/user/li\n2:cpu,cpuacct:/\n0::/user.slice/a:b.scope\n";
        assert_eq!(own_group(text, Some("memory")).as_deref(), Some("/user/li"));
        assert_eq!(own_group(text, Some("cpu")).as_deref(), Some("/"));
        assert_eq!(own_group(text, Some("pids")), None);
        assert_eq!(own_group(text, None).as_deref(), Some("/user.slice/a:b.scope"));
    }

    #[test]
    fn a_container_sees_its_group_at_the_root_of_the_mount() {
        let directory = tempfile::tempdir().unwrap();
        let mount = Mount { point: directory.path().to_owned(), root: "/docker/ab".to_owned(), controllers: None };
        assert_eq!(below(&mount, "/docker/ab").unwrap(), directory.path());
        assert!(below(&mount, "/elsewhere").is_err());
    }
}
