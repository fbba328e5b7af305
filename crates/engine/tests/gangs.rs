//! How the tasks of a gang find each other.

mod scenario;

use haina_core::local_definition::{ConfinementPolicy, LocalDefinition};
use haina_core::{Bytes, Card, CardSlot, ChipPort, Ending, FailedTask, NodeId, SuperPodPlace};
use haina_engine::rendezvous::rank_table;
use haina_engine::{LaunchOrder, NodeDescription};
use scenario::{Scenario, eventually, over_nodes};

/// Every rank sends its number to rank 0, which adds them up and answers.
const MEET: &str = r#"
import os, socket
rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
place = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
if rank == 0:
    with socket.create_server(place) as server:
        others = [server.accept()[0] for _ in range(size - 1)]
        total = sum(int(other.makefile().readline()) for other in others)
        for other in others:
            other.sendall(f"{total}\n".encode())
else:
    while True:
        try:
            peer = socket.create_connection(place)
            break
        except ConnectionRefusedError:
            pass
    peer.sendall(f"{rank}\n".encode())
    total = int(peer.makefile().readline())
print(total, os.environ["NODE_RANK"], os.environ["LOCAL_RANK"], os.environ["HAINA_NODE_COUNT"])
"#;

fn gang(center: &Scenario, job: u64, text: &str) -> LaunchOrder {
    over_nodes(center.script(job, text), 2, 4)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_tasks_on_two_nodes_meet_where_they_are_told_to() {
    let mut center = Scenario::new();
    let mut order = gang(&center, 1, "exec python3 -c \"$MEET\"");
    order.payload.variables.insert("MEET".to_owned(), MEET.to_owned());
    assert_eq!(center.run(order).await.ending, Ending::Exited { code: 0 });
    assert_eq!(center.output(1, 0), "28 0 0 2\n");
    assert_eq!(center.output(1, 7), "28 1 3 2\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gang_finds_its_host_file_and_rank_table() {
    let mut center = Scenario::new();
    let text =
        "test $RANK = 5 && cat $HAINA_HOSTFILE $RANK_TABLE_FILE; test $MASTER_PORT = ${JAX_COORDINATOR_ADDRESS#*:}";
    assert_eq!(center.run(gang(&center, 1, text)).await.ending, Ending::Exited { code: 0 });
    let output = center.output(1, 5);
    let (hosts, table) = output.split_at(output.find('{').expect("a table"));
    assert_eq!(hosts, "127.0.0.1\n".repeat(8));
    let table: serde_json::Value = serde_json::from_str(table).unwrap();
    assert_eq!((&table["version"], &table["server_count"]), (&"1.0".into(), &"2".into()));
    let devices = |server: usize| table["server_list"][server]["device"].as_array().unwrap().clone();
    assert_eq!(devices(0)[0]["device_id"], "2", "the scenario's attempts hold cards 2 and 3 of each node");
    assert_eq!(devices(1)[1]["rank_id"], "3");
    assert_ne!(devices(0)[0]["device_ip"], devices(1)[0]["device_ip"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_alone_has_nobody_to_find() {
    let mut center = Scenario::new();
    let mut order = center.script(1, "test -z \"$HAINA_HOSTFILE$MASTER_ADDR\"");
    order.launch.allocation.shares[0].cards.clear();
    assert_eq!(center.run(order).await.ending, Ending::Exited { code: 0 });
}

fn described(center: &Scenario, change: impl Fn(&mut NodeDescription)) -> LaunchOrder {
    let mut order = gang(center, 1, "");
    order.nodes.iter_mut().for_each(change);
    order
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cards_of_super_pods_have_a_number_in_theirs() {
    let center = Scenario::new();
    let mut order = described(&center, |node| node.super_pod = 128);
    for (share, id) in order.launch.allocation.shares.iter_mut().zip([3, 4]) {
        share.node = NodeId(id);
    }
    let table = rank_table(&order, &[]).unwrap();
    assert_eq!(table["version"], "1.2");
    assert_eq!(table["server_list"][0]["device"][0]["super_device_id"], "66", "64 to a node, two nodes to a pod");
    let pods = table["super_pod_list"].as_array().unwrap();
    let of_pod = |pod: usize| {
        (pods[pod]["super_pod_id"].as_str().unwrap(), pods[pod]["server_list"][0]["server_id"].as_str().unwrap())
    };
    assert_eq!([of_pod(0), of_pod(1)], [("1", "node-3"), ("2", "node-4")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_no_rank_table_for_other_cards_or_parts_of_cards() {
    let center = Scenario::new();
    assert_eq!(rank_table(&described(&center, |node| node.vendor = Some("NVIDIA".to_owned())), &[]), None);
    assert_eq!(rank_table(&described(&center, |node| node.vendor = None), &[]), None);
    let mut order = gang(&center, 1, "");
    order.launch.allocation.shares[1].cards = vec![CardSlot { index: 0, millis: 500 }];
    assert_eq!(rank_table(&order, &[]), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_cards_have_the_addresses_of_their_ports_in_the_rank_table() {
    let vendor = tempfile::tempdir().unwrap();
    let recorded = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/npu-smi/hccn.conf");
    std::fs::copy(recorded, vendor.path().join("hccn.conf")).unwrap();
    let machine = scenario::machine(scenario::npu_smi(vendor.path()), vendor.path());
    let off = LocalDefinition { confinement: ConfinementPolicy::Off, ..LocalDefinition::default() };
    let mut center = Scenario::on_machine(machine, off);
    let mut order = center.script(1, "cat $RANK_TABLE_FILE");
    order.nodes[0].real = true;
    order.launch.allocation.shares[0].cards = [1, 0].map(|index| CardSlot { index, millis: 1000 }).to_vec();
    assert_eq!(center.run(order).await.ending, Ending::Exited { code: 0 });
    let table: serde_json::Value = serde_json::from_str(&center.output(1, 0)).unwrap();
    assert_eq!(table["version"], "1.0");
    let device = |rank: usize| &table["server_list"][0]["device"][rank];
    assert_eq!(*device(0), serde_json::json!({"device_id": "1", "device_ip": "192.168.101.100", "rank_id": "0"}));
    assert_eq!(*device(1), serde_json::json!({"device_id": "0", "device_ip": "192.168.100.100", "rank_id": "1"}));
}

/// An Ascend 910C: two chips in a super pod.
fn card_of_super_pod(index: u32) -> Card {
    let port = |chip: u32| ChipPort {
        device: 2 * index + chip,
        address: format!("10.0.{index}.{chip}"),
        super_pod: Some(SuperPodPlace { pod: 3, device: 16_777_216 + 2 * index + chip }),
    };
    Card {
        vendor: "Huawei".to_owned(),
        model: "Ascend 910".to_owned(),
        id: format!("pci-{index}"),
        memory: Bytes(128 << 30),
        watts: 0,
        chips: vec![2 * index, 2 * index + 1],
        devices: Vec::new(),
        ports: vec![port(0), port(1)],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_cards_of_a_super_pod_are_a_rank_for_each_chip() {
    let center = Scenario::new();
    let mut cards: Vec<Card> = (0..4).map(card_of_super_pod).collect();
    let mut order = center.script(1, "");
    order.nodes[0].real = true;
    let table = rank_table(&order, &cards).unwrap();
    assert_eq!((&table["version"], &table["super_pod_list"][0]["super_pod_id"]), (&"1.2".into(), &"3".into()));
    let devices = table["server_list"][0]["device"].as_array().unwrap();
    assert_eq!(devices.len(), 4, "the order is for cards 2 and 3");
    let last = serde_json::json!(
        {"device_id": "7", "device_ip": "10.0.3.1", "rank_id": "3", "super_device_id": "16777223"}
    );
    assert_eq!(devices[3], last);

    let beside_simulated = over_nodes(order.clone(), 2, 1);
    assert_eq!(rank_table(&beside_simulated, &cards), None, "made-up addresses are not mixed with real ones");
    cards[3].ports[1].super_pod = None;
    assert_eq!(rank_table(&order, &cards), None, "a chip without a place");
    cards[3].ports.clear();
    assert_eq!(rank_table(&order, &cards), None, "a card without known addresses");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_fails_ends_its_gang_at_once_and_is_named() {
    let mut center = Scenario::new();
    // The others would run for ever, and make a noise of their own when they are told to end.
    let text = "test $RANK = 5 && exit 7; trap 'exit 9' TERM; while :; do sleep 0.01; done";
    let ended = center.run(gang(&center, 1, text)).await;
    assert_eq!(ended.ending, Ending::Exited { code: 7 });
    assert_eq!(ended.failed_task, Some(FailedTask { rank: 5, tasks: 8, node: NodeId(2) }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_that_fail_because_of_another_are_not_blamed() {
    let mut center = Scenario::new();
    // Task 6 leaves processes behind, and ends; task 1 sees it go, and fails as programs do that lose a peer.
    let text = "case $RANK in \
        6) echo $$ > six; sleep 60 & sleep 60 & exit 7;; \
        1) until test -s six && ! kill -0 $(cat six) 2>/dev/null; do sleep 0.01; done; exit 1;; \
        *) exec sleep 60;; esac";
    let ended = center.run(gang(&center, 1, text)).await;
    assert_eq!(ended.failed_task.map(|task| task.rank), Some(6), "{:?}", ended.ending);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_failed_is_known_also_after_the_server_was_away() {
    let mut center = Scenario::new();
    let text = "test $RANK = 2 && { until test -e go; do sleep 0.01; done; kill -SEGV $$; }; exec sleep 60";
    center.launch(gang(&center, 1, text)).await;
    center.until_started(1).await;
    center.close();
    center.create("go");
    let end = center.layout().attempt(scenario::attempt(1)).task(2).exit();
    eventually("task 2 ends while nobody looks", || end.exists()).await;
    center.reopen(&[scenario::attempt(1)]).await;
    let ended = center.until_ended(1).await;
    assert_eq!((ended.ending, ended.failed_task.map(|task| task.rank)), (Ending::Signalled { signal: 11 }, Some(2)));
}
