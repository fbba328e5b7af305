//! podman(1), which knows images and registries; nothing is ever run by it here.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use haina_core::local_definition::{ImagesDefinition, image_is_local};
use serde::Deserialize;
use tokio::process::Command;

use super::Unprepared;
use crate::programs;

/// The program and its storage.
pub struct Podman {
    program: PathBuf,
    storage: Option<PathBuf>,
}

/// What podman says of an image.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Inspected {
    /// The digest of its configuration, in hex: the same content, the same number.
    pub id: String,
    /// The digest that registries know it by; podman makes one up where an image came from no registry.
    #[serde(default)]
    pub digest: String,
    /// As Go names it.
    #[serde(default)]
    pub architecture: String,
    /// What its author set.
    #[serde(default)]
    pub config: Config,
}

/// What the author of an image set for its programs.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Config {
    /// `NAME=VALUE`.
    pub env: Vec<String>,
    /// Where they start.
    pub working_dir: String,
}

/// Why not, in podman's words.
fn failed(what: &str, said: &[u8]) -> Unprepared {
    let text = String::from_utf8_lossy(said);
    let last: String = text.trim().chars().rev().take(1800).collect::<Vec<_>>().into_iter().rev().collect();
    Unprepared { reason: format!("{what}: {last}"), said: said.to_vec() }
}

impl Podman {
    /// Where it is installed.
    pub fn find(definition: &ImagesDefinition) -> Result<Podman, Unprepared> {
        let missing = "podman is not installed on the server, so there are no images (Debian: apt-get install podman)";
        let program = programs::find("podman").ok_or_else(|| missing.to_owned())?;
        Ok(Podman { program, storage: definition.storage.clone() })
    }

    /// Ends with who waits for it.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(storage) = &self.storage {
            command.arg("--root").arg(storage).arg("--runroot").arg(storage.join("run"));
        }
        command.args(arguments).current_dir("/").stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    async fn output(&self, arguments: &[&str]) -> Result<Output, Unprepared> {
        let output = self.command(arguments).output().await;
        output.map_err(|error| format!("podman could not be started: {error}").into())
    }

    /// An image that is there; fetched before if it is not, and of a registry.
    pub async fn image(&self, name: &str) -> Result<Inspected, Unprepared> {
        if let Ok(found) = self.inspect(name).await {
            return Ok(found);
        }
        if !image_is_local(name) {
            let pulled = self.output(&["pull", "--quiet", name]).await?;
            if !pulled.status.success() {
                return Err(failed(&format!("the image {name} could not be fetched"), &pulled.stderr));
            }
        }
        self.inspect(name).await
    }

    async fn inspect(&self, name: &str) -> Result<Inspected, Unprepared> {
        let output = self.output(&["image", "inspect", name]).await?;
        if !output.status.success() {
            return Err(failed(&format!("the image {name} cannot be used"), &output.stderr));
        }
        let found: Result<Vec<Inspected>, _> = serde_json::from_slice(&output.stdout);
        let found = found.map_err(|error| format!("what podman says of the image {name} cannot be read: {error}"))?;
        found.into_iter().next().ok_or_else(|| format!("podman says nothing of the image {name}").into())
    }

    /// Writes an image's root file system as a tar archive into a program's input, and waits for both.
    pub async fn unpack(&self, id: &str, mut unpacker: Command, directory: &Path) -> Result<(), Unprepared> {
        // A container that is never started: what podman exports. Named after where it goes, so that one that a dead server
        // left is found.
        let number = std::process::id();
        let name = format!("haina-unpack-{number}-{}", &id[..id.len().min(16)]);
        _ = self.output(&["rm", "--force", &name]).await;
        let made = self.output(&["create", "--pull=never", "--name", &name, id, "true"]).await?;
        if !made.status.success() {
            return Err(failed("the image could not be unpacked", &made.stderr));
        }
        let piped = async {
            let mut export = self.command(&["export", &name]);
            export.stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut export = export.spawn()?;
            let archive: Stdio = export.stdout.take().ok_or(std::io::ErrorKind::BrokenPipe)?.try_into()?;
            unpacker
                .current_dir(directory)
                .stdin(archive)
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .kill_on_drop(true);
            let unpacker_process = unpacker.spawn()?;
            // Its copy of the pipe: with the process alone it ends when that does.
            drop(unpacker);
            let (unpacked, exported) = tokio::join!(unpacker_process.wait_with_output(), export.wait_with_output());
            std::io::Result::Ok((unpacked?, exported?))
        };
        let piped = piped.await;
        _ = self.output(&["rm", "--force", &name]).await;
        let (unpacked, exported) = piped.map_err(|error| format!("the image could not be unpacked: {error}"))?;
        for output in [exported, unpacked] {
            if !output.status.success() {
                return Err(failed("the image could not be unpacked", &output.stderr));
            }
        }
        Ok(())
    }
}
