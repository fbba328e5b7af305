//! `haina demo`: the main job. A center of 312 simulated cards comes up, two organizations train forecasters of the
//! El Niño on real data and compete for the research pool, one maker is refused for lack of funds, and a report says what was
//! forecast, waited for, used and paid. Everything in it is done through the public API, as a user would.

mod center;
mod follow;
mod report;
mod workload;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use haina_api::JobsSpec;

use crate::client::Client;
use center::DemoCenter;
use follow::Followed;
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
    /// End the center when the demo is done, instead of leaving it running.
    #[arg(long)]
    exit: bool,
}

/// Runs the demo. Every step must succeed.
pub fn run(arguments: &DemoArguments) -> Result<()> {
    let began = Instant::now();
    step("Starting the center: 39 nodes × 8 simulated Ascend 910");
    let center = DemoCenter::start(&arguments.data, arguments.listen)?;
    println!("  {} (data in {})", center.url, center.data.display());

    let operator = center.client()?;
    let result = story(&operator, &center, began);
    match (&result, arguments.exit) {
        (Ok(()), false) => {
            report::what_next(&center);
            center.leave_running();
        }
        _ => center.end()?,
    }
    result
}

fn story(operator: &Client, center: &DemoCenter, began: Instant) -> Result<()> {
    let files = workload::write_files(&center.data)?;

    step("A maker with 2 CNY asks for 8 cards for a day");
    report::refusal(&workload::too_expensive(&operator_for(operator, center, "maker-developer")?)?);

    step("Two organizations submit: prepare → train (a job array) → choose, in a research pool of 48 cards");
    let mut followed = Vec::new();
    for team in Team::ALL {
        let client = operator_for(operator, center, team.user)?;
        let jobs: JobsSpec = workload::jobs(&team, &files)?;
        let accepted: haina_api::Jobs = client.post("/api/v1/jobs/batch", &jobs)?;
        let ids: Vec<&str> = accepted.jobs.iter().map(|job| job.id.as_str()).collect();
        println!("  {}: jobs {}", team.organization, ids.join(", "));
        followed.push(Followed::begin(team, client, &ids)?);
    }

    step(
        "Running; the first start prepares the Python environment (about 200 MB to download, 0.5 GB on disk), free of charge",
    );
    follow::until_ended(&mut followed)?;
    let failed: Vec<String> = followed.iter().flat_map(Followed::unsuccessful).collect();
    if !failed.is_empty() {
        bail!("not every job succeeded: {}", failed.join(", "));
    }

    step("Forecast skill, three months ahead, on the years 1996–2010 that no model has seen");
    report::skill(&followed)?;
    step("What each job waited for");
    report::waits(&followed);
    step("Used and paid");
    report::money(&followed)?;
    println!("\nDone in {} seconds.", began.elapsed().as_secs());
    Ok(())
}

fn operator_for(operator: &Client, center: &DemoCenter, user: &str) -> Result<Client> {
    let request = serde_json::json!({ "label": "demo" });
    let token: haina_api::IssuedToken = operator
        .post(&format!("/api/v1/users/{user}/tokens"), &request)
        .with_context(|| format!("a token for {user}"))?;
    Ok(Client::new(&center.url, &token.secret))
}

fn step(text: &str) {
    println!("\n▸ {text}");
}
