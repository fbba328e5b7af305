//! A local engine in a directory of its own, and what the scenarios need to talk about it.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod index;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use haina_core::local_definition::{ConfinementPolicy, LocalDefinition};
use haina_core::{
    Allocation, AttemptId, Bytes, CardSlot, CenterId, CpuMillis, Digest, Ending, Epoch, FailedTask, JobTokens, Launch,
    Milliseconds, NodeId, NodeShare, OrganizationId, Payload, PythonEnvironment, Report, Stop, TaskUse, Timestamp,
};
use haina_engine::discovery::{Probe, RealNode};
use haina_engine::layout::Layout;
use haina_engine::{Engine, LaunchOrder, LocalEngine, NodeDescription, ReportReceiver};
use tempfile::TempDir;

/// No scenario takes longer, unless something is broken.
pub const DEADLINE: Duration = Duration::from_secs(60);

pub const CENTER: CenterId = CenterId(7);

pub const EPOCH: Epoch = Epoch(3);

pub struct Scenario {
    pub directory: TempDir,
    definition: LocalDefinition,
    engine: Option<LocalEngine>,
    pub reports: ReportReceiver,
}

/// How an attempt ended, as reported.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    pub started: Option<Timestamp>,
    pub at: Timestamp,
    pub ending: Ending,
    pub used: TaskUse,
    pub failed_task: Option<FailedTask>,
}

/// The one that cargo built, or a copy of it where another user can run it (`cargo xtask test`).
pub fn supervisor() -> Vec<OsString> {
    let built = || env!("CARGO_BIN_EXE_haina-supervise").into();
    vec![std::env::var_os("HAINA_TEST_SUPERVISOR").unwrap_or_else(built)]
}

impl Scenario {
    /// Tasks are not confined.
    pub fn new() -> Scenario {
        Scenario::with_supervisor(supervisor())
    }

    /// With another program in the place of the supervisor, until it is reopened.
    pub fn with_supervisor(program: Vec<OsString>) -> Scenario {
        let definition = LocalDefinition { confinement: ConfinementPolicy::Off, ..LocalDefinition::default() };
        Scenario::open(program, definition)
    }

    /// Tasks are confined as this says.
    pub fn confined(definition: LocalDefinition) -> Scenario {
        Scenario::open(supervisor(), definition)
    }

    /// The same with another program in the place of the supervisor, until it is reopened.
    pub fn confined_with_supervisor(program: Vec<OsString>, definition: LocalDefinition) -> Scenario {
        Scenario::open(program, definition)
    }

    fn open(program: Vec<OsString>, definition: LocalDefinition) -> Scenario {
        Scenario::open_on(None, program, definition)
    }

    /// On a machine with these cards, as `node-1`.
    pub fn on_machine(machine: (RealNode, Probe), definition: LocalDefinition) -> Scenario {
        Scenario::open_on(Some(machine), supervisor(), definition)
    }

    fn open_on(machine: Option<(RealNode, Probe)>, program: Vec<OsString>, definition: LocalDefinition) -> Scenario {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("engine");
        let (engine, reports) =
            LocalEngine::open_on(machine, CENTER, root, program, definition.clone(), Some(tokens())).unwrap();
        Scenario { directory, definition, engine: Some(engine), reports }
    }

    pub fn engine(&self) -> &LocalEngine {
        self.engine.as_ref().expect("the server is up")
    }

    /// The server is gone; what runs goes on.
    pub fn close(&mut self) {
        self.engine = None;
    }

    /// A new server on the same directory, which believes that these attempts live.
    pub async fn reopen(&mut self, live: &[AttemptId]) {
        self.engine = None;
        let definition = self.definition.clone();
        let (engine, reports) =
            LocalEngine::open(CENTER, self.root(), supervisor(), definition, Some(tokens())).unwrap();
        engine.reconcile(EPOCH, live.to_vec()).await.unwrap();
        self.engine = Some(engine);
        self.reports = reports;
    }

    pub fn root(&self) -> PathBuf {
        self.directory.path().join("engine")
    }

    pub fn layout(&self) -> Layout {
        Layout::new(self.root())
    }

    /// A file of the scenario that scripts may write or wait for.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn create(&self, name: &str) {
        std::fs::write(self.file(name), "").unwrap();
    }

    /// An order to run a shell script, in the scenario's directory, as job `job`.
    pub fn script(&self, job: u64, text: &str) -> LaunchOrder {
        let payload = Payload {
            command: ["/bin/sh", "-c", text].map(str::to_owned).to_vec(),
            python: None,
            image: None,
            variables: Default::default(),
            working_directory: Some(self.directory.path().display().to_string()),
            labels: Default::default(),
        };
        let share = |node| NodeShare {
            node: NodeId(node),
            cards: vec![CardSlot { index: 2, millis: 1000 }, CardSlot { index: 3, millis: 1000 }],
            cpu: CpuMillis(1000),
            memory: Bytes(1 << 30),
        };
        LaunchOrder {
            epoch: EPOCH,
            launch: Launch {
                attempt: attempt(job),
                organization: OrganizationId(1),
                allocation: Allocation { shares: vec![share(1)] },
                tasks_per_node: 1,
                time_limit: Milliseconds::from_seconds(60),
                grace: Milliseconds::from_seconds(20),
                payload: Digest::of(text.as_bytes()),
            },
            payload,
            organization: "ocean-lab".to_owned(),
            job_name: "train".to_owned(),
            array_count: None,
            nodes: (1..=4).map(node).collect(),
            center_url: Some("http://127.0.0.1:1".to_owned()),
            port: None,
            log_cap: None,
        }
    }

    pub async fn launch(&self, order: LaunchOrder) {
        self.engine().launch(order).await.unwrap();
    }

    pub async fn stop(&self, job: u64, grace: Milliseconds) {
        self.engine().stop(EPOCH, Stop { attempt: attempt(job), grace }).await.unwrap();
    }

    /// The next report about anything; acknowledged.
    pub async fn report(&mut self) -> Report {
        let delivery = tokio::time::timeout(DEADLINE, self.reports.recv()).await.expect("a report").expect("an engine");
        self.engine().acknowledge(delivery.id);
        if let Report::Ended { attempt, .. } = delivery.report {
            // The engine removes it in the background; until then the next server reports the end again.
            let mark = self.layout().active_mark(attempt);
            eventually("the end is acknowledged on disk", || !mark.exists()).await;
        }
        delivery.report
    }

    pub async fn until_started(&mut self, job: u64) -> Timestamp {
        loop {
            match self.report().await {
                Report::Started { attempt: started, at } if started == attempt(job) => return at,
                Report::Ended { attempt: ended, ending, .. } if ended == attempt(job) => panic!("ended: {ending:?}"),
                _ => {}
            }
        }
    }

    pub async fn until_ended(&mut self, job: u64) -> Ended {
        loop {
            match self.report().await {
                Report::Ended { attempt: ended, started, at, ending, used, failed_task } if ended == attempt(job) => {
                    return Ended { started, at, ending, used, failed_task };
                }
                _ => {}
            }
        }
    }

    /// Launches and waits for the end.
    pub async fn run(&mut self, order: LaunchOrder) -> Ended {
        let job = order.launch.attempt.job.0;
        self.launch(order).await;
        self.until_ended(job).await
    }

    /// That nothing more is reported: another job's whole life passes, and nothing is heard of any other.
    pub async fn assert_silence(&mut self) {
        let job = 999_999;
        self.launch(self.script(job, "exit 0")).await;
        loop {
            match self.report().await {
                report if report.attempt() != attempt(job) => panic!("{report:?}"),
                Report::Ended { .. } => return,
                Report::Started { .. } => {}
            }
        }
    }

    pub fn output(&self, job: u64, rank: u32) -> String {
        self.written(job, rank, haina_engine::LogStream::Stdout)
    }

    pub fn errors(&self, job: u64, rank: u32) -> String {
        self.written(job, rank, haina_engine::LogStream::Stderr)
    }

    fn written(&self, job: u64, rank: u32, stream: haina_engine::LogStream) -> String {
        let task = self.layout().attempt(attempt(job)).task(rank);
        std::fs::read_to_string(task.log(stream)).unwrap_or_default()
    }

    /// One output of the first task.
    pub fn log(&self, job: u64, stream: haina_engine::LogStream) -> String {
        let task = self.layout().attempt(attempt(job)).task(0);
        String::from_utf8_lossy(&std::fs::read(task.log(stream)).unwrap_or_default()).into_owned()
    }

    /// A file that a process of the task or its supervisor wrote, as JSON.
    pub fn record(&self, job: u64, rank: u32, name: &str) -> serde_json::Value {
        let path = self.layout().attempt(attempt(job)).task(rank).directory().join(name);
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    /// A requirement that needs no network: a wheel with one module `tiny`, made here.
    pub fn tiny_wheel(&self) -> PythonEnvironment {
        let wheel = self.file("tiny-1.0-py3-none-any.whl");
        make_tiny_wheel(&wheel);
        PythonEnvironment { requirements: vec![format!("tiny @ file://{}", wheel.display())], file: None }
    }
}

pub fn tokens() -> JobTokens {
    JobTokens::new(&[5; 32], CENTER)
}

/// A program in the place of `npu-smi` with two recorded cards; what it says of them is in `info` beside it.
pub fn npu_smi(directory: &Path) -> PathBuf {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/npu-smi");
    let (program, info, map) = (directory.join("npu-smi"), directory.join("info"), recorded.join("map-910b3.txt"));
    std::fs::copy(recorded.join("info-910b3-busy.txt"), &info).unwrap();
    let text = format!(
        "#!/bin/sh\ncase \"$*\" in info) exec cat {};; 'info -m') exec cat {};; esac\nexit 1\n",
        info.display(),
        map.display()
    );
    write_program(&program, &text);
    program
}

/// Changes what [`npu_smi`] says of its cards, so that nobody reads half of it.
pub fn change_info(directory: &Path, from: &str, to: &str) {
    let (info, partial) = (directory.join("info"), directory.join("info.partial"));
    let text = std::fs::read_to_string(&info).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(&partial, text.replacen(from, to, 1)).unwrap();
    std::fs::rename(partial, info).unwrap();
}

/// Lets [`npu_smi`] know nothing of its second card. Returns what it said before.
pub fn take_out_card_1(directory: &Path) -> String {
    let text = std::fs::read_to_string(directory.join("info")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let gone = [&lines[..9], &lines[12..]].concat().join("\n");
    change_info(directory, &text, &gone);
    text
}

/// The machine of which [`npu_smi`] tells, as `node-1`, with device files in this directory.
pub fn machine(program: PathBuf, devices: &Path) -> (RealNode, Probe) {
    let probe = Probe::by_npu_smi(program, devices.to_owned());
    let machine = probe.machine();
    assert_eq!(machine.problems, [] as [String; 0]);
    let (name, card_model) = ("node-1".to_owned(), Some("ascend-910b3".to_owned()));
    let (cards, shared_devices) = (machine.cards, machine.shared_devices);
    (RealNode { name, cpu: machine.cpu, memory: machine.memory, card_model, cards, shared_devices }, probe)
}

/// A program, written by another process: one that this process has open for writing cannot be started.
pub fn write_program(path: &Path, text: &str) {
    let write = "printf %s \"$1\" > \"$2\" && chmod 755 \"$2\"";
    let written = std::process::Command::new("sh").args(["-c", write, "sh", text]).arg(path).status().unwrap();
    assert!(written.success());
}

/// A wheel with one module `tiny`.
pub fn make_tiny_wheel(wheel: &Path) {
    let make = "import sys, zipfile\n\
        z = zipfile.ZipFile(sys.argv[1], 'w')\n\
        z.writestr('tiny.py', 'size = 1\\n')\n\
        z.writestr('tiny-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n')\n\
        z.writestr('tiny-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n\
        z.writestr('tiny-1.0.dist-info/RECORD', 'tiny.py,,\\ntiny-1.0.dist-info/METADATA,,\\ntiny-1.0.dist-info/WHEEL,,\\ntiny-1.0.dist-info/RECORD,,\\n')\n\
        z.close()\n";
    let made = std::process::Command::new("python3").args(["-c", make]).arg(wheel).status().unwrap();
    assert!(made.success());
}

pub fn attempt(job: u64) -> AttemptId {
    format!("{job}.1").parse().unwrap()
}

pub fn node(id: u32) -> NodeDescription {
    NodeDescription {
        id: NodeId(id),
        name: format!("node-{id}"),
        vendor: Some("ascend".to_owned()),
        super_pod: 0,
        real: false,
    }
}

/// Spreads an order over so many nodes.
pub fn over_nodes(mut order: LaunchOrder, nodes: u32, tasks_per_node: u32) -> LaunchOrder {
    let share = order.launch.allocation.shares[0].clone();
    order.launch.allocation.shares = (1..=nodes).map(|id| NodeShare { node: NodeId(id), ..share.clone() }).collect();
    order.launch.tasks_per_node = tasks_per_node;
    order
}

/// Waits for something that no event announces.
pub async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        let mut interval = tokio::time::interval(Duration::from_millis(5));
        while !condition() {
            interval.tick().await;
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// Whether a process is there and is no zombie.
pub fn is_alive(pid: i64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, fields)| !fields.trim_start().starts_with(['Z', 'X']))
}

pub fn parent_of(pid: i64) -> i64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

pub fn kill(pid: i64) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

pub fn number_in(path: &Path) -> i64 {
    std::fs::read_to_string(path).unwrap().trim().parse().unwrap()
}
