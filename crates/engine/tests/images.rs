//! Images of containers, made and kept by the real podman in a storage of the test's own, and run in the real sandbox.

mod scenario;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use haina_core::local_definition::{ConfinementPolicy, ImagesDefinition, LocalDefinition};
use haina_core::{Ending, Report};
use haina_engine::{EnvironmentState, LaunchOrder};
use scenario::{Scenario, eventually};

/// What is in the images: one program that needs no library of theirs.
const BUSYBOX: [&str; 2] = ["/bin/busybox", "/usr/bin/busybox"];
const APPLETS: [&str; 14] =
    ["cat", "echo", "env", "find", "id", "ln", "ls", "mkdir", "pwd", "rm", "sh", "sleep", "test", "touch"];

struct Store {
    center: Scenario,
    /// podman's.
    storage: tempfile::TempDir,
}

impl Store {
    /// None where this machine lacks what images need: then the test is skipped, visibly.
    fn new() -> Option<Store> {
        let storage = tempfile::tempdir().unwrap();
        let definition = LocalDefinition {
            confinement: ConfinementPolicy::Available,
            images: ImagesDefinition { allowed: vec!["hub.example".to_owned()], storage: Some(storage.path().into()) },
            ..LocalDefinition::default()
        };
        let store = Store { center: Scenario::confined(definition), storage };
        // As a data directory is: nobody else can go there.
        std::fs::set_permissions(store.center.root(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let missing = store.center.engine().enforcement().missing;
        let no_sandbox = missing.iter().find(|(what, _)| *what == haina_engine::Protection::Files);
        let why = match (no_sandbox, store.podman(&["info"]), busybox()) {
            (Some((_, why)), ..) => why.clone(),
            (_, Err(why), _) => why,
            (.., None) => "busybox-static is not installed".to_owned(),
            _ => return Some(store),
        };
        haina_testkit::require::skip("podman", &format!("and what goes with it is not usable here: {why}"));
        None
    }

    fn podman(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new("podman");
        command.arg("--root").arg(self.storage.path()).arg("--runroot").arg(self.storage.path().join("run"));
        let output = command.args(arguments).output().map_err(|error| error.to_string())?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    /// Makes an image out of a small system, which `change` changes.
    fn image(&self, name: &str, options: &[&str], change: impl FnOnce(&Path)) {
        let system = tempfile::tempdir().unwrap();
        let root = system.path().join("root");
        for directory in ["bin", "app", "etc", "home/app"] {
            std::fs::create_dir_all(root.join(directory)).unwrap();
        }
        std::fs::copy(busybox().unwrap(), root.join("bin/busybox")).unwrap();
        for applet in APPLETS {
            symlink("busybox", root.join("bin").join(applet)).unwrap();
        }
        std::fs::write(root.join("etc/os-release"), "ID=tiny\n").unwrap();
        change(&root);
        let archive = system.path().join("root.tar");
        let packed = Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&archive).arg(".").status().unwrap();
        assert!(packed.success());
        let archive = archive.display().to_string();
        self.podman(&[&["import", "--quiet"], options, &[archive.as_str(), name]].concat()).unwrap();
    }

    fn order(&self, job: u64, image: &str, script: &str) -> LaunchOrder {
        let mut order = self.center.script(job, script);
        order.payload.image = Some(image.to_owned());
        order.payload.working_directory = None;
        order
    }

    async fn run(&mut self, job: u64, image: &str, script: &str) -> Ending {
        let order = self.order(job, image, script);
        self.center.run(order).await.ending
    }

    fn unpacked(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.center.layout().environments()).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    }
}

fn busybox() -> Option<PathBuf> {
    let is_static = |path: &&&str| {
        std::fs::read(path)
            .is_ok_and(|program| !program.windows(11).take(4096).any(|words| words == b"ld-linux-x8" as &[u8]))
    };
    BUSYBOX.iter().find(is_static).map(PathBuf::from)
}

fn success() -> Ending {
    Ending::Exited { code: 0 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_runs_in_its_image_and_sees_its_own_directory_only() {
    let Some(mut store) = Store::new() else { return };
    let options = ["--change", "ENV GREETING=hello", "--change", "ENV PATH=/bin", "--change", "WORKDIR /app"];
    store.image("localhost/tiny:1", &options, |_| {});
    let digest = store.podman(&["image", "inspect", "--format", "{{.Digest}}", "localhost/tiny:1"]).unwrap();

    let look = "cat /etc/os-release; echo $GREETING $OTHER; pwd; echo $PATH; \
                echo mine > ~/kept && cat ~/kept; echo $HAINA_IMAGE_DIGEST; ls -d /home/* /tmp/.";
    let mut order = store.order(1, "localhost/tiny:1", look);
    order.payload.variables.insert("OTHER".to_owned(), "of the job".to_owned());
    assert_eq!(store.center.run(order).await.ending, success(), "{}", store.center.errors(1, 0));
    let expected = format!("ID=tiny\nhello of the job\n/app\n/bin\nmine\n{}\n/home/app\n/tmp/.\n", digest.trim());
    assert_eq!(store.center.output(1, 0), expected);
    assert!(store.center.layout().work("ocean-lab").join("kept").exists());

    let denied = "touch /app/x && exit 1; touch /x-of-image && rm /x-of-image; ls /usr/lib /boot /root && exit 2; \
                  ls $HOME/../../attempts/1.1 && exit 3; cat /proc/1/environ && exit 4; echo x > /etc/passwd && exit 5; \
                  ls /run/haina-libraries/../../var/lib && exit 6; exit 0";
    assert_eq!(store.run(2, "localhost/tiny:1", denied).await, success(), "{}", store.center.output(2, 0));
    let named = store.center.engine().environments().await.unwrap();
    assert_eq!(named.len(), 1);
    assert_eq!((named[0].image.as_deref(), &named[0].state), (Some("localhost/tiny:1"), &EnvironmentState::Ready));
    assert!(named[0].bytes > 100_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_is_unpacked_once_for_all_who_ask() {
    let Some(mut store) = Store::new() else { return };
    store.image("localhost/tiny:1", &[], |_| {});
    store.podman(&["tag", "localhost/tiny:1", "localhost/other-name:2"]).unwrap();
    for job in 1..=20 {
        let name = if job % 2 == 0 { "localhost/tiny:1" } else { "localhost/other-name:2" };
        store.center.launch(store.order(job, name, "cat /etc/os-release")).await;
    }
    let mut ended = 0;
    while ended < 20 {
        if let Report::Ended { ending, .. } = store.center.report().await {
            assert_eq!(ending, success());
            ended += 1;
        }
    }
    let [unpacked] = &store.unpacked()[..] else { panic!("{:?}", store.unpacked()) };
    // Had it been unpacked again, its root would be younger than what says that it is complete.
    let time = |name: &str| std::fs::metadata(unpacked.join(name)).unwrap().modified().unwrap();
    assert!(time("about.json") <= time("complete"));
    assert!(store.podman(&["ps", "--all", "--quiet"]).unwrap().is_empty(), "a container was left behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_had_is_said_and_why() {
    let Some(mut store) = Store::new() else { return };
    store.image("localhost/foreign:1", &["--arch", "s390x"], |_| {});
    let reason = |ending: Ending| match ending {
        Ending::Unstartable { reason } => reason,
        other => panic!("{other:?}"),
    };
    let why = reason(store.run(1, "docker.io/library/busybox:1", "true").await);
    assert!(why.starts_with("jobs may not use the image docker.io/library/busybox:1"), "{why}");
    assert!(why.contains("[local.images] allows hub.example"), "{why}");
    let why = reason(store.run(2, "localhost/no-such:1", "true").await);
    assert!(why.starts_with("the image localhost/no-such:1 cannot be used: ") && why.contains("not known"), "{why}");
    let why = reason(store.run(3, "localhost/foreign:1", "true").await);
    assert!(why.contains("is for s390x, but this machine is"), "{why}");
    // A registry that is not there: podman's own words.
    let why = reason(store.run(4, "hub.example/a/b:1", "true").await);
    assert!(why.starts_with("the image hub.example/a/b:1 could not be fetched: "), "{why}");
    assert!(why.len() > 80, "{why}");
    // An image without a shell.
    store.image("localhost/empty:1", &[], |root| std::fs::remove_dir_all(root.join("bin")).unwrap());
    let why = reason(store.run(5, "localhost/empty:1", "true").await);
    assert!(why.starts_with("/bin/sh: "), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_with_traps_in_it_changes_nothing_on_the_machine() {
    let Some(mut store) = Store::new() else { return };
    let trap = store.center.file("trap");
    std::fs::create_dir(&trap).unwrap();
    std::fs::write(trap.join("hosts"), "as it was\n").unwrap();
    store.image("localhost/links:1", &[], |root| {
        std::fs::remove_dir_all(root.join("etc")).unwrap();
        symlink(&trap, root.join("etc")).unwrap();
        std::fs::remove_dir_all(root.join("home")).unwrap();
        symlink("/app", root.join("home")).unwrap();
        symlink(&trap, root.join("tmp")).unwrap();
        symlink(&trap, root.join("run")).unwrap();
    });
    store.image("localhost/files:1", &[], |root| {
        for file in ["passwd", "group", "hosts", "resolv.conf"] {
            symlink(trap.join(file), root.join("etc").join(file)).unwrap();
        }
    });
    let write = "echo x > /tmp/mine && cat /tmp/mine; cat /etc/hosts; ls -a /run; cat /etc/hostname; exit 0";
    for (job, image) in [(1, "localhost/links:1"), (2, "localhost/files:1")] {
        assert_eq!(store.run(job, image, write).await, success(), "{}", store.center.errors(job, 0));
        assert!(store.center.output(job, 0).starts_with("x\n"), "{}", store.center.output(job, 0));
        assert!(!store.center.output(job, 0).contains("as it was"));
    }
    let left: Vec<_> = std::fs::read_dir(&trap).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["hosts"]);
    assert_eq!(std::fs::read_to_string(trap.join("hosts")).unwrap(), "as it was\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_in_an_image_is_stopped_like_any_other_and_leaves_nothing() {
    let Some(mut store) = Store::new() else { return };
    store.image("localhost/tiny:1", &[], |_| {});
    let script = "(trap '' TERM; sleep 600) & touch ~/runs; trap 'echo asked; exit 3' TERM; sleep 600 & wait";
    store.center.launch(store.order(1, "localhost/tiny:1", script)).await;
    store.center.until_started(1).await;
    let runs = store.center.layout().work("ocean-lab").join("runs");
    eventually("the script runs", || runs.exists()).await;
    store.center.stop(1, haina_core::Milliseconds::from_seconds(1)).await;
    assert_eq!(store.center.until_ended(1).await.ending, Ending::Stopped);
    assert_eq!(store.center.output(1, 0), "asked\n");
}
