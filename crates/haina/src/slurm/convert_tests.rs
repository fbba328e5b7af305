use serde_json::{Value, json};

use super::super::ignored::SBATCH;
use super::*;

fn place() -> Place {
    Place {
        directory: "/home/li/project".to_owned(),
        host: "login".to_owned(),
        pool: Some("usual".to_owned()),
        variables: [("LR".to_owned(), "0.1".to_owned())].into(),
        now: "2026-01-31T08:00:00+08:00[+08:00]".parse().unwrap(),
    }
}

fn converted(line: &str) -> Result<Converted> {
    let mut given = Given::default();
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    assert_eq!(given.read(SBATCH, &words)?, words.len(), "{line}");
    let script = Script { text: "#!/bin/sh\ntrue\n".to_owned(), name: "train.sh".to_owned(), arguments: Vec::new() };
    convert(&given, script, &place())
}

/// The fields of the job without those that are the same for all, and of the batch those that differ from `usual`.
fn fields(line: &str) -> Value {
    let job = converted(line).unwrap_or_else(|error| panic!("{line}: {error}")).job;
    let mut value = serde_json::to_value(&job).unwrap();
    let job = value.as_object_mut().unwrap();
    job.remove("command");
    let usual = json!({ "name": "train.sh", "nodes": 1, "cards": 0, "cpus": 1, "memory": 1 << 30 });
    job.retain(|name, value| usual.get(name) != Some(value));
    value
}

fn batch(line: &str) -> Batch {
    let command = converted(line).unwrap().job.command.unwrap();
    assert_eq!(command[..2], ["/bin/sh", "-c"]);
    assert_eq!(command[5], "#!/bin/sh\ntrue\n");
    serde_json::from_str(&command[4]).unwrap()
}

#[test]
fn options_become_a_job() {
    const MIB: u64 = 1 << 20;
    for (line, expected) in [
        ("", json!({})),
        ("-J a", json!({ "name": "a" })),
        ("--job-name=a --comment=x", json!({ "name": "a", "labels": { "comment": "x" } })),
        ("-N2", json!({ "nodes": 2 })),
        ("-N2-4", json!({ "nodes": 2 })),
        ("-n4", json!({ "cpus": 4 })),
        ("-n4 -c2", json!({ "cpus": 8 })),
        ("-N2 -n4 -c3", json!({ "nodes": 2, "cpus": 6 })),
        ("-N2 -n5", json!({ "nodes": 2, "cpus": 3 })),
        ("-n4 --ntasks-per-node=2", json!({ "nodes": 2, "cpus": 2 })),
        ("-N2 --ntasks-per-node=8 --cpus-per-task=4", json!({ "nodes": 2, "cpus": 32 })),
        ("-N4 -n2", json!({ "nodes": 2 })),
        ("--mem=2000", json!({ "memory": 2000 * MIB })),
        ("--mem=8G", json!({ "memory": 8192 * MIB })),
        ("--mem-per-cpu=500M -n2 -c4", json!({ "cpus": 8, "memory": 4000 * MIB })),
        ("--mem=1 --mem-per-gpu=10G --gres=gpu:2", json!({ "cards": 2, "memory": 20 * 1024 * MIB })),
        ("--gres=gpu", json!({ "cards": 1 })),
        ("--gres=gpu:8", json!({ "cards": 8 })),
        ("--gres=npu:ascend-910:8", json!({ "cards": 8, "card_model": "ascend-910" })),
        ("--gres=gpu:a100", json!({ "cards": 1, "card_model": "a100" })),
        ("--gres=gres/gpu:2", json!({ "cards": 2 })),
        ("--gres=none", json!({})),
        ("-N2 -G16", json!({ "nodes": 2, "cards": 8 })),
        ("--gpus=a100:4", json!({ "cards": 4, "card_model": "a100" })),
        ("-N2 --gpus-per-node=h100:4", json!({ "nodes": 2, "cards": 4, "card_model": "h100" })),
        ("-n4 --gpus-per-task=2", json!({ "cpus": 4, "cards": 8 })),
        ("-N2 -n4 -G8 --gpus-per-task=2", json!({ "nodes": 2, "cpus": 2, "cards": 4 })),
        ("--gpus-per-node=2 --cpus-per-gpu=6", json!({ "cards": 2, "cpus": 12 })),
        ("-t 90", json!({ "time_limit": 5400 })),
        ("--time=1-2:3:4", json!({ "time_limit": 93784 })),
        ("-p public", json!({ "pool": "public" })),
        ("-p a,b", json!({ "pool": "a" })),
        ("-A ocean", json!({ "organization": "ocean" })),
        ("--begin=now+1hour", json!({ "not_before": "2026-01-31T01:00:00Z" })),
        ("-a 0-15%4", json!({ "array": { "count": 16, "concurrency": 4 } })),
        ("--array=1,3,5-9:2", json!({ "array": { "count": 5 } })),
        (
            "-d afterok:17:18,afterany:19",
            json!({ "after": [
                { "job": "17", "condition": "succeeded" },
                { "job": "18", "condition": "succeeded" },
                { "job": "19", "condition": "ended" },
            ] }),
        ),
        ("-D sub/dir", json!({ "working_directory": "/home/li/project/sub/dir" })),
        ("--chdir=/data", json!({ "working_directory": "/data" })),
        ("--export=ALL,LR,EPOCHS=3,NOSUCH", json!({ "env": { "LR": "0.1", "EPOCHS": "3" } })),
        ("--export=NONE", json!({})),
        ("--requeue --exclusive --mail-type=END --mail-user=li@x --qos=high --nice", json!({})),
    ] {
        assert_eq!(fields(line), expected, "{line}");
    }
}

#[test]
fn the_script_is_told_what_was_asked_for() {
    let found = batch("-N2 -n3 -c2 -a 5,7 -o out-%j -e err -i in --open-mode=append -p public -D /x --mem=2G");
    let expected = Batch {
        tasks: 3,
        tasks_per_node: None,
        cpus_per_task: Some(2),
        cpus_on_node: 4,
        memory_mib: 2048,
        array: vec![5, 7],
        output: Some("out-%j".to_owned()),
        error: Some("err".to_owned()),
        input: Some("in".to_owned()),
        append: true,
        partition: Some("public".to_owned()),
        chdir: true,
        submit_directory: "/home/li/project".to_owned(),
        submit_host: "login".to_owned(),
    };
    assert_eq!(found, expected);
    let found = batch("-N2 --ntasks-per-node=4");
    assert_eq!((found.tasks_per_node, found.partition.as_deref()), (Some(4), Some("usual")));
}

#[test]
fn what_cannot_be_is_refused() {
    for (line, text) in [
        ("-n0", "Invalid --ntasks specification"),
        ("-N=2", "Invalid --nodes specification"),
        ("-N4-2", "Invalid --nodes specification"),
        ("-n9 -N2 --ntasks-per-node=4", "9 tasks do not fit on 2 node(s)"),
        ("-N2 -G3", "--gpus=3 cannot be shared evenly by 2 nodes"),
        ("--gres=gpu:2 --gpus-per-node=4", "--gres and --gpus-per-node ask for different numbers"),
        ("--gres=shard:2", "Invalid generic resource (gres) specification"),
        ("--gres=gpu:2,npu:1", "Invalid generic resource (gres) specification"),
        ("--gres=gpu:a:b", "Invalid --gres specification"),
        ("--mem=1.5G", "Invalid --mem specification"),
        ("--mem=0", "--mem=0 asks for no memory"),
        ("-t 1h", "Invalid --time specification"),
        ("-t 0", "a job without a time limit is not possible"),
        ("-t UNLIMITED", "a job without a time limit is not possible"),
        ("-a 5-1", "Invalid --array specification"),
        ("-b soon", "Invalid --begin specification"),
        ("-d afternotok:17", "dependency `afternotok` is not supported"),
        ("-d after:17", "dependency `after` is not supported"),
        ("-d singleton", "dependency `singleton` is not supported"),
        ("-d afterok:1?afterok:2", "dependency `?` is not supported"),
        ("-d afterok", "Invalid --dependency specification"),
        ("-d afterok:17_3", "17_3: one element of an array cannot be waited for"),
        ("-d afterok:x", "Invalid --dependency specification"),
        ("--open-mode=x", "Invalid --open-mode specification"),
        ("-C a100", "--constraint has no meaning here"),
        ("-w n1", "--nodelist has no meaning here"),
    ] {
        let error = converted(line).unwrap_err().to_string();
        assert!(error.starts_with(text), "{line}: {error}");
    }
}

#[test]
fn what_a_user_of_slurm_may_not_expect_is_said() {
    for (line, text) in [
        ("-a 1-10", "Haina counts an array's elements from 0"),
        ("-N2-4", "--nodes=2-4: the job takes 2"),
        ("-N4 -n2", "2 task(s) do not need 4 nodes"),
        ("-p a,b", "--partition=a,b: the job waits in the first pool, a"),
        ("--export=ALL", "--export=ALL: the shell's variables are not copied"),
        ("--export=NOSUCH", "--export=NOSUCH: there is no such variable"),
    ] {
        let notes = converted(line).unwrap().notes;
        assert!(notes.len() == 1 && notes[0].starts_with(text), "{line}: {notes:?}");
    }
    assert!(converted("-a 0-9 -N2 -n4").unwrap().notes.is_empty());
}
