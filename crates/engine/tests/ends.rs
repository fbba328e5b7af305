//! How attempts end, with real processes.

mod scenario;

use haina_core::{Ending, Milliseconds};
use scenario::{Scenario, attempt, is_alive, number_in, over_nodes};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exit_code_is_exact() {
    let mut center = Scenario::new();
    for code in [0, 1, 77, 255] {
        let ended = center.run(center.script(1 + u64::from(code), &format!("exit {code}"))).await;
        assert_eq!(ended.ending, Ending::Exited { code });
        assert!(ended.started.unwrap() <= ended.at);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_that_nobody_here_sent_is_reported_as_such() {
    let mut center = Scenario::new();
    assert_eq!(center.run(center.script(1, "kill -SEGV $$")).await.ending, Ending::Signalled { signal: 11 });
    assert_eq!(center.run(center.script(2, "kill -KILL $$")).await.ending, Ending::Signalled { signal: 9 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_or_directory_that_is_not_there_is_said_in_the_kernels_words() {
    let mut center = Scenario::new();
    let mut order = center.script(1, "");
    order.payload.command = vec!["/no/such/program".to_owned()];
    let ended = center.run(order).await;
    assert_eq!(ended.started, None);
    let Ending::Unstartable { reason } = ended.ending else { panic!("{:?}", ended.ending) };
    assert!(reason.contains("/no/such/program: No such file or directory"), "{reason}");

    let mut order = center.script(2, "");
    order.payload.working_directory = Some("/no/such/directory".to_owned());
    let Ending::Unstartable { reason } = center.run(order).await.ending else { panic!() };
    assert!(reason.contains("/no/such/directory"), "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_task_used_is_counted() {
    let mut center = Scenario::new();
    let busy = "python3 -c 'b = bytearray(60 << 20); sum(range(3_000_000))'";
    let used = center.run(center.script(1, busy)).await.used;
    assert!(used.memory_peak.0 > 60 << 20 && used.memory_peak.0 < 400 << 20, "{used:?}");
    assert!(used.cpu > Milliseconds(20) && used.cpu < Milliseconds(20_000), "{used:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gang_ends_as_its_failing_task_and_takes_the_others_along() {
    let mut center = Scenario::new();
    let text =
        "echo $HAINA_RANK/$HAINA_WORLD_SIZE on $HAINA_NODE as $HAINA_LOCAL_RANK; test $RANK = 2 && exit 9; sleep 600";
    let ended = center.run(over_nodes(center.script(1, text), 2, 2)).await;
    assert_eq!(ended.ending, Ending::Exited { code: 9 });
    assert!(ended.at.since(ended.started.unwrap()) < Milliseconds::from_seconds(10));
    assert_eq!(center.output(1, 2), "2/4 on node-2 as 0\n");
    assert_eq!(center.record(1, 1, "exit.json")["stopped_by"], "sibling");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gang_succeeds_when_all_tasks_do() {
    let mut center = Scenario::new();
    let ended = center.run(over_nodes(center.script(1, "echo $RANK >> ranks"), 3, 2)).await;
    assert_eq!(ended.ending, Ending::Exited { code: 0 });
    let text = std::fs::read_to_string(center.file("ranks")).unwrap();
    let mut ranks: Vec<&str> = text.lines().collect();
    ranks.sort_unstable();
    assert_eq!(ranks, ["0", "1", "2", "3", "4", "5"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_limit_ends_what_ignores_sigterm() {
    let mut center = Scenario::new();
    let mut order = center.script(1, "trap '' TERM; while :; do sleep 0.05; done");
    order.launch.time_limit = Milliseconds(300);
    order.launch.grace = Milliseconds(200);
    let ended = center.run(order).await;
    assert_eq!(ended.ending, Ending::TimedOut);
    let length = ended.at.since(ended.started.unwrap());
    assert!(length >= Milliseconds(500) && length < Milliseconds(5000), "{length:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_task_may_save_its_work_within_its_grace() {
    // Given a shell that dies of SIGTERM at once, while what it runs needs a moment to save.
    let mut center = Scenario::new();
    let inner = r#"trap "sleep 0.3; echo saved > work; exit 0" TERM; echo > ready; while :; do sleep 0.02; done"#;
    center.launch(center.script(1, &format!("sh -c '{inner}'; true"))).await;
    scenario::eventually("the script is ready", || center.file("ready").exists()).await;
    // When it is stopped.
    center.stop(1, Milliseconds::from_seconds(20)).await;
    // Then it is over as soon as the work is saved.
    let ended = center.until_ended(1).await;
    assert_eq!(ended.ending, Ending::Stopped);
    assert!(center.file("work").exists());
    assert!(ended.at.since(ended.started.unwrap()) < Milliseconds::from_seconds(15));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_stop_with_a_shorter_grace_takes_effect() {
    let mut center = Scenario::new();
    center.launch(center.script(1, "trap '' TERM; echo > ready; while :; do sleep 0.05; done")).await;
    scenario::eventually("the script is ready", || center.file("ready").exists()).await;
    center.stop(1, Milliseconds::from_seconds(3600)).await;
    center.stop(1, Milliseconds(10)).await;
    assert_eq!(center.until_ended(1).await.ending, Ending::Stopped);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_task_leaves_behind_is_killed() {
    let mut center = Scenario::new();
    let text = "setsid sh -c 'echo $$ > stray; exec sleep 600' & while ! [ -s stray ]; do sleep 0.01; done; exit 4";
    let ended = center.run(center.script(1, text)).await;
    assert_eq!(ended.ending, Ending::Exited { code: 4 });
    assert!(!is_alive(number_in(&center.file("stray"))));
    assert_eq!(center.record(1, 0, "exit.json")["strays"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orphans_of_a_long_task_do_not_stay_zombies() {
    let mut center = Scenario::new();
    let text = "for i in 1 2 3 4 5 6 7 8; do (sleep 0 &); done; \
        until [ -z \"$(ps -o stat= --ppid $PPID | grep Z)\" ]; do sleep 0.01; done; echo clean";
    let ended = center.run(center.script(1, text)).await;
    assert_eq!(ended.ending, Ending::Exited { code: 0 });
    assert_eq!(center.output(1, 0), "clean\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_of_an_older_leader_is_refused_by_the_supervisor() {
    let mut center = Scenario::new();
    center.launch(center.script(1, "until [ -e go ]; do sleep 0.01; done")).await;
    center.until_started(1).await;
    let task = center.layout().attempt(attempt(1)).task(0);
    std::fs::write(task.stop(), r#"{"epoch": 2, "grace": 0, "cause": "ordered"}"#).unwrap();
    std::fs::write(task.control(), "!").unwrap();
    center.create("go");
    assert_eq!(center.until_ended(1).await.ending, Ending::Exited { code: 0 });
    assert!(center.record(1, 0, "exit.json")["notes"][0].as_str().unwrap().contains("epoch 2 was refused"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_knows_who_and_where_it_is_and_no_secret() {
    let mut center = Scenario::new();
    let mut order = over_nodes(center.script(1, "env"), 2, 1);
    order.launch.attempt = "1_3.1".parse().unwrap();
    order.array_count = Some(8);
    order.payload.variables.insert("LEARNING_RATE".to_owned(), "0.1".to_owned());
    order.payload.variables.insert("HAINA_ORGANIZATION".to_owned(), "somebody-else".to_owned());
    center.launch(order.clone()).await;
    loop {
        if let haina_core::Report::Ended { .. } = center.report().await {
            break;
        }
    }
    let task = center.layout().attempt(order.launch.attempt).task(1);
    let text = std::fs::read_to_string(task.log(haina_engine::LogStream::Stdout)).unwrap();
    for line in [
        "HAINA_JOB_ID=1",
        "HAINA_JOB_NAME=train",
        "HAINA_ATTEMPT=1_3.1",
        "HAINA_ORGANIZATION=ocean-lab",
        "HAINA_ARRAY_INDEX=3",
        "HAINA_ARRAY_COUNT=8",
        "HAINA_NODE=node-2",
        "HAINA_NODES=node-1,node-2",
        "HAINA_RANK=1",
        "HAINA_WORLD_SIZE=2",
        "HAINA_LOCAL_RANK=0",
        "HAINA_LOCAL_WORLD_SIZE=1",
        "HAINA_CARDS=2,3",
        "HAINA_URL=http://127.0.0.1:1",
        "RANK=1",
        "WORLD_SIZE=2",
        "LOCAL_RANK=0",
        "ASCEND_RT_VISIBLE_DEVICES=2,3",
        "LEARNING_RATE=0.1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
    assert!(!text.contains("CARGO"), "{text}");
}
