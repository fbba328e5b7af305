//! How the tasks of a gang find each other: variables that the field's launchers read, a host file, and the rank table
//! of Ascend's collective communication.
//!
//! Sources: PyTorch's "Environment variable initialization" (`MASTER_ADDR`, `MASTER_PORT`, `RANK`, `WORLD_SIZE`), JAX's
//! `jax.distributed.initialize` (`JAX_COORDINATOR_ADDRESS`), the host files of Open MPI and MPICH, and Huawei's HCCL user guide on
//! rank tables (`hccl.json`, versions 1.0 and 1.2; the latter for super pods).

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::{fs, io};

use haina_core::{AttemptId, Card, ChipPort, NodeShare};
use serde_json::{Value, json};

use crate::durable;
use crate::order::{LaunchOrder, NodeDescription, is_ascend};

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

/// Variables of the task with this rank, beside those that say who it is. What they name was written before, by [`write()`].
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
    if rank_table_path(directory).exists() {
        variables.push(("RANK_TABLE_FILE", rank_table_path(directory).display().to_string()));
    }
    variables
}

/// Writes what the variables name into the attempt's `directory`, for its tasks to read. `cards` are this machine's, by index.
pub fn write(order: &LaunchOrder, cards: &[Card], directory: &Path) -> io::Result<()> {
    durable::create_directories(directory)?;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
    write_for_all(&host_file_path(directory), host_file(order).as_bytes())?;
    write_for_all(&hosts_path(directory), hosts(order).as_bytes())?;
    if let Some(table) = rank_table(order, cards) {
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

/// Stands in for `/etc/hosts` in the gang's sandboxes.
pub fn hosts_path(directory: &Path) -> std::path::PathBuf {
    directory.join("hosts")
}

fn rank_table_path(directory: &Path) -> std::path::PathBuf {
    directory.join("hccl.json")
}

/// One line for each task: where it runs. Open MPI and MPICH both read it so; the one refuses a machine that has several
/// lines with `slots=`, and the other does not know the word.
fn host_file(order: &LaunchOrder) -> String {
    format!("{ADDRESS}\n").repeat(order.task_count() as usize)
}

/// What the machine knows of hosts, and the gang's nodes: gloo and MPI look up what their own machine is called.
fn hosts(order: &LaunchOrder) -> String {
    let of_machine = fs::read_to_string("/etc/hosts").unwrap_or_default();
    let shares = order.launch.allocation.shares.iter();
    let nodes = shares.map(|share| format!("{ADDRESS} {}\n", order.node_name(share)));
    format!("{}\n{}", of_machine.trim_end(), nodes.collect::<String>())
}

/// A node in a rank table.
struct Server<'a> {
    name: &'a str,
    /// The super pod that it is in.
    pod: Option<u64>,
    devices: Vec<Device>,
}

/// A rank.
struct Device {
    id: u32,
    address: String,
    /// Its number in its super pod.
    in_pod: Option<u64>,
}

/// The rank table of the attempt's cards, one rank for each chip, node by node. None where a node's cards are of another
/// maker or parts of cards, where real ones have no known address or stand beside simulated ones, or only some are in super pods.
/// `cards` are this machine's, by index.
pub fn rank_table(order: &LaunchOrder, cards: &[Card]) -> Option<Value> {
    let mut servers: Vec<Server<'_>> = Vec::new();
    let mut is_real = None;
    for share in &order.launch.allocation.shares {
        let node = order.nodes.iter().find(|node| node.id == share.node)?;
        let is_ours = is_ascend(node.vendor.as_deref()?) && share.cards.iter().all(|slot| slot.millis == 1000);
        if !is_ours || share.cards.is_empty() || *is_real.get_or_insert(node.real) != node.real {
            return None;
        }
        servers.push(if node.real { real(node, share, cards)? } else { simulated(node, share) });
    }
    let is_of_super_pods = servers.first()?.pod.is_some();
    let mut devices = servers.iter().flat_map(|server| &server.devices);
    devices.all(|device| device.in_pod.is_some() == is_of_super_pods).then(|| table(&servers, is_of_super_pods))
}

/// Addresses are told apart by node and card, and lead nowhere.
fn simulated<'a>(node: &'a NodeDescription, share: &NodeShare) -> Server<'a> {
    // Cards are numbered through all nodes, as if every node had the most that there are.
    let number = |index: u32| u64::from(node.id.0) * 64 + u64::from(index);
    let pod_size = Some(u64::from(node.super_pod)).filter(|size| *size > 0);
    let [.., third, fourth] = node.id.0.to_be_bytes();
    let device = |index: u8| Device {
        id: index.into(),
        address: format!("10.{third}.{fourth}.{}", u32::from(index) + 1),
        in_pod: pod_size.map(|size| number(index.into()) % size),
    };
    let devices = share.cards.iter().map(|slot| device(slot.index)).collect();
    Server { name: &node.name, pod: pod_size.map(|size| number(0) / size), devices }
}

/// None where an address is not known.
fn real<'a>(node: &'a NodeDescription, share: &NodeShare, cards: &[Card]) -> Option<Server<'a>> {
    let mut ports: Vec<&ChipPort> = Vec::new();
    for slot in &share.cards {
        let card = cards.get(usize::from(slot.index)).filter(|card| !card.ports.is_empty())?;
        ports.extend(&card.ports);
    }
    let device = |port: &&ChipPort| Device {
        id: port.device,
        address: port.address.clone(),
        in_pod: port.super_pod.map(|place| place.device.into()),
    };
    let pod = ports.first()?.super_pod.map(|place| place.pod.into());
    Some(Server { name: &node.name, pod, devices: ports.iter().map(device).collect() })
}

fn table(servers: &[Server<'_>], is_of_super_pods: bool) -> Value {
    let mut rank: u32 = 0;
    let mut pods: Vec<(u64, Vec<Value>)> = Vec::new();
    let mut server_list = Vec::new();
    for server in servers {
        let mut devices = Vec::new();
        for Device { id, address, in_pod } in &server.devices {
            let mut device = json!({
                "device_id": id.to_string(),
                "device_ip": address,
                "rank_id": rank.to_string(),
            });
            if let Some(number) = in_pod {
                device["super_device_id"] = json!(number.to_string());
            }
            devices.push(device);
            rank += 1;
        }
        if let Some(pod) = server.pod {
            let named = json!({ "server_id": server.name });
            match pods.iter_mut().find(|(known, _)| *known == pod) {
                Some((_, servers)) => servers.push(named),
                None => pods.push((pod, vec![named])),
            }
        }
        server_list.push(json!({ "server_id": server.name, "host_ip": ADDRESS.to_string(), "device": devices }));
    }
    let mut table = json!({
        "status": "completed",
        "version": if is_of_super_pods { "1.2" } else { "1.0" },
        "server_count": servers.len().to_string(),
        "server_list": server_list,
    });
    if is_of_super_pods {
        let pods =
            pods.into_iter().map(|(pod, servers)| json!({ "super_pod_id": pod.to_string(), "server_list": servers }));
        table["super_pod_list"] = pods.collect();
    }
    table
}
