//! What tasks write.

mod scenario;

use haina_core::{Bytes, Ending};
use haina_engine::{Engine, EngineError, LogReceiver, LogStream};
use scenario::{DEADLINE, Scenario, attempt};

async fn next(log: &mut LogReceiver) -> Option<String> {
    let piece = tokio::time::timeout(DEADLINE, log.recv()).await.expect("a piece in time")?;
    Some(String::from_utf8(piece.unwrap()).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_is_followed_live_to_the_end_of_the_task() {
    let mut center = Scenario::new();
    let text = "echo one; until [ -e go ]; do sleep 0.01; done; echo two; echo loud >&2";
    center.launch(center.script(1, text)).await;
    let mut log = center.engine().follow_log(attempt(1), 0, LogStream::Stdout, 0).await.unwrap();
    assert_eq!(next(&mut log).await.unwrap(), "one\n");
    center.create("go");
    assert_eq!(next(&mut log).await.unwrap(), "two\n");
    assert_eq!(next(&mut log).await, None);
    center.until_ended(1).await;

    let mut log = center.engine().follow_log(attempt(1), 0, LogStream::Stdout, 4).await.unwrap();
    assert_eq!((next(&mut log).await.as_deref(), next(&mut log).await), (Some("two\n"), None));
    let chunk = center.engine().read_log(attempt(1), 0, LogStream::Stderr, 1, 2).await.unwrap();
    assert_eq!((chunk.bytes.as_slice(), chunk.length, chunk.is_complete), (&b"ou"[..], 5, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn following_a_task_that_never_starts_ends_too() {
    let mut center = Scenario::new();
    let mut order = center.script(1, "");
    order.payload.command = vec!["/no/such/program".to_owned()];
    center.launch(order).await;
    let mut log = center.engine().follow_log(attempt(1), 0, LogStream::Stdout, 0).await.unwrap();
    assert_eq!(next(&mut log).await, None);
    center.until_ended(1).await;
    let unknown = center.engine().follow_log(attempt(2), 0, LogStream::Stdout, 0).await;
    assert!(matches!(unknown, Err(EngineError::NoSuchTask { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_is_cut_at_its_cap_and_the_task_goes_on() {
    let mut center = Scenario::new();
    let mut order = center.script(1, "head -c 3000000 /dev/zero | tr '\\0' x; echo end >> finished");
    order.log_cap = Some(Bytes(100_000));
    assert_eq!(center.run(order).await.ending, Ending::Exited { code: 0 });
    let text = center.output(1, 0);
    let expected = format!("{}\n[haina: the output is cut here, after 100000 bytes]\n", "x".repeat(100_000));
    assert!(text == expected, "{}", &text[text.len().saturating_sub(100)..]);
    assert!(center.file("finished").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_the_output_does_not_end_the_task() {
    let mut center = Scenario::new();
    let task = center.layout().attempt(attempt(1)).task(0);
    std::fs::create_dir_all(task.directory()).unwrap();
    std::os::unix::fs::symlink("/dev/full", task.log(LogStream::Stdout)).unwrap();
    let ended = center.run(center.script(1, "head -c 1000000 /dev/zero; exit 6")).await;
    assert_eq!(ended.ending, Ending::Exited { code: 6 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn much_output_arrives_whole() {
    let mut center = Scenario::new();
    center.launch(center.script(1, "seq 1 300000")).await;
    let mut log = center.engine().follow_log(attempt(1), 0, LogStream::Stdout, 0).await.unwrap();
    let mut text = String::new();
    while let Some(piece) = next(&mut log).await {
        text.push_str(&piece);
    }
    assert!(text.lines().map(|line| line.parse::<u32>().unwrap()).eq(1..=300_000));
    center.until_ended(1).await;
}
