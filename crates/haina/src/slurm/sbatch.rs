//! `haina sbatch`.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use anyhow::Result;
use haina_api::{Center, SubmittedJob, convert_all};

use super::convert::{Converted, Place, Script, convert};
use super::directives;
use super::ignored::SBATCH;
use super::options::Given;
use crate::client::Client;
use crate::complaint::{Complaint, FAILED, USAGE};
use crate::environment;
use crate::language::say;
use crate::print;
use crate::wait::{exit_code, until_ended};

/// Options of `haina sbatch`.
#[derive(clap::Args, Debug)]
#[command(
    override_usage = "haina sbatch [OPTIONS] SCRIPT [ARGUMENTS]...\n       haina sbatch [OPTIONS] --wrap COMMAND\n       \
                      haina sbatch [OPTIONS] < SCRIPT",
    after_help = "Options and #SBATCH directives are those of Slurm's sbatch; what is ignored is named. docs/slurm.md has \
                  the table.\n\nThe script runs once, on the job's first node; `srun` in it starts the job's tasks."
)]
pub struct Arguments {
    /// Slurm's options, the script, and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS, SCRIPT, ARGUMENTS")]
    words: Vec<String>,
}

/// Variables that stand for options, after directives and before the command line.
const VARIABLES: &[(&str, &str)] = &[
    ("SBATCH_ACCOUNT", "account"),
    ("SBATCH_ARRAY_INX", "array"),
    ("SBATCH_EXPORT", "export"),
    ("SBATCH_GPUS", "gpus"),
    ("SBATCH_GPUS_PER_NODE", "gpus-per-node"),
    ("SBATCH_GPUS_PER_TASK", "gpus-per-task"),
    ("SBATCH_JOB_NAME", "job-name"),
    ("SBATCH_MEM_PER_CPU", "mem-per-cpu"),
    ("SBATCH_MEM_PER_GPU", "mem-per-gpu"),
    ("SBATCH_MEM_PER_NODE", "mem"),
    ("SBATCH_OPEN_MODE", "open-mode"),
    ("SBATCH_PARTITION", "partition"),
    ("SBATCH_QOS", "qos"),
    ("SBATCH_TIMELIMIT", "time"),
];

/// Submits, and waits where asked to.
pub fn run(arguments: &Arguments, client: &Client) -> Result<u8> {
    let variables = environment::all();
    let (given, script) = read(&arguments.words, &variables)?;
    // Only for a variable of the script: the center itself knows which pool is meant.
    let center = if given.has("partition") { None } else { client.get::<Center>("/api/v1/center").ok() };
    let place = Place {
        directory: std::env::current_dir().map(|path| path.display().to_string()).unwrap_or_default(),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        pool: center.and_then(|center| Some(center.pools.first()?.name.clone())),
        now: jiff::ZonedDateTime::now(),
        variables,
    };
    let Converted { job, notes } = convert(&given, script, &place)?;
    // What no center would take is said before one is asked.
    convert_all(vec![job.clone()])?;
    if !given.has("quiet") {
        for (option, why) in &given.ignored {
            eprintln!("sbatch: {}", say(format!("{option} is ignored: {why}"), format!("忽略 {option}：{why}")));
        }
        notes.iter().for_each(|note| eprintln!("sbatch: {note}"));
    }
    if given.has("test-only") {
        print::json(&serde_json::to_value(&job)?);
        eprintln!("sbatch: {}", say("nothing was submitted", "未提交任何作业"));
        return Ok(0);
    }
    let submitted: SubmittedJob = client.create("/api/v1/jobs", &job)?;
    if given.has("parsable") {
        println!("{}", submitted.id);
    } else if !given.has("quiet") {
        println!("Submitted batch job {}", submitted.id);
    }
    if given.has("wait") { Ok(exit_code(client, &until_ended(client, &submitted.id)?)?) } else { Ok(0) }
}

/// Reads options and script: directives count least, then variables, then the command line.
fn read(words: &[String], variables: &BTreeMap<String, String>) -> Result<(Given, Script)> {
    let mut first = Given::default();
    let end = first.read(SBATCH, words)?;
    let (options, rest) = words.split_at(end);
    let script = script(first.get("wrap"), rest)?;
    let mut given = Given::default();
    let directives = directives::words(&script.text);
    let read = given.read(SBATCH, &directives)?;
    if let Some(word) = directives.get(read) {
        let what = say(
            format!("Invalid directive found in batch script: {word}"),
            format!("批处理脚本中有无效的指令：{word}"),
        );
        return Err(Complaint::new(FAILED, what).into());
    }
    for (name, option) in VARIABLES {
        if let Some(value) = variables.get(*name) {
            given.read(SBATCH, &[format!("--{option}={value}")])?;
        }
    }
    given.read(SBATCH, options)?;
    Ok((given, script))
}

fn script(wrapped: Option<&str>, rest: &[String]) -> Result<Script> {
    if let Some(command) = wrapped {
        if !rest.is_empty() {
            let what = say("Script arguments not permitted with --wrap option", "使用 --wrap 时不能带脚本参数");
            return Err(Complaint::new(USAGE, what).into());
        }
        let text = format!("#!/bin/sh\n# This script was created by sbatch --wrap.\n\n{command}\n");
        return Ok(Script { text, name: "wrap".to_owned(), arguments: Vec::new() });
    }
    let (path, arguments) = rest.split_first().map_or(("-", &[][..]), |(path, arguments)| (path.as_str(), arguments));
    let mut bytes = Vec::new();
    let read = if path == "-" {
        std::io::stdin().read_to_end(&mut bytes).map(drop)
    } else {
        std::fs::read(path).map(|read| bytes = read)
    };
    read.map_err(|error| {
        let what = say(format!("Unable to open file {path}"), format!("无法打开文件 {path}"));
        Complaint::new(FAILED, what).because(error)
    })?;
    let Ok(text) = String::from_utf8(bytes) else {
        return Err(Complaint::new(FAILED, say("the script is no UTF-8 text", "脚本不是 UTF-8 文本")).into());
    };
    directives::check(&text)?;
    let name = if path == "-" { Some("sbatch") } else { Path::new(path).file_name().and_then(|name| name.to_str()) };
    Ok(Script { text, name: name.unwrap_or("sbatch").to_owned(), arguments: arguments.to_vec() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_command_line_counts_more_than_variables_and_these_more_than_directives() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("train.sh");
        std::fs::write(
            &path,
            "#!/bin/bash\n#SBATCH -J directive --mem=1G -t 5 --mail-type=ALL\n#SBATCH --mail-type=END\ntrue\n",
        )
        .unwrap();
        let variables = [("SBATCH_JOB_NAME", "variable"), ("SBATCH_TIMELIMIT", "6")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let line = format!("-t7 --mem-per-cpu=2G {} -N2", path.display());
        let (given, script) = read(&words(&line), &variables).unwrap();
        assert_eq!((given.get("job-name"), given.get("time")), (Some("variable"), Some("7")));
        assert_eq!((given.get("mem"), given.get("mem-per-cpu")), (None, Some("2G")));
        assert_eq!((script.name.as_str(), &script.arguments[..]), ("train.sh", &["-N2".to_owned()][..]));
        let ignored: Vec<_> = given.ignored.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(ignored, ["--mail-type"], "named once");
    }

    #[test]
    fn scripts_as_people_write_them_become_jobs() {
        let place = Place {
            directory: "/home/li".to_owned(),
            host: "login".to_owned(),
            pool: None,
            variables: BTreeMap::new(),
            now: "2026-01-31T08:00:00Z[UTC]".parse().unwrap(),
        };
        let gib = 1u64 << 30;
        for (name, expected, ignored) in [
            (
                "torchrun.sh",
                json!({
                    "name": "llama-finetune", "pool": "public", "nodes": 2, "cards": 8, "cpus": 64,
                    "memory": 256 * gib, "time_limit": 86_400,
                }),
                &["--mail-type", "--mail-user"][..],
            ),
            (
                "sweep.sh",
                json!({
                    "name": "sweep", "pool": "research", "nodes": 1, "cards": 1, "cpus": 8, "memory": 32_000u64 << 20,
                    "time_limit": 5400, "array": { "count": 10, "concurrency": 4 },
                    "after": [{ "job": "17", "condition": "succeeded" }],
                }),
                &[],
            ),
            (
                "jax.sh",
                json!({
                    "name": "jax.sh", "nodes": 4, "cards": 8, "cpus": 64, "memory": 192 * gib, "time_limit": 9000,
                    "env": { "XLA_PYTHON_CLIENT_MEM_FRACTION": ".9" },
                }),
                &["--exclusive", "--requeue", "--signal"],
            ),
        ] {
            let path = format!("{}/../../examples/slurm/{name}", env!("CARGO_MANIFEST_DIR"));
            let (given, script) = read(&words(&path), &BTreeMap::new()).unwrap();
            let named: Vec<_> = given.ignored.iter().map(|(option, _)| option.as_str()).collect();
            assert_eq!(named, ignored, "{name}");
            let mut job = serde_json::to_value(convert(&given, script, &place).unwrap().job).unwrap();
            job.as_object_mut().unwrap().remove("command");
            assert_eq!(job, expected, "{name}");
        }
    }

    #[test]
    fn what_slurm_refuses_is_refused_in_its_words() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.sh");
        std::fs::write(&path, "#!/bin/sh\n#SBATCH -n2 foo\ntrue\n").unwrap();
        let path = path.display();
        for (line, text) in [
            (path.to_string(), "Invalid directive found in batch script: foo"),
            (format!("--wrap=x {path}"), "Script arguments not permitted with --wrap option"),
            (format!("--nosuch {path}"), "unrecognized option '--nosuch'"),
            ("/no/such/file".to_owned(), "Unable to open file /no/such/file"),
            (format!("--hold {path}"), "--hold has no meaning here"),
        ] {
            let error = read(&words(&line), &BTreeMap::new()).unwrap_err().to_string();
            assert!(error.starts_with(text), "{line}: {error}");
        }
    }
}
