//! Keeping a task to what is its own: its organization's files, its memory, processors and processes, its cards.
//!
//! The machine is looked at once ([`Confinement::find`]); what it can enforce is put into every task's order
//! ([`Sandbox`]), and what it cannot, nodes say. Nothing here is our own invention: control groups, bwrap(1) and
//! landlock(7) do the work; the program that [`enter`]s gives up rights and starts the task.

mod devices;
mod enter;
mod find_groups;
pub mod groups;
mod image_scene;
mod loader;
mod sandbox;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use haina_core::local_definition::{ConfinementPolicy, LocalDefinition};
use haina_core::{Bytes, CpuMillis, Digest, NodeShare, OrganizationId};

use crate::programs;
pub use enter::{Entry, Status, Word, become_user, drop_capabilities, enter, restrict};
use groups::{Controller, Hierarchy, Limits};
use loader::Loader;
use sandbox::Scene;
pub use sandbox::{FileRules, SYSTEM, Sandbox};

/// Less than this a task never gets: the programs that start it need some themselves.
const MEMORY_LEAST: Bytes = Bytes(16 << 20);

/// A share that programs get somewhere with, for those that ask for none.
const CPU_LEAST: CpuMillis = CpuMillis(100);

/// What is kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protection {
    /// Files of the system and of other organizations.
    Files,
    /// Other jobs' processes, and what is left of a job's own.
    Isolation,
    /// Memory.
    Memory,
    /// Processor time.
    Cpu,
    /// The number of processes.
    Processes,
    /// A user number for each organization.
    Users,
    /// Device files of cards that another job holds.
    Cards,
}

impl Protection {
    /// The stable word for it.
    pub fn word(self) -> &'static str {
        match self {
            Protection::Files => "files",
            Protection::Isolation => "isolation",
            Protection::Memory => "memory",
            Protection::Cpu => "cpu",
            Protection::Processes => "processes",
            Protection::Users => "users",
            Protection::Cards => "cards",
        }
    }
}

/// What this machine does for tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enforcement {
    /// What is enforced, ascending.
    pub enforced: Vec<Protection>,
    /// What is not, and why; ascending.
    pub missing: Vec<(Protection, String)>,
}

/// How tasks are confined on this machine.
pub struct Confinement {
    definition: LocalDefinition,
    bwrap: Result<PathBuf, String>,
    /// Whether the kernel can enforce a second time what the sandbox shows.
    has_landlock: bool,
    groups: Vec<(Controller, Result<Hierarchy, String>)>,
    /// Where tasks with real cards are kept from other device files once more; none where that cannot be.
    devices: Option<Hierarchy>,
    /// Whether tasks can get user numbers of their own.
    users: Result<(), String>,
    entry: PathBuf,
    /// What loads the entering program where the system's libraries are not.
    loader: OnceLock<Result<Loader, String>>,
    /// Held while files of users are looked for and made.
    names: Mutex<()>,
    processors: CpuMillis,
}

/// Whose task it is, and what it is to see beside what all see.
pub struct Whose<'a> {
    /// The organization's id; none for what the center does for itself.
    pub organization: Option<(OrganizationId, &'a str)>,
    /// Directories that it may write, of which the first is its home.
    pub write: Vec<PathBuf>,
    /// Directories that it may read.
    pub read: Vec<PathBuf>,
    /// Device files of its cards.
    pub devices: Vec<PathBuf>,
    /// The files of the image that it sees in the place of the system's, and a directory that there must be.
    pub image: Option<(&'a Path, Option<&'a Path>)>,
    /// What its machine is called.
    pub hostname: &'a str,
    /// What stands in for `/etc/hosts`.
    pub hosts: Option<PathBuf>,
}

impl Confinement {
    /// Looks at the machine. `engine` is the engine's directory, `entry` the program that has `enter`.
    pub fn find(definition: LocalDefinition, engine: &Path, entry: PathBuf) -> Confinement {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let processors = CpuMillis(processors as u64 * 1000);
        if definition.confinement == ConfinementPolicy::Off {
            let off = || Err("confinement is off in the center file".to_owned());
            let groups = Controller::ALL.map(|controller| (controller, Err("it is off in the center file".to_owned())));
            let bwrap = off().map(|()| PathBuf::new());
            return Confinement {
                definition,
                bwrap,
                has_landlock: false,
                groups: groups.into(),
                devices: None,
                users: off(),
                entry,
                loader: OnceLock::new(),
                names: Mutex::default(),
                processors,
            };
        }
        let bwrap = find_bwrap();
        let users = match &bwrap {
            Ok(_) => find_users(definition.first_user),
            Err(why) => Err(why.clone()),
        };
        let name = format!("haina-{}", &Digest::of(engine.as_os_str().as_encoded_bytes()).to_string()[..12]);
        let groups = Controller::ALL.map(|controller| (controller, find_groups::find(controller, &name)));
        let devices = find_groups::find(Controller::Devices, &name).ok();
        Confinement {
            definition,
            bwrap,
            has_landlock: has_landlock(),
            groups: groups.into(),
            devices,
            users,
            entry,
            loader: OnceLock::new(),
            names: Mutex::default(),
            processors,
        }
    }

    /// Removes control groups that earlier servers and supervisors left. `active` tells of an attempt's name whether it may
    /// still run.
    pub fn sweep(&self, active: impl Fn(&str) -> bool) {
        for hierarchy in self.hierarchies() {
            groups::sweep(&hierarchy.base, &active);
        }
    }

    fn hierarchies(&self) -> impl Iterator<Item = &Hierarchy> {
        self.groups.iter().filter_map(|(_, found)| found.as_ref().ok()).chain(&self.devices)
    }

    /// What is enforced.
    pub fn enforcement(&self) -> Enforcement {
        let mut found = Enforcement::default();
        let mut note = |what, result: Result<(), String>| match result {
            Ok(()) => found.enforced.push(what),
            Err(why) => found.missing.push((what, why)),
        };
        let bwrap = self.bwrap.clone().map(drop);
        note(Protection::Files, bwrap.clone());
        note(Protection::Isolation, bwrap);
        for (controller, hierarchy) in &self.groups {
            let what = match controller {
                Controller::Memory => Protection::Memory,
                Controller::Cpu => Protection::Cpu,
                Controller::Processes => Protection::Processes,
                Controller::Devices => Protection::Cards,
            };
            note(what, hierarchy.clone().map(drop));
        }
        note(Protection::Users, self.users.clone());
        note(Protection::Cards, self.bwrap.clone().map(drop));
        found
    }

    /// What must be there where the center file asks for confinement, and is not.
    pub fn lacking(&self) -> Vec<(Protection, String)> {
        match self.definition.confinement {
            ConfinementPolicy::Required => {
                let missing = self.enforcement().missing.into_iter();
                // An ordinary user has only itself, and the sandbox keeps jobs apart all the same; but none runs as root.
                let is_root = rustix::process::geteuid().is_root();
                missing.filter(|(what, _)| *what != Protection::Users || is_root).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether a task sees no device files of cards but those that it is given.
    pub fn shows_own_devices_only(&self) -> bool {
        self.bwrap.is_ok()
    }

    /// The user number of an organization's tasks; 0 is what the center itself builds.
    fn user(&self, organization: Option<OrganizationId>) -> Option<u32> {
        let number = organization.map_or(0, |organization| organization.0);
        self.users.is_ok().then(|| self.definition.first_user.saturating_add(number))
    }

    /// The user number by which the center builds what is not an organization's, if it has one.
    pub fn builder(&self) -> Option<u32> {
        self.user(None)
    }

    fn loader(&self) -> io::Result<&Loader> {
        let loader = self.loader.get_or_init(|| Loader::of(&self.entry)).as_ref();
        loader.map_err(|why| io::Error::other(why.clone()))
    }

    /// This program, as a task finds it.
    pub fn program(&self, sandbox: Option<&Sandbox>) -> PathBuf {
        let is_entered = sandbox.is_some_and(|sandbox| !sandbox.enter.is_empty());
        if is_entered { PathBuf::from(sandbox::ENTRY) } else { self.entry.clone() }
    }

    /// Gives a directory to the user that will write in it, with this mode.
    pub fn hand_over(&self, directory: &Path, organization: Option<OrganizationId>, mode: u32) -> io::Result<()> {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let Some(user) = self.user(organization) else { return Ok(()) };
        let found = fs::metadata(directory)?;
        if found.uid() != user {
            std::os::unix::fs::chown(directory, Some(user), Some(user))?;
            fs::set_permissions(directory, fs::Permissions::from_mode(mode))?;
        }
        Ok(())
    }

    /// The confinement of a task that holds `share`, as one of its attempt's; `place` names attempt and node, `task` the
    /// task. None where nothing is enforced.
    pub fn of_task(
        &self,
        whose: &Whose<'_>,
        names: &Path,
        limits: Option<(&NodeShare, u32)>,
        place: &str,
        task: &str,
    ) -> io::Result<Option<Sandbox>> {
        let mut sandbox = Sandbox { user: self.user(whose.organization.map(|(id, _)| id)), ..Sandbox::default() };
        if let Some((share, tasks)) = limits {
            let found: Vec<(Controller, Hierarchy)> =
                self.groups.iter().filter_map(|(controller, found)| Some((*controller, found.clone().ok()?))).collect();
            sandbox.groups = groups::plan(&found, place, task, self.limits(share, tasks));
            // Most jobs have no real cards, and are started without the cost of one more group.
            let devices = self.devices.as_ref().filter(|_| !whose.devices.is_empty());
            sandbox.groups.extend(devices.map(|hierarchy| devices::plan(hierarchy, place, task, &whose.devices)));
        }
        let mut scene = self.scene(whose);
        if let (Some(user), Some((_, name))) = (sandbox.user, whose.organization) {
            let home = whose.write.first().map_or(Path::new("/"), PathBuf::as_path);
            // One that is put in the place of another while a sandbox is made of it would end that task.
            let _one_at_a_time = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            scene.replaced.extend(user_files(names, name, user, home)?);
        }
        scene.replaced.extend(whose.hosts.iter().map(|hosts| (hosts.clone(), "/etc/hosts".into())));
        if sandbox.user.is_some() {
            sandbox.device_groups = device_groups(&whose.devices);
        }
        if let Ok(bwrap) = &self.bwrap {
            sandbox.wrapper.push(bwrap.display().to_string());
            let loader = if whose.image.is_some() { self.loader()?.clone() } else { Loader::default() };
            sandbox.enter = loader.words(sandbox::ENTRY);
            sandbox.enter.push("enter".to_owned());
            sandbox.wrapper.extend(scene.options(sandbox.user.is_some(), &loader)?);
            sandbox.files = self.has_landlock.then(|| scene.rules());
        }
        Ok((!sandbox.enter.is_empty() || !sandbox.groups.is_empty()).then_some(sandbox))
    }

    fn limits(&self, share: &NodeShare, tasks: u32) -> Limits {
        Limits {
            memory: share.memory.max(MEMORY_LEAST),
            cpu: Some(share.cpu.max(CPU_LEAST)).filter(|cpu| *cpu < self.processors),
            processes: u64::from(self.definition.processes) * u64::from(tasks),
        }
    }

    fn scene(&self, whose: &Whose<'_>) -> Scene {
        let hosts = Path::new("/etc/hosts");
        let mut scene = Scene {
            read: whose.read.clone(),
            write: whose.write.clone(),
            devices: whose.devices.clone(),
            image: whose.image.map(|(root, _)| root.to_owned()),
            made: whose.image.and_then(|(_, directory)| directory).map(Path::to_owned),
            replaced: whose.hosts.iter().filter(|_| hosts.exists()).map(|file| (file.clone(), hosts.into())).collect(),
            hostname: whose.hostname.to_owned(),
            entry: self.entry.clone(),
        };
        let name = whose.organization.map(|(_, name)| name);
        for mount in &self.definition.mounts {
            let is_seen = mount.organization.is_none() || mount.organization.as_deref() == name;
            if is_seen && mount.path.exists() {
                if mount.writable { &mut scene.write } else { &mut scene.read }.push(mount.path.clone());
            }
        }
        // Where all jobs run as the server's user, its mode alone would not keep them from it.
        if let Some(secret) = self.definition.python.credentials.as_ref().and_then(|path| path.canonicalize().ok())
            && scene.shows(&secret)
        {
            scene.replaced.push((PathBuf::from("/dev/null"), secret));
        }
        scene
    }
}

impl Drop for Confinement {
    fn drop(&mut self) {
        for hierarchy in self.hierarchies() {
            // Stays as long as tasks are in it; they go on without this process.
            _ = fs::remove_dir(&hierarchy.base);
        }
    }
}

/// The control groups that limit this process's own memory.
pub fn memory_groups() -> Vec<PathBuf> {
    find_groups::own(Controller::Memory)
}

/// Some drivers let only a group open their device files: a task is of it for its own cards' sake. Never of root's.
fn device_groups(devices: &[PathBuf]) -> Vec<u32> {
    use std::os::unix::fs::MetadataExt;
    let group = |found: fs::Metadata| {
        let (of_group, of_others) = (found.mode() >> 3 & 0o6, found.mode() & 0o6);
        (of_group == 0o6 && of_others != 0o6 && found.gid() != 0).then_some(found.gid())
    };
    let groups: BTreeSet<u32> = devices.iter().filter_map(|path| fs::metadata(path).ok()).filter_map(group).collect();
    groups.into_iter().collect()
}

/// Programs look up the name and the home of the user that they run as.
fn user_files(names: &Path, name: &str, user: u32, home: &Path) -> io::Result<Vec<(PathBuf, PathBuf)>> {
    use std::os::unix::fs::PermissionsExt;
    let directory = names.join(name);
    let (passwd, group) = (directory.join("passwd"), directory.join("group"));
    // After a power failure a file may be there and empty.
    let is_there = |path: &Path| fs::metadata(path).is_ok_and(|found| found.len() > 0);
    if !is_there(&group) || !is_there(&passwd) {
        fs::create_dir_all(&directory)?;
        let home = home.display();
        let users = format!(
            "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n\
             nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n\
             {name}:x:{user}:{user}::{home}:/bin/sh\n"
        );
        let groups = format!("root:x:0:\nnogroup:x:65534:\n{name}:x:{user}:\n");
        for (path, text) in [(&passwd, users), (&group, groups)] {
            let partial = path.with_extension("partial");
            fs::write(&partial, text)?;
            fs::set_permissions(&partial, fs::Permissions::from_mode(0o644))?;
            fs::rename(&partial, path)?;
        }
    }
    Ok(vec![(passwd, "/etc/passwd".into()), (group, "/etc/group".into())])
}

/// Root of a container may not be able to, or have no such number: tried, not guessed.
fn find_users(user: u32) -> Result<(), String> {
    use std::os::unix::process::CommandExt;
    if !rustix::process::geteuid().is_root() {
        return Err("the server does not run as root: all jobs run as its user".to_owned());
    }
    let tried = Command::new("/bin/true").uid(user).gid(user).env_clear().stdin(Stdio::null()).status();
    match tried {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("a process of user {user} ended with {status}")),
        Err(error) => Err(format!("root cannot become user {user} here: {error}; all jobs run as the server's user")),
    }
}

fn find_bwrap() -> Result<PathBuf, String> {
    let bwrap = programs::find("bwrap").ok_or("bwrap is not installed (Debian: apt-get install bubblewrap)")?;
    let probe = Command::new(&bwrap)
        .args([
            "--ro-bind",
            "/",
            "/",
            "--unshare-pid",
            "--unshare-ipc",
            "--unshare-uts",
            "--proc",
            "/proc",
            "--dev",
            "/dev",
        ])
        .args(["--hostname", "probe", "--", "/bin/true"])
        .env_clear()
        .stdin(Stdio::null())
        .output();
    match probe {
        Ok(output) if output.status.success() => Ok(bwrap),
        Ok(output) => Err(format!("bwrap makes no sandbox here: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Err(format!("{}: {error}", bwrap.display())),
    }
}

fn has_landlock() -> bool {
    use landlock::{ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr};
    let tried = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .and_then(Ruleset::create);
    tried.is_ok()
}
