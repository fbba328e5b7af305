//! What is kept of environments and attempts, and what is ready before anybody asks.

mod scenario;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use haina_core::local_definition::{
    ConfinementPolicy, EnvironmentDefinition, KeepDefinition, KeepRule, LocalDefinition,
};
use haina_core::{Bytes, Ending, EnvironmentContent, Milliseconds, PythonEnvironment};
use haina_engine::{Engine, EngineError, EnvironmentState, LogStream};
use scenario::{Scenario, attempt, eventually};

const DAY: Milliseconds = Milliseconds::from_seconds(24 * 3600);

fn keeping(environments: KeepRule, attempts: KeepRule) -> LocalDefinition {
    LocalDefinition {
        confinement: ConfinementPolicy::Off,
        keep: KeepDefinition { environments, attempts },
        ..LocalDefinition::default()
    }
}

fn aged(days: u64) -> SystemTime {
    SystemTime::now() - Duration::from_secs(days * 24 * 3600)
}

fn set_time(file: &Path, at: SystemTime) {
    File::options().append(true).open(file).unwrap().set_modified(at).unwrap();
}

/// Environments that are told apart by a comment, so that each is quick to build: none has packages.
fn environment(name: &str) -> PythonEnvironment {
    PythonEnvironment {
        requirements: Vec::new(),
        file: Some(haina_core::PackagesFile {
            kind: haina_core::PackagesFileKind::Requirements,
            text: format!("# {name}\n"),
            project: None,
        }),
    }
}

/// Runs a job in an environment; where that is.
async fn use_environment(center: &mut Scenario, job: u64, name: &str) -> PathBuf {
    let mut order = center.script(job, "echo $VIRTUAL_ENV");
    order.payload.python = Some(environment(name));
    assert_eq!(center.run(order).await.ending, Ending::Exited { code: 0 });
    Path::new(center.output(job, 0).trim()).parent().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn environments_that_nobody_used_for_long_go_and_those_in_use_stay() {
    let rule = KeepRule { age: Some(DAY), size: None };
    let mut center = Scenario::confined(keeping(rule, KeepRule::default()));
    let old = use_environment(&mut center, 1, "old").await;
    let fresh = use_environment(&mut center, 2, "fresh").await;
    let running = use_environment(&mut center, 3, "running").await;
    let mut order = center.script(4, "until [ -e go ]; do sleep 0.01; done; python -c 'print(1)'");
    order.payload.python = Some(environment("running"));
    center.launch(order).await;
    center.until_started(4).await;
    for environment in [&old, &running] {
        set_time(&environment.join("used"), aged(2));
    }
    center.engine().remove_surplus().await.unwrap();
    assert_eq!([&old, &fresh, &running].map(|path| path.exists()), [false, true, true]);

    // The server that comes next knows it too, although nobody asks it for the environment.
    center.reopen(&[attempt(4)]).await;
    center.engine().remove_surplus().await.unwrap();
    assert!(running.exists());
    center.create("go");
    assert_eq!(center.until_ended(4).await.ending, Ending::Exited { code: 0 });
    eventually("nobody uses it any more", || !center.layout().active_mark(attempt(4)).exists()).await;
    center.engine().remove_surplus().await.unwrap();
    assert!(!running.exists());
    // It is built again when somebody asks.
    assert_eq!(use_environment(&mut center, 5, "old").await, old);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_too_much_the_oldest_goes_and_what_a_dead_server_began_is_finished() {
    let rule = KeepRule { age: None, size: Some(Bytes(1)) };
    let wanted =
        EnvironmentDefinition { name: "course".to_owned(), content: EnvironmentContent::Python(environment("course")) };
    let definition = LocalDefinition { environments: vec![wanted], ..keeping(rule, KeepRule::default()) };
    let mut center = Scenario::confined(definition);
    let other = use_environment(&mut center, 1, "other").await;
    let left = other.with_file_name(".removed-0123");
    std::fs::create_dir_all(left.join("venv")).unwrap();
    eventually("the center keeps one ready", || !is_ready(&center).is_empty()).await;
    let course = is_ready(&center).remove(0);
    center.engine().remove_surplus().await.unwrap();
    assert_eq!([&other, &left, &course].map(|path| path.exists()), [false, false, true], "what is asked for stays");

    let listed = center.engine().environments().await.unwrap();
    assert_eq!((listed.len(), &*listed[0].names), (1, &["course".to_owned()][..]));
    assert_eq!(listed[0].state, EnvironmentState::Ready);
    assert!(listed[0].bytes > 100_000 && listed[0].used.is_some());
}

/// The complete environments that no job asked for.
fn is_ready(center: &Scenario) -> Vec<PathBuf> {
    let all = std::fs::read_dir(center.layout().environments()).into_iter().flatten();
    let all = all.map(|entry| entry.unwrap().path()).filter(|path| path.join("used").exists());
    let text = |path: &PathBuf| std::fs::read_to_string(path.join("requirements.txt")).unwrap_or_default();
    all.filter(|path| path.join("complete").exists() && text(path) == "# course\n").collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_an_environment_is_not_ready_is_listed() {
    let python = PythonEnvironment {
        requirements: vec!["nothing @ file:///no/such/nothing-1.0-py3-none-any.whl".to_owned()],
        file: None,
    };
    let wanted = EnvironmentDefinition { name: "course".to_owned(), content: EnvironmentContent::Python(python) };
    let definition =
        LocalDefinition { environments: vec![wanted], ..keeping(KeepRule::default(), KeepRule::default()) };
    let center = Scenario::confined(definition);
    let deadline = tokio::time::Instant::now() + scenario::DEADLINE;
    loop {
        let listed = center.engine().environments().await.unwrap();
        if let Some(EnvironmentState::Failed(why)) = listed.first().map(|listed| listed.state.clone()) {
            assert!(why.contains("/no/such/nothing-1.0-py3-none-any.whl"), "{why}");
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{listed:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_go_with_their_output_once_they_are_too_old() {
    let rule = KeepRule { age: Some(DAY), size: Some(Bytes(1)) };
    let mut center = Scenario::confined(keeping(KeepRule::default(), rule));
    for job in 1..=3 {
        center.run(center.script(job, "echo here")).await;
    }
    center.launch(center.script(4, "until [ -e go ]; do sleep 0.01; done")).await;
    center.until_started(4).await;
    let paths = |job: u64| center.layout().attempt(attempt(job));
    set_time(&paths(1).task(0).exit(), aged(2));
    set_time(&paths(2).task(0).exit(), SystemTime::now() - Duration::from_secs(2 * 3600));
    center.engine().remove_surplus().await.unwrap();
    let kept = [1, 2, 3, 4].map(|job| paths(job).directory().exists());
    assert_eq!(kept, [false, false, true, true], "too old, too much, ended a moment ago, running");
    let gone = center.engine().read_log(attempt(1), 0, LogStream::Stdout, 0, 10).await;
    assert!(matches!(gone, Err(EngineError::NoSuchAttempt { .. })), "{gone:?}");
    center.create("go");
    center.until_ended(4).await;
}
