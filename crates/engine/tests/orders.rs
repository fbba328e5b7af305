//! Orders that come twice, late, or from the wrong leader, and servers that die.

mod scenario;

use haina_core::{CenterId, Ending, Epoch, Milliseconds, Report, Stop};
use haina_engine::{Engine, EngineError, LocalEngine, Reconciliation};
use scenario::{
    CENTER, EPOCH, Scenario, attempt, eventually, is_alive, kill, number_in, over_nodes, parent_of, supervisor,
};

/// Runs until the scenario's file `go` is there.
const WAIT_FOR_GO: &str = "echo run >> runs; until [ -e go ]; do sleep 0.01; done; exit 5";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_is_ordered_many_times_runs_once() {
    let mut center = Scenario::new();
    let order = center.script(1, "echo run >> runs");
    let (a, b, c) = tokio::join!(
        center.engine().launch(order.clone()),
        center.engine().launch(order.clone()),
        center.engine().launch(order.clone())
    );
    a.and(b).and(c).unwrap();
    assert_eq!(center.until_ended(1).await.ending, Ending::Exited { code: 0 });
    center.launch(order.clone()).await;
    center.reopen(&[]).await;
    center.launch(order).await;
    center.assert_silence().await;
    assert_eq!(std::fs::read_to_string(center.file("runs")).unwrap(), "run\n");
}

#[tokio::test]
async fn what_an_attempt_of_another_center_left_is_not_this_centers() {
    let mut center = Scenario::new();
    center.launch(center.script(1, "true")).await;
    center.until_ended(1).await;
    center.close();
    let other = CenterId(CENTER.0 + 1);
    let refused =
        LocalEngine::open(other, center.root(), supervisor(), Default::default(), None).map(|_| ()).unwrap_err();
    assert!(
        matches!(&refused, EngineError::OtherCenter { directory, owner, center: wanted }
            if *directory == center.root() && *owner == CENTER && *wanted == other),
        "{refused}"
    );
    center.reopen(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_is_stopped_before_its_launch_never_runs() {
    let mut center = Scenario::new();
    center.stop(1, Milliseconds(0)).await;
    center.launch(center.script(1, "echo run >> runs")).await;
    let ended = center.until_ended(1).await;
    assert_eq!((ended.ending, ended.started), (Ending::Stopped, None));
    center.reopen(&[]).await;
    center.launch(center.script(1, "echo run >> runs")).await;
    center.assert_silence().await;
    assert!(!center.file("runs").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_right_after_the_launch_ends_it_exactly_once() {
    let mut center = Scenario::new();
    for job in 1..=20 {
        center.launch(over_nodes(center.script(job, "sleep 600"), 2, 1)).await;
        center.stop(job, Milliseconds(0)).await;
    }
    let mut ended = std::collections::BTreeSet::new();
    while ended.len() < 20 {
        if let Report::Ended { attempt, ending, .. } = center.report().await {
            assert_eq!(ending, Ending::Stopped);
            assert!(ended.insert(attempt));
        }
    }
    center.assert_silence().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_that_the_disk_does_not_take_is_told_again() {
    let mut center = Scenario::new();
    center.launch(center.script(1, "exec sleep 600")).await;
    center.until_started(1).await;
    let task = center.layout().attempt(attempt(1)).task(0);
    // A directory in the order's place refuses it, to root as well.
    std::fs::create_dir(task.stop()).unwrap();
    let changed = || std::fs::metadata(task.directory()).unwrap().modified().unwrap();
    let before = changed();
    center.stop(1, Milliseconds(0)).await;
    eventually("it was tried", || changed() > before).await;
    std::fs::remove_dir(task.stop()).unwrap();
    assert_eq!(center.until_ended(1).await.ending, Ending::Stopped);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_leader_is_refused_also_by_the_next_server() {
    let mut center = Scenario::new();
    center.run(center.script(1, "true")).await;
    let mut stale = center.script(2, "echo run >> runs");
    stale.epoch = Epoch(2);
    let is_stale = |error| matches!(error, EngineError::StaleEpoch { epoch: Epoch(2), newest: EPOCH });
    assert!(is_stale(center.engine().launch(stale.clone()).await.unwrap_err()));
    center.reopen(&[]).await;
    assert!(is_stale(center.engine().launch(stale).await.unwrap_err()));
    let stop = Stop { attempt: attempt(1), grace: Milliseconds(0) };
    assert!(is_stale(center.engine().stop(Epoch(2), stop).await.unwrap_err()));
    assert!(is_stale(center.engine().reconcile(Epoch(2), Vec::new()).await.unwrap_err()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organization_cannot_name_a_way_out_of_the_engines_directory() {
    let center = Scenario::new();
    for name in ["..", "", "a/b", ".hidden"] {
        let mut order = center.script(1, "true");
        order.organization = name.to_owned();
        assert!(matches!(center.engine().launch(order).await, Err(EngineError::BadOrder { .. })), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_ends_while_no_server_runs_is_reported_once_with_its_own_times() {
    let mut center = Scenario::new();
    center.launch(center.script(1, WAIT_FOR_GO)).await;
    let started = center.until_started(1).await;
    center.close();
    center.create("go");
    let exit = center.layout().attempt(attempt(1)).task(0).exit();
    eventually("the supervisor recorded the end", || exit.exists()).await;
    let at = center.record(1, 0, "exit.json")["at"].as_i64().unwrap();

    center.reopen(&[attempt(1)]).await;
    let ended = center.until_ended(1).await;
    assert_eq!(ended.ending, Ending::Exited { code: 5 });
    assert_eq!((ended.started, ended.at.0), (Some(started), at));
    center.assert_silence().await;
    assert_eq!(std::fs::read_to_string(center.file("runs")).unwrap(), "run\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_outlives_a_server_is_watched_by_the_next() {
    let mut center = Scenario::new();
    center.launch(center.script(1, WAIT_FOR_GO)).await;
    let started = center.until_started(1).await;
    center.reopen(&[attempt(1)]).await;
    assert_eq!(center.until_started(1).await, started);
    center.reopen(&[attempt(1)]).await;
    center.create("go");
    let ended = center.until_ended(1).await;
    assert_eq!((ended.ending, ended.started), (Ending::Exited { code: 5 }, Some(started)));
    center.assert_silence().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_of_an_earlier_server_can_be_stopped() {
    let mut center = Scenario::new();
    center.launch(center.script(1, "sleep 600")).await;
    center.until_started(1).await;
    center.reopen(&[attempt(1)]).await;
    center.stop(1, Milliseconds(100)).await;
    assert_eq!(center.until_ended(1).await.ending, Ending::Stopped);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_delivered_until_it_is_acknowledged() {
    let mut center = Scenario::new();
    center.launch(center.script(1, "exit 3")).await;
    let first = loop {
        let delivery = center.reports.recv().await.unwrap();
        if let Report::Ended { .. } = delivery.report {
            break delivery;
        }
    };
    // The same server is asked again, as after a failed commit.
    center.engine().reconcile(EPOCH, vec![attempt(1)]).await.unwrap();
    assert_eq!(center.reports.recv().await.unwrap(), first);
    // So is the next one, also for an end that was acknowledged but that the center lost.
    center.reopen(&[]).await;
    assert_eq!(center.reports.recv().await.unwrap(), first);
    center.engine().acknowledge(first.id);
    let mark = center.layout().active_mark(attempt(1));
    eventually("the mark is gone", || !mark.exists()).await;
    center.reopen(&[]).await;
    center.assert_silence().await;
    center.reopen(&[attempt(1)]).await;
    assert_eq!(center.reports.recv().await.unwrap(), first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconciliation_names_what_only_one_side_knows() {
    let mut center = Scenario::new();
    center.launch(center.script(1, WAIT_FOR_GO)).await;
    center.until_started(1).await;
    let found = center.engine().reconcile(EPOCH, vec![attempt(7)]).await.unwrap();
    assert_eq!(found, Reconciliation { unknown: vec![attempt(7)], unclaimed: vec![attempt(1)] });
    center.create("go");
    center.until_ended(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_whose_mark_was_lost_in_a_crash_is_found_when_it_is_given_again() {
    let mut center = Scenario::new();
    center.launch(center.script(1, WAIT_FOR_GO)).await;
    center.until_started(1).await;
    center.close();
    std::fs::remove_file(center.layout().active_mark(attempt(1))).unwrap();
    center.reopen(&[]).await;
    let found = center.engine().reconcile(EPOCH, vec![attempt(1)]).await.unwrap();
    assert_eq!(found.unknown, [attempt(1)]);
    center.launch(center.script(1, WAIT_FOR_GO)).await;
    center.until_started(1).await;
    center.create("go");
    assert_eq!(center.until_ended(1).await.ending, Ending::Exited { code: 5 });
    assert_eq!(std::fs::read_to_string(center.file("runs")).unwrap(), "run\n");
}

/// The task's process and its supervisor.
fn processes(center: &Scenario) -> (i64, i64) {
    let main = center.record(1, 0, "running.json")["pid"].as_i64().unwrap();
    (main, parent_of(main))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_supervisor_is_a_loss_and_leaves_no_process() {
    let mut center = Scenario::new();
    let text = "setsid sh -c 'echo $$ > stray; exec sleep 600' & until [ -s stray ]; do sleep 0.01; done; echo > ready; sleep 600";
    center.launch(center.script(1, text)).await;
    let started = center.until_started(1).await;
    eventually("the task has a stray", || center.file("ready").exists()).await;
    let (main, supervisor) = processes(&center);
    kill(supervisor);
    let ended = center.until_ended(1).await;
    assert!(matches!(ended.ending, Ending::Lost { .. }), "{:?}", ended.ending);
    assert_eq!(ended.started, Some(started));
    assert!(!is_alive(main) && !is_alive(number_in(&center.file("stray"))));
    center.assert_silence().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_of_an_earlier_server_that_is_killed_is_noticed() {
    let mut center = Scenario::new();
    center.launch(center.script(1, "sleep 600")).await;
    center.until_started(1).await;
    center.reopen(&[attempt(1)]).await;
    center.until_started(1).await;
    let (main, supervisor) = processes(&center);
    kill(supervisor);
    assert!(matches!(center.until_ended(1).await.ending, Ending::Lost { .. }));
    assert!(!is_alive(main));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_that_died_while_no_server_ran_costs_no_time_that_nobody_saw() {
    let mut center = Scenario::new();
    center.launch(center.script(1, "echo > ready; sleep 600")).await;
    let started = center.until_started(1).await;
    let (main, supervisor) = processes(&center);
    center.close();
    kill(supervisor);
    eventually("the process died with its supervisor", || !is_alive(main) && !is_alive(supervisor)).await;
    center.reopen(&[attempt(1)]).await;
    let ended = center.until_ended(1).await;
    assert!(matches!(ended.ending, Ending::Lost { .. }));
    assert!(ended.at.since(started) < Milliseconds(1000), "the last sign of life was at the start");
}

/// A supervisor that kills itself at a point.
fn supervisor_that_dies(at: &str) -> Vec<std::ffi::OsString> {
    let mut program = vec!["env".into(), format!("HAINA_FAILPOINT={at}:1:kill").into()];
    program.extend(supervisor());
    program
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_that_dies_before_it_recorded_the_end_is_a_loss() {
    let mut center = Scenario::with_supervisor(supervisor_that_dies("before_exit_record"));
    let ended = center.run(center.script(1, "echo run >> runs")).await;
    assert!(matches!(ended.ending, Ending::Lost { .. }), "{:?}", ended.ending);
    center.reopen(&[]).await;
    center.assert_silence().await;
    assert_eq!(std::fs::read_to_string(center.file("runs")).unwrap(), "run\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_that_dies_after_it_recorded_the_end_changes_nothing() {
    let mut center = Scenario::with_supervisor(supervisor_that_dies("after_exit_record"));
    assert_eq!(center.run(center.script(1, "exit 3")).await.ending, Ending::Exited { code: 3 });
    center.reopen(&[]).await;
    center.assert_silence().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_that_cannot_run_is_said_after_some_tries() {
    for program in ["/no/such/supervisor", "/bin/false"] {
        let mut center = Scenario::with_supervisor(vec![program.into()]);
        let ended = center.run(center.script(1, "true")).await;
        assert!(matches!(&ended.ending, Ending::Unstartable { reason } if reason.contains("supervisor")));
        assert_eq!(ended.started, None);
    }
}
