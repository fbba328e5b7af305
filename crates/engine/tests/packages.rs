//! Where packages come from: an index that asks for a password, and packages that would like to have it.

mod scenario;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use haina_core::local_definition::{ConfinementPolicy, LocalDefinition, PythonDefinition};
use haina_core::{Ending, OrganizationId, PackagesFile, PackagesFileKind, PythonEnvironment};
use haina_engine::{EngineError, LocalEngine, LogStream, Protection};
use scenario::index::{Index, NAME, PASSWORD};
use scenario::{CENTER, Scenario, make_tiny_wheel, supervisor};
use tempfile::TempDir;

/// An index of this directory's `files`, and a center that knows it.
struct Shop {
    directory: TempDir,
    index: Index,
}

impl Shop {
    fn open() -> Shop {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("files")).unwrap();
        make_tiny_wheel(&directory.path().join("files/tiny-1.0-py3-none-any.whl"));
        std::fs::write(directory.path().join("keys"), "the keys of the index").unwrap();
        let index = Index::serve(directory.path());
        Shop { directory, index }
    }

    fn definition(&self, confinement: ConfinementPolicy) -> LocalDefinition {
        let credentials = self.directory.path().join("credentials");
        let login = format!("machine {} login {NAME} password {PASSWORD}\n", self.index.host());
        std::fs::write(&credentials, login).unwrap();
        std::fs::set_permissions(&credentials, std::fs::Permissions::from_mode(0o600)).unwrap();
        LocalDefinition {
            confinement,
            python: PythonDefinition {
                index: Some(self.index.address()),
                extra_indexes: Vec::new(),
                credentials: Some(credentials),
            },
            ..LocalDefinition::default()
        }
    }
}

fn packages(requirement: &str) -> Option<PythonEnvironment> {
    Some(PythonEnvironment { requirements: vec![requirement.to_owned()], file: None })
}

/// Every file below a directory that holds the text.
fn holding(directory: &Path, text: &str) -> Vec<String> {
    let found = std::process::Command::new("grep").args(["-rlaF", text]).arg(directory).output().unwrap();
    String::from_utf8_lossy(&found.stdout).lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packages_of_an_index_with_a_password_are_installed_and_nothing_keeps_the_password() {
    let shop = Shop::open();
    let mut center = Scenario::confined(shop.definition(ConfinementPolicy::Available));
    let mut job = center.script(1, "env; python -c 'import tiny; print(\"size\", tiny.size)'");
    job.payload.working_directory = None;
    job.payload.python = packages("tiny");
    let ended = center.run(job).await;
    assert_eq!(ended.ending, Ending::Exited { code: 0 }, "{:?}", center.log(1, LogStream::Stderr));
    assert!(center.output(1, 0).ends_with("size 1\n"), "{}", center.output(1, 0));
    assert_eq!(holding(&center.root(), PASSWORD), [""; 0], "neither jobs nor builds nor what is kept of them have it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_index_does_not_have_is_said_in_the_installers_words() {
    let shop = Shop::open();
    let mut center = Scenario::confined(shop.definition(ConfinementPolicy::Off));
    let mut job = center.script(1, "true");
    job.payload.python = packages("tiny==9.9");
    let Ending::Unstartable { reason } = center.run(job).await.ending else { panic!("it was built") };
    assert!(reason.contains("tiny==9.9"), "{reason}");
    for place in reason.split("http://").skip(1) {
        assert!(place.starts_with(&shop.index.host()), "addresses are those that people know: {reason}");
    }
    assert!(!reason.contains(PASSWORD), "{reason}");
    let said = center.log(1, LogStream::Stderr);
    assert!(said.contains("tiny==9.9"), "what a task would have written to is where the rest of it is: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_file_of_passwords_is_refused_when_the_center_starts() {
    let shop = Shop::open();
    let definition = shop.definition(ConfinementPolicy::Off);
    let credentials = definition.python.credentials.clone().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        let opened = LocalEngine::open(CENTER, directory.path().join("engine"), supervisor(), definition.clone(), None);
        let Err(EngineError::Packages(why)) = opened else { panic!("it was taken") };
        assert!(!why.contains(PASSWORD), "{why}");
        why
    };
    std::fs::set_permissions(&credentials, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(open().contains("others than the server may read it"));
    std::fs::write(&credentials, format!("{PASSWORD} machine x")).unwrap();
    std::fs::set_permissions(&credentials, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(open().contains("it is not a list"));
    std::fs::remove_file(&credentials).unwrap();
    assert!(open().contains("No such file"));
}

/// What a package does while it is built, by a builder that lies in it. What it learned becomes the module `report`.
const ATTACK: &str = r#"
import base64, json, os, pathlib, urllib.request, zipfile

def attack():
    learned = {"read": [], "written": [], "password": [], "gate": []}
    learned["groups"] = pathlib.Path("/proc/self/cgroup").read_text()
    for path in PATHS["read"]:
        try:
            found = os.listdir(path) if os.path.isdir(path) else [pathlib.Path(path).read_text()]
            if any(text.strip() for text in found):
                learned["read"].append(path)
        except OSError:
            pass
    for path in PATHS["write"]:
        try:
            pathlib.Path(path).write_text("mine")
            # Of its own /tmp nobody else sees anything.
            learned["written"].append(path)
        except OSError:
            pass
    # Beside its own venv, where the server looks; who reads the result looks there.
    for directory in os.listdir(PATHS["environments"]):
        for name in ["complete", "used", "size", "about.json", "requirements.txt"]:
            try:
                pathlib.Path(PATHS["environments"], directory, name).write_text("mine")
            except OSError:
                pass
    for process in [name for name in os.listdir("/proc") if name.isdigit()]:
        for file in ["environ", "cmdline"]:
            try:
                if PATHS["password"].encode() in pathlib.Path(f"/proc/{process}/{file}").read_bytes():
                    learned["password"].append(f"{process}/{file}")
            except OSError:
                pass
    index = os.environ["PIP_INDEX_URL"]
    word, _, rest = index.removeprefix("http://").partition("@")
    host = rest.split("/")[0]
    for path in ["/keys", "/team/../keys", "/team/%2e%2e/keys", "//keys", "/team/simple/tiny/",
             "/team/..;/keys", "/team/%2e%2e;a=b/keys", "/team/%252e%252e/keys", "/team/a%2f..%2f..%2fkeys", "/team/..%5ckeys"]:
        for shown in [word, None]:
            request = urllib.request.Request(f"http://{host}{path}")
            if shown:
                request.add_header("Authorization", "Basic " + base64.b64encode(shown.encode()).decode())
            try:
                with urllib.request.urlopen(request) as answer:
                    learned["gate"].append([path, bool(shown), answer.status])
            except urllib.error.HTTPError as error:
                # Refused by the gate; whatever else it says was the index's answer, asked with the password.
                if error.code not in (401, 403):
                    learned["gate"].append([path, bool(shown), error.code])
            except OSError:
                pass
    return learned

def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "evil-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        wheel.writestr("report.py", "text = " + repr(json.dumps(attack())))
        wheel.writestr("evil-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
        wheel.writestr("evil-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("evil-1.0.dist-info/RECORD", "report.py,,\nevil-1.0.dist-info/METADATA,,\nevil-1.0.dist-info/WHEEL,,\nevil-1.0.dist-info/RECORD,,\n")
    return name
"#;

const PACK: &str = r#"
import io, sys, tarfile
with tarfile.open(sys.argv[1], "w:gz") as archive:
    for name, text in [
        ("PKG-INFO", "Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n"),
        ("pyproject.toml", '[build-system]\nrequires = []\nbuild-backend = "attack"\nbackend-path = ["."]\n'),
        ("attack.py", sys.argv[2]),
    ]:
        entry = tarfile.TarInfo("evil-1.0/" + name)
        entry.size = len(text.encode())
        archive.addfile(entry, io.BytesIO(text.encode()))
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_package_that_attacks_while_it_is_installed_gets_nothing() {
    let shop = Shop::open();
    let definition = shop.definition(ConfinementPolicy::Available);
    let credentials = definition.python.credentials.clone().unwrap();
    let mut center = Scenario::confined(definition);
    let missing = center.engine().enforcement().missing;
    if missing.iter().any(|(what, _)| matches!(what, Protection::Files | Protection::Isolation)) {
        return haina_testkit::require::skip("bwrap", &format!("needs a sandbox: {missing:?}"));
    }
    // Another organization's file, an environment of others, and the center's own files.
    let mut theirs = center.script(1, "echo secret > data; python -c 'import tiny'");
    theirs.payload.working_directory = None;
    theirs.payload.python = packages("tiny");
    assert_eq!(center.run(theirs).await.ending, Ending::Exited { code: 0 });
    let environment = std::fs::read_dir(center.layout().environments()).unwrap().next().unwrap().unwrap().path();
    let work = center.layout().work("ocean-lab");
    for name in ["center.db", "admin.token"] {
        std::fs::write(center.file(name), "secret").unwrap();
    }
    let shown = |path: &Path| path.display().to_string();
    let read = [
        shown(&work.join("data")),
        shown(&work),
        shown(&center.file("center.db")),
        shown(&center.file("admin.token")),
        shown(&credentials),
        shown(&environment.join("venv")),
        shown(&center.layout().attempts()),
        "/etc/shadow".to_owned(),
    ];
    let write = [
        shown(&work.join("mine")),
        shown(&environment.join("venv/mine")),
        shown(&environment.join("complete")),
        shown(&center.file("admin.token")),
        shown(&credentials),
        "/etc/haina-was-here".to_owned(),
        "/usr/haina-was-here".to_owned(),
    ];
    let paths = serde_json::json!({ "read": read, "write": write, "password": PASSWORD, "environments": center.layout().environments() });
    // The password is in the file for the comparison only; what is looked for is who else has it.
    let attack = format!("PATHS = {paths}\n{ATTACK}");
    let archive = shop.directory.path().join("files/evil-1.0.tar.gz");
    let packed = std::process::Command::new("python3").args(["-c", PACK]).arg(&archive).arg(attack).status().unwrap();
    assert!(packed.success());

    let mut job = center.script(2, "python -c 'import report; print(report.text)'");
    job.payload.working_directory = None;
    job.payload.python = packages("evil");
    job.launch.organization = OrganizationId(2);
    job.organization = "harbour-lab".to_owned();
    let ended = center.run(job).await;
    assert_eq!(ended.ending, Ending::Exited { code: 0 }, "{ended:?} {}", center.log(2, LogStream::Stderr));
    let learned: serde_json::Value = serde_json::from_str(&center.output(2, 0)).unwrap();
    assert_eq!(learned["read"], serde_json::json!([]), "it read");
    assert_eq!(learned["written"], serde_json::json!([]), "it wrote");
    assert_eq!(learned["password"], serde_json::json!([]), "a process of the build has the password");
    let gate = serde_json::json!([["/team/simple/tiny/", true, 200]]);
    if center.engine().enforcement().enforced.contains(&haina_engine::Protection::Memory) {
        assert!(learned["groups"].to_string().contains("/environment-"), "{}", learned["groups"]);
    }
    assert_eq!(learned["gate"], gate, "of the index it reaches the packages, with its word only");
    assert_eq!(std::fs::read_to_string(work.join("data")).unwrap(), "secret\n");
    assert!(!environment.join("venv/mine").exists());
    for environment in std::fs::read_dir(center.layout().environments()).unwrap() {
        for file in std::fs::read_dir(environment.unwrap().path()).unwrap() {
            let file = file.unwrap().path();
            assert!(std::fs::read_to_string(&file).is_ok_and(|text| text != "mine") || file.is_dir(), "{file:?}");
        }
    }
}

fn lock(kind: PackagesFileKind, text: String) -> Option<PythonEnvironment> {
    Some(PythonEnvironment { requirements: Vec::new(), file: Some(PackagesFile { kind, text, project: None }) })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_file_is_installed_as_it_says_or_not_at_all() {
    let shop = Shop::open();
    let mut center = Scenario::confined(shop.definition(ConfinementPolicy::Off));
    let wheel = shop.directory.path().join("files/tiny-1.0-py3-none-any.whl");
    let summed = std::process::Command::new("sha256sum").arg(&wheel).output().unwrap();
    let sum = String::from_utf8_lossy(&summed.stdout).split_whitespace().next().unwrap().to_owned();
    let hashed = |sum: &str| format!("# locked\ntiny==1.0 \\\n    --hash=sha256:{sum}\n");

    let mut run = async |job: u64, python: Option<PythonEnvironment>| {
        let mut order = center.script(job, "python -c 'import tiny'");
        order.payload.python = python;
        center.run(order).await.ending
    };
    let kind = PackagesFileKind::HashedRequirements;
    assert_eq!(run(1, lock(kind, hashed(&sum))).await, Ending::Exited { code: 0 });
    let wrong = sum.replace(|digit: char| digit.is_ascii_digit(), "0");
    for (job, text) in [(2, hashed(&wrong)), (3, "tiny==1.0\n".to_owned())] {
        let Ending::Unstartable { reason } = run(job, lock(kind, text)).await else { panic!("it was built") };
        assert!(reason.to_lowercase().contains("hash"), "{reason}");
    }
    assert_eq!(run(4, lock(PackagesFileKind::Requirements, "tiny\n".to_owned())).await, Ending::Exited { code: 0 });
}

/// Needs uv on the path, which reads both kinds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locks_of_uv_are_installed_by_uv_and_refused_without_it() {
    let shop = Shop::open();
    let mut center = Scenario::confined(shop.definition(ConfinementPolicy::Off));
    let wheel = shop.directory.path().join("files/tiny-1.0-py3-none-any.whl");
    let summed = std::process::Command::new("sha256sum").arg(&wheel).output().unwrap();
    let sum = String::from_utf8_lossy(&summed.stdout).split_whitespace().next().unwrap().to_owned();
    let url = format!("file://{}", wheel.display());
    let pylock = format!(
        "lock-version = '1.0'\ncreated-by = 'test'\n[[packages]]\nname = 'tiny'\nversion = '1.0'\n\
         wheels = [{{ name = 'tiny-1.0-py3-none-any.whl', url = '{url}', hashes = {{ sha256 = '{sum}' }} }}]\n"
    );
    let path = wheel.display();
    let uv_lock = format!(
        "version = 1\nrequires-python = '>=3.8'\n\
         [[package]]\nname = 'ours'\nversion = '0.1'\nsource = {{ virtual = '.' }}\ndependencies = [{{ name = 'tiny' }}]\n\
         [package.metadata]\nrequires-dist = [{{ name = 'tiny', path = '{path}' }}]\n\
         [[package]]\nname = 'tiny'\nversion = '1.0'\nsource = {{ path = '{path}' }}\n\
         wheels = [{{ filename = 'tiny-1.0-py3-none-any.whl', hash = 'sha256:{sum}' }}]\n"
    );
    let project = format!(
        "[project]\nname = 'ours'\nversion = '0.1'\nrequires-python = '>=3.8'\ndependencies = ['tiny']\n\
         [tool.uv.sources]\ntiny = {{ path = '{path}' }}\n"
    );
    let has_uv = std::process::Command::new("sh").args(["-c", "command -v uv"]).output().unwrap().status.success();
    let file = |kind, text, project| {
        Some(PythonEnvironment { requirements: Vec::new(), file: Some(PackagesFile { kind, text, project }) })
    };
    for (job, python) in
        [(1, file(PackagesFileKind::Pylock, pylock, None)), (2, file(PackagesFileKind::UvLock, uv_lock, Some(project)))]
    {
        let mut order = center.script(job, "python -c 'import tiny'");
        order.payload.python = python;
        match (center.run(order).await.ending, has_uv) {
            (ending, true) => assert_eq!(ending, Ending::Exited { code: 0 }, "{}", center.log(job, LogStream::Stderr)),
            (Ending::Unstartable { reason }, false) => assert!(reason.contains("is installed by uv"), "{reason}"),
            (ending, false) => panic!("{ending:?}"),
        }
    }
}
