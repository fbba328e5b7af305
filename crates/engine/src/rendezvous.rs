//! How the tasks of a gang find each other: variables that the field's launchers read, a host file, and the rank table
//! of Ascend's collective communication.
//!
//! Sources: PyTorch's "Environment variable initialization" (`MASTER_ADDR`, `MASTER_PORT`, `RANK`, `WORLD_SIZE`), JAX's
//! `jax.distributed.initialize` (`JAX_COORDINATOR_ADDRESS`), Open MPI's host file, and Huawei's HCCL user guide on
//! rank tables (`hccl.json`, versions 1.0 and 1.2; the latter for super pods).

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::{fs, io};

use haina_core::AttemptId;
use serde_json::{Value, json};

use crate::durable;
use crate::order::{LaunchOrder, is_ascend};

/// Every node of a local engine is this machine.
const ADDRESS: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Below what kernels hand out by themselves, and above what services use.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// A port that is free now and not `taken` by an attempt whose tasks may not listen yet.
pub fn port_for(attempt: AttemptId, taken: impl Fn(u16) -> bool) -> Option<u16> {
    let count = u64::from(PORTS.end - PORTS.start);
    let spread = attempt.job.0.wrapping_mul(61).wrapping_add(u64::from(attempt.element)).wrapping_mul(7);
    let first = spread.wrapping_add(u64::from(attempt.number)) % count;
    let ports = (0..count).map(|step| PORTS.start + ((first + step) % count) as u16);
    ports.filter(|&port| !taken(port)).take(200).find(|&port| TcpListener::bind((ADDRESS, port)).is_ok())
}

/// Variables of the task with this rank, beside those that say who it is.
pub fn variables(order: &LaunchOrder, rank: u32, directory: &Path) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("MASTER_ADDR", ADDRESS.to_string()),
        ("NODE_RANK", (rank / order.launch.tasks_per_node).to_string()),
        ("HAINA_NODE_RANK", (rank / order.launch.tasks_per_node).to_string()),
        ("HAINA_NODE_COUNT", order.launch.allocation.shares.len().to_string()),
        ("HAINA_HOSTFILE", host_file_path(directory).display().to_string()),
    ];
    if let Some(port) = order.port {
        variables.push(("MASTER_PORT", port.to_string()));
        variables.push(("JAX_COORDINATOR_ADDRESS", format!("{ADDRESS}:{port}")));
    }
    if rank_table(order).is_some() {
        variables.push(("RANK_TABLE_FILE", rank_table_path(directory).display().to_string()));
    }
    variables
}

/// Writes what the variables name into the attempt's `directory`, for its tasks to read.
pub fn write(order: &LaunchOrder, directory: &Path) -> io::Result<()> {
    durable::create_directories(directory)?;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
    write_for_all(&host_file_path(directory), host_file(order).as_bytes())?;
    write_for_all(&names_path(directory), names(order).as_bytes())?;
    if let Some(table) = rank_table(order) {
        write_for_all(&rank_table_path(directory), &serde_json::to_vec_pretty(&table)?)?;
    }
    Ok(())
}

/// Tasks are of other users than the server; its own umask shall not keep them from reading.
fn write_for_all(path: &Path, text: &[u8]) -> io::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

fn host_file_path(directory: &Path) -> std::path::PathBuf {
    directory.join("hostfile")
}

/// What a task sees as `/etc/hosts`.
pub fn names_path(directory: &Path) -> std::path::PathBuf {
    directory.join("hosts")
}

/// The names of the gang's nodes, before what the machine itself says: programs look for each other, and for themselves,
/// by the name of the node.
fn names(order: &LaunchOrder) -> String {
    let nodes: Vec<String> = order.launch.allocation.shares.iter().map(|share| order.node_name(share)).collect();
    let own = fs::read_to_string("/etc/hosts").unwrap_or_default();
    format!("{ADDRESS} {}\n{own}", nodes.join(" "))
}

fn rank_table_path(directory: &Path) -> std::path::PathBuf {
    directory.join("hccl.json")
}

/// One line for each node: where it is, and how many processes it has room for.
fn host_file(order: &LaunchOrder) -> String {
    let nodes = order.launch.allocation.shares.iter();
    nodes.map(|_| format!("{ADDRESS} slots={}\n", order.launch.tasks_per_node)).collect()
}

/// The rank table of the attempt's cards, one rank for each card, node by node; none where a node's cards are of another
/// maker, or parts of cards.
pub fn rank_table(order: &LaunchOrder) -> Option<Value> {
    let mut servers = Vec::new();
    let mut pods: Vec<(u64, Vec<Value>)> = Vec::new();
    let mut rank: u32 = 0;
    let mut is_of_super_pods = false;
    for share in &order.launch.allocation.shares {
        let node = order.nodes.iter().find(|node| node.id == share.node)?;
        let is_ours = is_ascend(node.vendor.as_deref()?) && share.cards.iter().all(|slot| slot.millis == 1000);
        if !is_ours || share.cards.is_empty() {
            return None;
        }
        is_of_super_pods |= node.super_pod > 0;
        // Cards are numbered through all nodes, as if every node had the most that there are.
        let number = |index: u32| u64::from(node.id.0) * 64 + u64::from(index);
        let mut devices = Vec::new();
        for slot in &share.cards {
            let [.., third, fourth] = node.id.0.to_be_bytes();
            let mut device = json!({
                "device_id": slot.index.to_string(),
                "device_ip": format!("10.{third}.{fourth}.{}", slot.index + 1),
                "rank_id": rank.to_string(),
            });
            if node.super_pod > 0 {
                device["super_device_id"] =
                    json!((number(u32::from(slot.index)) % u64::from(node.super_pod)).to_string());
            }
            devices.push(device);
            rank += 1;
        }
        if node.super_pod > 0 {
            let pod = number(0) / u64::from(node.super_pod);
            let server = json!({ "server_id": node.name });
            match pods.iter_mut().find(|(known, _)| *known == pod) {
                Some((_, servers)) => servers.push(server),
                None => pods.push((pod, vec![server])),
            }
        }
        servers.push(json!({ "server_id": node.name, "host_ip": ADDRESS.to_string(), "device": devices }));
    }
    let mut table = json!({
        "status": "completed",
        "version": if is_of_super_pods { "1.2" } else { "1.0" },
        "server_count": servers.len().to_string(),
        "server_list": servers,
    });
    if is_of_super_pods {
        let pods =
            pods.into_iter().map(|(pod, servers)| json!({ "super_pod_id": pod.to_string(), "server_list": servers }));
        table["super_pod_list"] = pods.collect();
    }
    Some(table)
}
