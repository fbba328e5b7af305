//! Names of container images, as distribution's reference grammar has them, with the registry written out.
//!
//! What podman would take for a file or a program on the server (`dir:…`, `docker-archive:…`) is no such name.

use haina_core::{Phrase, Refusal, both};

/// As long as any name with its digest.
const MOST: usize = 512;

/// Refuses what names no image of a registry.
///
/// # Errors
/// With the field's name.
pub fn check(field: &str, name: &str) -> Result<(), Refusal> {
    if is_full_name(name) {
        return Ok(());
    }
    Err(Refusal::invalid_value(field, name.chars().take(MOST).collect::<String>(), rule()))
}

/// Refuses what no name of an image begins with: a registry, or that and a path.
///
/// # Errors
/// With the field's name.
pub fn check_beginning(field: &str, start: &str) -> Result<(), Refusal> {
    let (host, path) = start.trim_end_matches('/').split_once('/').unwrap_or((start.trim_end_matches('/'), "x"));
    if is_host(host) && path.split('/').all(is_component) {
        return Ok(());
    }
    let rule = both(
        "a registry, or a path in one, such as `docker.io/library`",
        "镜像仓库或其中的路径，例如 `docker.io/library`",
    );
    Err(Refusal::invalid_value(field, start, rule))
}

fn rule() -> Phrase {
    both(
        "the name of an image with its registry, such as `docker.io/library/python:3.12`",
        "带有镜像仓库的完整镜像名，例如 `docker.io/library/python:3.12`",
    )
}

fn is_full_name(name: &str) -> bool {
    let (name_and_tag, digest) = match name.split_once('@') {
        Some((before, digest)) => (before, Some(digest)),
        None => (name, None),
    };
    let Some((host, rest)) = name_and_tag.split_once('/') else { return false };
    let (path, tag) = match rest.rsplit_once(':') {
        Some((path, tag)) => (path, Some(tag)),
        None => (rest, None),
    };
    name.len() <= MOST
        && is_host(host)
        && path.split('/').all(is_component)
        && tag.is_none_or(is_tag)
        && digest.is_none_or(is_digest)
}

/// A registry is told from the first part of a path by a dot, a port, or being this machine.
fn is_host(host: &str) -> bool {
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let is_name = name.split('.').all(|label| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !label.is_empty() && label.chars().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    });
    is_name
        && port.is_none_or(|port| port.parse::<u16>().is_ok())
        && (name.contains('.') || port.is_some() || name == "localhost")
}

fn is_component(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    part.starts_with(plain) && part.ends_with(plain) && part.chars().all(|c| plain(c) || "._-".contains(c))
}

fn is_tag(tag: &str) -> bool {
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.len() <= 128 && tag.starts_with(first) && tag.chars().all(|c| first(c) || c == '.' || c == '-')
}

fn is_digest(digest: &str) -> bool {
    digest
        .strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c)))
}

#[cfg(test)]
mod tests {
    use super::is_full_name;

    #[test]
    fn an_image_is_named_with_its_registry() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for name in [
            "docker.io/library/python:3.12",
            "localhost/tiny",
            "localhost:5000/a/b_c:Tag.1-x",
            "swr.cn-east-3.example.com/ascend/mindspore",
            &format!("hub.example/a@{digest}"),
            &format!("hub.example/a:1@{digest}"),
        ] {
            assert!(is_full_name(name), "{name}");
        }
    }

    #[test]
    fn files_short_names_and_options_name_no_image() {
        for name in [
            "",
            "python",
            "library/python:3",
            "dir:/etc",
            "dir:/etc/x:1",
            "oci-archive:/srv/a.tar",
            "docker-archive:a.b/c",
            "docker-daemon:a.b/c:1",
            "docker://hub.example/a",
            "--root/x",
            "-a.b/c",
            "a..b/c",
            "hub.example/",
            "hub.example//a",
            "hub.example/A",
            "hub.example/../a",
            "hub.example/a:",
            "hub.example/a@sha256:00",
            "hub.example/a b",
            "hub.example:x/a",
        ] {
            assert!(!is_full_name(name), "{name}");
        }
    }
}
