//! Records a journal of this build: a small center lives through something of everything, in a real run. What for, and
//! when, is said in `crates/center/tests/journals.rs`.

#[allow(dead_code, reason = "other tests use the rest")]
mod program;

use std::collections::BTreeMap;
use std::path::Path;

use haina_store::{Location, Store};
use program::Center;
use serde_json::{Value, json};

const CENTER: &str = r#"
local = { confinement = "off" }
name = "记录中心"
[[card_models]]
name = "ascend-910"
vendor = "Huawei"
memory = "32GiB"
tflops_fp16 = 320
watts = 310
ring = 4
fractions = true
simulated = true
price_per_card_hour = "8.00"
[[pools]]
name = "public"
[[nodes]]
name = "node-[1-2]"
card_model = "ascend-910"
cards = 8
cpus = 64
memory = "256GiB"
[[organizations]]
name = "ocean"
title = "Ocean Institute"
opening_balance = "1000"
card_limit = 12
[[organizations]]
name = "harbour"
title = "Harbour Intelligence"
opening_balance = "500"
[[users]]
name = "ocean-developer"
role = "developer"
organization = "ocean"
"#;

const JOBS: &str = r#"
[[job]]
name = "prepare"
organization = "ocean"
cards = 1
script = "sleep 0.3"
[[job]]
name = "train"
organization = "ocean"
cards = 2
after = ["prepare"]
retries = 1
array = { count = 6, concurrency = 3 }
script = "sleep 0.2; exit $((HAINA_ARRAY_INDEX == 4))"
[[job]]
name = "report"
organization = "ocean"
cards = 0.5
after = [{ job = "train", condition = "ended" }]
script = "true"
[[job]]
name = "needs all of train"
organization = "ocean"
after = ["train"]
script = "true"
"#;

const PROGRAMME: &str = r#"
title = "Spark"
sponsor = "the city"
budget = "100"
share_of_charge = 500
kinds = ["enterprise"]
qualifications = ["专精特新"]
opens = "2026-01-01T00:00:00+08:00"
closes = "2099-01-01T00:00:00+08:00"
valid_days = 30
"#;

#[test]
#[ignore = "writes a file of the sources; run where a journal is to be recorded"]
fn records_a_journal() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (config, jobs) = (write("center.toml", CENTER), write("jobs.toml", JOBS));
    let programme = write("spark.toml", PROGRAMME);
    let (data, go) = (directory.path().join("data"), directory.path().join("go"));
    let mut center = Center::start_with(directory, data.clone(), &["--config", &config]);
    let until_marked = format!("until [ -e {} ]; do sleep 0.05; done", go.display());
    let submit = |center: &Center, organization: &str, more: &[&str], command: &[&str]| {
        let arguments = [&["submit", "--organization", organization], more, &["--"], command].concat();
        center.run(&arguments)
    };

    // The report's failure is the expected one: an element of what it waits for failed.
    center.run(&["submit", &jobs, "--wait"]).expect(1);
    submit(&center, "harbour", &["--cards", "8", "--wait"], &["true"]).expect(0);
    submit(&center, "harbour", &["--cards", "0.25", "--wait"], &["sh", "-c", "kill -KILL $$"]).expect(137);
    submit(&center, "harbour", &["--cards", "1", "--time-limit", "1s", "--wait"], &["sleep", "60"]).expect(124);
    center.run(&["account", "top-up", "harbour", "100"]).expect(0);
    center.run(&["user", "add", "li", "--role", "developer", "--organization", "harbour"]).expect(0);
    center.run(&["token", "issue", "li"]).expect(0);

    // An agreement, amended, and a voucher that pays a share of what it pays.
    let title = ["--title", "HT-1", "--card-hours", "2", "--price", "6.50", "--until", "2099-12-31"];
    center.run(&[&["agreement", "draft", "harbour"][..], &title].concat()).expect(0);
    center.run(&["agreement", "amend", "1", "--amount", "20", "--reason", "more work"]).expect(0);
    center.run(&["agreement", "sign", "1"]).expect(0);
    center.run(&["agreement", "pay", "1", "5", "--reference", "transfer 9"]).expect(0);
    center
        .run(&["organization", "set", "harbour", "--kind", "enterprise", "--qualification", "专精特新=GR9"])
        .expect(0);
    center.run(&["voucher", "set-programme", "spark", &programme]).expect(0);
    let claim = ["voucher", "claim", "spark", "5", "--organization", "harbour", "--purpose", "a model of the harbour"];
    center.run(&claim).expect(0);
    center.run(&["user", "add", "clerk", "--role", "finance"]).expect(0);
    let token = center.run(&["token", "issue", "clerk", "--json"]).expect(0).json()["secret"].clone();
    let clerk = |arguments: &[&str]| center.run_as(token.as_str().unwrap(), arguments);
    clerk(&["voucher", "issue", "1"]).expect(0);
    submit(&center, "harbour", &["--cards", "2", "--wait"], &["sleep", "0.2"]).expect(0);
    center.run(&["voucher", "cash-out", "1", "--reference", "transfer 10"]).expect(0);

    // One that runs is cancelled, and one that waits for it.
    let running = submit(&center, "ocean", &["--cards", "1", "--json"], &["sh", "-c", &until_marked]).expect(0).json();
    let id = running["id"].as_str().unwrap();
    center.until(&["job", "show", id, "--json"], |job| job["state"] == "running");
    center.run(&["job", "cancel", id]).expect(0);
    center.until(&["job", "show", id, "--json"], |job| job["ended"].is_string());
    // A gang that the limit of its organization, then a drained node, keeps waiting.
    center.run(&["node", "drain", "node-2", "--reason", "风扇"]).expect(0);
    let gang = submit(&center, "harbour", &["--nodes", "2", "--cards", "8", "--json"], &["true"]).expect(0).json();
    center.run(&["job", "cancel", gang["id"].as_str().unwrap()]).expect(0);
    center.run(&["node", "resume", "node-2"]).expect(0);

    // These are under way, or wait, when the journal ends; another server has taken over in between.
    for (organization, cards) in [("ocean", "8"), ("harbour", "0.75"), ("ocean", "8")] {
        submit(&center, organization, &["--cards", cards], &["sh", "-c", &until_marked]).expect(0);
    }
    let is_running = |jobs: &Value, least: usize| {
        jobs.as_array().unwrap().iter().filter(|job| job["state"] == "running").count() >= least
    };
    center.until(&["jobs", "--json"], |jobs| is_running(jobs, 2));
    center.stop();
    center.start_again();
    submit(&center, "ocean", &["--cards", "1", "--wait"], &["sleep", "0.2"]).expect(0);
    center.stop();

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let text = runtime.block_on(journal(&data.join("center.db")));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../center/tests/journals/new.jsonl");
    std::fs::write(path, text).unwrap();

    // What runs is told to end, and its end is heard.
    std::fs::write(&go, "").unwrap();
    center.start_again();
    center.until(&["jobs", "--json"], |jobs| jobs.as_array().unwrap().is_empty());
    center.stop();
}

/// Inputs, each with its facts behind it, and what the tables say it came to.
async fn journal(database: &Path) -> String {
    let store = Store::open(&Location::Sqlite(database.to_owned())).await.unwrap();
    let inputs = store.inputs(0, u32::MAX).await.unwrap();
    let mut facts = store.facts(0, u32::MAX).await.unwrap().into_iter().peekable();
    let mut lines = Vec::new();
    for (index, (sequence, input)) in inputs.iter().enumerate() {
        let until = inputs.get(index + 1).map(|(_, next)| next.now);
        lines.push(json!({ "input": { "sequence": sequence, "body": input } }).to_string());
        // Inputs of one moment: their facts stand behind the last of them.
        while let Some(fact) = facts.next_if(|fact| until.is_none_or(|until| fact.at < until)) {
            lines.push(json!({ "fact": { "position": fact.position, "at": fact.at, "body": fact.fact } }).to_string());
        }
    }
    lines.push(json!({ "outcome": outcome(&store).await }).to_string());
    lines.join("\n") + "\n"
}

async fn outcome(store: &Store) -> Value {
    let state = store.load().await.unwrap().state;
    let view = state.view();
    let accounts = || view.ledger.accounts.iter().map(|(id, account)| (view.organizations[id].name.clone(), account));
    let jobs = store.jobs(&Default::default(), None, u32::MAX).await.unwrap();
    let jobs: BTreeMap<_, _> = jobs.iter().map(|job| (job.id.to_string(), job.state.word())).collect();
    let allocations = view.attempts.iter().map(|(id, attempt)| {
        let on: Vec<_> = attempt
            .allocation
            .shares
            .iter()
            .map(|share| {
                let millis: u32 = share.cards.iter().map(|slot| u32::from(slot.millis)).sum();
                format!("{} of {}", millis, view.nodes[&share.node].name)
            })
            .collect();
        (id.to_string(), on)
    });
    json!({
        "digest": state.digest().to_string(),
        "balances": accounts().map(|(name, account)| (name, account.balance.to_string())).collect::<BTreeMap<_, _>>(),
        "held": accounts().map(|(name, account)| (name, account.held.to_string())).collect::<BTreeMap<_, _>>(),
        "revenue": view.ledger.revenue.map(|money| money.to_string()).unwrap_or_default(),
        "cash": view.ledger.cash.map(|money| money.to_string()).unwrap_or_default(),
        "jobs": jobs,
        "allocations": allocations.collect::<BTreeMap<_, _>>(),
    })
}
