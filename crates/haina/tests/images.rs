//! A job in an image of a registry, from the command line. The registry is a small program that serves what podman saved.

#[allow(dead_code, reason = "other tests use the rest")]
mod program;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use haina_testkit::podman::Storage;
use program::Center;

/// What a registry answers for the one image of a directory in the form of the OCI image layout.
const REGISTRY: &str = r#"
import http.server, json, pathlib, sys
layout = pathlib.Path(sys.argv[1])
newest = json.loads((layout / "index.json").read_text())["manifests"][0]
class Registry(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        parts, kind = self.path.split("/"), "application/octet-stream"
        digest = parts[-1] if parts[-1].startswith("sha256:") else newest["digest"]
        file = layout / "blobs" / digest.replace(":", "/")
        if "manifests" in parts: kind = newest["mediaType"]
        body = b"{}" if self.path == "/v2/" else file.read_bytes() if "torch" in parts and file.exists() else None
        self.send_response(404 if body is None else 200)
        self.send_header("content-type", kind)
        self.send_header("docker-content-digest", digest)
        self.send_header("content-length", str(len(body or b"")))
        self.end_headers()
        if self.command == "GET": self.wfile.write(body or b"")
    do_HEAD = do_GET
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
print(server.server_port, flush=True)
server.serve_forever()
"#;

struct Registry {
    child: Child,
    address: String,
}

impl Registry {
    fn start(layout: &Path) -> Registry {
        let mut command = Command::new("python3");
        command.args(["-c", REGISTRY]).arg(layout).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Registry { child, address: format!("127.0.0.1:{}", port.trim()) }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// A center whose jobs may use the registry's images; podman is told that the registry has no TLS.
fn center(storage: &Storage, registry: &str) -> Center {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("registries.conf"), format!("[[registry]]\nlocation = \"{registry}\"\ninsecure = true\n")).unwrap();
    let file = format!(
        "name = 'a'\n[[pools]]\nname = 'a'\n[[nodes]]\nname = 'n1'\ncpus = 2\nmemory = '2GiB'\n\
         [[organizations]]\nname = 'lab'\n[local.images]\nallowed = ['{registry}/team']\nstorage = '{}'\n",
        storage.root().display()
    );
    fs::write(at("center.toml"), file).unwrap();
    let (data, file, registries): (PathBuf, _, _) = (at("data"), at("center.toml"), at("registries.conf"));
    let arguments = ["--config", file.to_str().unwrap()];
    Center::start_in(directory, data, &arguments, &[("CONTAINERS_REGISTRIES_CONF", registries)])
}

#[test]
fn an_image_of_a_registry_is_fetched_and_the_job_says_which_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let Some(storage) = Storage::new(directory.path()) else { return };
    storage.make_tiny();
    let layout = directory.path().join("layout");
    storage.podman(&[
        "save",
        "--quiet",
        "--format",
        "oci-dir",
        "--output",
        layout.to_str().unwrap(),
        "localhost/tiny:1",
    ]);
    let registry = Registry::start(&layout);
    let center = center(&storage, &registry.address);
    if center.run(&["node", "show", "n1", "--json"]).expect(0).json()["confinement"]["not_enforced"]["files"]
        .is_string()
    {
        return haina_testkit::require::skip("bwrap", "needs what this machine has not");
    }
    let image = format!("{}/team/torch:2.4", registry.address);
    let submit = |image: &str| {
        let submit = ["submit", "--organization", "lab", "--image", image, "--wait", "--", "sh", "-c"];
        center.run(&[&submit[..], &["cat /etc/os-release words; echo $GREETING"]].concat())
    };
    submit(&image).expect(0);
    center.run(&["job", "logs", "1"]).expect(0).prints("ID=tiny\nof the image\nhello\n");
    let shown = center.run(&["job", "show", "1", "--json"]).expect(0).json();
    assert_eq!(shown["program"]["image"], image.as_str());
    let digest = shown["attempt_list"][0]["image_digest"].as_str().unwrap().to_owned();
    let index: serde_json::Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    assert_eq!(index["manifests"][0]["digest"], digest.as_str(), "as the registry knows it");
    assert!(center.run(&["job", "show", "1"]).expect(0).stdout.contains(&digest));

    // By its digest it is the same, and needs the registry no more once it is there.
    let by_digest = format!("{}/team/torch@{digest}", registry.address);
    submit(&by_digest).expect(0);
    drop(registry);
    submit(&image).expect(0);
    let listed = center.run(&["environments", "--json"]).expect(0).json();
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    assert!(listed[0]["image_digest"] == digest.as_str() && listed[0]["state"] == "ready", "{listed}");
    assert_eq!(fs::read_dir(center.data().join("engine/images")).unwrap().count(), 1);

    let refused = submit("docker.io/library/python:3.11");
    assert!(refused.expect(1).stderr.contains("image_not_allowed"), "{}", refused.stderr);
    let refused = submit("dir:/etc");
    assert!(refused.expect(1).stderr.contains("invalid_value"), "{}", refused.stderr);
}
