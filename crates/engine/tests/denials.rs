//! What a confined task is denied, tried by real programs in the real sandbox of this machine.

mod scenario;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use haina_core::local_definition::{ConfinementPolicy, LocalDefinition, MountDefinition};
use haina_core::{Bytes, CardSlot, CpuMillis, Ending, Milliseconds, NodeId, OrganizationId};
use haina_engine::Protection::{self, Cards, Cpu, Files, Isolation, Memory, Processes, Users};
use haina_engine::discovery::{Probe, RealNode};
use haina_engine::{Engine, LaunchOrder};
use scenario::{Scenario, eventually, over_nodes};

/// A confined scenario, if this machine has what the test needs; otherwise the test is skipped, visibly.
fn confined_as(needs: &[Protection], change: impl Fn(&mut LocalDefinition)) -> Option<Scenario> {
    let mut definition = LocalDefinition { confinement: ConfinementPolicy::Available, ..LocalDefinition::default() };
    change(&mut definition);
    let center = Scenario::confined(definition);
    let mut missing = center.engine().enforcement().missing;
    missing.retain(|(what, _)| needs.contains(what));
    if missing.is_empty() {
        return Some(center);
    }
    let is_ordinary = !rustix::process::geteuid().is_root();
    let needs_root = |what: &Protection| matches!(what, Memory | Cpu | Processes | Users);
    let words: Vec<String> = missing.iter().map(|(what, why)| format!("{}: {why}", what.word())).collect();
    let words = words.join("; ");
    match is_ordinary && missing.iter().all(|(what, _)| needs_root(what)) {
        true => haina_testkit::require::skip("root", &format!("is needed for this test: {words}")),
        false => haina_testkit::require::skip("bwrap", &format!("needs what this machine has not: {words}")),
    }
    None
}

fn confined(needs: &[Protection]) -> Option<Scenario> {
    confined_as(needs, |_| {})
}

/// A machine of two cards by a program in the place of `npu-smi`, with device files of the null device in their place; none
/// where no device files can be made.
fn machine_with_stand_ins(directory: &Path) -> Option<(RealNode, Probe)> {
    let program = scenario::npu_smi(directory);
    for name in ["davinci0", "davinci1", "davinci_manager"] {
        let made = Command::new("mknod").args(["-m", "666"]).arg(directory.join(name)).args(["c", "1", "3"]).output();
        let opened = made.is_ok_and(|made| made.status.success()) && std::fs::read(directory.join(name)).is_ok();
        if !opened {
            haina_testkit::require::skip("device-files", "cannot be made and opened here");
            return None;
        }
    }
    // As Ascend's driver has it: for a group.
    std::os::unix::fs::chown(directory.join("davinci0"), Some(4242), Some(4242)).unwrap();
    std::fs::set_permissions(directory.join("davinci0"), std::fs::Permissions::from_mode(0o660)).unwrap();
    let machine = scenario::machine(program, directory);
    assert_eq!((machine.0.cards.len(), machine.0.shared_devices.len()), (2, 1));
    Some(machine)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_jobs_card_is_not_there() {
    let devices = tempfile::tempdir().unwrap();
    let Some(machine) = machine_with_stand_ins(devices.path()) else { return };
    let definition = LocalDefinition { confinement: ConfinementPolicy::Available, ..LocalDefinition::default() };
    let mut center = Scenario::on_machine(machine, definition);
    if let Some((_, why)) = center.engine().enforcement().missing.into_iter().find(|(what, _)| *what == Cards) {
        return haina_testkit::require::skip("bwrap", &format!("needs what this machine has not: {why}"));
    }
    let at = devices.path().display();
    let holding = |center: &Scenario, job: u64, organization: u32, cards: &[u8], text: &str| {
        let mut order = order(center, job, organization, text);
        order.launch.allocation.shares[0].cards = cards.iter().map(|&index| CardSlot { index, millis: 1000 }).collect();
        order
    };
    let look = format!(
        "echo $HAINA_CARDS $ASCEND_RT_VISIBLE_DEVICES; cd {at}; ls; for d in davinci*; do : < $d && echo x > $d || exit 9; done; "
    );
    // The first holds its card as long as the second looks for it.
    center.launch(holding(&center, 1, 1, &[0], &format!("{look} touch ~/there; exec sleep 600"))).await;
    center.until_started(1).await;
    let there = center.layout().work("lab-1").join("there");
    eventually("the first has its card", || there.exists()).await;
    assert_eq!(center.output(1, 0), "0 0\ndavinci0\ndavinci_manager\n");
    let take = format!(
        "{look} cat {at}/davinci0 && exit 8; mknod /tmp/card c 1 3 && cat /tmp/card && exit 7; \
         cat /proc/[0-9]*/root/{at}/davinci0 && exit 6; exit 0"
    );
    assert_eq!(center.run(holding(&center, 2, 2, &[1], &take)).await.ending, exited(0));
    assert_eq!(center.output(2, 0), "1 0\ndavinci1\ndavinci_manager\n", "in a sandbox its cards count from 0");
    center.stop(1, Milliseconds(0)).await;
    center.until_ended(1).await;

    assert_eq!(center.run(holding(&center, 3, 1, &[], &format!("ls {at} && exit 9; exit 0"))).await.ending, exited(0));
    let mut elsewhere = holding(&center, 4, 1, &[0], &format!("ls {at} && exit 9; exit 0"));
    elsewhere.launch.allocation.shares[0].node = NodeId(2);
    assert_eq!(center.run(elsewhere).await.ending, exited(0), "simulated nodes beside it have none of its cards");
}

/// Opens a device in the control group of the first job's tasks, as a program of it would that sees the device.
fn open_in_group(group: &Path, device: &Path) -> String {
    let text = "echo 0 > \"$1/cgroup.procs\" && exec cat \"$2\"";
    let tried = Command::new("sh").args(["-c", text, "sh"]).args([group, device]).env("LC_ALL", "C").output().unwrap();
    String::from_utf8_lossy(&tried.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_kernel_opens_no_other_device_for_a_job_with_cards() {
    let devices = tempfile::tempdir().unwrap();
    let Some(machine) = machine_with_stand_ins(devices.path()) else { return };
    // A device that no driver has: who may open it hears so.
    let [own, other] = ["davinci1", "other"].map(|name| devices.path().join(name));
    std::fs::remove_file(&own).unwrap();
    for (path, minor) in [(&own, "254"), (&other, "255")] {
        let made = Command::new("mknod").args(["-m", "666"]).arg(path).args(["c", "240", minor]).status().unwrap();
        assert!(made.success());
    }
    let definition = LocalDefinition { confinement: ConfinementPolicy::Available, ..LocalDefinition::default() };
    let mut center = Scenario::on_machine(machine, definition);
    let mut order = order(&center, 1, 1, "exec sleep 600");
    order.launch.allocation.shares[0].cards = vec![CardSlot { index: 1, millis: 1000 }];
    order.launch.tasks_per_node = 2;
    center.launch(order).await;
    center.until_started(1).await;
    let layout = center.layout();
    // Of a task: the groups that allow it devices, as the supervisor was told.
    let groups = |job, rank| -> Vec<std::path::PathBuf> {
        let order = std::fs::read(layout.attempt(scenario::attempt(job)).task(rank).order()).unwrap();
        let order: serde_json::Value = serde_json::from_slice(&order).unwrap();
        let mut groups = order["sandbox"]["groups"].as_array().cloned().unwrap_or_default();
        groups.retain(|group| group["limits"][0][0] == "devices.deny");
        let path = |group: &serde_json::Value| {
            Path::new(group["node"].as_str().unwrap()).join(group["task"].as_str().unwrap_or(""))
        };
        groups.iter().map(path).collect()
    };
    let Some(group) = groups(1, 0).pop() else {
        return haina_testkit::require::skip("root", "is needed for this test, and control groups of version 1");
    };
    let groups_of_both = [group, groups(1, 1).pop().unwrap()];
    for group in &groups_of_both {
        eventually("the group is there", || group.join("cgroup.procs").exists()).await;
        assert!(open_in_group(group, &other).contains("Operation not permitted"));
        assert!(open_in_group(group, &own).contains("No such device"), "its own it may");
        assert_eq!(open_in_group(group, Path::new("/dev/null")), "");
    }
    center.stop(1, Milliseconds(0)).await;
    center.until_ended(1).await;
    eventually("its groups are gone", || groups_of_both.iter().all(|group| !group.exists())).await;

    let mut without = self::order(&center, 2, 1, "exec sleep 600");
    without.launch.allocation.shares[0].cards.clear();
    center.launch(without).await;
    center.until_started(2).await;
    assert_eq!(groups(2, 0), [] as [std::path::PathBuf; 0], "without cards there is no such group");
    center.stop(2, Milliseconds(0)).await;
    center.until_ended(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_for_a_card_that_is_gone_is_refused() {
    let devices = tempfile::tempdir().unwrap();
    let Some((mut node, probe)) = machine_with_stand_ins(devices.path()) else { return };
    node.cards[1].devices.clear();
    scenario::take_out_card_1(devices.path());
    let center = Scenario::on_machine((node, probe), LocalDefinition::default());
    let mut order = order(&center, 1, 1, "exit 0");
    order.launch.allocation.shares[0].cards = vec![CardSlot { index: 1, millis: 1000 }];
    let refused = center.engine().launch(order).await.unwrap_err().to_string();
    assert!(refused.contains("card 1 of node node-1 is not on this machine"), "{refused}");
    let mut of_before = self::order(&center, 2, 1, "exit 0");
    (of_before.launch.allocation.shares[0].node, of_before.nodes[1].real) = (NodeId(2), true);
    let refused = center.engine().launch(of_before).await.unwrap_err().to_string();
    assert!(refused.contains("card 2 of node node-2 is not on this machine"), "{refused}");
    let health: Vec<&str> =
        center.engine().card_readings().into_iter().map(|(_, _, reading)| reading.health.word()).collect();
    assert_eq!(health, ["healthy", "unhealthy"]);
}

/// An order of an organization, in its own directory.
fn order(center: &Scenario, job: u64, organization: u32, text: &str) -> LaunchOrder {
    let mut order = center.script(job, text);
    order.payload.working_directory = None;
    order.launch.organization = OrganizationId(organization);
    order.organization = format!("lab-{organization}");
    order
}

fn exited(code: u8) -> Ending {
    Ending::Exited { code }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exit_codes_signals_and_output_are_exact_in_the_sandbox_too() {
    let Some(mut center) = confined(&[Files, Isolation]) else { return };
    for code in [0, 1, 77, 255] {
        assert_eq!(
            center.run(order(&center, 1 + u64::from(code), 1, &format!("exit {code}"))).await.ending,
            exited(code)
        );
    }
    assert_eq!(center.run(order(&center, 300, 1, "kill -SEGV $$")).await.ending, Ending::Signalled { signal: 11 });
    assert_eq!(center.run(order(&center, 301, 1, "kill -KILL $$")).await.ending, Ending::Signalled { signal: 9 });
    let ended = center.run(order(&center, 302, 1, "echo out; echo err >&2; hostname; echo $HOME")).await;
    assert_eq!(ended.ending, exited(0));
    let home = center.layout().work("lab-1");
    assert_eq!(center.output(302, 0), format!("out\nnode-1\n{}\n", home.display()));
    let mut missing = order(&center, 303, 1, "");
    missing.payload.command = vec!["/no/such/program".to_owned()];
    let Ending::Unstartable { reason } = center.run(missing).await.ending else { panic!("it started") };
    assert!(reason.contains("/no/such/program: No such file"), "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_organizations_files_are_not_there() {
    let Some(mut center) = confined(&[Files]) else { return };
    assert_eq!(center.run(order(&center, 1, 1, "echo secret > data && cat data")).await.ending, exited(0));
    let theirs = center.layout().work("lab-1").join("data");
    let text = format!(
        "cat {0} && exit 9; echo x > {0} && exit 8; ls {1}; exit 0",
        theirs.display(),
        center.layout().work("").display()
    );
    assert_eq!(center.run(order(&center, 2, 2, &text)).await.ending, exited(0));
    assert_eq!(center.output(2, 0), "lab-2\n", "of all organizations' directories it sees its own");
    assert_eq!(std::fs::read_to_string(theirs).unwrap(), "secret\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_system_is_read_only_and_the_centers_own_files_are_not_there() {
    let Some(mut center) = confined(&[Files, Isolation]) else { return };
    let text = format!(
        "for path in /etc/haina-was-here /usr/haina-was-here /haina-was-here /sys/haina-was-here; do \
           if echo x > $path; then exit 9; fi; done 2>/dev/null; \
         cat /etc/shadow && exit 8; ls {} && exit 7; ls /root /home; \
         echo fine > /tmp/fine && cat /tmp/fine && python3 -c 'print(6 * 7)'",
        center.layout().active().display()
    );
    let ended = center.run(order(&center, 1, 1, &text)).await;
    assert_eq!(ended.ending, exited(0));
    assert!(center.output(1, 0).ends_with("fine\n42\n"), "{}", center.output(1, 0));
    assert!(!std::path::Path::new("/tmp/fine").exists(), "its /tmp is its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jobs_token_is_with_its_own_programs_and_in_no_file() {
    let Some(mut center) = confined(&[Files, Isolation]) else { return };
    let token = scenario::tokens().token(scenario::attempt(1));
    let text = "echo $HAINA_TOKEN $HAINA_URL; : > up; while [ ! -e end ]; do sleep 0.02; done";
    let mut first = order(&center, 1, 1, text);
    first.launch.tasks_per_node = 2;
    center.launch(first).await;
    center.until_started(1).await;
    eventually("the first job has said its token", || {
        (0..2).all(|rank| center.output(1, rank) == format!("{token} http://127.0.0.1:1\n"))
    })
    .await;
    let is_in_a_file = |path: &std::path::Path| {
        let secret = token.as_bytes();
        std::fs::read(path).is_ok_and(|bytes| bytes.windows(secret.len()).any(|part| part == secret))
    };
    let outputs = |path: &std::path::PathBuf| path.file_name().is_some_and(|name| name == "stdout");
    let found: Vec<_> = files_below(center.directory.path()).into_iter().filter(|path| is_in_a_file(path)).collect();
    assert!(found.iter().all(outputs), "beside what the job itself wrote: {found:?}");

    // Another job of the same organization, and so of the same user, looks at everything that it can see.
    let text = "cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep ^HAINA_TOKEN= | sort -u; \
                grep -lr haina_job_1.1_ $HOME /tmp /run /var /etc 2>/dev/null; exit 0";
    assert_eq!(center.run(order(&center, 2, 1, text)).await.ending, exited(0));
    let its_own = scenario::tokens().token(scenario::attempt(2));
    assert_eq!(center.output(2, 0), format!("HAINA_TOKEN={its_own}\n"));
    std::fs::write(center.layout().work("lab-1").join("end"), "").unwrap();
    assert_eq!(center.until_ended(1).await.ending, exited(0));

    let mut bringing = order(&center, 3, 1, "echo $HAINA_TOKEN");
    bringing.payload.variables.insert("HAINA_TOKEN".to_owned(), "its user's".to_owned());
    assert_eq!(center.run(bringing).await.ending, exited(0));
    assert_eq!(center.output(3, 0), "its user's\n");
}

/// All files; not the named pipes, which nobody answers on.
fn files_below(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let of_entry = |entry: std::fs::DirEntry| match entry.file_type().unwrap() {
        kind if kind.is_dir() => files_below(&entry.path()),
        kind if kind.is_file() => vec![entry.path()],
        _ => Vec::new(),
    };
    entries.flat_map(of_entry).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_over_the_cap_ends_the_task_and_is_said() {
    let Some(mut center) = confined(&[Memory]) else { return };
    let mut greedy = order(&center, 1, 1, "python3 -c 'b = bytearray(400 << 20); print(len(b))'");
    greedy.launch.allocation.shares[0].memory = Bytes(128 << 20);
    assert_eq!(center.run(greedy).await.ending, Ending::OutOfMemory);
    assert_eq!(center.output(1, 0), "");
    let mut modest = order(&center, 2, 1, "python3 -c 'b = bytearray(40 << 20); print(len(b))'");
    modest.launch.allocation.shares[0].memory = Bytes(128 << 20);
    assert_eq!(center.run(modest).await.ending, exited(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_has_open_is_not_open_for_tasks() {
    // As a shell may leave it to the program that it starts.
    let _inherited = rustix::pipe::pipe().unwrap();
    let Some(mut center) = confined(&[Files]) else { return };
    assert_eq!(
        center
            .run(order(&center, 1, 1, "for file in /proc/$$/fd/*; do [ ! -e $file ] || echo ${file##*/}; done"))
            .await
            .ending,
        exited(0)
    );
    assert_eq!(center.output(1, 0), "0\n1\n2\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_does_not_survive_its_task() {
    let Some(mut center) = confined(&[Isolation]) else { return };
    let text = "python3 -c '
import os, sys, time
if os.fork(): sys.exit(0)
os.setsid()
if os.fork(): os._exit(0)
for name in (\"HAINA_TASK_DIRECTORY\",): os.environ.pop(name, None)
open(\"daemon\", \"w\").write(\"up\")
os.execvpe(\"sleep\", [\"sleep\", \"4321.5\"], {})
'; while [ ! -e daemon ]; do :; done; exit 0";
    assert_eq!(center.run(order(&center, 1, 1, text)).await.ending, exited(0));
    let left = || {
        let running = std::process::Command::new("pgrep").args(["-f", "^sleep 4321.5$"]).output().unwrap();
        String::from_utf8_lossy(&running.stdout).trim().to_owned()
    };
    assert_eq!(left(), "", "the daemon lives on");
    assert!(center.record(1, 0, "exit.json")["strays"].as_u64().unwrap() >= 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_bomb_is_held_and_ended() {
    let Some(mut center) = confined_as(&[Processes], |definition| definition.processes = 64) else { return };
    // Each child forks on and waits; the program ends well once the kernel refuses another.
    let bomb = "import os, sys, time
count = 0
while True:
    try:
        if os.fork() == 0: time.sleep(600)
        count += 1
    except OSError:
        print(count < 64, flush=True); break
time.sleep(600)";
    let mut bombed = order(&center, 1, 1, "exec python3 -c \"$BOMB\"");
    bombed.payload.variables.insert("BOMB".to_owned(), bomb.to_owned());
    bombed.launch.time_limit = Milliseconds::from_seconds(600);
    center.launch(bombed).await;
    center.until_started(1).await;
    eventually("the kernel refuses another process", || center.output(1, 0) == "True\n").await;
    center.stop(1, Milliseconds(0)).await;
    assert_eq!(center.until_ended(1).await.ending, Ending::Stopped);
    // The machine is as it was: another task runs.
    assert_eq!(center.run(order(&center, 2, 2, "exit 0")).await.ending, exited(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_reaches_the_task_and_who_ignores_it_is_killed() {
    let Some(mut center) = confined(&[Isolation]) else { return };
    let saves = "trap 'echo saved; exit 5' TERM; echo ready; while :; do sleep 0.05; done";
    center.launch(order(&center, 1, 1, saves)).await;
    center.until_started(1).await;
    eventually("it is ready", || center.output(1, 0) == "ready\n").await;
    center.stop(1, Milliseconds::from_seconds(30)).await;
    assert_eq!(center.until_ended(1).await.ending, Ending::Stopped);
    assert_eq!(center.output(1, 0), "ready\nsaved\n");

    let ignores = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
    center.launch(order(&center, 2, 1, ignores)).await;
    center.until_started(2).await;
    eventually("it is ready", || center.output(2, 0) == "ready\n").await;
    center.stop(2, Milliseconds(200)).await;
    assert_eq!(center.until_ended(2).await.ending, Ending::Stopped);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_jobs_processes_are_not_seen() {
    let Some(mut center) = confined(&[Isolation]) else { return };
    center.launch(order(&center, 1, 1, "exec sleep 600")).await;
    center.until_started(1).await;
    assert_eq!(
        center.run(order(&center, 2, 1, "ls -d /proc/[0-9]* | wc -l; kill -9 -1; exit 3")).await.ending,
        exited(3)
    );
    let seen: u32 = center.output(2, 0).trim().parse().unwrap();
    assert!(seen < 8, "{seen} processes");
    center.stop(1, Milliseconds(0)).await;
    assert_eq!(center.until_ended(1).await.ending, Ending::Stopped, "it was not touched");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processor_time_is_a_share() {
    let Some(mut center) = confined(&[Cpu]) else { return };
    let mut half = order(
        &center,
        1,
        1,
        "python3 -c '
import time
began = time.time()
while time.process_time() < 0.5: pass
print(time.time() - began > 0.9)'",
    );
    half.launch.allocation.shares[0].cpu = CpuMillis(500);
    assert_eq!(center.run(half).await.ending, exited(0));
    assert_eq!(center.output(1, 0), "True\n", "half a processor needs at least twice the time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shared_directories_are_seen_by_whom_they_are_for() {
    let shared = tempfile::tempdir().unwrap();
    let path = shared.path().to_owned();
    std::fs::write(path.join("data"), "shared\n").unwrap();
    let mount = MountDefinition { path: path.clone(), organization: Some("lab-1".to_owned()), writable: false };
    let Some(mut center) = confined_as(&[Files, Users], |definition| definition.mounts = vec![mount.clone()]) else {
        return;
    };
    std::os::unix::fs::chown(&path, Some(200_001), Some(200_001)).unwrap();
    let text = format!("cat {0}/data; echo x > {0}/data && exit 9; exit 0", path.display());
    assert_eq!(center.run(order(&center, 1, 1, &text)).await.ending, exited(0));
    assert_eq!(center.output(1, 0), "shared\n");
    assert_eq!(center.run(order(&center, 3, 1, "id -un; id -G; echo ~lab-1")).await.ending, exited(0));
    let home = center.layout().work("lab-1");
    assert_eq!(center.output(3, 0), format!("lab-1\n200001\n{}\n", home.display()), "a user of its own, with a name");
    assert_eq!(center.run(order(&center, 2, 2, &format!("ls {}", path.display()))).await.ending, exited(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_without_its_supervisor_leaves_nothing_behind() {
    let Some(mut center) = confined(&[Isolation]) else { return };
    center.launch(order(&center, 1, 1, "(sleep 4322.5; :) & exec sleep 4322.5")).await;
    center.until_started(1).await;
    let supervisor = scenario::parent_of(center.record(1, 0, "running.json")["pid"].as_i64().unwrap());
    scenario::kill(supervisor);
    assert!(matches!(center.until_ended(1).await.ending, Ending::Lost { .. }));
    let running = std::process::Command::new("pgrep").args(["-f", "^sleep 4322.5$"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&running.stdout), "");
    assert!(!groups_left(&center), "its control groups are removed");
}

/// Whether a control group of this scenario's engine has another in it.
fn groups_left(center: &Scenario) -> bool {
    let order: serde_json::Value = center.record(1, 0, "task.json");
    let groups = order["sandbox"]["groups"].as_array().cloned().unwrap_or_default();
    groups.iter().any(|group| std::path::Path::new(group["node"].as_str().unwrap()).exists())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_environment_is_built_and_used_in_the_sandbox() {
    let Some(mut center) = confined(&[Files, Isolation]) else { return };
    let mut job = order(&center, 1, 1, "python -c 'import sys; print(sys.prefix != sys.base_prefix)'");
    job.payload.python = Some(haina_core::PythonEnvironment { requirements: Vec::new(), file: None });
    let ended = center.run(job).await;
    assert_eq!(ended.ending, exited(0), "{:?}", ended);
    assert_eq!(center.output(1, 0), "True\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tasks_of_a_gang_find_their_own_and_each_others_machines_by_name() {
    let Some(mut center) = confined(&[Files, Isolation]) else { return };
    let mut order = over_nodes(order(&center, 1, 1, "getent ahostsv4 $(hostname) node-1 node-2 | grep STREAM"), 2, 1);
    order.launch.allocation.shares[1].cards.clear();
    assert_eq!(center.run(order).await.ending, exited(0));
    let lines = |names: [&str; 3]| names.map(|name| format!("127.0.0.1       STREAM {name}\n")).concat();
    assert_eq!(center.output(1, 1), lines(["node-2", "node-1", "node-2"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_has_shared_memory_of_its_own() {
    let Some(mut center) = confined(&[Files, Isolation]) else { return };
    // What it leaves there is not seen by the next.
    let text = "ls /dev/shm; exec python3 -c 'import os, multiprocessing; multiprocessing.Lock(); \
                open(\"/dev/shm/left\", \"w\"); print(len(os.listdir(\"/dev/shm\")))'";
    for job in [1, 2] {
        assert_eq!(center.run(order(&center, job, job as u32, text)).await.ending, exited(0));
        assert_eq!(center.output(job, 0), "1\n");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outputs_can_be_opened_by_their_names() {
    let Some(mut center) = confined(&[Files]) else { return };
    let order =
        order(&center, 1, 1, "echo out > /dev/stdout; echo err > /dev/stderr; echo more | tee /dev/stderr > /dev/null");
    assert_eq!(center.run(order).await.ending, exited(0), "{}", center.errors(1, 0));
    assert_eq!((center.output(1, 0).as_str(), center.errors(1, 0).as_str()), ("out\n", "err\nmore\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_that_hangs_while_it_is_made_is_stopped_like_a_task() {
    let programs = tempfile::tempdir().unwrap();
    let program = programs.path().join("program");
    let real = scenario::supervisor()[0].display().to_string();
    scenario::write_program(
        &program,
        &format!("#!/bin/sh\n[ \"$1\" != enter ] || exec sleep 600\nexec {real} \"$@\"\n"),
    );
    let definition = LocalDefinition { confinement: ConfinementPolicy::Available, ..LocalDefinition::default() };
    let mut center = Scenario::confined_with_supervisor(vec![program.into()], definition);
    if let Some((_, why)) = center.engine().enforcement().missing.into_iter().find(|(what, _)| *what == Files) {
        return haina_testkit::require::skip("bwrap", &format!("needs what this machine has not: {why}"));
    }
    center.launch(order(&center, 1, 1, "true")).await;
    let started = center.layout().attempt(scenario::attempt(1)).task(0).started();
    eventually("its sandbox is being made", || started.exists()).await;
    center.stop(1, Milliseconds::from_seconds(30)).await;
    let ended = center.until_ended(1).await;
    assert_eq!((ended.ending, ended.started), (Ending::Stopped, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_has_nothing_of_what_the_server_has_open() {
    let Some(mut center) = confined(&[Files, Isolation]) else { return };
    center.launch(order(&center, 1, 1, "exec sleep 600")).await;
    center.until_started(1).await;
    // As a server may be started with it.
    let secret = std::fs::File::open("/etc/passwd").unwrap();
    rustix::io::fcntl_setfd(&secret, rustix::io::FdFlags::empty()).unwrap();
    let command = ["sh", "-c", "for file in /proc/self/fd/*; do echo ${file##*/}; done"].map(str::to_owned).to_vec();
    let request = haina_engine::ShellRequest { command, terminal: None };
    let shell = center.engine().shell(scenario::attempt(1), 0, request).await.unwrap().unwrap();
    let output = shell.process.wait_with_output().await.unwrap();
    let open = String::from_utf8_lossy(&output.stdout).into_owned();
    drop(secret);
    // The fourth is the list's own.
    assert_eq!(open.lines().collect::<Vec<_>>(), ["0", "1", "2", "3"], "{}", String::from_utf8_lossy(&output.stderr));
    center.stop(1, Milliseconds(0)).await;
    center.until_ended(1).await;
}

#[test]
fn other_users_of_the_machine_read_nothing_of_the_engines() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("engine");
    std::fs::create_dir(&root).unwrap();
    std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o755)).unwrap();
    let open = || {
        haina_engine::LocalEngine::open(
            scenario::CENTER,
            root.clone(),
            scenario::supervisor(),
            LocalDefinition::default(),
            None,
        )
    };
    let _engine = open().unwrap();
    assert_eq!(std::fs::metadata(&root).unwrap().permissions().mode() & 0o777, 0o700);
}
