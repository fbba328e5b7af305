//! Environments as an administrator sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::PoisonError;
use std::time::UNIX_EPOCH;

use haina_core::local_definition::EnvironmentDefinition;
use haina_core::{EnvironmentContent, ImageReference, PackagesFileKind, PythonEnvironment, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Environments, build, image, key_of, normalized, removal};
use crate::local::task::blocking;
use crate::{disk, durable};

/// `about.json`: what an environment is to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct About {
    /// The interpreter.
    pub interpreter: String,
    /// The packages.
    pub packages: PythonEnvironment,
    /// The image, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageReference>,
}

/// An environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedEnvironment {
    /// Its digest; none for one that the center file asks for and that nobody could try to build yet.
    pub digest: Option<String>,
    /// The names that the center file gives it.
    pub names: Vec<String>,
    /// The image that it is, where it is one.
    pub image: Option<ImageReference>,
    /// The digest of that image's manifest, once it is known.
    pub image_digest: Option<String>,
    /// The interpreter, where it is one of Python packages.
    pub interpreter: String,
    /// Its requirements.
    pub requirements: Vec<String>,
    /// What kind of file says which packages, where one does.
    pub packages_file: Option<PackagesFileKind>,
    /// Whether it can be used.
    pub state: EnvironmentState,
    /// Bytes on the disk.
    pub bytes: u64,
    /// When it was used last.
    pub used: Option<Timestamp>,
}

/// Whether an environment can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvironmentState {
    /// It can.
    Ready,
    /// It is being built.
    Building,
    /// It is to be kept ready and could not be built.
    Failed(String),
    /// A build of it ended without success; the next who asks for it tries again.
    Incomplete,
}

impl Environments {
    /// All of them: those of the center file first, then by last use.
    pub async fn list(&self) -> io::Result<Vec<ListedEnvironment>> {
        let tools = self.tools().await.ok().cloned();
        let mut names: BTreeMap<Named, Vec<String>> = BTreeMap::new();
        let mut listed = Vec::new();
        for wanted in &self.definition.environments {
            let (named, is_unknown) = match (&wanted.content, &tools) {
                (EnvironmentContent::Python(python), Some(tools)) => {
                    (Named::Key(key_of(&normalized(python), tools)), false)
                }
                (EnvironmentContent::Python(_), None) => (Named::Key(String::new()), true),
                (EnvironmentContent::Image(image), _) => (Named::Image(image.clone()), false),
            };
            match is_unknown {
                false => names.entry(named).or_default().push(wanted.name.clone()),
                true => listed.push(unbuilt(wanted, self.unready(&wanted.name).unwrap_or_default())),
            }
        }
        let directory = self.directory.clone();
        let found = blocking(move || {
            let mut found = Vec::new();
            for path in durable::list(&directory)?.into_iter().filter(|path| !disk::is_set_aside(path)) {
                // One that is removed while it is looked at is not there.
                let Ok(Some(about)) = durable::read::<About>(&path.join("about.json")) else { continue };
                let used = removal::last_use(&path).ok().and_then(|used| used.duration_since(UNIX_EPOCH).ok());
                let used = used.and_then(|used| i64::try_from(used.as_micros()).ok()).map(Timestamp);
                let key = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let digest = image::read(&path).ok().flatten().map(|image| image.digest);
                found.push((key, about, digest, build::is_complete(&path), removal::size(&path).unwrap_or(0), used));
            }
            Ok(found)
        });
        let mut seen = BTreeSet::new();
        for (key, about, image_digest, is_complete, bytes, used) in found.await? {
            let named = about.image.clone().map_or_else(|| Named::Key(key.clone()), Named::Image);
            let names = names.get(&named).cloned().unwrap_or_default();
            seen.extend(names.iter().cloned());
            let state = match () {
                () if is_complete => EnvironmentState::Ready,
                () if self.lock().contains_key(&key) => EnvironmentState::Building,
                () => match names.iter().find_map(|name| self.unready(name)) {
                    Some(why) => EnvironmentState::Failed(why),
                    None => EnvironmentState::Incomplete,
                },
            };
            listed.push(ListedEnvironment {
                digest: Some(key),
                names,
                image: about.image,
                image_digest,
                interpreter: about.interpreter,
                requirements: about.packages.requirements,
                packages_file: about.packages.file.map(|file| file.kind),
                state,
                bytes,
                used,
            });
        }
        for wanted in self.definition.environments.iter().filter(|wanted| !seen.contains(&wanted.name)) {
            // Nothing of it is on the disk: not even its build could begin.
            if let (EnvironmentContent::Image(_), Some(why)) = (&wanted.content, self.unready(&wanted.name)) {
                listed.push(unbuilt(wanted, why));
            }
        }
        listed.sort_by(|a, b| {
            (a.names.is_empty(), std::cmp::Reverse(a.used)).cmp(&(b.names.is_empty(), std::cmp::Reverse(b.used)))
        });
        Ok(listed)
    }

    fn unready(&self, name: &str) -> Option<String> {
        self.unready.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

/// By what the center file's names are matched with what is on the disk: of an image not by the key, which tells apart what
/// the same reference was at different times.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    Key(String),
    Image(ImageReference),
}

fn unbuilt(wanted: &EnvironmentDefinition, why: String) -> ListedEnvironment {
    let (requirements, image) = match &wanted.content {
        EnvironmentContent::Python(python) => (python.requirements.clone(), None),
        EnvironmentContent::Image(image) => (Vec::new(), Some(image.clone())),
    };
    ListedEnvironment {
        digest: None,
        names: vec![wanted.name.clone()],
        image,
        image_digest: None,
        interpreter: String::new(),
        requirements,
        packages_file: None,
        state: EnvironmentState::Failed(why),
        bytes: 0,
        used: None,
    }
}
