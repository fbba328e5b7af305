//! Every job file in the documents is what `haina schema job` publishes and what the parser takes.

use haina_api::{convert_all, job_schema, parse_job_file};

const JOB_FILE: &str = include_str!("../../../docs/job-file.md");
const LOCAL_ENGINE: &str = include_str!("../../../docs/local-engine.md");
const README: &str = include_str!("../../../README.md");
const CHINESE_README: &str = include_str!("../../../README.zh-CN.md");

/// The code blocks of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let begin = format!("```{language}\n");
    text.split(&begin).skip(1).map(|rest| rest.split("\n```").next().unwrap_or(rest)).collect()
}

/// Whether the published schema allows it.
fn conforms(text: &str) -> Result<(), String> {
    let file: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
    let file = serde_json::to_value(file).map_err(|error| error.to_string())?;
    let validator = jsonschema::validator_for(&job_schema()).map_err(|error| error.to_string())?;
    validator.validate(&file).map_err(|error| format!("{error} at {}", error.instance_path()))
}

#[test]
fn documented_job_files_are_what_schema_and_parser_take() {
    let mut files: Vec<&str> =
        [JOB_FILE, README, CHINESE_README].iter().flat_map(|text| blocks(text, "toml")).collect();
    assert!(files.len() >= 2, "docs/job-file.md shows job files");
    let distributed = blocks(LOCAL_ENGINE, "toml").into_iter().filter(|block| block.starts_with("name = "));
    assert_eq!(distributed.clone().count(), 5, "docs/local-engine.md shows distributed jobs");
    files.extend(distributed);
    for file in files {
        conforms(file).unwrap_or_else(|error| panic!("{error}:\n{file}"));
        parse_job_file(file).unwrap_or_else(|refusal| panic!("{refusal}:\n{file}"));
    }
}

#[test]
fn schema_and_parser_agree_on_what_is_wrong() {
    for file in [
        "name = 'a'\ncommand = ['true']\ncrads = 1",
        "command = ['true']",
        "name = 'a'\ncommand = 'true'",
        "name = 'a'\ncommand = ['true']\nnodes = -1",
        "name = 'a'\ncommand = ['true']\narray = 3",
        "[[job]]\nname = 'a'\ncommand = ['true']\nponds = 1",
    ] {
        assert!(conforms(file).is_err(), "the schema takes:\n{file}");
        let refused = parse_job_file(file).and_then(|parsed| convert_all(parsed.jobs().to_vec()));
        assert!(refused.is_err(), "the parser takes:\n{file}");
    }
}
