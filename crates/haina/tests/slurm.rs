//! Batch scripts of Slurm, as their users submit them.

#[allow(dead_code, reason = "other tests use the rest")]
mod program;

use std::path::PathBuf;
use std::process::Stdio;

use program::{Center, Printed};

/// A center, and where the jobs of one of its organizations work.
struct Scene {
    center: Center,
    work: PathBuf,
}

impl Scene {
    fn start() -> Scene {
        let center = Center::start();
        let work = center.data().join("engine/work/ocean-institute");
        Scene { center, work }
    }

    /// Submits a script that works there, and waits for its end.
    fn sbatch(&self, options: &[&str], script: &str) -> Printed {
        let path = self.center.directory().join("train.sh");
        std::fs::write(&path, script).unwrap();
        let work = self.work.to_str().unwrap();
        let usual = ["sbatch", "-A", "ocean-institute", "-D", work, "--wait"];
        self.center.run(&[&usual[..], options, &[path.to_str().unwrap(), "one", "two words"]].concat())
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.work.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn a_script_runs_once_and_srun_starts_its_tasks_on_every_node() {
    let scene = Scene::start();
    let script = r#"#!/bin/bash
#SBATCH --job-name=gang
#SBATCH -N 2 --ntasks=3 # two on the first node
#SBATCH --mail-type=ALL
#SBATCH --output=%x-%j.txt

echo "script $SLURM_JOB_ID $SLURM_JOB_NAME $SLURM_NNODES $SLURM_NTASKS $SLURM_TASKS_PER_NODE $# $2"
echo "place ${RANK-none} $SLURM_PROCID $SLURM_JOB_PARTITION"
[ "$(scontrol show hostnames | head -n 1)" = "$SLURMD_NODENAME" ] && echo "first node"
srun --label sh -c 'echo $SLURM_PROCID $SLURM_LOCALID $SLURM_NODEID $RANK/$WORLD_SIZE $LR'
export LR=0.1
srun -n 2 --ntasks-per-node=1 sh -c 'echo again $SLURM_NODEID $LR'
srun -N 1 -n 1 cat <<< "typed"
last=$(scontrol show hostnames | tail -n 1)
[ "$(srun -w "$last" sh -c 'echo $SLURMD_NODENAME')" = "$last" ] && echo "last node"
# Names of nodes are known in a sandbox.
[ -e /run/haina-enter ] && getent hosts "$last" | cut -d ' ' -f 1 > address || echo 127.0.0.1 > address
srun -o step-%t.txt sh -c 'echo rank $SLURM_PROCID'
srun sh -c 'exit $((SLURM_PROCID * 3))'
echo "worst $?"
"#;
    let done = scene.sbatch(&[], script);
    done.expect(0);
    assert_eq!(done.stdout, "Submitted batch job 1\n");
    assert!(done.stderr.contains("--mail-type is ignored: no mail is sent"), "{}", done.stderr);
    let output = scene.file("gang-1.txt");
    let expected = [
        "0: 0 0 0 0/3",
        "1: 1 1 0 1/3",
        "2: 2 0 1 2/3",
        "again 0 0.1",
        "again 1 0.1",
        "first node",
        "last node",
        "place none 0 public",
        "script 1 gang 2 3 2,1 2 two words",
        "srun: error: task 1: Exited with exit code 3",
        "typed",
        "worst 6",
    ];
    let found: Vec<String> = sorted(&output)
        .iter()
        .map(|line| line.replace("task 2: Exited with exit code 6", "task 1: Exited with exit code 3"))
        .collect();
    assert_eq!(found.iter().map(|line| line.trim_end()).collect::<Vec<_>>(), expected);
    for rank in 0..3 {
        assert_eq!(scene.file(&format!("step-{rank}.txt")), format!("rank {rank}\n"));
    }
    let logs = scene.center.run(&["job", "logs", "1"]);
    assert_eq!(logs.expect(0).stdout, output, "what Slurm's users read in the file, others read here");
    assert_eq!(scene.file("address"), "127.0.0.1\n");
    assert!(!scene.work.join(".haina/steps/1.1").exists());
}

#[test]
fn arrays_have_slurms_indices_and_file_names() {
    let scene = Scene::start();
    let script = "#!/bin/sh\n#SBATCH -a 5,7%1\n\
                  echo $SLURM_ARRAY_JOB_ID $SLURM_ARRAY_TASK_ID $SLURM_ARRAY_TASK_COUNT $SLURM_ARRAY_TASK_MIN \
                  $SLURM_ARRAY_TASK_MAX $SLURM_JOB_ID\n";
    let done = scene.sbatch(&[], script);
    done.expect(0);
    assert!(done.stderr.contains("Haina counts an array's elements from 0"), "{}", done.stderr);
    assert_eq!(scene.file("slurm-1_5.out"), "1 5 2 5 7 1_0\n");
    assert_eq!(scene.file("slurm-1_7.out"), "1 7 2 5 7 1_1\n");
    scene.center.run(&["job", "logs", "1_1"]).expect(0).prints("1 7 2 5 7 1_1\n");
    scene.sbatch(&["-o", "%A-%4a-%%.txt", "--array=2"], script).expect(0);
    assert_eq!(scene.file("2-0002-%.txt"), "2 2 1 2 2 2_0\n");
}

#[test]
fn output_and_errors_go_where_slurm_puts_them() {
    let scene = Scene::start();
    let script = "#!/bin/sh\necho out; echo err >&2\n";
    scene.sbatch(&[], script).expect(0);
    assert_eq!(scene.file("slurm-1.out"), "out\nerr\n");
    scene.center.run(&["job", "logs", "1"]).expect(0).prints("out\nerr\n");
    scene.sbatch(&["-e", "%j.err"], script).expect(0);
    assert_eq!((scene.file("slurm-2.out").as_str(), scene.file("2.err").as_str()), ("out\n", "err\n"));
    scene.center.run(&["job", "logs", "2", "--stderr"]).expect(0).prints("err\n");
    scene.sbatch(&["-o", "slurm-1.out", "--open-mode=append"], script).expect(0);
    assert_eq!(scene.file("slurm-1.out"), "out\nerr\nout\nerr\n");
    std::fs::write(scene.work.join("in"), "read\n").unwrap();
    scene.sbatch(&["-i", "in"], "#!/bin/sh\ncat\n").expect(0);
    assert_eq!(scene.file("slurm-4.out"), "read\n");
    // A directory that is not there ends the job, as it does with Slurm.
    scene.sbatch(&["-o", "no/such/dir.txt"], script).expect(1);
    assert!(scene.center.run(&["job", "logs", "5", "--stderr"]).stdout.contains("could not open no/such/dir.txt"));
    // Where it was submitted is not the job's, though a sandbox has a directory of that name on the way to the job's own.
    let mut command = scene.center.command(&["sbatch", "-W", "-A", "ocean-institute", "--wrap", "pwd"]);
    command.current_dir(scene.center.directory());
    Printed::of(command).expect(0);
    let is_sandbox = scene.center.run(&["job", "logs", "6", "--stderr"]).stdout.contains("it starts in");
    let begun = if is_sandbox { scene.work.clone() } else { scene.center.directory().to_owned() };
    let written = std::fs::read_to_string(begun.join("slurm-6.out")).unwrap();
    assert_eq!(written.trim(), begun.to_str().unwrap());
}

#[test]
fn exit_codes_standard_input_and_wrapped_commands() {
    let scene = Scene::start();
    scene.sbatch(&["-Q"], "#!/bin/sh\nexit 7\n").expect(7).prints("");
    scene.sbatch(&["-N2"], "#!/bin/sh\nsrun sh -c 'exit 9'\n").expect(9);
    scene.sbatch(&["-n2"], "#!/bin/sh\nsrun -K sh -c '[ $SLURM_PROCID = 0 ] && exit 4; sleep 1000'\n").expect(137);
    // What a task that is killed had started goes with it.
    let left = "while [ $SLURM_PROCID = 0 ]; do [ -s left ] && exit 4; done; sleep 1000 & echo $! > left; wait";
    let script = format!("#!/bin/sh\nsrun -K sh -c '{left}'\n! kill -0 $(cat left)\n");
    scene.sbatch(&["-n2"], &script).expect(0);
    scene.sbatch(&[], "#!/bin/sh\nkill -KILL $$\n").expect(137);
    scene.sbatch(&[], "#!/bin/sh\nsrun --mpi=pmix true\n").expect(1);
    let wrap = ["sbatch", "--parsable", "--wait", "-A", "ocean-institute", "--export=LR=0.5", "--wrap", "echo $LR $0"];
    scene.center.run(&wrap).expect(0).prints("7\n");
    assert!(scene.center.run(&["job", "logs", "7"]).stdout.starts_with("0.5 /"));
    let mut command = scene.center.command(&["sbatch", "-W", "-A", "ocean-institute"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"#!/bin/sh\nexit 3\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let shown = scene.center.run(&["job", "show", "8", "--json"]).expect(0).json();
    assert_eq!(shown["name"], "sbatch");
}

#[test]
fn what_cannot_be_done_is_refused_before_anything_is_submitted() {
    let scene = Scene::start();
    for (options, text) in [
        (&["--nosuch"][..], "unrecognized option '--nosuch'"),
        (&["-d", "afternotok:1"], "dependency `afternotok` is not supported"),
        (&["-t", "1h"], "Invalid --time specification: 1h"),
        (&["-p", "nosuch"], "nosuch"),
    ] {
        let refused = scene.sbatch(options, "#!/bin/sh\ntrue\n");
        assert!(refused.stderr.contains(text) && refused.stdout.is_empty(), "{options:?}: {refused:?}");
    }
    let tried = scene.sbatch(&["--test-only", "-n4"], "#!/bin/sh\ntrue\n");
    assert_eq!(tried.expect(0).json()["cpus"], 4);
    assert_eq!(scene.center.run(&["jobs", "--all", "--json"]).json().as_array().unwrap().len(), 0);
}
