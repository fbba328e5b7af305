//! The build of an environment from an OCI image: podman fetches it, its files are unpacked once, and jobs run in them.
//!
//! Podman runs nothing here. What it fetches goes into a storage of the build's own, which ends with the build; the
//! administrator's storage is only read. The files are unpacked by a user that no organization has, without special files
//! and without rights that files give to who starts them. They lie in a directory by the image's own id, so that several
//! references to one image share them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use haina_core::{Digest, Epoch, ImageReference, Milliseconds};
use serde::{Deserialize, Serialize};

use super::build::{LOG_CAP, TIME_LIMIT};
use crate::confinement::Confinement;
use crate::records::TaskOrder;
use crate::{durable, programs, variables};

/// Arguments: podman, the reference, the build's own storage, where to unpack, where unpacked images are, the user that
/// unpacks, and the id that the image has in the administrator's storage if it is there, followed by the options that
/// name that storage.
///
/// Podman's directory for what runs must have a short name. Where the image's own files are in the way of what a sandbox
/// puts in their place, they go.
const SCRIPT: &str = r#"
exec 2>&1
set -e
umask 022
podman=$1 reference=$2 storage=$3 partial=$4 images=$5 user=$6 known=$7
shift 7
rm -rf "$storage" "$partial"
mkdir -p "$storage" "$partial"
running=$(mktemp -d /tmp/haina-podman-XXXXXX)
# Podman may have mounted its storage on itself.
trap 'umount --lazy "$storage/overlay" 2>/dev/null || true; rm -rf "$running" "$storage"' EXIT
own() { "$podman" --root "$storage" --runroot "$running" "$@"; }

if [ -n "$known" ]; then
    "$podman" "$@" save --quiet --format oci-archive --output "$storage/archive" "$known"
    own load --quiet --input "$storage/archive" >/dev/null
    rm "$storage/archive"
else
    own pull --quiet "docker://$reference" >/dev/null
fi
image=$(own images --quiet --no-trunc | head -n 1)
own image inspect "$image" >"${storage%/*}/inspect.json"
id=${image#sha256:}
platform=$(own image inspect --format '{{.Os}}/{{.Architecture}}' "$image")
here=$(own info --format '{{.Host.OS}}/{{.Host.Arch}}')
if [ "$platform" != "$here" ]; then
    echo "the image is for $platform, but this machine is $here"
    exit 1
fi
if [ -d "$images/$id" ]; then
    rm -rf "$partial"
    exit 0
fi

container=$(own create --quiet --network none "$image" /)
as_user=
if [ -n "$user" ]; then
    chown "$user:$user" "$partial"
    as_user="setpriv --reuid $user --regid $user --clear-groups --no-new-privs"
fi
cd "$partial"
own export "$container" | $as_user tar --extract --file - --no-same-owner --anchored --exclude 'dev/*'
own rm "$container" >/dev/null
$as_user chmod -R u+rwX,go+rX,go-w,ug-s .
$as_user sh -ec '
    for directory in dev etc proc run sys tmp var var/tmp; do
        if [ ! -d "$directory" ] || [ -L "$directory" ]; then
            rm -rf "$directory"
            mkdir "$directory"
        fi
    done
    for file in etc/group etc/hosts etc/passwd etc/resolv.conf; do
        if [ ! -f "$file" ] || [ -L "$file" ]; then
            rm -rf "$file"
            : >"$file"
        fi
    done'
sync -f .
# A build of the same image under another name may have come first.
if ! failure=$(mv -T "$partial" "$images/$id"); then
    if [ ! -d "$images/$id" ]; then
        echo "$failure"
        exit 1
    fi
    rm -rf "$partial"
fi
"#;

/// How a build is told of an image.
#[derive(Clone, Debug)]
pub struct ImageRecipe {
    /// As the job names it, in full.
    pub reference: ImageReference,
    /// The program.
    pub podman: PathBuf,
    /// The options that name the administrator's storage.
    pub storage: Vec<String>,
    /// Which image the reference is in the administrator's storage, if it is there.
    pub known: Option<KnownImage>,
    /// Where images are unpacked.
    pub images: PathBuf,
}

/// An image in podman's storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownImage {
    /// The digest of its configuration, in hexadecimal digits: its own name.
    pub id: String,
    /// The digest of its manifest.
    pub digest: String,
}

/// An image that is unpacked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// As a job named it, in full.
    pub reference: ImageReference,
    /// The digest of its manifest, by which registries know it.
    pub digest: String,
    /// The digest of its configuration, in hexadecimal digits.
    pub id: String,
    /// Its variables.
    pub variables: BTreeMap<String, String>,
    /// Where its programs start, if it says so.
    pub working_directory: Option<PathBuf>,
    /// Where its files are.
    pub root: PathBuf,
}

impl ImageRecipe {
    /// An image of the machine's own may become another one under its name; of a registry's image the first that was
    /// fetched stays.
    pub fn key(&self) -> String {
        let id = self.known.as_ref().map(|known| known.id.as_str()).unwrap_or_default();
        Digest::of(format!("image\0{}\0{id}", self.reference).as_bytes()).to_string()
    }

    /// Where the build unpacks it.
    fn partial(&self) -> PathBuf {
        partial(&self.images, &self.key())
    }
}

fn partial(images: &Path, key: &str) -> PathBuf {
    images.join(format!(".partial-{key}"))
}

/// Podman's storage, which ends with the build.
fn storage(directory: &Path) -> PathBuf {
    directory.join("storage")
}

/// What the build's task is to do.
pub fn order(directory: &Path, recipe: &ImageRecipe, confinement: &Confinement) -> TaskOrder {
    let shown = |path: &Path| path.display().to_string();
    let mut command = Vec::new();
    // What podman mounts then ends with it, however it ends. An ordinary user's podman sees to that itself.
    if rustix::process::geteuid().is_root()
        && let Some(unshare) = programs::find("unshare")
    {
        command.extend([shown(&unshare), "--mount".to_owned()]);
    }
    command.extend(["/bin/sh", "-c", SCRIPT, "haina-image"].map(str::to_owned));
    command.extend([
        shown(&recipe.podman),
        recipe.reference.to_string(),
        shown(&storage(directory)),
        shown(&recipe.partial()),
        shown(&recipe.images),
        confinement.builder().map(|user| user.to_string()).unwrap_or_default(),
        recipe.known.as_ref().map(|known| known.id.clone()).unwrap_or_default(),
    ]);
    command.extend(recipe.storage.iter().cloned());
    TaskOrder {
        epoch: Epoch(0),
        command,
        variables: variables::of_podman(),
        working_directory: directory.to_owned(),
        time_limit: TIME_LIMIT,
        grace: Milliseconds(0),
        log_cap: LOG_CAP,
        sandbox: None,
    }
}

/// What podman says of an image, as far as it matters.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    digest: String,
    #[serde(default)]
    config: Option<Configuration>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Configuration {
    env: Vec<String>,
    working_dir: String,
}

/// Keeps what the build found out, for those who use the image.
pub fn complete(directory: &Path, recipe: &ImageRecipe) -> io::Result<Image> {
    let inspected: Option<Vec<Inspected>> = durable::read(&directory.join("inspect.json"))?;
    let inspected = inspected.and_then(|mut all| all.pop()).ok_or_else(|| io::Error::other("podman said nothing"))?;
    let root = recipe.images.join(&inspected.id);
    // Not one that was removed meanwhile.
    fs::metadata(&root)?;
    let configuration = inspected.config.unwrap_or_default();
    let variables = configuration.env.iter().filter_map(|text| text.split_once('='));
    let image = Image {
        reference: recipe.reference.clone(),
        digest: recipe.known.as_ref().map_or(inspected.digest, |known| known.digest.clone()),
        id: inspected.id,
        variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        working_directory: Some(PathBuf::from(configuration.working_dir)).filter(|path| path.is_absolute()),
        root,
    };
    durable::write_atomically(&directory.join("image.json"), &image)?;
    Ok(image)
}

/// Takes away what a build left that did not end well.
pub fn clear(directory: &Path, recipe: &ImageRecipe) {
    for path in [storage(directory), recipe.partial()] {
        // It may not have come so far; and the next build tries again.
        _ = fs::remove_dir_all(path);
    }
}

/// What in `images` an environment has, also while it is built by a task of an earlier server.
pub fn files(images: &Path, directory: &Path) -> io::Result<Vec<PathBuf>> {
    let inspected: Option<Vec<Inspected>> = durable::read(&directory.join("inspect.json")).unwrap_or_default();
    let mut found: Vec<PathBuf> = inspected.into_iter().flatten().map(|image| images.join(image.id)).collect();
    found.extend(read(directory)?.map(|image| image.root));
    found.extend(directory.file_name().map(|key| partial(images, &key.to_string_lossy())));
    Ok(found)
}

/// The image of an environment that is complete.
pub fn read(directory: &Path) -> io::Result<Option<Image>> {
    durable::read(&directory.join("image.json"))
}
