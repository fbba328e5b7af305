//! Python environments. Nothing here needs a network: the one package is a wheel that the scenario makes.

mod scenario;

use haina_core::{Ending, Milliseconds, PythonEnvironment, Report};
use rustix::process::{Pid, Signal, kill_process_group};
use scenario::{Scenario, attempt, eventually, is_alive};

fn builds(center: &Scenario) -> Vec<String> {
    let mut found = Vec::new();
    for environment in std::fs::read_dir(center.layout().environments()).into_iter().flatten() {
        for build in std::fs::read_dir(environment.unwrap().path().join("build")).into_iter().flatten() {
            found.push(build.unwrap().path().display().to_string());
        }
    }
    found
}

/// The process of the only build, once it runs.
fn building_process(center: &Scenario) -> Option<i64> {
    let text = std::fs::read(format!("{}/running.json", builds(center).first()?)).ok()?;
    serde_json::from_slice::<serde_json::Value>(&text).ok()?["pid"].as_i64()
}

/// A wheel that is a pipe: reading it takes until somebody writes.
fn endless_wheel(center: &Scenario) -> PythonEnvironment {
    let wheel = center.file("slow-1.0-py3-none-any.whl");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &wheel, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    PythonEnvironment { requirements: vec![format!("slow @ file://{}", wheel.display())], file: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_environment_is_built_once_for_all_who_ask() {
    let mut center = Scenario::new();
    let wheel = center.tiny_wheel();
    for job in 1..=20 {
        let mut order = center.script(job, r#"test "$VIRTUAL_ENV" && python -c 'import tiny; print(tiny.size)'"#);
        order.payload.python = Some(wheel.clone());
        center.launch(order).await;
    }
    let mut ended = 0;
    while ended < 20 {
        if let Report::Ended { ending, .. } = center.report().await {
            assert_eq!(ending, Ending::Exited { code: 0 });
            ended += 1;
        }
    }
    assert_eq!(center.output(20, 0), "1\n");
    assert_eq!(builds(&center).len(), 1);
    assert!(builds(&center)[0].ends_with("/build/1"), "it was built more than once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_requirement_that_cannot_be_met_is_said_in_the_resolvers_words() {
    let mut center = Scenario::new();
    let mut order = center.script(1, "true");
    order.payload.python = Some(PythonEnvironment {
        requirements: vec!["nothing @ file:///no/such/nothing-1.0-py3-none-any.whl".into()],
        file: None,
    });
    let ended = center.run(order).await;
    assert_eq!(ended.started, None);
    let Ending::Unstartable { reason } = ended.ending else { panic!("{:?}", ended.ending) };
    assert!(reason.contains("/no/such/nothing-1.0-py3-none-any.whl"), "{reason}");
    assert!(reason.chars().count() <= 2000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_that_nobody_waits_for_any_more_is_stopped() {
    let mut center = Scenario::new();
    let wheel = endless_wheel(&center);
    for job in [1, 2] {
        let mut order = center.script(job, "true");
        order.payload.python = Some(wheel.clone());
        center.launch(order).await;
    }
    eventually("the build runs", || building_process(&center).is_some()).await;
    let process = building_process(&center).unwrap();
    center.stop(1, Milliseconds::from_seconds(60)).await;
    assert_eq!(center.until_ended(1).await.ending, Ending::Stopped);
    assert!(is_alive(process), "the other job still waits for it");
    center.stop(2, Milliseconds::from_seconds(60)).await;
    assert_eq!(center.until_ended(2).await.ending, Ending::Stopped);
    eventually("the build is gone", || !is_alive(process)).await;
}

/// A server that dies at once while it builds, which is what dropping its whole runtime comes to.
fn server_that_dies_while_it_builds(requirements: impl Fn(&Scenario) -> PythonEnvironment) -> (Scenario, i64) {
    let server = runtime();
    let center = server.block_on(async {
        let center = Scenario::new();
        let mut order = center.script(1, "python -c 'import tiny'");
        order.payload.python = Some(requirements(&center));
        center.launch(order).await;
        eventually("the build runs", || building_process(&center).is_some()).await;
        center
    });
    let process = building_process(&center).unwrap();
    signal_group(process, Signal::STOP);
    server.shutdown_background();
    (center, process)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn signal_group(process: i64, signal: Signal) {
    kill_process_group(Pid::from_raw(process as i32).unwrap(), signal).unwrap();
}

#[test]
fn a_build_goes_on_when_the_server_dies_and_serves_the_next() {
    let (mut center, process) = server_that_dies_while_it_builds(Scenario::tiny_wheel);
    runtime().block_on(async {
        center.reopen(&[attempt(1)]).await;
        signal_group(process, Signal::CONT);
        assert_eq!(center.until_ended(1).await.ending, Ending::Exited { code: 0 });
        assert!(builds(&center)[0].ends_with("/build/1"), "it was built a second time");
    });
}

#[test]
fn a_build_of_a_dead_server_that_nobody_needs_is_stopped() {
    let (mut center, process) = server_that_dies_while_it_builds(endless_wheel);
    runtime().block_on(async {
        center.reopen(&[attempt(1)]).await;
        center.stop(1, Milliseconds(0)).await;
        assert_eq!(center.until_ended(1).await.ending, Ending::Stopped);
        eventually("the build is gone", || !is_alive(process)).await;
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_whose_environment_was_being_built_goes_on_with_the_next_server() {
    let mut center = Scenario::new();
    let mut order = center.script(1, "python -c 'import tiny'");
    order.payload.python = Some(center.tiny_wheel());
    center.launch(order).await;
    center.reopen(&[attempt(1)]).await;
    assert_eq!(center.until_ended(1).await.ending, Ending::Exited { code: 0 });
    center.assert_silence().await;
}
