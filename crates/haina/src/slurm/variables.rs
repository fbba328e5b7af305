//! Slurm's variables, from what Haina tells a task and what was asked for. Pure.

use std::collections::BTreeMap;

use super::batch::Batch;
use super::layout::{shortened, spread};

/// Variables by name.
pub type Variables = BTreeMap<String, String>;

/// What launchers take for a task's place. A batch script has none: it is no task.
const PLACE: [&str; 4] = ["RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"];

/// The job as Haina's commands take it: `17`, or `17_3` for one element of an array.
pub fn job(own: &Variables) -> String {
    let id = own.get("HAINA_JOB_ID").cloned().unwrap_or_default();
    own.get("HAINA_ARRAY_INDEX").map_or(id.clone(), |index| format!("{id}_{index}"))
}

/// The job's nodes.
pub fn nodes(own: &Variables) -> Vec<String> {
    own.get("HAINA_NODES").map(|list| list.split(',').map(str::to_owned).collect()).unwrap_or_default()
}

/// Which of the array's tasks this is.
pub fn array_task(batch: &Batch, own: &Variables) -> Option<u32> {
    batch.array.get(own.get("HAINA_ARRAY_INDEX")?.parse::<usize>().ok()?).copied()
}

/// What a batch script finds, starting from the variables of its task.
pub fn of_script(batch: &Batch, own: &Variables) -> Variables {
    let mut variables = own.clone();
    for name in PLACE {
        variables.remove(name);
    }
    let text = |name: &str| own.get(name).cloned().unwrap_or_default();
    let mut set = |name: &str, value: String| {
        variables.insert(name.to_owned(), value);
    };
    let nodes = nodes(own);
    let count = (nodes.len() as u32).max(1);
    for name in ["SLURM_JOB_ID", "SLURM_JOBID"] {
        set(name, job(own));
    }
    set("SLURM_JOB_NAME", text("HAINA_JOB_NAME"));
    set("SLURM_JOB_ACCOUNT", text("HAINA_ORGANIZATION"));
    set("SLURM_JOB_USER", text("USER"));
    if let Some(partition) = &batch.partition {
        set("SLURM_JOB_PARTITION", partition.clone());
    }
    for name in ["SLURM_NODELIST", "SLURM_JOB_NODELIST"] {
        set(name, nodes.join(","));
    }
    for name in ["SLURM_NNODES", "SLURM_JOB_NUM_NODES"] {
        set(name, count.to_string());
    }
    for name in ["SLURM_NTASKS", "SLURM_NPROCS"] {
        set(name, batch.tasks.to_string());
    }
    set("SLURM_TASKS_PER_NODE", shortened(&spread(batch.tasks, count)));
    if let Some(tasks) = batch.tasks_per_node {
        set("SLURM_NTASKS_PER_NODE", tasks.to_string());
    }
    if let Some(cpus) = batch.cpus_per_task {
        set("SLURM_CPUS_PER_TASK", cpus.to_string());
    }
    set("SLURM_CPUS_ON_NODE", batch.cpus_on_node.to_string());
    set("SLURM_JOB_CPUS_PER_NODE", shortened(&vec![batch.cpus_on_node; count as usize]));
    set("SLURM_MEM_PER_NODE", batch.memory_mib.to_string());
    set("SLURMD_NODENAME", text("HAINA_NODE"));
    for name in ["SLURM_NODEID", "SLURM_PROCID", "SLURM_LOCALID"] {
        set(name, "0".to_owned());
    }
    let cards = text("HAINA_CARDS");
    if !cards.is_empty() {
        set("SLURM_GPUS_ON_NODE", cards.split(',').count().to_string());
        set("SLURM_JOB_GPUS", cards);
    }
    set("SLURM_SUBMIT_DIR", batch.submit_directory.clone());
    set("SLURM_SUBMIT_HOST", batch.submit_host.clone());
    if let Some(task) = array_task(batch, own) {
        set("SLURM_ARRAY_JOB_ID", text("HAINA_JOB_ID"));
        set("SLURM_ARRAY_TASK_ID", task.to_string());
        set("SLURM_ARRAY_TASK_COUNT", batch.array.len().to_string());
        set("SLURM_ARRAY_TASK_MIN", batch.array.first().copied().unwrap_or(0).to_string());
        set("SLURM_ARRAY_TASK_MAX", batch.array.last().copied().unwrap_or(0).to_string());
        set("SLURM_ARRAY_TASK_STEP", super::array::step(&batch.array).to_string());
    }
    let again = text("HAINA_ATTEMPT").rsplit('.').next().and_then(|number| number.parse::<u32>().ok()).unwrap_or(1);
    if again > 1 {
        set("SLURM_RESTART_COUNT", (again - 1).to_string());
    }
    variables
}

/// Where a task of a step is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TaskPlace {
    /// Its rank in the step.
    pub rank: u32,
    /// The step's tasks.
    pub tasks: u32,
    /// Its rank on its node.
    pub local_rank: u32,
    /// The step's tasks on its node.
    pub local_tasks: u32,
    /// Its node among the step's.
    pub node: u32,
    /// How many nodes the step has.
    pub nodes: u32,
    /// Their names.
    pub node_list: String,
    /// The step's number.
    pub step: u32,
}

/// What a task of a step finds: what `srun` was called with, its own node's cards and names, and its place.
pub fn of_task(called_with: &Variables, of_node: &Variables, place: &TaskPlace) -> Variables {
    let is_of_node = |name: &str| {
        name.starts_with("HAINA_") || name.ends_with("_VISIBLE_DEVICES") || name == "NODE_RANK" || name == "HOSTNAME"
    };
    let mut variables: Variables = called_with
        .iter()
        .filter(|(name, _)| !is_of_node(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    variables
        .extend(of_node.iter().filter(|(name, _)| is_of_node(name)).map(|(name, value)| (name.clone(), value.clone())));
    if let Some(node) = of_node.get("HAINA_NODE") {
        variables.insert("SLURMD_NODENAME".to_owned(), node.clone());
    }
    variables.insert("SLURM_STEP_NODELIST".to_owned(), place.node_list.clone());
    for (names, value) in [
        (&["SLURM_PROCID", "RANK", "HAINA_RANK"][..], place.rank),
        (&["SLURM_NTASKS", "SLURM_NPROCS", "SLURM_STEP_NUM_TASKS", "WORLD_SIZE", "HAINA_WORLD_SIZE"], place.tasks),
        (&["SLURM_LOCALID", "LOCAL_RANK", "HAINA_LOCAL_RANK"], place.local_rank),
        (&["LOCAL_WORLD_SIZE", "HAINA_LOCAL_WORLD_SIZE"], place.local_tasks),
        (&["SLURM_NODEID"], place.node),
        (&["SLURM_NNODES", "SLURM_STEP_NUM_NODES"], place.nodes),
        (&["SLURM_STEP_ID", "SLURM_STEPID"], place.step),
    ] {
        variables.extend(names.iter().map(|name| ((*name).to_owned(), value.to_string())));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(pairs: &[(&str, &str)]) -> Variables {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_script_finds_slurms_variables() {
        let own = own(&[
            ("HAINA_JOB_ID", "43"),
            ("HAINA_JOB_NAME", "e.sh"),
            ("HAINA_ARRAY_INDEX", "1"),
            ("HAINA_ATTEMPT", "43_1.2"),
            ("HAINA_NODES", "n1,n2"),
            ("HAINA_NODE", "n1"),
            ("HAINA_CARDS", "4,5"),
            ("RANK", "0"),
            ("WORLD_SIZE", "2"),
        ]);
        let batch = Batch {
            tasks: 3,
            cpus_per_task: Some(2),
            cpus_on_node: 4,
            memory_mib: 1024,
            array: vec![5, 7],
            partition: Some("public".to_owned()),
            ..Batch::default()
        };
        let found = of_script(&batch, &own);
        for (name, value) in [
            ("SLURM_JOB_ID", "43_1"),
            ("SLURM_ARRAY_JOB_ID", "43"),
            ("SLURM_ARRAY_TASK_ID", "7"),
            ("SLURM_ARRAY_TASK_COUNT", "2"),
            ("SLURM_ARRAY_TASK_MIN", "5"),
            ("SLURM_ARRAY_TASK_MAX", "7"),
            ("SLURM_ARRAY_TASK_STEP", "2"),
            ("SLURM_NTASKS", "3"),
            ("SLURM_TASKS_PER_NODE", "2,1"),
            ("SLURM_JOB_CPUS_PER_NODE", "4(x2)"),
            ("SLURM_JOB_NODELIST", "n1,n2"),
            ("SLURM_GPUS_ON_NODE", "2"),
            ("SLURM_JOB_PARTITION", "public"),
            ("SLURM_RESTART_COUNT", "1"),
        ] {
            assert_eq!(found.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert!(!found.contains_key("RANK") && !found.contains_key("WORLD_SIZE"));
    }

    #[test]
    fn a_steps_task_has_its_own_nodes_cards() {
        let called_with =
            own(&[("LR", "0.1"), ("HAINA_CARDS", "0"), ("CUDA_VISIBLE_DEVICES", "0"), ("SLURM_PROCID", "0")]);
        let of_node = own(&[("HAINA_CARDS", "3"), ("CUDA_VISIBLE_DEVICES", "3"), ("HAINA_NODE", "n2"), ("LR", "9")]);
        let node_list = "n1,n2".to_owned();
        let place =
            TaskPlace { rank: 2, tasks: 3, local_rank: 0, local_tasks: 1, node: 1, nodes: 2, node_list, step: 0 };
        let found = of_task(&called_with, &of_node, &place);
        for (name, value) in [
            ("LR", "0.1"),
            ("HAINA_CARDS", "3"),
            ("CUDA_VISIBLE_DEVICES", "3"),
            ("SLURMD_NODENAME", "n2"),
            ("SLURM_PROCID", "2"),
            ("RANK", "2"),
            ("WORLD_SIZE", "3"),
            ("LOCAL_RANK", "0"),
            ("SLURM_NODEID", "1"),
        ] {
            assert_eq!(found.get(name).map(String::as_str), Some(value), "{name}");
        }
    }
}
