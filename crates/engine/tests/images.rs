//! Jobs in images, by the real podman and the real sandbox of this machine. No registry is needed: the one image is made of
//! programs of this machine, in a storage of podman's that is the scenario's own.

mod scenario;

use haina_core::local_definition::{
    ConfinementPolicy, EnvironmentDefinition, ImagesDefinition, KeepDefinition, KeepRule, LocalDefinition,
};
use haina_core::{Bytes, Code, Ending, EnvironmentContent, ImageReference, Milliseconds, OrganizationId, Report};
use haina_engine::{EnvironmentState, LaunchOrder, Protection, ShellRequest};
use scenario::{Scenario, attempt};
use tempfile::TempDir;

/// Images, and what a center needs to know of them.
struct Storage {
    images: haina_testkit::podman::Storage,
    _directory: TempDir,
}

impl std::ops::Deref for Storage {
    type Target = haina_testkit::podman::Storage;

    fn deref(&self) -> &Self::Target {
        &self.images
    }
}

impl Storage {
    fn new() -> Option<Storage> {
        let directory = tempfile::tempdir().unwrap();
        Some(Storage { images: haina_testkit::podman::Storage::new(directory.path())?, _directory: directory })
    }

    /// A center that allows what is of this machine. None, visibly, where there is no sandbox.
    fn center(&self, change: impl Fn(&mut LocalDefinition)) -> Option<Scenario> {
        let images = ImagesDefinition { allowed: vec!["localhost".to_owned()], storage: Some(self.root()) };
        let mut definition =
            LocalDefinition { confinement: ConfinementPolicy::Available, images, ..LocalDefinition::default() };
        change(&mut definition);
        let center = Scenario::confined(definition);
        let missing = center.engine().enforcement().missing;
        if let Some((_, why)) = missing.iter().find(|(what, _)| *what == Protection::Files) {
            haina_testkit::require::skip("bwrap", &format!("needs what this machine has not: {why}"));
            return None;
        }
        Some(center)
    }
}

fn reference(text: &str) -> ImageReference {
    text.parse().unwrap()
}

/// An order to run `text` in an image, for organization `lab-N`.
fn in_image(center: &Scenario, job: u64, organization: u32, image: &str, text: &str) -> LaunchOrder {
    let mut order = center.script(job, text);
    order.launch.organization = OrganizationId(organization);
    order.organization = format!("lab-{organization}");
    order.payload.working_directory = None;
    order.payload.image = Some(reference(image));
    order.launch.allocation.shares[0].cards.clear();
    order
}

const OK: Ending = Ending::Exited { code: 0 };

fn reason(ending: Ending) -> String {
    match ending {
        Ending::Unstartable { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_runs_in_the_files_of_its_image_as_the_image_says() {
    let Some(storage) = Storage::new() else { return };
    storage.make_tiny();
    let Some(mut center) = storage.center(|_| {}) else { return };
    let text = r#"cat /etc/os-release words; echo "$GREETING"; ls /root; ls -d /srv/app; ls /usr/share /home 2>/dev/null
        echo "$PWD"; echo "$HAINA_IMAGE"; echo "$HAINA_IMAGE_DIGEST"; echo mine > "$HOME/kept"; echo a > /tmp/a; ls /dev"#;
    let ended = center.run(in_image(&center, 1, 1, "localhost/tiny:1", text)).await;
    assert_eq!(ended.ending, OK, "{}", center.errors(1, 0));
    let digest = storage.podman(&["image", "inspect", "--format", "{{.Digest}}", "localhost/tiny:1"]);
    let written = center.output(1, 0);
    let expected = format!("ID=tiny\nof the image\nhello\nkept\n/srv/app\n/srv/app\nlocalhost/tiny:1\n{digest}\n");
    assert!(written.starts_with(&expected), "{written}");
    assert!(!written.contains("disk"), "{written}");
    assert_eq!(center.engine().image_digest(attempt(1)).await, Some(digest), "the job shows it");
    assert_eq!(center.engine().image_digest(attempt(2)).await, None);
    // What it wrote at home stays; a program of the job's own, its own directory and its own values win.
    let mut order = in_image(&center, 2, 1, "localhost/tiny:1", "");
    order.payload.command = ["cat", "kept"].map(str::to_owned).to_vec();
    order.payload.working_directory = Some(center.layout().work("lab-1").display().to_string());
    assert_eq!(center.run(order).await.ending, OK, "{}", center.errors(2, 0));
    assert_eq!(center.output(2, 0), "mine\n");
    let mut order = in_image(&center, 3, 1, "localhost/tiny:1", "echo $GREETING");
    order.payload.variables.insert("GREETING".to_owned(), "the job's".to_owned());
    assert_eq!(center.run(order).await.ending, OK);
    assert_eq!(center.output(3, 0), "the job's\n");
    let left: Vec<_> =
        std::fs::read_dir(center.layout().images()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [image] = &left[..] else { panic!("{left:?}") };
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(image.join("bin/id")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o755, "it gives no rights");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_job_is_denied_it_is_denied_in_an_image() {
    let Some(storage) = Storage::new() else { return };
    storage.make_tiny();
    let shared = tempfile::tempdir().unwrap();
    std::fs::write(shared.path().join("data"), "shared\n").unwrap();
    let mount = haina_core::local_definition::MountDefinition {
        path: shared.path().to_owned(),
        organization: None,
        writable: false,
    };
    let Some(mut center) = storage.center(|definition| definition.mounts = vec![mount.clone()]) else { return };
    assert_eq!(
        center
            .run(in_image(&center, 1, 1, "localhost/tiny:1", "echo secret > $HOME/theirs; cat $HOME/theirs"))
            .await
            .ending,
        OK
    );
    let theirs = center.layout().work("lab-1").join("theirs");
    assert!(theirs.exists());
    let text = format!(
        r#"for place in / /bin /etc /srv/app /usr /var /root; do touch $place/x 2>/dev/null && echo "wrote $place"; done
        cat {theirs} 2>/dev/null && echo "read another's"; ls {engine}/attempts 2>/dev/null && echo "saw the engine"
        cat {shared}/data; touch {shared}/x 2>/dev/null && echo "wrote a mount"; id -u; exit 0"#,
        theirs = theirs.display(),
        engine = center.root().display(),
        shared = shared.path().display(),
    );
    assert_eq!(center.run(in_image(&center, 2, 2, "localhost/tiny:1", &text)).await.ending, OK);
    let user = match center.engine().enforcement().enforced.contains(&Protection::Users) {
        true => "200002",
        false => "0",
    };
    assert_eq!(center.output(2, 0), format!("shared\n{user}\n"), "{}", center.errors(2, 0));
    if center.engine().enforcement().enforced.contains(&Protection::Memory) {
        let mut greedy =
            in_image(&center, 3, 1, "localhost/tiny:1", "head -c 400000000 /dev/zero | tail -n 1 >/dev/null");
        greedy.launch.allocation.shares[0].memory = Bytes(64 << 20);
        assert_eq!(center.run(greedy).await.ending, Ending::OutOfMemory);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_in_such_a_job_sees_the_image() {
    let Some(storage) = Storage::new() else { return };
    storage.make_tiny();
    let Some(mut center) = storage.center(|_| {}) else { return };
    center.launch(in_image(&center, 1, 1, "localhost/tiny:1", "exec sleep 600")).await;
    center.until_started(1).await;
    let look = r#"test "$(cat /etc/os-release)" = ID=tiny && test "$GREETING" = hello && test "$PWD" = /srv/app"#;
    let request = ShellRequest { command: ["sh", "-c", look].map(str::to_owned).to_vec(), terminal: None };
    let mut shell = center.engine().shell(attempt(1), 0, request).await.unwrap().expect("it runs");
    assert_eq!(shell.ended().await.unwrap(), 0);
    center.stop(1, Milliseconds(0)).await;
    assert_eq!(center.until_ended(1).await.ending, Ending::Stopped);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_is_unpacked_once_for_all_who_name_it_and_goes_when_nobody_has_used_it() {
    let Some(storage) = Storage::new() else { return };
    storage.make_tiny();
    let others = ["localhost/other:2", "localhost/other:3", "localhost/other:4"];
    for other in others {
        storage.podman(&["tag", "localhost/tiny:1", other]);
    }
    let wanted = EnvironmentDefinition {
        name: "course".to_owned(),
        content: EnvironmentContent::Image(reference("localhost/none:1")),
    };
    let environments = KeepRule { age: None, size: Some(Bytes(1)) };
    let keep = KeepDefinition { environments, attempts: KeepRule::default() };
    let Some(mut center) = storage.center(|definition| {
        (definition.keep, definition.environments) = (keep.clone(), vec![wanted.clone()]);
    }) else {
        return;
    };
    for job in 1..=50 {
        // All names are unpacked at the same time.
        let image = others.get(job as usize).unwrap_or(&"localhost/tiny:1");
        center.launch(in_image(&center, job, 1, image, "exit 0")).await;
    }
    let mut ended = 0;
    while ended < 50 {
        if let Report::Ended { ending, .. } = center.report().await {
            assert_eq!(ending, OK);
            ended += 1;
        }
    }
    let listed = center.engine().environments().await.unwrap();
    let of =
        |name: &str| listed.iter().find(|one| one.image == Some(reference(name))).unwrap_or_else(|| panic!("{name}"));
    let tiny = of("localhost/tiny:1");
    assert_eq!(tiny.state, EnvironmentState::Ready);
    assert!(tiny.bytes > 1_000_000 && tiny.image_digest.is_some(), "{tiny:?}");
    let EnvironmentState::Failed(why) = &of("localhost/none:1").state else { panic!("{listed:?}") };
    assert!(why.contains("localhost/none:1") && why.contains("no such image") || why.contains("not known"), "{why}");
    let directory = center.layout().environments().join(tiny.digest.as_ref().unwrap());
    assert!(directory.join("build/1").exists(), "it was built more than once");
    assert!(!directory.join("storage").exists(), "podman's copy is gone");
    let images = center.layout().images();
    let count = || std::fs::read_dir(&images).unwrap().count();
    assert_eq!(count(), 1, "two references to one image share its files");
    center.launch(in_image(&center, 51, 1, "localhost/tiny:1", "exec sleep 600")).await;
    center.until_started(51).await;
    center.engine().remove_surplus().await.unwrap();
    assert_eq!(count(), 1, "a job runs in it");
    assert!(directory.exists());
    center.stop(51, Milliseconds(0)).await;
    center.until_ended(51).await;
    center.engine().remove_surplus().await.unwrap();
    assert_eq!(count(), 0);
    assert!(!directory.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_was_made_anew_under_its_name_is_used_by_the_next_job() {
    let Some(storage) = Storage::new() else { return };
    let Some(mut center) = storage.center(|_| {}) else { return };
    for version in ["one", "two"] {
        storage.make("localhost/mine", &[("etc/version", version)], &[]);
        let job = if version == "one" { 1 } else { 2 };
        let ended = center.run(in_image(&center, job, 1, "localhost/mine", "cat /etc/version")).await;
        assert_eq!(ended.ending, OK, "{}", center.errors(job, 0));
        assert_eq!(center.output(job, 0), version);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_prepared_ends_the_job_in_podmans_words() {
    let Some(storage) = Storage::new() else { return };
    storage.make("localhost/foreign", &[], &["--arch", "s390x"]);
    storage.make("localhost/empty", &[], &[]);
    // Bound, and nobody accepts: connections to it are refused.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let registry = format!("127.0.0.1:{port}");
    let Some(mut center) = storage.center(|definition| definition.images.allowed.push(registry.clone())) else {
        return;
    };
    let ended = center.run(in_image(&center, 1, 1, "localhost/none", "exit 0")).await;
    let why = reason(ended.ending);
    assert!(why.starts_with("the image localhost/none:latest could not be prepared: Error"), "{why}");
    let ended = center.run(in_image(&center, 2, 1, &format!("{registry}/team/tool:1"), "exit 0")).await;
    let why = reason(ended.ending);
    assert!(why.contains("connection refused") && why.contains(&registry), "{why}");
    assert!(center.errors(2, 0).contains("connection refused"), "the output has it too");
    let why = reason(center.run(in_image(&center, 3, 1, "localhost/foreign", "exit 0")).await.ending);
    assert!(why.contains("the image is for linux/s390x"), "{why}");
    let mut order = in_image(&center, 4, 1, "localhost/empty", "");
    order.payload.command = vec!["/usr/bin/python3".to_owned()];
    let why = reason(center.run(order).await.ending);
    assert!(why.starts_with("/usr/bin/python3: No such file"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_from_where_none_may_be_used_is_refused_at_once_and_not_fetched() {
    let Some(storage) = Storage::new() else { return };
    let Some(mut center) = storage.center(|_| {}) else { return };
    let order = in_image(&center, 1, 1, "registry.example/team/tool:1", "exit 0");
    let refusal = center.engine().check(&order.payload).unwrap_err();
    assert_eq!(refusal.code, Code::ImageNotAllowed);
    assert_eq!(refusal.values["image"], "registry.example/team/tool:1");
    // A job that was accepted before the list was made shorter.
    let why = reason(center.run(order).await.ending);
    assert!(why.contains("does not allow it"), "{why}");
    let allowed = in_image(&center, 2, 1, "localhost/tiny:1", "exit 0");
    center.engine().check(&allowed.payload).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_sandbox_no_image_is_taken() {
    let definition = LocalDefinition {
        confinement: ConfinementPolicy::Off,
        images: ImagesDefinition { allowed: vec!["localhost".to_owned()], storage: None },
        ..LocalDefinition::default()
    };
    let center = Scenario::confined(definition);
    let order = in_image(&center, 1, 1, "localhost/tiny:1", "exit 0");
    let refusal = center.engine().check(&order.payload).unwrap_err();
    assert_eq!(refusal.code, Code::EnvironmentUnavailable, "{refusal}");
}
