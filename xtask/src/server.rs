//! A real `haina up` on a directory of its own, to measure and to torment.

use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};

use crate::http::Client;
use crate::processes::Group;
use crate::random::Random;
use crate::workspace;

/// How long a start may take before it is given up.
const START_LONGEST: Duration = Duration::from_secs(120);

/// Of the kernel's clock for users: USER_HZ, 100 on every platform that Haina runs on.
const TICKS_PER_SECOND: u64 = 100;

/// Where and on what a server runs. Survives the server.
#[derive(Clone)]
pub struct Home {
    /// The data directory.
    pub data: PathBuf,
    /// The center file.
    pub config: PathBuf,
    /// A PostgreSQL URL; SQLite in the data directory if absent.
    pub database: Option<String>,
    /// Where it answers.
    pub address: SocketAddr,
    /// What it says.
    pub log: PathBuf,
}

/// A running server. Killed when dropped.
pub struct Server {
    group: Group,
    /// Its home.
    pub home: Home,
    /// From spawning it to its first readiness.
    pub start_took: Duration,
}

impl Home {
    /// Below `parent`, on a free port.
    ///
    /// # Errors
    /// Where the directory cannot be made.
    pub fn new(parent: &Path, name: &str, config: &Path, database: Option<String>) -> anyhow::Result<Home> {
        let data = parent.join(name);
        std::fs::create_dir_all(&data)?;
        let port = free_port()?;
        Ok(Home {
            config: config.to_owned(),
            database,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            log: parent.join(format!("{name}.log")),
            data,
        })
    }

    /// Starts a server here and waits until it is ready. `failpoint` is what `haina_core::failpoint` reads.
    ///
    /// # Errors
    /// Where it ends or is not ready in time; then with the end of its log.
    pub fn start(&self, failpoint: Option<&str>) -> anyhow::Result<Server> {
        let mut group = self.spawn(failpoint)?;
        let spawned = Instant::now();
        loop {
            if let Some(status) = group.try_wait()? {
                bail!("the server ended while starting: {status}\n{}", self.log_end());
            }
            if self.is_ready() {
                let start_took = spawned.elapsed();
                return Ok(Server { group, home: self.clone(), start_took });
            }
            if spawned.elapsed() > START_LONGEST {
                bail!("the server is not ready after {} s\n{}", START_LONGEST.as_secs(), self.log_end());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Starts a server here that may end before it is ready.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn spawn(&self, failpoint: Option<&str>) -> anyhow::Result<Group> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(workspace::haina());
        command.arg("up").arg("--data").arg(&self.data).arg("--listen").arg(self.address.to_string());
        command.arg("--config").arg(&self.config);
        if let Some(url) = &self.database {
            command.arg("--database").arg(url);
        }
        command.env_remove("HAINA_URL").env_remove("HAINA_TOKEN").env_remove("HAINA_DATABASE");
        command.env_remove("HAINA_FAILPOINT").envs(failpoint.map(|plan| ("HAINA_FAILPOINT", plan)));
        command.stdin(std::process::Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Group::spawn(&mut command)
    }

    /// Whether a server answers here and is ready.
    pub fn is_ready(&self) -> bool {
        Client::new(self.address, "").send("GET", "/readyz", None, b"").is_ok_and(|answer| answer.status == 200)
    }

    /// The operator's first token.
    ///
    /// # Errors
    /// Where there is none yet.
    pub fn token(&self) -> anyhow::Result<String> {
        let path = self.data.join("admin.token");
        Ok(std::fs::read_to_string(&path).with_context(|| path.display().to_string())?.trim().to_owned())
    }

    /// A client that is the operator.
    ///
    /// # Errors
    /// Where there is no token yet.
    pub fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::new(self.address, &self.token()?))
    }

    /// The last lines of the log.
    pub fn log_end(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text[text.len().saturating_sub(3000)..]).into_owned();
        format!("--- the end of its log:\n{}", text.trim_end())
    }
}

impl Server {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.group.id()
    }

    /// SIGKILL, at once. What it started goes on.
    pub fn kill(mut self) {
        self.group.kill_leader();
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// Where the kernel cannot say.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.group.try_wait()
    }

    /// SIGTERM, and a good end.
    ///
    /// # Errors
    /// Where it does not end in time, or not with 0.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.group.terminate_leader();
        let asked = Instant::now();
        while asked.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.group.try_wait()? {
                match status.success() {
                    true => return Ok(()),
                    false => bail!("the server ended with {status} when asked to end\n{}", self.home.log_end()),
                }
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("the server does not end 20 s after SIGTERM\n{}", self.home.log_end())
    }

    /// Its resident set in bytes.
    ///
    /// # Errors
    /// Where the kernel does not say.
    pub fn resident_bytes(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib =
            line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|text| text.trim().parse::<u64>().ok());
        Ok(kib.context("VmRSS")? * 1024)
    }

    /// Processor time that it used so far, user and system.
    ///
    /// # Errors
    /// Where the kernel does not say.
    pub fn processor_time(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id()))?;
        // The program's name, in parentheses, may contain anything; fields count from behind it. proc_pid_stat(5).
        let fields: Vec<&str> = stat.rsplit_once(')').context("a name")?.1.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
    }
}

/// A port that stays free while no server listens there for a moment: below those that the kernel gives to clients. A client
/// that knocks while the server is down could otherwise be given the server's own port, and keep it from coming back.
fn free_port() -> anyhow::Result<u16> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let end = range.split_whitespace().next().and_then(|port| port.parse::<u16>().ok()).unwrap_or(32_768);
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).context("a clock after 1970")?;
    let mut random = Random::new(passed.as_nanos() as u64 ^ u64::from(std::process::id()));
    let least = 10_000.min(end / 2);
    let ports = std::iter::repeat_with(|| least + random.below(u64::from(end - least)) as u16).take(1000);
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    ports.into_iter().find(is_free).context("no free port")
}

/// Writes a center file.
///
/// # Errors
/// Where it cannot be written.
pub fn write_config(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    File::create(path)?.write_all(text.as_bytes()).with_context(|| path.display().to_string())
}
