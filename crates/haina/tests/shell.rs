//! A shell inside a running job: what it sees, how it ends, and who may open one.

#[allow(dead_code, reason = "other tests use the rest")]
mod program;

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use program::{Center, Printed, haina, wait};

/// A center with one running job, which says who and where it is.
struct Scene {
    center: Center,
    work: PathBuf,
}

/// What a process is confined by: numbers, groups, namespaces, capabilities.
const CONFINED: &str = "id; grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status; cat /proc/self/cgroup; \
                        for kind in user mnt pid ipc uts net; do readlink /proc/self/ns/$kind; done; pwd; \
                        echo $HAINA_JOB_ID $HAINA_CARDS $SECRET $HOME $PATH; hostname; ls /; ls /tmp";

impl Scene {
    fn start() -> Scene {
        let center = Center::start();
        let work = center.data().join("engine/work/ocean-institute");
        let script = format!("{{ {CONFINED}; }} > confined.partial; mv confined.partial confined; exec sleep 1000");
        let submit = ["submit", "--organization", "ocean-institute", "--cards", "2", "--env", "SECRET=of-the-job"];
        center.run(&[&submit[..], &["--", "sh", "-c", &script]].concat()).expect(0);
        let scene = Scene { center, work };
        wait("the job to say who it is", || scene.work.join("confined").exists().then_some(()));
        scene
    }

    fn shell(&self, command: &[&str]) -> Printed {
        self.center.run(&[&["shell", "1", "--"][..], command].concat())
    }

    /// The program in a terminal of its own, where `typed` is typed.
    fn typed(&self, before: &str, typed: &str) -> Child {
        let command = format!("{before} exec {} shell 1", env!("CARGO_BIN_EXE_haina"));
        let mut script = Command::new("script");
        script.args(["-qefc", &command, "/dev/null"]).env("HAINA_DATA", self.center.data()).env("TERM", "xterm");
        script.env("SHELL", "/bin/sh").env_remove("HAINA_URL").env_remove("HAINA_TOKEN");
        let out = fs::File::create(self.center.directory().join("screen")).unwrap();
        let mut child = script.stdin(Stdio::piped()).stdout(out).spawn().unwrap();
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), typed.as_bytes()).unwrap();
        child
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.center.directory().join("screen")).unwrap()).into_owned()
    }
}

#[test]
fn it_is_confined_as_its_task_is() {
    let scene = Scene::start();
    let shell = scene.shell(&["sh", "-c", CONFINED]);
    let job = fs::read_to_string(scene.work.join("confined")).unwrap();
    assert_eq!(shell.expect(0).stdout, job, "{}", shell.stderr);
    assert!(job.contains("of-the-job"), "{job}");
    let node = scene.center.run(&["job", "show", "1", "--json"]).json()["attempt_list"][0]["nodes"][0]["node"].clone();
    let node = scene.center.run(&["node", "show", node.as_str().unwrap(), "--json"]).json();
    let enforced = node["confinement"]["enforced"].as_array().unwrap().clone();
    let is_enforced = |what: &str| enforced.iter().any(|word| word == what);
    if !is_enforced("isolation") || !is_enforced("files") {
        eprintln!("SKIPPED: this machine does not isolate jobs");
        return;
    }
    // Only the entering program, the job, and the shell (its cat came after the list was made).
    let processes = scene.shell(&["sh", "-c", "cat /proc/[0-9]*/comm"]);
    let mut names: Vec<&str> = processes.expect(0).stdout.lines().collect();
    names.sort_unstable();
    assert_eq!(names, ["haina-enter", "sh", "sleep"]);
    let data = scene.center.data();
    let secret = data.join("admin.token");
    scene.shell(&["cat", secret.to_str().unwrap()]).expect(1).prints("");
    scene.shell(&["sh", "-c", "! touch /usr/x"]).expect(0);
    scene.shell(&["sh", "-c", "echo kept > /tmp/kept"]).expect(0);
    scene.shell(&["cat", "/tmp/kept"]).expect(0).prints("kept\n");
}

#[test]
fn streams_and_exit_codes_are_the_commands() {
    let scene = Scene::start();
    let done = scene.shell(&["sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!((done.expect(7).stdout.as_str(), done.stderr.as_str()), ("out\n", "err\n"));
    scene.shell(&["sh", "-c", "kill -TERM $$"]).expect(143);
    assert!(scene.shell(&["/no/such/program"]).expect(126).stderr.contains("/no/such/program"));
    let mut command = scene.center.command(&["shell", "1", "--", "wc", "-c"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut input, &vec![b'x'; 3_000_000]).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "3000000");
    let many = scene.shell(&["sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x"]);
    assert_eq!(many.expect(0).stdout.len(), 3_000_000);
    // What writes more than it reads: nobody waits for the other.
    let mut command = scene.center.command(&["shell", "1", "--", "od", "-v", "-An", "-tx1"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut input, &vec![b'x'; 16 << 20]).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!(output.stdout.iter().filter(|byte| **byte == b'7').count(), 16 << 20);
    // By their names too, which another user's pipe could not be opened by.
    let named =
        scene.shell(&["sh", "-c", "echo out > /dev/stdout; echo err > /dev/stderr; echo ${HAINA_TOKEN:+token}"]);
    assert_eq!((named.expect(0).stdout.as_str(), named.stderr.as_str()), ("out\ntoken\n", "err\n"));
}

#[test]
fn a_terminal_has_its_size_and_hears_of_another() {
    let scene = Scene::start();
    let flag = scene.work.join("flag");
    let resize = format!(
        "stty cols 111 rows 33; (until [ -e {0} ]; do sleep 0.05; done; stty cols 99 rows 44) < /dev/tty &",
        flag.display()
    );
    let typed = "stty size; tty; echo $TERM; touch flag\n\
                 until [ \"$(stty size)\" = '44 99' ]; do sleep 0.05; done; echo re\"\"sized; exit 5\n";
    let mut child = scene.typed(&resize, typed);
    let status = wait("the shell to end", || child.try_wait().unwrap());
    let screen = scene.screen();
    assert_eq!(status.code(), Some(5), "{screen}");
    for text in ["33 111", "/dev/pts/", "xterm", "resized"] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
}

#[test]
fn keys_reach_the_program() {
    let scene = Scene::start();
    // The interrupt key ends what runs in the foreground, not the shell, and not this program.
    let mut child = scene.typed("", "echo re\"\"ady; sleep 1000\n");
    wait("the shell to be ready", || scene.screen().contains("ready").then_some(()));
    wait("sleep to run", || {
        let seen = scene.shell(&["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"]);
        (seen.stdout.matches("sleep 1000").count() >= 2).then_some(())
    });
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"\x03exit 6\n").unwrap();
    let status = wait("the shell to end", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(6), "{}", scene.screen());
}

#[test]
fn it_ends_with_its_job() {
    let scene = Scene::start();
    let mark = scene.work.join("mark");
    let mut command = scene.center.command(&["shell", "1", "--", "sh", "-c", "touch mark; sleep 1000"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait("the shell to run", || mark.exists().then_some(()));
    scene.center.run(&["job", "cancel", "1"]).expect(0);
    let status = wait("the shell to end", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(137));
    scene.center.until(&["job", "show", "1", "--json"], |job| job["state"] == "cancelled");
    assert!(scene.shell(&["true"]).expect(1).stderr.contains("already ended"));
    assert!(scene.center.run(&["shell", "9"]).expect(1).stderr.contains("not_found"));
}

#[test]
fn a_client_that_goes_takes_its_command_along() {
    let scene = Scene::start();
    let mut command = scene.center.command(&["shell", "1", "--", "sh", "-c", "touch mark; sleep 2000; true"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait("the shell to run", || scene.work.join("mark").exists().then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
    wait("its command to end", || {
        let seen = scene.shell(&["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"]);
        (!seen.stdout.contains("sleep 2000")).then_some(())
    });
    let job = scene.center.run(&["job", "show", "1", "--json"]).json();
    assert_eq!(job["state"], "running", "the job goes on");
}

#[test]
fn only_who_may_read_its_output_opens_one() {
    let scene = Scene::start();
    let user = |name: &str, role: &str, organization: &str| {
        scene.center.run(&["user", "add", name, "--role", role, "--organization", organization]).expect(0);
        let token = scene.center.run(&["token", "issue", name, "--json"]).expect(0).json();
        token["secret"].as_str().unwrap().to_owned()
    };
    let as_user = |token: &str| {
        let mut command = program::command(&["shell", "1", "--", "true"]);
        command.env("HAINA_URL", scene.center.url()).env("HAINA_TOKEN", token);
        Printed::of(command)
    };
    assert!(as_user(&user("spy", "tenant_admin", "maker-wang")).expect(1).stderr.contains("not_found"));
    assert!(as_user(&user("colleague", "developer", "ocean-institute")).expect(1).stderr.contains("forbidden"));
    as_user(&user("administrator", "tenant_admin", "ocean-institute")).expect(0);
    assert!(as_user("wrong").expect(1).stderr.contains("unauthenticated"));
    let waiting = scene.center.run(&["submit", "--organization", "ocean-institute", "--after", "1", "--", "true"]);
    waiting.expect(0);
    assert!(scene.center.run(&["shell", "2"]).expect(1).stderr.contains("not_running"));
    haina(&["shell"]).expect(2);
}
