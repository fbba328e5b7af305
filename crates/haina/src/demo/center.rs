//! The demo's center: `haina up` as a process of its own, so that it can go on when the demo is done.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::interrupt;
use super::workload::programs;
use crate::client::Client;
use crate::language::say;

/// Where `haina up` listens by default.
const USUAL_PORT: u16 = 7420;
/// A center that has not come up by then will not.
const START_MOST: Duration = Duration::from_secs(30);

/// A running center.
pub struct DemoCenter {
    /// Where it answers.
    pub url: String,
    /// Its data directory, absolute.
    pub data: PathBuf,
    /// Its process.
    child: Child,
}

impl DemoCenter {
    /// Starts it and waits until it is ready.
    pub fn start(data: &Path, listen: Option<SocketAddr>) -> Result<DemoCenter> {
        let data = fs::canonicalize(data)?;
        let address = match listen {
            Some(address) => address,
            None => free_address()?,
        };
        let config = data.join("demo.toml");
        let text = format!("{}\n{}", crate::up::SAMPLE, mount(&programs(&data)));
        fs::write(&config, text).with_context(|| format!("writing {}", config.display()))?;
        let log = data.join("center.log");
        let output = File::create(&log).with_context(|| format!("writing {}", log.display()))?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["up", "--data"])
            .arg(&data)
            .args(["--listen", &address.to_string()])
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // Its own group: an interrupt at the terminal ends the demo, not the center under it.
            .process_group(0)
            .spawn()?;
        interrupt::guard(rustix::process::Pid::from_child(&child));
        let url = format!("http://{address}");
        let began = Instant::now();
        while !Client::new(&url, "").is_ready() {
            if let Some(status) = child.try_wait()? {
                let said = fs::read_to_string(&log).unwrap_or_default();
                interrupt::release();
                let what = say("the center did not come up", "中心未能启动");
                bail!("{what} ({status}):\n{}", said.trim_end());
            }
            if began.elapsed() > START_MOST {
                child.kill()?;
                let (most, log) = (START_MOST.as_secs(), log.display());
                bail!(say(
                    format!("the center is not ready after {most} s; see {log}"),
                    format!("中心在 {most} 秒后仍未就绪，见 {log}"),
                ));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(DemoCenter { url, data, child })
    }

    /// A client with the operator's token.
    pub fn client(&self) -> Result<Client> {
        let path = self.token_file();
        let token = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Client::new(&self.url, token.trim()))
    }

    /// Where the operator's token is.
    pub fn token_file(&self) -> PathBuf {
        self.data.join("admin.token")
    }

    /// The center's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Leaves it to itself.
    pub fn leave_running(self) {
        interrupt::release();
    }

    /// Ends it, as an operator does. Whether it ended well is part of the demo.
    pub fn end(mut self) -> Result<()> {
        if self.child.try_wait()?.is_none() {
            let pid = rustix::process::Pid::from_child(&self.child);
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        let status = self.child.wait()?;
        interrupt::release();
        if !status.success() {
            let said = fs::read_to_string(self.data.join("center.log")).unwrap_or_default();
            bail!("{} ({status}):\n{}", say("the center did not end well", "中心未能正常结束"), said.trim_end());
        }
        Ok(())
    }
}

/// Jobs see their organization's own directory, and this one.
fn mount(path: &Path) -> String {
    format!(
        "# The demo's programs, for all jobs to read.\n[[local.mounts]]\npath = {}\n",
        toml::Value::String(path.display().to_string())
    )
}

/// The usual port if it is free, else another.
fn free_address() -> Result<SocketAddr> {
    let at = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = at(USUAL_PORT).or_else(|_| at(0)).context("finding a free port")?;
    Ok(listener.local_addr()?)
}
