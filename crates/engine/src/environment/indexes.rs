//! Where packages come from, as the center file says.
//!
//! An index that asks for a password is reached through a gate (`index_gate.py`): the build never has the password,
//! because packages run programs of their own while they are installed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use haina_core::local_definition::PythonDefinition;
use serde::Serialize;

/// What the gate needs of the server's variables: how to reach the index, and whom to trust.
const NEEDED: [&str; 10] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// A name and a password for the indexes of one host.
#[derive(Clone, PartialEq, Eq)]
struct Login {
    host: String,
    name: String,
    password: String,
}

/// One index, as the gate is told.
#[derive(Serialize)]
struct Passage {
    /// Scheme, host and port.
    origin: String,
    /// The directory of which something may be asked.
    below: String,
    #[serde(flatten)]
    login: Option<PassageLogin>,
}

#[derive(Serialize)]
struct PassageLogin {
    name: String,
    password: String,
}

#[derive(Serialize)]
struct GateOrder<'a> {
    word: &'a str,
    indexes: Vec<&'a Passage>,
}

/// How one build reaches the indexes. Dropping it closes the gate.
#[derive(Default)]
pub struct Access {
    gate: Option<Child>,
    /// What the installer is told.
    pub variables: BTreeMap<String, String>,
    /// An address of the gate, and the index behind it.
    shown: Vec<(String, String)>,
}

impl Access {
    /// Opens the way for one build. The error is for people, and says nothing secret.
    pub fn open(
        definition: &PythonDefinition,
        python: &Path,
        inherited: &BTreeMap<String, String>,
    ) -> Result<Access, String> {
        let logins = logins(definition)?;
        let addresses: Vec<&String> = definition.index.iter().chain(&definition.extra_indexes).collect();
        let passages: Vec<Option<Passage>> = addresses.iter().map(|address| passage(address, &logins)).collect();
        let mut access = Access::default();
        let mut told: Vec<String> = addresses.iter().map(|address| (*address).clone()).collect();
        if passages.iter().any(Option::is_some) {
            let guarded: Vec<&Passage> = passages.iter().flatten().collect();
            let word = word().map_err(|error| format!("no random word for the package index: {error}"))?;
            let (gate, ports) = start_gate(python, inherited, &GateOrder { word: &word, indexes: guarded })
                .map_err(|error| format!("the gate to the package index could not be opened: {error}"))?;
            access.gate = Some(gate);
            let mut ports = ports.into_iter();
            for (address, passage) in told.iter_mut().zip(&passages) {
                let Some(passage) = passage else { continue };
                let port = ports.next().ok_or("the gate to the package index did not open")?;
                let here = format!("127.0.0.1:{port}");
                access.shown.push((format!("http://{here}"), passage.origin.clone()));
                *address = address.replacen(&passage.origin, &format!("http://build:{word}@{here}"), 1);
            }
            for name in ["NO_PROXY", "no_proxy"] {
                let others = inherited.get(name).map(|others| format!("{others},")).unwrap_or_default();
                access.variables.insert(name.to_owned(), format!("{others}127.0.0.1"));
            }
        }
        let (first, others) = told.split_at(usize::from(definition.index.is_some()));
        if let Some(first) = first.first() {
            access.variables.insert("PIP_INDEX_URL".to_owned(), first.clone());
            access.variables.insert("UV_DEFAULT_INDEX".to_owned(), first.clone());
        }
        if !others.is_empty() {
            access.variables.insert("PIP_EXTRA_INDEX_URL".to_owned(), others.join(" "));
            access.variables.insert("UV_INDEX".to_owned(), others.join(" "));
        }
        Ok(access)
    }

    /// The installer's words with the addresses that people know.
    pub fn shown(&self, words: &str) -> String {
        let mut words = words.to_owned();
        for (here, there) in &self.shown {
            let host = here.trim_start_matches("http://");
            for with_word in ["build:****@", "****@", "build:***@", "***@"] {
                words = words.replace(&format!("http://{with_word}{host}"), there);
            }
            words = words.replace(here, there);
        }
        words
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        if let Some(gate) = &mut self.gate {
            _ = gate.kill();
            _ = gate.wait();
        }
    }
}

/// Whether the file of names and passwords can be used; said when the center starts.
pub fn check(definition: &PythonDefinition) -> Result<(), String> {
    logins(definition).map(drop)
}

fn logins(definition: &PythonDefinition) -> Result<Vec<Login>, String> {
    let Some(path) = &definition.credentials else { return Ok(Vec::new()) };
    let failed =
        |error: &dyn std::fmt::Display| format!("the file of package index passwords {}: {error}", path.display());
    let found = fs::metadata(path).map_err(|error| failed(&error))?;
    let is_own = found.uid() == rustix::process::geteuid().as_raw() || found.uid() == 0;
    if found.mode() & 0o077 != 0 || !is_own {
        return Err(failed(&"others than the server may read it (chown it to the server's user, chmod 600)"));
    }
    let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
    parse_logins(&text).map_err(|why| failed(&why))
}

/// `machine HOST login NAME password PASSWORD`, any number of times, with lines broken as one likes; see netrc(5).
fn parse_logins(text: &str) -> Result<Vec<Login>, &'static str> {
    let mut words = text.lines().filter(|line| !line.trim_start().starts_with('#')).flat_map(str::split_whitespace);
    let mut logins: Vec<Login> = Vec::new();
    while let Some(key) = words.next() {
        // Never what stands there: it may be a password.
        let value = words.next().ok_or("it ends in the middle of an entry")?.to_owned();
        match (key, logins.last_mut()) {
            ("machine", _) => logins.push(Login { host: value, name: String::new(), password: String::new() }),
            ("login", Some(login)) => login.name = value,
            ("password", Some(login)) => login.password = value,
            _ => return Err("it is not a list of `machine HOST login NAME password PASSWORD`"),
        }
    }
    match logins.iter().any(|login| login.name.is_empty() || login.password.is_empty()) {
        true => Err("an entry has no login or no password"),
        false => Ok(logins),
    }
}

/// How an index is reached that has a login; none for one that is open to all.
fn passage(address: &str, logins: &[Login]) -> Option<Passage> {
    let (scheme, rest) = address.split_once("://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let login = logins.iter().find(|login| login.host == host || login.host == name)?;
    // Files lie beside the pages of an index: `…/simple/` and `…/packages/`.
    let directory = path.trim_end_matches('/').rsplit_once('/').map_or("", |(parent, _)| parent);
    let below = if directory.is_empty() { "/".to_owned() } else { format!("/{directory}/") };
    let login = PassageLogin { name: login.name.clone(), password: login.password.clone() };
    Some(Passage { origin: format!("{scheme}://{host}"), below, login: Some(login) })
}

fn word() -> io::Result<String> {
    let mut bytes = [0_u8; 24];
    let length = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    if length != bytes.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn start_gate(
    python: &Path,
    inherited: &BTreeMap<String, String>,
    order: &GateOrder<'_>,
) -> io::Result<(Child, Vec<u16>)> {
    let mut command = Command::new(python);
    command.args(["-I", "-c", include_str!("index_gate.py")]).current_dir("/").env_clear();
    command.envs(inherited.iter().filter(|(name, _)| NEEDED.contains(&name.as_str())));
    if let Some(certificates) = inherited.get("PIP_CERT").filter(|_| !inherited.contains_key("SSL_CERT_FILE")) {
        command.env("SSL_CERT_FILE", certificates);
    }
    let mut gate = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut opened = || {
        let mut text = serde_json::to_vec(order)?;
        text.push(b'\n');
        // Stays open: the gate ends with this process.
        gate.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?.write_all(&text)?;
        let mut line = String::new();
        BufReader::new(gate.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?).read_line(&mut line)?;
        serde_json::from_str(&line).map_err(io::Error::other)
    };
    match opened() {
        Ok(ports) => Ok((gate, ports)),
        Err(error) => {
            _ = gate.kill();
            _ = gate.wait();
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_read_as_netrc_has_them() {
        let logins =
            parse_logins("# ours\nmachine a.example login li\n  password p#1\nmachine b:8080 login x password y")
                .unwrap();
        let read: Vec<_> = logins.iter().map(|login| (&*login.host, &*login.name, &*login.password)).collect();
        assert_eq!(read, [("a.example", "li", "p#1"), ("b:8080", "x", "y")]);
        for wrong in
            ["machine a", "machine", "login a password b", "machine a login secret passwd secret", "default login a"]
        {
            let why = parse_logins(wrong).err().expect(wrong);
            assert!(!why.contains("secret"), "{why}");
        }
    }

    #[test]
    fn only_what_belongs_to_the_index_is_reached_through_the_gate() {
        let logins =
            parse_logins("machine packages.example login a password b machine other:81 login c password d").unwrap();
        let below = |address: &str| passage(address, &logins).map(|passage| (passage.origin, passage.below));
        let at = |origin: &str, below: &str| Some((origin.to_owned(), below.to_owned()));
        assert_eq!(below("https://packages.example/simple/"), at("https://packages.example", "/"));
        assert_eq!(
            below("https://packages.example:8443/api/pypi/ours/simple"),
            at("https://packages.example:8443", "/api/pypi/ours/")
        );
        assert_eq!(below("http://other:81"), at("http://other:81", "/"));
        assert_eq!(below("http://other:82/simple"), None);
        assert_eq!(below("https://open.example/simple/"), None);
    }
}
