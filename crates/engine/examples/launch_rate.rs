//! How fast the local engine runs attempts of `/bin/true` from order to acknowledged end, and how large a supervisor is.
//!
//! `cargo run --release -p haina-engine --example launch_rate [ATTEMPTS] [SUPERVISOR…]`

use std::time::Instant;

use haina_core::local_definition::{ConfinementPolicy, LocalDefinition};
use haina_core::{
    Allocation, AttemptId, Bytes, CenterId, CpuMillis, Digest, Epoch, JobId, Launch, Milliseconds, NodeId, NodeShare,
    OrganizationId, Payload, Report,
};
use haina_engine::{Engine, LaunchOrder, LocalEngine};

/// As in `cargo xtask bench local`.
const IN_FLIGHT: u64 = 64;

fn order(job: u64, command: &[&str]) -> LaunchOrder {
    let share = NodeShare { node: NodeId(1), cards: Vec::new(), cpu: CpuMillis(1000), memory: Bytes(0) };
    LaunchOrder {
        epoch: Epoch(1),
        launch: Launch {
            attempt: AttemptId { job: JobId(job), in_array: false, element: 0, number: 1 },
            organization: OrganizationId(1),
            allocation: Allocation { shares: vec![share] },
            tasks_per_node: 1,
            time_limit: Milliseconds::from_seconds(600),
            grace: Milliseconds(0),
            payload: Digest::of(b""),
        },
        payload: Payload {
            command: command.iter().map(|&word| word.to_owned()).collect(),
            python: None,
            image: None,
            variables: Default::default(),
            working_directory: None,
            labels: Default::default(),
        },
        organization: "bench".to_owned(),
        job_name: "true".to_owned(),
        array_count: None,
        nodes: Vec::new(),
        center_url: None,
        port: None,
        log_cap: None,
    }
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let attempts: u64 = arguments.next().map_or(1000, |text| text.parse().expect("a number of attempts"));
    let mut program: Vec<_> = arguments.map(Into::into).collect();
    if program.is_empty() {
        let here = std::env::current_exe().expect("a path");
        program.push(here.parent().and_then(|path| path.parent()).expect("target").join("haina-supervise").into());
    }
    let confinement = match std::env::var("HAINA_CONFINED").is_ok() {
        true => ConfinementPolicy::Required,
        false => ConfinementPolicy::Off,
    };
    let definition = LocalDefinition { confinement, ..LocalDefinition::default() };
    let directory = tempfile::tempdir_in(".").expect("a directory");
    let (engine, mut reports) =
        LocalEngine::open(CenterId(1), directory.path().to_owned(), program, definition, None).expect("an engine");
    let engine = std::sync::Arc::new(engine);

    let began = Instant::now();
    let (mut ordered, mut ended) = (0, 0);
    while ended < attempts {
        while ordered < attempts && ordered - ended < IN_FLIGHT {
            ordered += 1;
            let (engine, order) = (engine.clone(), order(ordered, &["/bin/true"]));
            tokio::spawn(async move { engine.launch(order).await.expect("launched") });
        }
        let delivery = reports.recv().await.expect("a report");
        engine.acknowledge(delivery.id);
        ended += u64::from(matches!(delivery.report, Report::Ended { .. }));
    }
    println!("{attempts} attempts of /bin/true, one task each, {IN_FLIGHT} in flight");
    println!("end to end:       {:8.0} /s", attempts as f64 / began.elapsed().as_secs_f64());

    engine.launch(order(attempts + 1, &["/bin/sleep", "600"])).await.expect("launched");
    let Some(Report::Started { attempt, .. }) = reports.recv().await.map(|delivery| delivery.report) else {
        panic!("not started")
    };
    let supervisor = std::fs::read_dir("/proc").expect("/proc").flatten().find_map(|entry| {
        let command = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let ours = format!("attempts/{attempt}/task-0");
        command.contains(&ours).then(|| entry.path())
    });
    let status = std::fs::read_to_string(supervisor.expect("a supervisor").join("status")).unwrap_or_default();
    for line in status.lines().filter(|line| line.starts_with("VmRSS") || line.starts_with("Rss")) {
        println!("supervisor {line}");
    }
    engine.stop(Epoch(1), haina_core::Stop { attempt, grace: Milliseconds(0) }).await.expect("stopped");
    let _ = reports.recv().await;
}
