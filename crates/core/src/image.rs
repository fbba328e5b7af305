//! References to OCI images, as people write them: `registry.example/team/torch:2.4`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A reference in full: host, repository, and a tag or a digest. It names nothing but an image of a registry, or one of
/// the machine's own (`localhost/…`): no file, no directory, no other transport of container tools.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageReference(String);

/// The text is no reference to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no reference to an image, such as registry.example/team/torch:2.4")]
pub struct NoImageReference;

/// Longer ones are refused; registries allow 255 for the repository.
const LENGTH_MOST: usize = 512;

/// The host of images that only this machine has.
const LOCAL: &str = "localhost";

impl ImageReference {
    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether only this machine has it: no registry is asked for it.
    pub fn is_local(&self) -> bool {
        self.0.starts_with("localhost/")
    }

    /// Whether a list of what is allowed has it: a host, with or without the beginning of a repository, or one image.
    pub fn is_among(&self, allowed: &[String]) -> bool {
        allowed.iter().any(|entry| {
            let entry = entry.trim_end_matches('/');
            // After a host, a colon would begin another port.
            let ends: &[char] = if entry.contains('/') { &['/', ':', '@'] } else { &['/'] };
            self.0.strip_prefix(entry).is_some_and(|rest| rest.is_empty() || rest.starts_with(ends))
        })
    }
}

/// Whether the text can be in such a list: it begins with a host, so that it means one.
pub fn is_image_source(text: &str) -> bool {
    let text = text.trim_end_matches('/');
    match text.split_once('/') {
        None => is_host(text),
        Some((host, _)) => is_host(host) && text.parse::<ImageReference>().is_ok(),
    }
}

impl FromStr for ImageReference {
    type Err = NoImageReference;

    /// What is left out is what it is for other container tools: Docker's registry, `library`, the tag `latest`.
    fn from_str(text: &str) -> Result<ImageReference, NoImageReference> {
        let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
        let (host, rest) = match name.split_once('/') {
            Some((host, rest)) if is_host(host) => (host.to_owned(), rest.to_owned()),
            Some(_) => ("docker.io".to_owned(), name.to_owned()),
            None => ("docker.io".to_owned(), format!("library/{name}")),
        };
        let (path, tag) = rest.split_once(':').map_or((&*rest, None), |(path, tag)| (path, Some(tag)));
        let is_right = path.split('/').all(is_component)
            && tag.is_none_or(is_tag)
            && digest.is_none_or(is_digest)
            && text.len() <= LENGTH_MOST;
        if !is_right {
            return Err(NoImageReference);
        }
        Ok(ImageReference(match (tag, digest) {
            // Of the two the digest decides.
            (_, Some(digest)) => format!("{host}/{path}@{digest}"),
            (tag, None) => format!("{host}/{path}:{}", tag.unwrap_or("latest")),
        }))
    }
}

fn is_host(text: &str) -> bool {
    let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
    let is_label = |label: &str| {
        let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.chars().all(is_inner)
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok() && port.bytes().all(|byte| byte.is_ascii_digit());
    (text == LOCAL || name.contains('.') || port.is_some()) && name.split('.').all(is_label) && port.is_none_or(is_port)
}

/// A part of a repository's path; see the distribution specification.
fn is_component(text: &str) -> bool {
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(is_end)
        && text.ends_with(is_end)
        && text.chars().all(|c| is_end(c) || "._-".contains(c))
        && !text.contains("..")
}

fn is_tag(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= 128 && text.starts_with(is_word) && text.chars().all(|c| is_word(c) || ".-".contains(c))
}

fn is_digest(text: &str) -> bool {
    let hexadecimal = text.strip_prefix("sha256:");
    hexadecimal.is_some_and(|digits| {
        digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

impl TryFrom<String> for ImageReference {
    type Error = NoImageReference;

    fn try_from(text: String) -> Result<ImageReference, NoImageReference> {
        text.parse()
    }
}

impl From<ImageReference> for String {
    fn from(reference: ImageReference) -> String {
        reference.0
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        text.parse::<ImageReference>().ok().map(String::from)
    }

    #[test]
    fn what_is_left_out_is_what_other_tools_take_it_for() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for (text, whole) in [
            ("python:3.11", "docker.io/library/python:3.11"),
            ("team/torch", "docker.io/team/torch:latest"),
            ("registry.example/a/b/c:v1.0-x", "registry.example/a/b/c:v1.0-x"),
            ("10.0.0.1:5000/torch", "10.0.0.1:5000/torch:latest"),
            ("localhost/tiny", "localhost/tiny:latest"),
            // No archive: a repository with this name, and a tag.
            ("docker-archive:a.tar", "docker.io/library/docker-archive:a.tar"),
            (&format!("registry.example/a:1@{digest}"), &format!("registry.example/a@{digest}")),
        ] {
            assert_eq!(read(text).as_deref(), Some(whole), "{text}");
            assert_eq!(read(whole).as_deref(), Some(whole), "in full it stays what it is");
        }
    }

    #[test]
    fn nothing_but_an_image_of_a_registry_can_be_meant() {
        for text in [
            "",
            "/etc",
            "dir:/etc",
            "oci-archive:/srv/a.tar",
            "docker-daemon:a:latest",
            "docker://registry.example/a",
            "containers-storage:[overlay@/srv]a",
            "ostree:a@/srv",
            "--help",
            "registry.example/../a",
            "registry.example/-a",
            "registry.example:x/a",
            "registry.example/a:",
            "registry.example/a@sha256:12",
            "registry.example/A",
            "a b",
            "a\nb",
            "user@registry.example/a",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_allowed_is_a_host_a_part_of_it_or_one_image() {
        let is_allowed = |text: &str, entry: &str| {
            assert!(is_image_source(entry), "{entry}");
            text.parse::<ImageReference>().unwrap().is_among(&[entry.to_owned()])
        };
        assert!(is_allowed("registry.example/a/b:1", "registry.example"));
        assert!(is_allowed("registry.example/a/b:1", "registry.example/a/"));
        assert!(is_allowed("registry.example/a/b:1", "registry.example/a/b"));
        assert!(is_allowed("registry.example/a/b:1", "registry.example/a/b:1"));
        assert!(is_allowed("python", "docker.io/library/python"));
        assert!(!is_allowed("registry.example/ab", "registry.example/a"));
        assert!(!is_allowed("registry.example:8443/a", "registry.example"));
        assert!(!is_allowed("registry.example.org/a", "registry.example"));
        assert!(!is_allowed("registry.example/a/b:12", "registry.example/a/b:1"));
        assert!(!"localhost/a".parse::<ImageReference>().unwrap().is_among(&[]));
        assert!(!is_image_source("python") && !is_image_source("team/torch") && !is_image_source("dir:/etc"));
    }
}
