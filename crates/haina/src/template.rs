//! Job templates: ordinary job files that come with the program, and fields that are set when they are submitted.

use anyhow::Result;
use clap::Subcommand;
use haina_core::Language;
use serde_json::json;
use toml::{Table, Value};

use crate::complaint::{Complaint, USAGE};
use crate::language::{language, say};
use crate::print::{self, Format};
use crate::table;

/// Name and text of each.
const TEMPLATES: [(&str, &str); 5] = [
    ("single-card", include_str!("../../../examples/templates/single-card.toml")),
    ("torchrun", include_str!("../../../examples/templates/torchrun.toml")),
    ("jax", include_str!("../../../examples/templates/jax.toml")),
    ("mindspore", include_str!("../../../examples/templates/mindspore.toml")),
    ("sweep", include_str!("../../../examples/templates/sweep.toml")),
];

/// What to do with templates.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// List them, and what they are for
    List(Format),
    /// Print one: a job file to submit, or to keep and change
    Show {
        /// Its name
        name: String,
    },
}

/// Runs the command.
pub fn run(command: &Command) -> Result<u8> {
    match command {
        Command::Show { name } => print!("{}", text(name)?),
        Command::List(format) if format.json => {
            let all =
                TEMPLATES.map(|(name, text)| json!({ "id": name, "description": description(text), "text": text }));
            print::json(&all.to_vec().into());
        }
        Command::List(_) => {
            let mut table = table::Table::new(say(["NAME", "FOR"], ["名称", "用途"]));
            for (name, text) in TEMPLATES {
                table.row([name.to_owned(), description(text).to_owned()]);
            }
            table.print();
        }
    }
    Ok(0)
}

/// The first comment, or the second, which is Chinese.
fn description(text: &str) -> &str {
    let line = match language() {
        Language::English => text.lines().next(),
        Language::Chinese => text.lines().nth(1),
    };
    line.unwrap_or_default().trim_start_matches("# ")
}

/// The text of a template.
pub fn text(name: &str) -> Result<&'static str> {
    let found = TEMPLATES.iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| *text).ok_or_else(|| {
        let names = TEMPLATES.map(|(name, _)| name).join(", ");
        let what = say(format!("there is no template {name}"), format!("没有名为 {name} 的模板"));
        Complaint::new(USAGE, what).hint(say(format!("There are: {names}."), format!("可用的有：{names}。"))).into()
    })
}

/// A job file with other values: of a field (`nodes=4`, `array.count=9`), or of a variable that it names (`PROGRAM=x.py`).
pub fn with(text: &str, set: &[(String, String)]) -> Result<String> {
    if set.is_empty() {
        return Ok(text.to_owned());
    }
    // What cannot be read is said by who reads job files.
    let Ok(mut file) = toml::from_str::<Table>(text) else { return Ok(text.to_owned()) };
    if file.contains_key("job") {
        let what = say(
            "--set changes a file with one job; this one has several",
            "--set 只能修改含单个作业的文件，此文件含多个",
        );
        return Err(Complaint::new(USAGE, what).into());
    }
    for (name, value) in set {
        let is_variable = file.get("env").and_then(Value::as_table).is_some_and(|env| env.contains_key(name));
        match (is_variable, name.split_once('.')) {
            (true, _) => insert(&mut file, "env", name, Value::String(value.clone()))?,
            (false, Some(("env", variable))) => insert(&mut file, "env", variable, Value::String(value.clone()))?,
            (false, Some((table, field))) => insert(&mut file, table, field, read(value))?,
            (false, None) => _ = file.insert(name.clone(), read(value)),
        }
    }
    Ok(toml::to_string(&file)?)
}

fn insert(file: &mut Table, table: &str, field: &str, value: Value) -> Result<()> {
    let entry = file.entry(table).or_insert_with(|| Value::Table(Table::new()));
    let Some(fields) = entry.as_table_mut() else {
        let what =
            say(format!("`{table}` of the job file has no fields"), format!("作业文件的 `{table}` 没有下级字段"));
        return Err(Complaint::new(USAGE, what).into());
    };
    fields.insert(field.to_owned(), value);
    Ok(())
}

/// A value as a job file would have it; what is none there is text.
fn read(value: &str) -> Value {
    let line = toml::from_str::<Table>(&format!("value = {value}"));
    let value_of = line.ok().filter(|line| line.len() == 1).and_then(|mut line| line.remove("value"));
    value_of.unwrap_or_else(|| Value::String(value.to_owned()))
}

#[cfg(test)]
mod tests {
    use haina_api::{JobFile, JobSpec, convert_all, parse_job_file};

    use super::*;

    fn job(name: &str, set: &[(&str, &str)]) -> JobSpec {
        let set: Vec<_> = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        match parse_job_file(&with(text(name).unwrap(), &set).unwrap()).unwrap() {
            JobFile::One(job) => *job,
            JobFile::Several(_) => panic!("{name} is one job"),
        }
    }

    #[test]
    fn every_template_is_a_job_with_a_description_in_both_languages() {
        for (name, text) in TEMPLATES {
            convert_all(vec![job(name, &[])]).unwrap();
            let mut comments = text.lines().take(2);
            assert!(comments.next().unwrap().starts_with("# ") && !comments.next().unwrap().is_ascii(), "{name}");
        }
    }

    #[test]
    fn fields_and_variables_are_set() {
        let set = [("nodes", "4"), ("time_limit", "30m"), ("PROGRAM", "7"), ("env.LR", "0.1"), ("labels.team", "sea")];
        let job = job("torchrun", &set);
        assert_eq!(job.nodes, Some(4.into()));
        assert_eq!(job.time_limit, Some("30m".into()));
        assert_eq!((job.env["PROGRAM"].as_str(), job.env["LR"].as_str()), ("7", "0.1"));
        assert_eq!(job.labels["team"], "sea");
        let sweep = super::tests::job("sweep", &[("array.count", "9"), ("cards", "0.5")]);
        assert_eq!(sweep.array.unwrap().count, 9.into());
    }

    #[test]
    fn what_is_no_field_is_refused_by_name() {
        let set = [("crads".to_owned(), "4".to_owned())];
        let changed = with(text("sweep").unwrap(), &set).unwrap();
        assert!(parse_job_file(&changed).unwrap_err().to_string().contains("crads"));
        assert!(text("nosuch").is_err());
        assert!(with("[[job]]\nname = 'a'\n", &set).is_err());
    }
}
