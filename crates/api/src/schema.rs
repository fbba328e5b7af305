//! The published JSON schema of the job file.

use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

use crate::job_spec::JobSpec;

/// The JSON schema (draft 2020-12) of a job file: one job, or a workflow of `[[job]]` entries.
pub fn job_schema() -> Value {
    let mut parts = Vec::new();
    JobSpec::schemas(&mut parts);
    parts.push((JobSpec::name().into_owned(), JobSpec::schema()));
    let definitions: Map<String, Value> = parts
        .into_iter()
        .map(|(name, schema)| (name, serde_json::to_value(schema).expect("a schema is plain data")))
        .collect();
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:haina:schema:job",
        "title": "Haina job file",
        "oneOf": [
            { "$ref": "#/$defs/JobSpec" },
            {
                "type": "object",
                "description": "A workflow: all jobs are accepted, or none.",
                "required": ["job"],
                "additionalProperties": false,
                "properties": { "job": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/JobSpec" } } }
            }
        ],
        "$defs": definitions,
    });
    rewrite(&mut schema);
    schema
}

/// References into the OpenAPI document become references into this one.
fn rewrite(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(target) if name == "$ref" => {
                        *target = target.replace("#/components/schemas/", "#/$defs/");
                    }
                    other => rewrite(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(rewrite),
        _ => {}
    }
}
