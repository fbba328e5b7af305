//! A private Slurm controller without nodes that answer: jobs are accepted and wait, as in Haina's measurement.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::processes::Group;
use crate::steps;

/// The controller with its munge daemon. Killed when dropped.
pub struct SlurmCenter {
    /// Its configuration, for `SLURM_CONF`.
    pub config: PathBuf,
    _daemons: [Group; 2],
}

/// Why Slurm cannot be measured here, if so.
pub fn missing() -> Option<String> {
    let programs = ["slurmctld", "munged", "sbatch", "sinfo"];
    let lacking: Vec<&str> = programs.into_iter().filter(|program| find(program).is_none()).collect();
    (!lacking.is_empty()).then(|| format!("{} not installed (Debian: apt-get install slurm-wlm)", lacking.join(", ")))
}

/// Daemons live in `sbin`, which is not on every user's path.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let extra = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(extra).map(|entry| entry.join(program)).find(|path| path.exists())
}

impl SlurmCenter {
    /// Starts one below `parent`, with what its configuration says of the scheduler and the nodes.
    ///
    /// # Errors
    /// Where a daemon does not come up; then with what it said.
    pub fn start(parent: &Path, about_nodes: &str) -> anyhow::Result<SlurmCenter> {
        let directory = parent.join("slurm");
        std::fs::create_dir_all(directory.join("state"))?;
        let munge = start_munge(&directory)?;
        let config = directory.join("slurm.conf");
        std::fs::write(&config, configuration(&directory, about_nodes)?)?;
        std::fs::write(directory.join("gres.conf"), "Name=npu Count=8\n")?;
        let mut command = Command::new(find("slurmctld").context("slurmctld")?);
        command.args(["-D", "-c", "-f"]).arg(&config).env("SLURM_CONF", &config);
        let controller = spawn_logged(&mut command, &directory.join("slurmctld.out"))?;
        let slurm = SlurmCenter { config, _daemons: [controller, munge] };
        slurm.wait_until_it_answers(&directory)?;
        Ok(slurm)
    }

    /// One of Slurm's programs, told where the controller is.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        // A token in the environment would change how sbatch authenticates.
        command.env("SLURM_CONF", &self.config).env_remove("SLURM_JWT");
        command
    }

    fn wait_until_it_answers(&self, directory: &Path) -> anyhow::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(30) {
            if self.command("sinfo").output().is_ok_and(|output| output.status.success()) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let said = std::fs::read_to_string(directory.join("slurmctld.out")).unwrap_or_default();
        bail!("slurmctld does not answer:\n{}", said.trim_end())
    }
}

fn start_munge(directory: &Path) -> anyhow::Result<Group> {
    use std::os::unix::fs::PermissionsExt;
    let key = directory.join("munge.key");
    let mut secret = vec![0; 256];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut secret)?;
    std::fs::write(&key, secret)?;
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o400))?;
    let socket = socket(directory);
    let mut command = Command::new(find("munged").context("munged")?);
    command.args(["--foreground", "--force"]);
    for (option, file) in
        [("key-file", "munge.key"), ("log-file", "munge.log"), ("pid-file", "munge.pid"), ("seed-file", "munge.seed")]
    {
        command.arg(format!("--{option}={}", directory.join(file).display()));
    }
    command.arg(format!("--socket={}", socket.display()));
    let munge = spawn_logged(&mut command, &directory.join("munged.out"))?;
    let begun = Instant::now();
    while !socket.exists() {
        if begun.elapsed() > Duration::from_secs(20) {
            bail!("munged does not come up:\n{}", std::fs::read_to_string(directory.join("munged.out"))?.trim_end());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(munge)
}

fn socket(directory: &Path) -> PathBuf {
    directory.join("munge.socket")
}

fn spawn_logged(command: &mut Command, log: &Path) -> anyhow::Result<Group> {
    let log = std::fs::File::create(log)?;
    Group::spawn(command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log))
}

/// All nodes are of one partition.
fn configuration(directory: &Path, about_nodes: &str) -> anyhow::Result<String> {
    let output = |program: &str, arguments: &[&str]| steps::output(Command::new(program).args(arguments));
    let user = output("id", &["-un"])?;
    let host = output("hostname", &["-s"])?;
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let (user, host, directory, socket) = (user.trim(), host.trim(), directory.display(), socket(directory));
    Ok(format!(
        "ClusterName=bench\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={port}\nSlurmUser={user}\n\
         AuthType=auth/munge\nAuthInfo=socket={}\nCredType=cred/munge\n\
         StateSaveLocation={directory}/state\nSlurmctldPidFile={directory}/slurmctld.pid\n\
         SlurmctldLogFile={directory}/slurmctld.log\nSlurmdSpoolDir={directory}/spool\n\
         ProctrackType=proctrack/pgid\nTaskPlugin=task/none\nMpiDefault=none\n\
         SelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nGresTypes=npu\n\
         SchedulerType=sched/backfill\nMaxJobCount=1000000\nMessageTimeout=60\n\
         {about_nodes}\n\
         PartitionName=public Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n",
        socket.display()
    ))
}
