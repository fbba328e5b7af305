//! `haina up`: runs a center.

use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use haina_api::{entry_line, parse_center_file, parse_center_file_with};
use haina_core::center_definition::CenterDefinition;
use haina_core::{Code, Refusal};
use haina_runtime::StartOptions;
use haina_store::Location;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::complaint::{Complaint, FAILED, UNAVAILABLE};
use crate::language::{language, say};
use crate::up_directory::DataDirectory;
use crate::up_failure::not_started;
use crate::{environment, node_discover, own_center, packages_files};

/// The center that comes up where no file is given.
pub const SAMPLE: &str = include_str!("../../../examples/centers/qingdao-100p.toml");
/// How long an address may be in use by what a killed server left behind.
const BIND_MOST: Duration = Duration::from_secs(2);
const BIND_AGAIN: Duration = Duration::from_millis(20);

/// Options of `haina up`. The data directory is `--data`.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Where to answer
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7420")]
    listen: SocketAddr,
    /// The center file; the one of the last start if absent, a sample center if there is none
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The database: a `postgres://` URL; an SQLite file in the data directory if absent
    #[arg(long, value_name = "URL", env = environment::DATABASE, hide_env_values = true)]
    database: Option<String>,
}

/// Runs a center until it is told to end.
pub fn run(arguments: &Arguments, data: Option<PathBuf>) -> Result<u8> {
    haina_engine::prepare_server().context("the open files of this process cannot be listed")?;
    start_logging()?;
    let given = arguments.config.as_deref().map(read_center_file).transpose()?;
    let directory = DataDirectory::take(&data.unwrap_or_else(|| PathBuf::from("haina-data")))?;
    let definition = center_file(&directory, given)?;
    let options = options(arguments, &directory, definition)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads can be started")?;
    runtime.block_on(serve(arguments.listen, &directory, options))
}

fn start_logging() -> Result<()> {
    let filter = environment::read(environment::LOG).unwrap_or_else(|| "warn".to_owned());
    let filter = tracing_subscriber::EnvFilter::try_new(&filter).map_err(|error| {
        Complaint::new(FAILED, format!("{}={filter} cannot be read", environment::LOG)).because(error)
    })?;
    let stderr = std::io::stderr;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal()).init();
    Ok(())
}

/// The text and what it says.
fn read_center_file(path: &Path) -> Result<(String, CenterDefinition)> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading the center file {}", path.display()))?;
    let definition = parse_center_file_with(&text, &packages_files::read_for_center)
        .map_err(|refusal| bad_center_file(&path.display().to_string(), &refusal))?;
    Ok((text, definition))
}

/// What is wrong with a center file.
pub fn bad_center_file(path: &str, refusal: &Refusal) -> Complaint {
    let what = say(format!("the center file {path} cannot be used"), format!("无法使用中心文件 {path}"));
    let why = match refusal.shown("detail", language()) {
        Some(detail) => detail.to_owned(),
        None => format!("{} ({})", refusal.sentence(language()), refusal.code.word()),
    };
    let line = std::fs::read_to_string(path).ok().and_then(|text| entry_line(&text, refusal));
    let why = match line {
        Some(line) => say(format!("line {line}: {why}"), format!("第 {line} 行：{why}")),
        None => why,
    };
    let example = say(
        "examples/centers/qingdao-100p.toml shows what is understood.",
        "可参考 examples/centers/qingdao-100p.toml。",
    );
    let hint = match refusal.code {
        Code::UnknownCards => refusal.hint(language()),
        _ => example.to_owned(),
    };
    Complaint::new(FAILED, what).because(why).hint(hint)
}

/// What the center is to be: the file that was given, which is kept for the next start; else the one that was kept; else
/// the sample.
fn center_file(directory: &DataDirectory, given: Option<(String, CenterDefinition)>) -> Result<CenterDefinition> {
    let kept = directory.join("center.toml");
    let (text, definition) = match given {
        Some(given) => given,
        None if kept.exists() => return Ok(read_center_file(&kept)?.1),
        None => {
            let text = usual_center_file();
            let definition = parse_center_file(&text).map_err(|refusal| bad_center_file("(sample)", &refusal))?;
            (text, definition)
        }
    };
    directory.write("center.toml", text.as_bytes())?;
    Ok(definition)
}

/// This machine with its cards, if it has some; else the sample.
fn usual_center_file() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if let Some(text) = own_center::text(&node_discover::probe().machine(), &host) {
        println!(
            "{}",
            say(
                "No center file was given (--config): this machine comes up with its own cards, free of charge. Submit \
                 for the organization `main`; center.toml in the data directory is yours to change.",
                "未指定中心文件（--config）：将以本机的卡启动，不计费。请以单位 `main` 提交作业；可修改数据目录中的 center.toml。"
            )
        );
        return text;
    }
    println!(
        "{}",
        say(
            "No center file was given (--config): a sample center comes up.",
            "未指定中心文件（--config）：将启动示例中心。"
        )
    );
    SAMPLE.to_owned()
}

fn options(arguments: &Arguments, directory: &DataDirectory, definition: CenterDefinition) -> Result<StartOptions> {
    let location = match &arguments.database {
        Some(database) => database.parse().unwrap_or_else(|never| match never {}),
        None => Location::Sqlite(directory.join("center.db")),
    };
    let program = std::env::current_exe().context("this program does not know where it is")?;
    let probe = definition.local.real_node.is_some().then(node_discover::probe);
    Ok(StartOptions {
        location,
        engine_directory: directory.join("engine"),
        supervisor: vec![program.into_os_string(), OsString::from("supervise")],
        definition: Some(definition),
        operator_token: directory.operator_token()?,
        center_url: None,
        job_token_secret: directory.job_token_secret()?,
        probe,
    })
}

async fn serve(listen: SocketAddr, directory: &DataDirectory, mut options: StartOptions) -> Result<u8> {
    // Before the center starts, so that a taken port changes nothing.
    let listener = bind(listen).await.map_err(|error| cannot_listen(listen, &error))?;
    let address = listener.local_addr()?;
    let url = format!("http://{}", reachable(address));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    options.center_url = Some(url.clone());
    let started = tokio::select! {
        started = haina_runtime::start(options) => started,
        // Where the database keeps the start waiting. Left half way it is like one that crashed.
        _ = terminate.recv() => return Ok(0),
        _ = interrupt.recv() => return Ok(0),
    };
    let running = started.map_err(|error| not_started(error, directory))?;
    directory.write("url", format!("{url}\n").as_bytes())?;
    warn_of_missing_confinement(&running.handle);
    announce(&running.handle, &url, address, directory);

    let handle = running.handle;
    let mut writer = running.writer;
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let server = haina_server::serve(listener, handle.clone(), async move { _ = ended.await });
    let mut server = tokio::spawn(server);
    let outcome = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        _ = &mut writer => Some(Complaint::new(UNAVAILABLE, say("another process leads this center now", "另一个进程已接管该中心"))
            .hint(say("Its jobs go on under that one.", "作业由该进程继续管理。"))),
        served = &mut server => Some(Complaint::new(FAILED, say("the server ended", "服务已终止")).because(format!("{served:?}"))),
    };
    _ = end.send(());
    if !server.is_finished() {
        _ = server.await;
    }
    // Nobody answers there any more.
    _ = std::fs::remove_file(directory.join("url"));
    match outcome {
        Some(complaint) => Err(complaint.into()),
        None => {
            handle.stop().await;
            farewell(handle.live_jobs(), directory);
            Ok(0)
        }
    }
}

/// Where programs of this machine reach who listens there: every address is none to go to.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// A server that was killed a moment ago may have been starting a supervisor: that child shares its socket until its own
/// program begins. What is in use is therefore tried again for a while.
async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let began = Instant::now();
    loop {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse && began.elapsed() < BIND_MOST => {
                tokio::time::sleep(BIND_AGAIN).await;
            }
            bound => return bound,
        }
    }
}

fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> Complaint {
    let taken = error.kind() == ErrorKind::AddrInUse;
    let what = say(format!("cannot listen on {address}"), format!("无法监听 {address}"));
    let why = if taken {
        say("another program listens there", "该地址已被其他程序占用").to_owned()
    } else {
        error.to_string()
    };
    let hint = say(
        "Choose another address with --listen, such as 127.0.0.1:0 for any free port.",
        "请用 --listen 指定其他地址，例如 127.0.0.1:0 表示任一空闲端口。",
    );
    Complaint::new(if taken { UNAVAILABLE } else { FAILED }, what).because(why).hint(hint)
}

fn announce(handle: &haina_runtime::CenterHandle, url: &str, address: SocketAddr, directory: &DataDirectory) {
    if !address.ip().is_loopback() {
        eprintln!(
            "{}",
            say(
                "WARNING: this address is reachable from other machines, and the connection is not encrypted.\n         Put a proxy with TLS in front of it.",
                "警告：该地址可从其他机器访问，且连接未加密。请在前面部署带 TLS 的代理。",
            )
        );
    }
    let (name, nodes, cards) = handle.with_view(|view| {
        let cards: u32 = view.nodes.values().map(|node| node.spec.cards).sum();
        (view.center.name.clone(), view.nodes.len(), cards)
    });
    let token = directory.join("admin.token");
    let token = token.display();
    println!(
        "{}",
        say(
            format!(
                "{name}: {nodes} nodes, {cards} cards\nanswers at {url}\noperator's token: {token}\n\n  export HAINA_URL={url} HAINA_TOKEN=$(cat {token})"
            ),
            format!(
                "{name}：{nodes} 个节点，{cards} 张卡\n服务地址：{url}\n运营方令牌：{token}\n\n  export HAINA_URL={url} HAINA_TOKEN=$(cat {token})"
            ),
        )
    );
}

/// What jobs are not kept from, said once where the operator looks.
fn warn_of_missing_confinement(handle: &haina_runtime::CenterHandle) {
    let missing = handle.engine().enforcement().missing;
    let words: Vec<String> = missing.iter().map(|(what, why)| format!("{}: {why}", what.word())).collect();
    if !words.is_empty() {
        let words = words.join("\n  ");
        eprintln!(
            "{}",
            say(
                format!("Jobs are not wholly confined on this machine:\n  {words}\n"),
                format!("本机未能完全隔离作业：\n  {words}\n"),
            )
        );
    }
}

fn farewell(jobs: u64, directory: &DataDirectory) {
    if jobs > 0 {
        let data = directory.path().display();
        println!(
            "{}",
            say(
                format!(
                    "{jobs} job(s) have not ended. Those that run go on; `haina up --data {data}` finds them again."
                ),
                format!("{jobs} 个作业尚未结束。正在运行的作业会继续；`haina up --data {data}` 将重新接管。"),
            )
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_not_sent_to_every_address() {
        for (listens, reached) in [
            ("0.0.0.0:7420", "127.0.0.1:7420"),
            ("[::]:7420", "[::1]:7420"),
            ("10.0.0.7:7420", "10.0.0.7:7420"),
            ("127.0.0.1:80", "127.0.0.1:80"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()).to_string(), reached);
        }
    }
}
