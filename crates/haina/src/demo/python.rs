//! Which Python there is, and whether the demo's packages are published for it.

use std::process::{Command, Stdio};

use anyhow::Result;

use super::framework::Framework;
use crate::complaint::{Complaint, FAILED};
use crate::language::say;

const VERSION: &str = "import sys; print(*sys.version_info[:2])";

/// Says what will be downloaded, and for which Python, before anything starts.
///
/// # Errors
/// Where `python3`, with which environments are built, is another one.
pub fn announce(framework: Framework) -> Result<()> {
    let (name, [download, disk], pythons) = (framework.name(), framework.size(), framework.pythons());
    let [oldest, newest] = [pythons.start(), pythons.end()].map(|release| format!("3.{release}"));
    let Some((major, release)) = version() else {
        // What there is to say of a Python that is missing or broken, the environment's build says.
        return Ok(());
    };
    if major != 3 || !pythons.contains(&release) {
        let what = say(
            format!("the packages of the demo with {name} are published for Python {oldest} to {newest}"),
            format!("使用 {name} 的演示所需软件包只发布了 Python {oldest} 至 {newest} 的版本"),
        );
        let why = say(
            format!("python3 on the path is Python {major}.{release}."),
            format!("路径上的 python3 是 Python {major}.{release}。"),
        );
        let hint = say(
            "Put another one first on PATH as python3, or choose another --framework.",
            "请把合适版本的 python3 放在 PATH 最前面，或另选 --framework。",
        );
        return Err(Complaint::new(FAILED, what).because(why).hint(hint).into());
    }
    println!(
        "{}",
        say(
            format!(
                "The gang trains with {name}. In a new data directory its Python {major}.{release} environment is made first: \
                 {download} to download, {disk} on disk."
            ),
            format!(
                "作业组用 {name} 训练。若数据目录是新的，先准备 Python {major}.{release} 环境：下载 {download}，占用磁盘 {disk}。"
            ),
        )
    );
    Ok(())
}

/// What `python3` says of itself, if it does.
fn version() -> Option<(u32, u32)> {
    let output = Command::new("python3").args(["-c", VERSION]).stdin(Stdio::null()).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let (major, release) = said.trim().split_once(' ')?;
    Some((major.parse().ok()?, release.parse().ok()?))
}
