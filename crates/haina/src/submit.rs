//! `haina submit`.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Result;
use haina_api::{
    After, ArraySpec, Condition, JobFile, JobQuotes, JobSpec, Jobs, JobsSpec, Number, PythonSpec, Quantity,
    SubmittedJob,
};
use haina_api::{convert_all, parse_job_file};
use haina_core::{Code, Refusal};
use serde_json::Value;

use crate::client::Client;
use crate::complaint::{Complaint, FAILED, USAGE};
use crate::failed_task;
use crate::jobs::second;
use crate::language::{language, say};
use crate::packages_files;
use crate::print::{self, Format};
use crate::table::Table;
use crate::template;
use crate::wait::{exit_code, until_ended};

/// Options of `haina submit`.
#[derive(clap::Args, Debug)]
#[command(
    override_usage = "haina submit [OPTIONS] FILE\n       haina submit [OPTIONS] --template NAME [--set NAME=VALUE]...\n       haina submit [OPTIONS] -- PROGRAM [ARGUMENTS]...",
    after_help = "`haina schema job` prints the schema of a job file; docs/job-file.md explains it."
)]
pub struct Arguments {
    /// A job file; `-` for standard input
    #[arg(required_unless_present_any = ["command", "template"])]
    file: Option<PathBuf>,
    /// A job template instead of a file; `haina template list` names them
    #[arg(long, value_name = "NAME", conflicts_with_all = ["file", "command", "JobOptions"])]
    template: Option<String>,
    /// Another value for a field of the file or template, or for a variable that it names; may be given again
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable, conflicts_with = "command")]
    set: Vec<(String, String)>,
    /// A program and its arguments, instead of a job file
    #[arg(last = true, conflicts_with = "file")]
    command: Vec<String>,
    /// Wait for the end, with progress on standard error; exit with the job's own exit code
    #[arg(long)]
    wait: bool,
    /// Submit nothing: say what it would cost at most, and when it could start at the earliest
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,
    /// The organization that pays
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// The organization's project that it belongs to
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    job: JobOptions,
}

/// What a job file says otherwise.
#[derive(clap::Args, Debug, Default)]
#[command(next_help_heading = "With a program instead of a job file")]
struct JobOptions {
    /// A name for people; the program's if absent
    #[arg(long, conflicts_with = "file")]
    name: Option<String>,
    /// The pool
    #[arg(long, conflicts_with = "file")]
    pool: Option<String>,
    /// Nodes, all or none
    #[arg(long, value_name = "N", value_parser = number, conflicts_with = "file", allow_negative_numbers = true)]
    nodes: Option<Number>,
    /// Processes on each node
    #[arg(long, value_name = "N", value_parser = number, conflicts_with = "file", allow_negative_numbers = true)]
    tasks_per_node: Option<Number>,
    /// Cards on each node, such as 8 or 0.5
    #[arg(long, value_name = "N", value_parser = number, conflicts_with = "file", allow_negative_numbers = true)]
    cards: Option<Number>,
    /// The card model
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    card_model: Option<String>,
    /// How near its cards must be, such as required:rack or preferred:rack
    #[arg(long, value_name = "WHERE", conflicts_with = "file")]
    topology: Option<String>,
    /// Processor cores on each node
    #[arg(long, value_name = "N", value_parser = number, conflicts_with = "file", allow_negative_numbers = true)]
    cpus: Option<Number>,
    /// Memory on each node, such as 8GiB
    #[arg(long, value_name = "SIZE", conflicts_with = "file")]
    memory: Option<String>,
    /// How long an attempt may run, such as 90m
    #[arg(long, value_name = "LENGTH", conflicts_with = "file")]
    time_limit: Option<String>,
    /// Higher goes first
    #[arg(long, value_name = "N", value_parser = number, conflicts_with = "file", allow_negative_numbers = true)]
    priority: Option<Number>,
    /// Further attempts after one that failed or was lost
    #[arg(long, value_name = "N", value_parser = number, conflicts_with = "file", allow_negative_numbers = true)]
    retries: Option<Number>,
    /// Make it a job array of so many elements
    #[arg(long, value_name = "COUNT", value_parser = number, conflicts_with = "file", allow_negative_numbers = true)]
    array: Option<Number>,
    /// Wait for the success of this job; may be given again
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    after: Vec<String>,
    /// An environment variable, NAME=VALUE; may be given again
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable, conflicts_with = "file")]
    variables: Vec<(String, String)>,
    /// A Python requirement that the program needs; may be given again
    #[arg(long = "python", value_name = "REQUIREMENT", conflicts_with = "file")]
    requirements: Vec<String>,
    /// The OCI image that it runs in, such as registry.example/team/torch:2.4
    #[arg(long, value_name = "IMAGE", conflicts_with = "file")]
    image: Option<String>,
    /// Where it runs, an absolute path
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    working_directory: Option<String>,
}

fn number(text: &str) -> Result<Number, String> {
    let whole = text.parse().map(Number::Whole);
    whole.or_else(|_| text.parse().map(Number::Real)).map_err(|_| "not a number".to_owned())
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("not of the form NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Submits, and waits where asked to.
pub fn run(arguments: Arguments, client: &Client) -> Result<u8> {
    let Arguments { file, template, set, command, wait, dry_run, organization, project, format, job } = arguments;
    let text = match (&file, &template) {
        (Some(path), _) => Some(read(path)?),
        (None, Some(name)) => Some(template::text(name)?.to_owned()),
        (None, None) => None,
    };
    let mut jobs = match text {
        Some(text) => {
            let text = template::with(&text, &set)?;
            parse_job_file(&text).map_err(|refusal| in_file(refusal, file.as_deref()))?
        }
        None => JobFile::One(Box::new(of_command(command, job))),
    };
    if let Some(organization) = organization {
        all_of(&mut jobs).iter_mut().for_each(|job| job.organization = Some(organization.clone()));
    }
    if let Some(project) = project {
        all_of(&mut jobs).iter_mut().for_each(|job| job.project = Some(project.clone()));
    }
    let directory = file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    for job in all_of(&mut jobs) {
        packages_files::read_into(job, directory)?;
    }
    // What no center would take is said before one is asked.
    convert_all(jobs.jobs().to_vec()).map_err(|refusal| in_file(refusal, file.as_deref()))?;
    if dry_run {
        return dry(jobs.jobs().to_vec(), format, client);
    }
    let (submitted, is_single) = match jobs {
        JobFile::One(job) => (vec![client.create::<SubmittedJob>("/api/v1/jobs", &job)?], true),
        JobFile::Several(jobs) => (client.create::<Jobs>("/api/v1/jobs/batch", &JobsSpec { jobs })?.jobs, false),
    };
    if !wait {
        told(&submitted, is_single, format)?;
        return Ok(0);
    }
    waited(&submitted, is_single, format, client)
}

fn all_of(jobs: &mut JobFile) -> &mut [JobSpec] {
    match jobs {
        JobFile::One(job) => std::slice::from_mut(job.as_mut()),
        JobFile::Several(jobs) => jobs,
    }
}

/// What jobs would come to.
fn dry(jobs: Vec<JobSpec>, format: Format, client: &Client) -> Result<u8> {
    let quotes: JobQuotes = client.post("/api/v1/jobs/quote", &JobsSpec { jobs })?;
    if format.json {
        print::json(&serde_json::to_value(&quotes.quotes)?);
        return Ok(0);
    }
    let mut table = Table::new(say(
        [
            "NAME",
            "ORGANIZATION",
            "CARDS",
            "ELEMENTS",
            "CARD-HOUR",
            "COST AT MOST",
            "AVAILABLE",
            "PAID BY",
            "EARLIEST START",
        ],
        ["名称", "单位", "卡", "数组元素", "卡时单价", "最多费用", "可用余额", "支付方", "最早开始"],
    ))
    .expendable([3, 4, 2, 1]);
    for quote in quotes.quotes {
        let payers = quote.parts.iter().flat_map(|part| {
            let of_voucher = part.voucher.iter().map(|id| format!("voucher/{id}"));
            of_voucher.chain([part.payer.clone()])
        });
        let mut payers: Vec<String> = payers.collect();
        payers.dedup();
        table.row([
            quote.name,
            quote.organization,
            quote.cards_total.to_string(),
            quote.elements.to_string(),
            quote.price_per_card_hour.to_string(),
            quote.cost_most.to_string(),
            quote.available.to_string(),
            if payers.is_empty() { "prepaid".to_owned() } else { payers.join(", ") },
            quote.earliest_start.map_or("–".to_owned(), second),
        ]);
    }
    table.print();
    Ok(0)
}

fn told(submitted: &[SubmittedJob], is_single: bool, format: Format) -> Result<()> {
    if format.json {
        let mut values = submitted.iter().map(serde_json::to_value).collect::<Result<Vec<Value>, _>>()?;
        print::json(&if is_single { values.remove(0) } else { values.into() });
        return Ok(());
    }
    for job in submitted {
        println!(
            "{}",
            say(format!("job {} ({}) is accepted", job.id, job.name), format!("作业 {}（{}）已接收", job.id, job.name))
        );
    }
    Ok(())
}

/// Waits for each; the first exit code that is not 0.
fn waited(submitted: &[SubmittedJob], is_single: bool, format: Format, client: &Client) -> Result<u8> {
    let mut exit = 0;
    let mut ended = Vec::new();
    for job in submitted {
        let job = until_ended(client, &job.id)?;
        let code = exit_code(client, &job)?;
        failed_task::tell(client, &job)?;
        if exit == 0 {
            exit = code;
        }
        ended.push(serde_json::to_value(job)?);
    }
    if format.json {
        print::json(&if is_single { ended.remove(0) } else { ended.into() });
    }
    Ok(exit)
}

fn read(path: &Path) -> Result<String> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    text.map_err(|error| {
        let what = say(
            format!("the job file {} cannot be read", path.display()),
            format!("无法读取作业文件 {}", path.display()),
        );
        let is_program = error.kind() == std::io::ErrorKind::NotFound && path.components().count() == 1;
        let hint = say(
            "To run a program, write it after `--`: haina submit -- PROGRAM",
            "要运行程序，请写在 `--` 之后：haina submit -- 程序",
        );
        Complaint::new(USAGE, what).because(error).hint(if is_program { hint } else { "" }).into()
    })
}

/// The refusal, said of the file.
fn in_file(refusal: Refusal, path: Option<&Path>) -> Complaint {
    let sentence = match (refusal.code, refusal.shown("detail", language())) {
        (Code::InvalidRequest, Some(detail)) => detail.to_owned(),
        _ => refusal.sentence(language()),
    };
    let job = refusal.values.get("job_name").map(|name| say(format!("job {name}: "), format!("作业 {name}：")));
    let place = path.map(|path| format!("{}: ", path.display())).unwrap_or_default();
    let what = format!("{place}{}{sentence} ({})", job.unwrap_or_default(), refusal.code.word());
    Complaint::new(FAILED, what).hint(refusal.hint(language()))
}

fn of_command(command: Vec<String>, options: JobOptions) -> JobSpec {
    let program = command.first().and_then(|program| Path::new(program).file_name()?.to_str()).unwrap_or("job");
    let after = |job| After { job, condition: Condition::Succeeded };
    JobSpec {
        name: options.name.unwrap_or_else(|| program.to_owned()),
        pool: options.pool,
        nodes: options.nodes,
        tasks_per_node: options.tasks_per_node,
        cards: options.cards,
        card_model: options.card_model,
        topology: options.topology,
        cpus: options.cpus,
        memory: options.memory.map(Quantity::Text),
        time_limit: options.time_limit.map(length),
        priority: options.priority,
        retries: options.retries,
        array: options.array.map(|count| ArraySpec { count, concurrency: None }),
        after: options.after.into_iter().map(after).collect(),
        command: Some(command),
        python: Some(options.requirements).filter(|list| !list.is_empty()).map(PythonSpec::of),
        image: options.image,
        env: options.variables.into_iter().collect::<BTreeMap<_, _>>(),
        working_directory: options.working_directory,
        ..JobSpec::default()
    }
}

/// A bare number is seconds here too.
fn length(text: String) -> Quantity {
    number(&text).map_or(Quantity::Text(text), Quantity::Number)
}
