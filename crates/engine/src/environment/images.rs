//! Images: what prepares them on this machine, which the administrator has, and which nobody needs any more.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use haina_core::local_definition::ImagesDefinition;
use haina_core::{ImageReference, Phrase, both};

use super::Unprepared;
use super::image::{self, ImageRecipe, KnownImage};
use crate::confinement::{Confinement, Protection};
use crate::local::task::blocking;
use crate::{disk, durable, programs, variables};

/// What images are made with.
pub struct Images {
    definition: ImagesDefinition,
    directory: PathBuf,
    podman: Option<PathBuf>,
    /// Why there is no sandbox to run them in.
    no_sandbox: Option<String>,
}

impl Images {
    /// Looks at the machine. Images are unpacked in `directory`.
    pub fn find(definition: ImagesDefinition, directory: PathBuf, confinement: &Confinement) -> Images {
        let missing = confinement.enforcement().missing;
        let no_sandbox = missing.into_iter().find(|(what, _)| *what == Protection::Files).map(|(_, why)| why);
        Images { definition, directory, podman: programs::find("podman"), no_sandbox }
    }

    /// Where they are unpacked.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What jobs may name.
    pub fn allowed(&self) -> &[String] {
        &self.definition.allowed
    }

    /// Why no job can run in an image here; none where it can.
    pub fn lacking(&self) -> Option<Phrase> {
        match (&self.podman, &self.no_sandbox) {
            (None, _) => {
                let how = "podman is not installed (Debian: apt-get install podman)";
                Some(both(how, "未安装 podman（Debian：apt-get install podman）"))
            }
            (_, Some(why)) => {
                let english = format!("the sandbox that it would run in is missing: {why}");
                Some(both(english, format!("缺少运行它的沙箱：{why}")))
            }
            (Some(_), None) => None,
        }
    }

    /// How the image is to be built: podman is asked whether the administrator has it.
    pub async fn recipe(&self, reference: &ImageReference) -> Result<ImageRecipe, Unprepared> {
        let failed = |why: &str| Unprepared::from(format!("the image {reference} could not be prepared: {why}"));
        if !reference.is_among(&self.definition.allowed) {
            return Err(failed("the center file's [local.images] does not allow it"));
        }
        if let Some(why) = self.lacking() {
            return Err(failed(why.say(haina_core::Language::English)));
        }
        let podman = self.podman.clone().unwrap_or_default();
        let storage: Vec<String> = self.definition.storage.iter().flat_map(|path| storage_options(path)).collect();
        let mut command = Command::new(&podman);
        command.args(&storage).args(["image", "inspect", "--format", "{{.Id}} {{.Digest}}", reference.as_str()]);
        command.env_clear().envs(variables::of_podman()).stdin(Stdio::null());
        let output = blocking(move || command.output()).await.map_err(|error| failed(&error.to_string()))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let known = said.trim().split_once(' ').filter(|_| output.status.success());
        let known = known.map(|(id, digest)| KnownImage { id: id.to_owned(), digest: digest.to_owned() });
        if known.is_none() && reference.is_local() {
            // No registry is asked for it.
            return Err(failed(String::from_utf8_lossy(&output.stderr).trim()));
        }
        let images = self.directory.clone();
        Ok(ImageRecipe { reference: reference.clone(), podman, storage, known, images })
    }
}

fn storage_options(path: &Path) -> [String; 4] {
    let path = path.display();
    ["--root".to_owned(), path.to_string(), "--runroot".to_owned(), format!("{path}/run")]
}

/// Takes away the files of images that no environment in `environments` is of. Only while none is built.
pub fn set_unused_aside(images: &Path, environments: &Path) -> io::Result<()> {
    let mut used = BTreeSet::new();
    for path in durable::list(environments)?.into_iter().filter(|path| !disk::is_set_aside(path)) {
        used.extend(image::files(images, &path)?);
    }
    for path in durable::list(images)?.into_iter().filter(|path| !disk::is_set_aside(path)) {
        if !used.contains(&path) {
            disk::set_aside(&path)?;
        }
    }
    Ok(())
}
