//! The real program, and a center that it runs.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything here takes on a machine that works.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program with arguments, and nothing of the environment that it reads.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_haina"));
    command.args(arguments).stdin(Stdio::null());
    for name in [
        "HAINA_URL",
        "HAINA_TOKEN",
        "HAINA_DATA",
        "HAINA_DATABASE",
        "HAINA_LOG",
        "HAINA_NPU_SMI",
        "LC_ALL",
        "LC_MESSAGES",
    ] {
        command.env_remove(name);
    }
    command.env("LANG", "C.UTF-8").env("XDG_CONFIG_HOME", "/nonexistent");
    command
}

/// Runs the program.
pub fn haina(arguments: &[&str]) -> Printed {
    Printed::of(command(arguments))
}

/// What it printed, and how it ended.
#[derive(Debug)]
pub struct Printed {
    code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Printed {
    pub fn of(mut command: Command) -> Printed {
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Printed { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// What a program printed that need not be text.
    pub fn bytes(mut command: Command) -> Vec<u8> {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    #[track_caller]
    pub fn expect(&self, code: i32) -> &Printed {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn prints(&self, text: &str) {
        assert_eq!(self.stdout, text);
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// A center in a directory of its own.
pub struct Center {
    directory: tempfile::TempDir,
    data: PathBuf,
    /// More arguments of `haina up`.
    arguments: Vec<String>,
    /// Where `npu-smi` is, if this center is to find cards on this machine.
    npu_smi: Option<PathBuf>,
    /// More of the server's environment.
    variables: Vec<(String, PathBuf)>,
    url: String,
    child: Option<Child>,
}

impl Center {
    /// The sample center, on a free port.
    pub fn start() -> Center {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        Center::start_with(directory, data, &[])
    }

    /// The sample center with its data elsewhere than in `directory`, or with more arguments of `haina up`.
    pub fn start_with(directory: tempfile::TempDir, data: PathBuf, arguments: &[&str]) -> Center {
        Center::start_in(directory, data, arguments, &[])
    }

    /// The same with more of the server's environment: paths, by name.
    pub fn start_in(
        directory: tempfile::TempDir,
        data: PathBuf,
        arguments: &[&str],
        variables: &[(&str, PathBuf)],
    ) -> Center {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let variables = variables.iter().map(|(name, path)| ((*name).to_owned(), path.clone())).collect();
        let mut center =
            Center { directory, data, arguments, npu_smi: None, variables, url: String::new(), child: None };
        center.start_again();
        center
    }

    /// What comes up where no center file is given, on a machine whose cards this program tells.
    pub fn start_on_cards(directory: tempfile::TempDir, npu_smi: PathBuf) -> Center {
        let (data, arguments, variables) = (directory.path().join("data"), Vec::new(), Vec::new());
        let (npu_smi, url) = (Some(npu_smi), String::new());
        let mut center = Center { directory, data, arguments, npu_smi, variables, url, child: None };
        center.start_again();
        center
    }

    /// Starts it again, after it was stopped.
    pub fn start_again(&mut self) {
        self.start_at("127.0.0.1:0", "");
    }

    /// Starts it again at an address, to die at a failpoint if one is named.
    pub fn start_at(&mut self, listen: &str, failpoint: &str) {
        let address = self.data().join("url");
        _ = std::fs::remove_file(&address);
        let log = std::fs::File::create(self.directory().join("log")).unwrap();
        let data = self.data();
        let mut command = command(&["up", "--data", data.to_str().unwrap(), "--listen", listen]);
        command.args(&self.arguments).envs(self.variables.iter().cloned());
        match &self.npu_smi {
            Some(program) => _ = command.env("HAINA_NPU_SMI", program),
            None if !self.arguments.iter().any(|argument| argument == "--config") => {
                // Without it, a machine with cards would come up with these.
                let sample = "/../../examples/centers/qingdao-100p.toml";
                command.args(["--config", &format!("{}{sample}", env!("CARGO_MANIFEST_DIR"))]);
            }
            None => {}
        }
        if !failpoint.is_empty() {
            command.env("HAINA_FAILPOINT", failpoint);
        }
        let mut child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        wait("the center to come up", || {
            assert!(child.try_wait().unwrap().is_none(), "{}", self.log());
            std::fs::read_to_string(&address).ok().filter(|url| url.ends_with('\n'))
        });
        self.child = Some(child);
        self.url = std::fs::read_to_string(&address).unwrap().trim().to_owned();
    }

    /// Ends it as an operator does; what it said.
    pub fn stop(&mut self) -> String {
        Command::new("kill").arg(self.child.as_ref().unwrap().id().to_string()).status().unwrap();
        self.ends_with(0)
    }

    /// Waits until it ends by itself with this exit code; what it said.
    #[track_caller]
    pub fn ends_with(&mut self, code: i32) -> String {
        let mut child = self.child.take().unwrap();
        let status = wait("the server to end", || child.try_wait().unwrap());
        assert_eq!(status.code(), Some(code), "{}", self.log());
        self.log()
    }

    /// Returns once it has died by itself.
    pub fn dies(&mut self) {
        assert!(!self.child.take().unwrap().wait().unwrap().success());
    }

    /// All metrics.
    pub fn metrics(&self) -> String {
        let token = std::fs::read_to_string(self.data().join("admin.token")).unwrap();
        let metrics =
            ureq::get(format!("{}/metrics", self.url)).header("authorization", format!("Bearer {}", token.trim()));
        metrics.call().unwrap().body_mut().read_to_string().unwrap()
    }

    /// Transactions that it has committed since it started.
    pub fn batches(&self) -> u64 {
        let text = self.metrics();
        let value = text.lines().find_map(|line| line.strip_prefix("haina_batches_total ")).unwrap();
        value.trim().parse().unwrap()
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn data(&self) -> PathBuf {
        self.data.clone()
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory().join("log")).unwrap()
    }

    /// The program, with the operator's token.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments);
        command.env("HAINA_DATA", self.data());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Printed {
        Printed::of(self.command(arguments))
    }

    /// The program, with somebody's token.
    pub fn run_as(&self, token: &str, arguments: &[&str]) -> Printed {
        let mut command = command(arguments);
        command.env("HAINA_URL", self.url()).env("HAINA_TOKEN", token);
        Printed::of(command)
    }

    /// Asks until the answer is as hoped; the answer.
    pub fn until(&self, arguments: &[&str], hoped: impl Fn(&Value) -> bool) -> Value {
        wait(&format!("{arguments:?}"), || Some(self.run(arguments).expect(0).json()).filter(&hoped))
    }
}

impl Drop for Center {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            _ = child.kill();
            _ = child.wait();
        }
        end_supervisors(&self.data());
    }
}

/// Jobs outlive their server; those of a test shall not.
fn end_supervisors(data: &Path) {
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).into_owned();
        // A sandbox does not end with its supervisor, but with the task in it.
        let variables = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        let mark = format!("HAINA_TASK_DIRECTORY={}", data.display());
        let is_task = String::from_utf8_lossy(&variables).contains(&mark);
        if is_task || command.contains("supervise") && command.contains(&*data.to_string_lossy()) {
            _ = Command::new("kill").arg("-KILL").arg(entry.file_name()).status();
        }
    }
}

/// Looks until there is something to see.
pub fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited too long for {what}");
        std::thread::yield_now();
        std::thread::sleep(Duration::from_millis(20));
    }
}
