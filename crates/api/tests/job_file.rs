//! The job file: what is understood, what it becomes, and what is said about what is not.

use haina_api::{convert_all, job_schema, parse_job_file, parse_json};
use haina_core::{Condition, JobReference, JobRequest, Language, Milliseconds, Payload, Refusal};

fn convert(text: &str) -> Result<Vec<(JobRequest, Payload)>, Refusal> {
    let submitted = convert_all(parse_job_file(text)?.jobs().to_vec())?;
    let payload = |job: &JobRequest| {
        let (_, text) =
            submitted.payloads.iter().find(|(digest, _)| *digest == job.payload).expect("a payload is there");
        serde_json::from_str(text).expect("a payload reads back")
    };
    Ok(submitted.jobs.iter().map(|job| (job.clone(), payload(job))).collect())
}

fn refused(text: &str) -> Refusal {
    convert(text).expect_err(text)
}

#[test]
fn a_small_job_takes_the_defaults() {
    let jobs = convert("name = 'a'\ncommand = ['true']").unwrap();
    let (job, payload) = &jobs[0];
    assert_eq!((job.shape.nodes, job.shape.tasks_per_node, job.shape.cards_per_node.0), (1, 1, 0));
    assert_eq!((job.shape.cpu_per_node.0, job.shape.memory_per_node.0), (1000, 1 << 30));
    assert_eq!((job.time_limit, job.grace), (Milliseconds(3_600_000), Milliseconds(10_000)));
    assert_eq!((job.priority, job.retries, job.not_before, job.array), (0, 0, None, None));
    assert_eq!(payload.command, ["true"]);
}

#[test]
fn every_field_arrives() {
    let text = r#"
        name = "train"
        organization = "ocean-institute"
        pool = "public"
        nodes = 2
        tasks_per_node = 8
        cards = 0.5
        card_model = "ascend-910"
        cpus = 1.5
        memory = "8GiB"
        time_limit = "1h30m"
        grace = 5
        priority = -7
        retries = 3
        not_before = 2026-01-31T08:00:00+08:00
        after = [17, "18", { job = "19", condition = "ended" }]
        script = "echo hello"
        working_directory = "/tmp"
        array = { count = 64, concurrency = 8 }
        python = { requirements = ["numpy==2.1.0"] }
        [env]
        A = "b"
        [labels]
        team = "ocean"
    "#;
    let jobs = convert(text).unwrap();
    let (job, payload) = &jobs[0];
    assert_eq!(
        (&*job.name, job.organization.as_deref(), job.pool.as_deref()),
        ("train", Some("ocean-institute"), Some("public"))
    );
    assert_eq!((job.shape.nodes, job.shape.tasks_per_node, job.shape.cards_per_node.0), (2, 8, 500));
    assert_eq!((job.shape.cpu_per_node.0, job.shape.memory_per_node.0), (1500, 8 << 30));
    assert_eq!((job.time_limit.0, job.grace.0, job.priority, job.retries), (5_400_000, 5_000, -7, 3));
    assert_eq!(job.not_before.unwrap().0, 1_769_817_600_000_000);
    let after: Vec<_> = job.dependencies.iter().map(|after| (after.on, after.condition)).collect();
    let id = |id| JobReference::Id(haina_core::JobId(id));
    assert_eq!(after, [(id(17), Condition::Succeeded), (id(18), Condition::Succeeded), (id(19), Condition::Ended)]);
    let array = job.array.unwrap();
    assert_eq!((array.count, array.concurrency), (64, Some(8)));
    assert_eq!(payload.command, ["/bin/sh", "-c", "echo hello"]);
    assert_eq!(payload.python.as_ref().unwrap().requirements, ["numpy==2.1.0"]);
    assert_eq!((&*payload.variables["A"], &*payload.labels["team"]), ("b", "ocean"));
    assert_eq!(payload.working_directory.as_deref(), Some("/tmp"));
}

#[test]
fn json_is_the_same_as_toml() {
    let file = parse_job_file("name = 'a'\ncards = 0.5\nmemory = '2GiB'\nafter = ['3']\nscript = 'true'").unwrap();
    let json = serde_json::to_vec(&file.jobs()[0]).unwrap();
    assert_eq!(parse_json::<haina_api::JobSpec>(&json).unwrap(), file.jobs()[0]);
}

#[test]
fn jobs_of_a_workflow_name_each_other() {
    let text = "
        [[job]]
        name = 'prepare'
        command = ['true']
        [[job]]
        name = 'train'
        command = ['true']
        after = ['prepare']
    ";
    let jobs = convert(text).unwrap();
    assert_eq!(jobs[1].0.dependencies[0].on, JobReference::Index(0));

    let twice = format!("{text}\n[[job]]\nname = 'prepare'\ncommand = ['true']");
    assert_eq!(refused(&twice).values["field"], "after");
    let unknown = refused(&text.replace("['prepare']", "['prepaer']"));
    assert!(unknown.values["rule"].contains("such as `prepare`"), "{unknown}");
    assert_eq!(unknown.values["job_name"], "train");
}

#[test]
fn what_cannot_be_read_is_said_with_its_place() {
    let cases = [
        (
            "name = 'a'\ncrads = 1\ncommand = ['true']",
            "line 2, column 1: unknown field `crads`; the nearest known one is `cards`",
        ),
        ("name = 'a'\ncommand = 'true'", "line 2, column 11: invalid type: string \"true\", expected a sequence"),
        (
            "name = 'a'\narray = { cuont = 3 }\nscript = 'a'",
            "line 2, column 11: unknown field `cuont`; the nearest known one is `count`",
        ),
        ("command = ['true']", "missing field `name`"),
        ("name = 'a", "line 1, column"),
        ("name = 'a'\nmemory = true", "line 2, column 10: invalid type: boolean `true`, expected a number, or a text"),
        ("name = 'a'\nafter = [{ job = 'b', condition = 'failed' }]", "unknown variant `failed`"),
        (
            "[[job]]\nname = 'a'\ntime_limt = 3",
            "line 3, column 1: unknown field `time_limt`; the nearest known one is `time_limit`",
        ),
    ];
    for (text, expected) in cases {
        let refusal = refused(text);
        assert_eq!(refusal.code.word(), "invalid_request", "{text}");
        let sentence = refusal.sentence(Language::English);
        assert!(sentence.contains(expected), "{text}\n gave {sentence}\n not {expected}");
    }
    let refusal = parse_json::<haina_api::JobSpec>(b"{\"name\": \"a\",\n \"crads\": 1}").unwrap_err();
    assert!(refusal.values["detail"].starts_with("line 2, column 8: unknown field `crads`; the nearest"), "{refusal}");
    for list in ["[\"a\"]", "{\"name\": \"a\", \"array\": [3]}", "{\"name\": \"a\", \"python\": [[]]}"] {
        assert!(parse_json::<haina_api::JobSpec>(list.as_bytes()).is_err(), "{list}");
    }
    assert!(parse_json::<haina_api::JobsSpec>(b"{\"jobs\": [[\"a\"]]}").is_err());
    assert!(parse_json::<haina_api::JobSpec>(b"").is_err());
    assert!(parse_json::<haina_api::JobSpec>(b"\xff\xfe").is_err());
}

#[test]
fn values_that_no_job_could_have_are_refused_by_field() {
    let cases = [
        ("cards = -1", "cards", "-1"),
        ("cards = 0.0005", "cards", "0.0005"),
        ("cards = nan", "cards", "NaN"),
        ("cards = 1e30", "cards", "1000000000000000000000000000000"),
        ("cpus = 1e30", "cpus", "1000000000000000000000000000000"),
        ("cpus = -0.5", "cpus", "-0.5"),
        ("nodes = -3", "nodes", "-3"),
        ("nodes = 1.5", "nodes", "1.5"),
        ("nodes = 5000000000", "nodes", "5000000000"),
        ("nodes = 99999999999999999999999999", "nodes", "99999999999999999999999999"),
        ("tasks_per_node = -1", "tasks_per_node", "-1"),
        ("memory = '99999999999999TiB'", "memory", "99999999999999TiB"),
        ("memory = '-1GiB'", "memory", "-1GiB"),
        ("memory = '8G'", "memory", "8G"),
        ("memory = -1", "memory", "-1"),
        ("time_limit = 'forever'", "time_limit", "forever"),
        ("time_limit = -1", "time_limit", "-1"),
        ("grace = '1y'", "grace", "1y"),
        ("priority = 99999999999", "priority", "99999999999"),
        ("retries = -1", "retries", "-1"),
        ("retries = 70000", "retries", "70000"),
        ("not_before = 'tomorrow'", "not_before", "tomorrow"),
        ("not_before = 2026-01-31", "not_before", "2026-01-31"),
        ("array = { count = -1 }", "array.count", "-1"),
        ("array = { count = 2, concurrency = 0.5 }", "array.concurrency", "0.5"),
        ("working_directory = 'here'", "working_directory", "here"),
        ("env = { 'A=B' = 'c' }", "env", "A=B"),
        ("python = { requirements = [\"a\\nb\"] }", "python.requirements", "a\nb"),
        ("image = 'dir:/etc'", "image", "dir:/etc"),
        ("image = 'registry.example/torch'\npython = { requirements = [] }", "image", "given with `python`"),
        ("after = ['nobody']", "after", "nobody"),
        ("script = 'also'", "command", "given with `script`"),
    ];
    for (line, field, value) in cases {
        let refusal = refused(&format!("name = 'a'\ncommand = ['true']\n{line}"));
        assert_eq!(refusal.code.word(), "invalid_value", "{line}: {refusal}");
        assert_eq!((&*refusal.values["field"], &*refusal.values["value"]), (field, value), "{line}");
    }
    for text in ["name = 'a'", "name = 'a'\ncommand = []", "name = 'a'\nscript = ' '"] {
        assert_eq!(refused(text).code.word(), "invalid_value", "{text}");
    }
    let large = format!("name = 'a'\nscript = '{}'", "x".repeat(2 << 20));
    assert_eq!(refused(&large).code.word(), "too_large");
}

#[test]
fn an_image_is_stored_in_full_and_a_payload_without_one_is_what_it_was() {
    let read = |line: &str| {
        let text = format!("name = 'a'\ncommand = ['true']\n{line}");
        let submitted = convert_all(parse_job_file(&text).unwrap().jobs().to_vec()).unwrap();
        submitted.payloads[0].1.clone()
    };
    assert_eq!(read("image = 'team/torch'"), r#"{"command":["true"],"image":"docker.io/team/torch:latest"}"#);
    assert_eq!(read(""), r#"{"command":["true"]}"#);
}

#[test]
fn equal_programs_are_stored_once() {
    let text = "[[job]]\nname = 'a'\ncommand = ['x']\n[[job]]\nname = 'b'\ncommand = ['x']\n[[job]]\nname = 'c'\ncommand = ['y']";
    let submitted = convert_all(parse_job_file(text).unwrap().jobs().to_vec()).unwrap();
    assert_eq!((submitted.jobs.len(), submitted.payloads.len()), (3, 2));
}

#[test]
fn the_schema_knows_every_field_and_every_reference_leads_somewhere() {
    let schema = job_schema();
    let definitions = schema["$defs"].as_object().unwrap();
    let job = definitions["JobSpec"]["properties"].as_object().unwrap();
    let fields = [
        "name",
        "organization",
        "pool",
        "nodes",
        "tasks_per_node",
        "cards",
        "card_model",
        "topology",
        "cpus",
        "memory",
    ];
    for field in
        fields.into_iter().chain(["time_limit", "grace", "priority", "retries", "not_before", "array", "after"])
    {
        assert!(job.contains_key(field), "{field}");
    }
    assert_eq!(definitions["JobSpec"]["additionalProperties"], false);
    let text = schema.to_string();
    for reference in text.split("\"#/$defs/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(definitions.contains_key(name), "{name}");
    }
    assert!(!text.contains("#/components"));
}
