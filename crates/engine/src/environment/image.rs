//! Images of containers: podman fetches and keeps them; what is in one is unpacked here once, and shared by all attempts
//! that name it. The sandbox runs them like everything else, with this as the root file system.
//!
//! A name is looked up at most once a minute. An image that podman has is not asked for again at its registry: who wants
//! the newest gives a digest or another tag, or lets an administrator pull it.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use haina_core::PythonEnvironment;
use rustix::fs::syncfs;
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::listing::About;
use super::podman::{Inspected, Podman};
use super::{Environments, Unprepared, build, removal};
use crate::confinement::Confinement;
use crate::durable;
use crate::local::task::blocking;

/// How long a name means the same image without another look.
const KNOWN: Duration = Duration::from_secs(60);

/// Without rights of its own: what an archive holds is somebody else's. Device files are the sandbox's own. Some files
/// must be there, because others are shown in their places, and none of those may be a link that leads elsewhere.
const SCRIPT: &str = r#"
set -e
umask 022
tar --extract --file=- --directory=. --no-same-owner --preserve-permissions --exclude='dev/*' --exclude='./dev/*' \
    --warning=no-timestamp
chmod -R u+rwX .
[ -d etc ] && [ ! -L etc ] || { rm -f etc; mkdir etc; }
for file in passwd group hosts resolv.conf; do
    if [ -L "etc/$file" ] || [ ! -f "etc/$file" ]; then
        rm -rf "etc/$file"
        : > "etc/$file"
    fi
done
"#;

/// An image that is unpacked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Image {
    /// Its root file system.
    #[serde(skip)]
    pub root: PathBuf,
    /// The digest that registries know it by.
    pub digest: String,
    /// What its author set for its programs.
    pub variables: BTreeMap<String, String>,
    /// Where they start, if its author said.
    pub working_directory: Option<PathBuf>,
}

/// The names that were looked up, each with what podman said and when. Who holds one looks up or unpacks.
#[derive(Default)]
pub struct Images(Mutex<HashMap<String, Arc<tokio::sync::Mutex<Option<Known>>>>>);

/// An image that was unpacked for a name.
struct Known {
    since: Instant,
    key: String,
}

impl Images {
    fn turn(&self, name: &str) -> Arc<tokio::sync::Mutex<Option<Known>>> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Names are many over the years.
        names.retain(|_, turn| {
            Arc::strong_count(turn) > 1
                || turn.try_lock().is_ok_and(|known| known.as_ref().is_some_and(|known| known.since.elapsed() < KNOWN))
        });
        names.entry(name.to_owned()).or_default().clone()
    }
}

impl Environments {
    /// The image with this name, fetched and unpacked if need be. `user` is a file that says that it is in use, as for
    /// [`Environments::prepare`].
    pub async fn prepare_image(&self, name: &str, user: PathBuf) -> Result<Image, Unprepared> {
        let definition = &self.definition.images;
        if !definition.allows(name) {
            let allowed = match definition.allowed.is_empty() {
                true => "the center file's [local.images] allows none but those of localhost".to_owned(),
                false => format!("the center file's [local.images] allows {}", definition.allowed.join(", ")),
            };
            return Err(format!("jobs may not use the image {name}: {allowed}").into());
        }
        if let Some(why) = self.confinement.no_sandbox() {
            return Err(format!("images need the sandbox, which this machine does not have: {why}").into());
        }
        let podman = Podman::find(definition)?;
        let turn = self.images.turn(name);
        let mut known = turn.lock().await;
        if let Some(recent) = known.as_ref().filter(|known| known.since.elapsed() < KNOWN)
            && let Some(image) = self.take_image(&recent.key, &user).await?
        {
            return Ok(image);
        }
        let found = podman.image(name).await?;
        let ours = go_architecture();
        if !found.architecture.is_empty() && found.architecture != ours {
            let theirs = &found.architecture;
            return Err(format!("the image {name} is for {theirs}, but this machine is {ours}").into());
        }
        let is_key = found.id.len() == 64 && found.id.chars().all(|c| c.is_ascii_hexdigit());
        if !is_key {
            return Err(format!("podman gave the image {name} the strange number {}", found.id).into());
        }
        *known = Some(Known { since: Instant::now(), key: found.id.clone() });
        loop {
            if let Some(image) = self.take_image(&found.id, &user).await? {
                return Ok(image);
            }
            self.unpack(&podman, name, &found).await?;
        }
    }

    /// Notes that somebody uses it, if it is unpacked.
    async fn take_image(&self, key: &str, user: &Path) -> Result<Option<Image>, Unprepared> {
        let directory = self.directory.join(key);
        let taken = async {
            if !self.take(&directory, Some(user.to_owned())).await? {
                return Ok(None);
            }
            let read = blocking(move || {
                let image = durable::read::<Image>(&directory.join("image.json"))?;
                Ok(image.map(|image| Image { root: directory.join("rootfs"), ..image }))
            });
            read.await
        };
        taken.await.map_err(|error: io::Error| format!("the image could not be taken: {error}").into())
    }

    async fn unpack(&self, podman: &Podman, name: &str, found: &Inspected) -> Result<(), Unprepared> {
        let failed = |error: io::Error| Unprepared::from(format!("the image could not be unpacked: {error}"));
        let directory = self.directory.join(&found.id);
        let root = directory.join("rootfs");
        // Others on this directory wait here, also those who know the image by another name.
        let (place, name, confinement) = (directory.clone(), name.to_owned(), self.confinement.clone());
        let begun = blocking(move || begin(&place, name, &confinement)).await.map_err(failed)?;
        let Some(_lock) = begun else { return Ok(()) };
        let unpacker = unpacker(self.confinement.builder());
        podman.unpack(&found.id, unpacker, &root).await?;
        let image = Image {
            root,
            digest: found.digest.clone(),
            variables: variables(&found.config.env),
            working_directory: Some(PathBuf::from(&found.config.working_dir)).filter(|path| path.is_absolute()),
        };
        let finished = blocking(move || {
            removal::note_use(&directory)?;
            durable::write_atomically(&directory.join("image.json"), &image)?;
            // Everything reaches the disk before the file that says so.
            syncfs(File::open(&directory)?)?;
            durable::write_durably(&directory.join("complete"), &image.digest)
        });
        finished.await.map_err(failed)
    }
}

/// Unpacks from its input into the directory that it is started in, which another user cannot go to by its path.
fn unpacker(user: Option<u32>) -> Command {
    let mut words = vec!["/bin/sh".to_owned(), "-c".to_owned(), SCRIPT.to_owned()];
    if let Some(user) = user {
        let become_user = ["setpriv", "--clear-groups", "--reuid", &user.to_string(), "--regid", &user.to_string()];
        words.splice(0..0, become_user.map(str::to_owned));
    }
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

/// Makes room for it; none where somebody else has unpacked it meanwhile. The lock is given back when it is dropped.
fn begin(directory: &Path, name: String, confinement: &Confinement) -> io::Result<Option<File>> {
    durable::create_directories(directory)?;
    let lock = File::create(directory.join("lock"))?;
    lock.lock()?;
    if build::is_complete(directory) {
        return Ok(None);
    }
    let root = directory.join("rootfs");
    match fs::remove_dir_all(&root) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::create_dir(&root)?;
    confinement.hand_over(&root, None, 0o755)?;
    let about = About { interpreter: String::new(), packages: PythonEnvironment::default(), image: Some(name) };
    durable::write_atomically(&directory.join("about.json"), &about)?;
    Ok(Some(lock))
}

fn variables(lines: &[String]) -> BTreeMap<String, String> {
    let pairs = lines.iter().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// This machine's architecture, as images are labelled.
fn go_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
