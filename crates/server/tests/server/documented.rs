//! Holds every answer, and every body that was accepted, against what the OpenAPI document says of it. A field that the
//! document does not name is untrue too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use jsonschema::Validator;
use serde_json::{Value, json};

/// What the document says of one answer.
pub struct Answered<'a> {
    pub method: &'a str,
    /// With its parameters.
    pub path: &'a str,
    pub request: Option<&'a [u8]>,
    pub status: u16,
    pub content_type: &'a str,
    pub body: &'a str,
}

/// Fails where the document says otherwise.
#[track_caller]
pub fn check(answered: &Answered<'_>) {
    let what = format!("{} {} → {}", answered.method, answered.path, answered.status);
    let content_type = answered.content_type.split(';').next().unwrap_or("").trim();
    let Some(operation) = operation(answered) else {
        // Nothing is there, or not by this method.
        assert!([404, 405].contains(&answered.status), "{what}: this operation is not documented");
        assert_eq!(content_type, "application/problem+json", "{what}");
        return valid(&json!({ "$ref": "#/components/schemas/Problem" }), &parsed(answered.body), &what);
    };
    let responses = &operation["responses"];
    let class = format!("{}XX", answered.status / 100);
    let response = responses.get(answered.status.to_string()).or_else(|| responses.get(&class));
    let response = response.unwrap_or_else(|| panic!("{what}: this status is not documented"));
    if answered.method == "HEAD" {
        return;
    }
    match response.get("content").and_then(Value::as_object) {
        None => assert_eq!(answered.body, "", "{what}: no body is documented"),
        Some(contents) => {
            let content = contents.get(content_type);
            let content = content.unwrap_or_else(|| panic!("{what}: {content_type} is not documented"));
            if content_type.ends_with("json") {
                valid(&content["schema"], &parsed(answered.body), &what);
            }
        }
    }
    if (200..300).contains(&answered.status)
        && let Some(body) = answered.request
        && let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema")
    {
        let body = serde_json::from_slice(body).unwrap_or_else(|error| panic!("{what}: accepted, but {error}"));
        valid(schema, &body, &format!("{what}: the accepted request"));
    }
}

/// Fails unless it is an event as documented.
#[track_caller]
pub fn check_event(event: &Value) {
    valid(&json!({ "$ref": "#/components/schemas/Event" }), event, "an event of a stream");
}

fn parsed(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let mut document = serde_json::to_value(haina_server::document()).unwrap();
        close(&mut document["components"]["schemas"]);
        document
    })
}

/// Makes every object refuse fields that it does not name. Members of `allOf` are parts of one object: that is closed as
/// a whole.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            for (name, part) in fields.iter_mut() {
                match (name.as_str(), part) {
                    ("allOf", Value::Array(parts)) => {
                        parts.iter_mut().filter_map(|part| part.get_mut("properties")).for_each(close);
                    }
                    (_, part) => close(part),
                }
            }
            let is_schema = fields.get("properties").is_some_and(Value::is_object) || fields.contains_key("allOf");
            if is_schema && !fields.contains_key("additionalProperties") {
                fields.insert("unevaluatedProperties".to_owned(), false.into());
            }
        }
        Value::Array(parts) => parts.iter_mut().for_each(close),
        _ => {}
    }
}

/// The operation at this path; literal parts of a path win over parameters.
fn operation(answered: &Answered<'_>) -> Option<&'static Value> {
    let path = answered.path.split('?').next().unwrap_or("");
    let parts: Vec<&str> = path.split('/').collect();
    let matches = |template: &str| {
        let template: Vec<&str> = template.split('/').collect();
        let same = |(wanted, part): (&&str, &&str)| (wanted.starts_with('{') && !part.is_empty()) || wanted == part;
        template.len() == parts.len() && template.iter().zip(&parts).all(same)
    };
    let method = if answered.method == "HEAD" { "get".to_owned() } else { answered.method.to_lowercase() };
    let found = document()["paths"].as_object().unwrap().iter().filter(|(template, _)| matches(template));
    found.min_by_key(|(template, _)| template.matches('{').count())?.1.get(method)
}

#[track_caller]
fn valid(schema: &Value, instance: &Value, what: &str) {
    let validator = validator(schema);
    let wrong: Vec<String> =
        validator.iter_errors(instance).map(|error| format!("{} at {}", error, error.instance_path())).collect();
    assert!(wrong.is_empty(), "{what}: {}\n{instance:#}", wrong.join("\n"));
}

/// Validators are costly to make: one for each schema.
fn validator(schema: &Value) -> Arc<Validator> {
    static MADE: OnceLock<Mutex<HashMap<String, Arc<Validator>>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap();
    let key = schema.to_string();
    made.entry(key)
        .or_insert_with(|| {
            let mut whole = schema.clone();
            close(&mut whole);
            whole["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
            whole["components"] = document()["components"].clone();
            Arc::new(jsonschema::validator_for(&whole).unwrap_or_else(|error| panic!("{error}: {schema}")))
        })
        .clone()
}

#[test]
fn what_the_document_does_not_say_is_noticed() {
    let answered = |status, content_type, body: &Value| {
        let body = body.to_string();
        std::panic::catch_unwind(|| {
            check(&Answered { method: "GET", path: "/readyz", request: None, status, content_type, body: &body });
        })
    };
    let health = json!({ "ready": true, "reasons": [] });
    answered(200, "application/json", &health).unwrap();
    assert!(answered(201, "application/json", &health).is_err(), "another status");
    assert!(answered(200, "text/plain", &health).is_err(), "another type");
    assert!(answered(200, "application/json", &json!({ "ready": true })).is_err(), "a field less");
    assert!(answered(200, "application/json", &json!({ "ready": 1, "reasons": [] })).is_err(), "another type of field");
    assert!(
        answered(200, "application/json", &json!({ "ready": true, "reasons": [], "x": 1 })).is_err(),
        "a field more"
    );
}
