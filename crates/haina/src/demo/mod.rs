//! `haina demo`: the main job. A center of 312 simulated cards comes up, two organizations train forecasters of the
//! El Niño on real data and compete for the research pool, a third trains one with a gang of eight tasks on two nodes, one
//! maker is refused for lack of funds, and a report says what was forecast, waited for, used and paid. Everything in it is done through the public API, as a user would.

mod center;
mod follow;
mod framework;
mod gang;
mod interrupt;
mod next;
mod python;
mod report;
mod steps;
mod workload;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use haina_api::JobsSpec;

use crate::client::Client;
use crate::failed_task;
use crate::language::say;
use center::DemoCenter;
use follow::Followed;
use framework::Framework;
use steps::Steps;
use workload::Team;

/// Options of `haina demo`.
#[derive(clap::Args, Debug)]
pub struct DemoArguments {
    /// The center's data directory; made if it does not exist.
    #[arg(long, default_value = "haina-demo")]
    data: PathBuf,
    /// Where the center answers. The default takes another free port if this one is taken.
    #[arg(long)]
    listen: Option<std::net::SocketAddr>,
    /// What the gang trains with.
    #[arg(long, value_enum, default_value_t = Framework::Jax)]
    framework: Framework,
    /// End the center when the demo is done, instead of leaving it running.
    #[arg(long)]
    exit: bool,
}

/// Runs the demo. Every step must succeed.
pub fn run(arguments: &DemoArguments) -> Result<()> {
    python::announce(arguments.framework)?;
    std::fs::create_dir_all(&arguments.data)
        .with_context(|| format!("making the data directory {}", arguments.data.display()))?;
    interrupt::listen(&arguments.data)?;
    let mut steps = Steps::begin();
    steps.next(say("Starting the center: 39 nodes × 8 simulated Ascend 910", "启动中心：39 个节点 × 8 张模拟昇腾 910"));
    let center = DemoCenter::start(&arguments.data, arguments.listen)?;
    let (url, data) = (&center.url, center.data.display());
    println!("  {}", say(format!("{url} (data in {data})"), format!("{url}（数据目录 {data}）")));

    match story(&center, arguments.framework, &mut steps) {
        Ok(()) if arguments.exit => {
            steps.next(say("Ending the center", "停止中心"));
            center.end()?;
            steps.done();
            Ok(())
        }
        Ok(()) => {
            steps.done();
            next::print(&center);
            center.leave_running();
            Ok(())
        }
        Err(error) => {
            interrupt::step_aside();
            // What failed first is what matters.
            if let Err(also) = center.end() {
                eprintln!("{also:#}");
            }
            Err(error)
        }
    }
}

fn story(center: &DemoCenter, framework: Framework, steps: &mut Steps) -> Result<()> {
    let operator = center.client()?;
    let files = workload::write_files(&center.data)?;

    steps.next(say("A maker with 2 CNY asks for 8 cards for a day", "一位余额 2 元的创客申请 8 张卡运行一天"));
    report::refusal(&workload::too_expensive(&client_of(&operator, center, "maker-developer")?)?);

    steps.next(say(
        "Two organizations submit: prepare → train (a job array) → choose, in a research pool of 48 cards",
        "两个单位提交作业：准备 → 训练（作业数组）→ 选优，共用 48 张卡的科研资源池",
    ));
    let mut followed = Vec::new();
    for team in Team::ALL {
        let jobs = workload::jobs(&team, framework, &files)?;
        followed.push(submit(&operator, center, team, &jobs)?);
    }

    steps.next(say(
        "Running; the first start downloads and prepares the Python environment, free of charge",
        "运行中；首次启动会下载并准备 Python 环境，不计费",
    ));
    until_succeeded(&mut followed)?;

    let ((nodes, tasks), name) = (workload::GANG, framework.name());
    steps.next(&say(
        format!("A gang: {nodes} nodes × {tasks} tasks train one model together with {name}, data parallel"),
        format!("作业组：{nodes} 个节点 × {tasks} 个任务，用 {name} 以数据并行方式共同训练一个模型"),
    ));
    let jobs = workload::gang(&Team::OF_GANG, framework, &files)?;
    let mut gang = [submit(&operator, center, Team::OF_GANG, &jobs)?];
    until_succeeded(&mut gang)?;
    let [gang] = gang;
    let trained = gang::trained(&gang)?;
    gang::proof(&trained);

    steps.next(say(
        "Where its tasks were: rings of cards, and the rank table (hccl.json) that they were given",
        "任务所在位置：卡所在的环，以及任务收到的 rank table（hccl.json）",
    ));
    gang::placement(&gang, &trained)?;

    steps.next(say(
        "Forecast skill, three months ahead, on the years 1996–2010 that no model has seen",
        "提前三个月的预报技巧，检验期为任何模型都未见过的 1996–2010 年",
    ));
    report::skill(&followed, (&gang, &trained))?;
    followed.push(gang);
    steps.next(say("What each job waited for", "每个作业的等待原因"));
    report::waits(&followed)?;
    steps.next(say("Used and paid", "用量与费用"));
    report::money(&followed)
}

fn submit(operator: &Client, center: &DemoCenter, team: Team, jobs: &JobsSpec) -> Result<Followed> {
    let client = client_of(operator, center, team.user)?;
    let accepted: haina_api::Jobs = client.create("/api/v1/jobs/batch", jobs)?;
    let ids: Vec<&str> = accepted.jobs.iter().map(|job| job.id.as_str()).collect();
    let (organization, list) = (team.organization, ids.join(", "));
    println!("  {}", say(format!("{organization}: jobs {list}"), format!("{organization}：作业 {list}")));
    Followed::begin(team, client, &ids)
}

fn until_succeeded(followed: &mut [Followed]) -> Result<()> {
    follow::until_ended(followed)?;
    let failed: Vec<String> = followed.iter().flat_map(Followed::unsuccessful).collect();
    if !failed.is_empty() {
        for team in followed.iter() {
            for job in &team.jobs {
                failed_task::tell(&team.client, job)?;
            }
        }
        bail!("{}: {}", say("not every job succeeded", "并非所有作业都成功"), failed.join(", "));
    }
    Ok(())
}

fn client_of(operator: &Client, center: &DemoCenter, user: &str) -> Result<Client> {
    let request = serde_json::json!({ "label": "demo" });
    let token: haina_api::IssuedToken = operator
        .post(&format!("/api/v1/users/{user}/tokens"), &request)
        .with_context(|| say(format!("a token for {user}"), format!("为 {user} 签发令牌")))?;
    Ok(Client::new(&center.url, &token.secret))
}
