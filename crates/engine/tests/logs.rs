//! What tasks write.

mod scenario;

use std::io::Write;

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
    assert!(matches!(unknown, Err(EngineError::NoSuchAttempt { .. })));
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_of_100_megabytes_arrives_byte_for_byte_in_small_pieces() {
    const SIZE: usize = 100_000_000;
    let mut center = Scenario::new();
    // Neither text nor lines: all bytes but the line feed.
    let text = format!(
        "python3 -c 'import sys; b = bytes(x for x in range(256) if x != 10); n = {SIZE}; \
         sys.stdout.buffer.write((b * (n // len(b) + 1))[:n])'"
    );
    center.launch(center.script(1, &text)).await;
    let mut log = center.engine().follow_log(attempt(1), 0, LogStream::Stdout, 0).await.unwrap();
    let mut at = 0;
    let alphabet: Vec<u8> = (0..=255).filter(|byte| *byte != b'\n').collect();
    while let Some(piece) = tokio::time::timeout(DEADLINE, log.recv()).await.expect("a piece in time") {
        let piece = piece.unwrap();
        assert!(piece.len() <= 1 << 20, "nobody holds a line in memory: {}", piece.len());
        for byte in piece {
            assert_eq!(byte, alphabet[at % alphabet.len()], "at {at}");
            at += 1;
        }
    }
    assert_eq!(at, SIZE);
    assert_eq!(center.until_ended(1).await.ending, Ending::Exited { code: 0 });
    assert_eq!(center.engine().tail_of_log(attempt(1), 0, LogStream::Stdout, 5).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_lines_begin_where_they_begin() {
    let mut center = Scenario::new();
    center.run(center.script(1, "seq 1 100000; printf 'no end'")).await;
    for (lines, first) in [(1, "no end"), (2, "100000\nno end"), (3, "99999\n100000\nno end")] {
        let begin = center.engine().tail_of_log(attempt(1), 0, LogStream::Stdout, lines).await.unwrap();
        let chunk = center.engine().read_log(attempt(1), 0, LogStream::Stdout, begin, 1000).await.unwrap();
        assert_eq!(String::from_utf8(chunk.bytes).unwrap(), first);
    }
    let begin = |lines| center.engine().tail_of_log(attempt(1), 0, LogStream::Stdout, lines);
    let length = center.output(1, 0).len() as u64;
    assert_eq!(
        (begin(0).await.unwrap(), begin(100_001).await.unwrap(), begin(u64::MAX).await.unwrap()),
        (length, 0, 0)
    );
    assert_eq!(center.engine().tail_of_log(attempt(1), 0, LogStream::Stderr, 3).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_holds_a_tasks_output_open_does_not_hold_up_its_end() {
    let mut center = Scenario::new();
    center.launch(center.script(1, "until [ -e go ]; do sleep 0.01; done; echo last")).await;
    center.until_started(1).await;
    let process = center.record(1, 0, "running.json")["pid"].as_i64().unwrap();
    // As a program of another job may that was handed the descriptor.
    let mut theirs = std::fs::OpenOptions::new().write(true).open(format!("/proc/{process}/fd/1")).unwrap();
    let writer = std::thread::spawn(move || while theirs.write_all(&[b'x'; 64 << 10]).is_ok() {});
    center.create("go");
    assert_eq!(center.until_ended(1).await.ending, Ending::Exited { code: 0 });
    writer.join().unwrap();
    assert!(center.output(1, 0).contains("last\n"));
}
