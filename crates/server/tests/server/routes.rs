//! Nobody reads or changes what their role does not allow: the table of routes is generated from the router, ids of
//! another tenant are tried on each, and a route that is not listed here fails.

use serde_json::{Value, json};

use crate::center_in_a_box::{CenterInABox, job};

/// What another tenant is answered.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Other {
    /// The thing does not exist for it.
    Hidden,
    /// Its role does not allow this to anything.
    Forbidden,
    /// It is answered about its own things, or about what is everybody's.
    Own(u16),
}

/// For each operation: what a tenant's administrator and a developer are answered, and a body where one is needed.
fn expectation(operation: &str) -> Option<(Other, Other, Value)> {
    use Other::*;
    let both = |other| (other, other, Value::Null);
    Some(match operation {
        "submitJob" => (Hidden, Hidden, json!({ "name": "x", "command": ["true"], "organization": "ocean" })),
        "submitJobs" => {
            let job = json!({ "name": "x", "command": ["true"], "organization": "ocean" });
            (Hidden, Hidden, json!({ "jobs": [job] }))
        }
        "listJobs" => both(Own(200)),
        "getJob" | "explainJob" | "cancelJob" | "listAttempts" | "listJobEvents" | "readLogs" | "openShell" => {
            both(Hidden)
        }
        "listNodes" | "getNode" => both(Own(200)),
        "drainNode" => (Forbidden, Forbidden, json!({ "reason": "x" })),
        "resumeNode" => both(Forbidden),
        "listAccounts" | "listOrganizations" | "listUsers" | "getMe" => both(Own(200)),
        "getAccount" | "listPostings" => both(Hidden),
        "topUp" => (Forbidden, Forbidden, json!({ "amount": "1", "reference": "x" })),
        "setOrganization" => (Forbidden, Forbidden, json!({ "title": "x" })),
        "addUser" => (Forbidden, Forbidden, json!({ "name": "spy", "role": "developer", "organization": "ocean" })),
        "issueToken" => (Forbidden, Forbidden, json!({})),
        "revokeToken" => both(Hidden),
        "followEvents" => both(Own(200)),
        "getCenter" | "getJobSchema" => both(Own(200)),
        "getMetrics" => both(Forbidden),
        "getHealth" | "getReadiness" | "getOpenApi" => both(Own(200)),
        _ => return None,
    })
}

const OPEN: [&str; 3] = ["getHealth", "getReadiness", "getOpenApi"];

struct Route {
    operation: String,
    method: String,
    path: String,
}

fn routes(document: &Value) -> Vec<Route> {
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            routes.push(Route {
                operation: operation["operationId"].as_str().expect("every operation is named").to_owned(),
                method: method.to_uppercase(),
                path: path.clone(),
            });
        }
    }
    routes
}

#[test]
fn without_a_token_nothing_is_answered_and_nothing_of_another_tenant_is_shown() {
    let center = CenterInABox::start();
    let owner = center.user("ocean-admin");
    let id = owner.post("/api/v1/jobs", &job("SECRET-job")).expect(201).json()["id"].as_str().unwrap().to_owned();
    let token = owner.post("/api/v1/users/ocean-developer/tokens", &json!({ "label": "SECRET-label" })).expect(201);
    let token = token.json()["id"].as_str().unwrap().to_owned();

    let document = center.nobody().get("/api/openapi.json").expect(200).json();
    let (administrator, developer) = (center.user("harbour-admin"), center.user("harbour-developer"));
    let routes = routes(&document);
    assert!(routes.len() >= 29, "the table of routes is the router's");
    for Route { operation, method, path } in routes {
        let (for_administrator, for_developer, body) = expectation(&operation)
            .unwrap_or_else(|| panic!("{method} {path} ({operation}) is not listed in this test"));
        let name = match path.split('/').nth(3) {
            Some("nodes") => "node-1",
            Some("users") => "ocean-developer",
            _ => "ocean",
        };
        let own_id = if path.contains("/tokens/") { &token } else { &id };
        let path = path.replace("{id}", own_id).replace("{name}", name).replace("{organization}", "ocean");
        let body = (!body.is_null()).then(|| body.to_string().into_bytes());

        for caller in [
            center.nobody(),
            center.with_token("wrong"),
            center.with_token(""),
            center.nobody().with("authorization", "Basic eDp5"),
        ] {
            let answer = caller.send(&method, &path, body.clone());
            match OPEN.contains(&operation.as_str()) {
                true => assert_eq!(answer.status, 200, "{operation}"),
                false => _ = answer.problem(401, "unauthenticated"),
            }
        }
        for (caller, expected) in [(&administrator, for_administrator), (&developer, for_developer)] {
            if operation == "followEvents" {
                // Everything that ever happened; a job of its own comes last.
                let own = caller.post("/api/v1/jobs", &job("own")).expect(201).json()["id"].clone();
                let mut events = caller.events("/api/v1/events?after=0");
                let mut seen =
                    events.by_ref().inspect(|event| assert!(!event.to_string().contains("SECRET"), "{event}"));
                assert!(seen.any(|event| event["kind"] == "job_submitted" && event["job"] == own));
                continue;
            }
            let answer = caller.send(&method, &path, body.clone());
            assert!(!answer.text.contains("SECRET"), "{operation}: {}", answer.text);
            match expected {
                Other::Hidden => _ = answer.problem(404, "not_found"),
                Other::Forbidden => _ = answer.problem(403, "forbidden"),
                Other::Own(status) => _ = answer.expect(status),
            }
        }
    }
    assert_eq!(owner.get(&format!("/api/v1/jobs/{id}")).expect(200).json()["state"], "waiting", "nobody changed it");
}

#[test]
fn a_thing_of_another_tenant_is_answered_as_one_that_never_was() {
    let center = CenterInABox::start();
    let id = center.user("ocean-admin").post("/api/v1/jobs", &job("a")).expect(201).json()["id"].clone();
    let other = center.user("harbour-admin");
    for rest in ["", "/why", "/attempts", "/events", "/logs", "/shell"] {
        let hidden = other.get(&format!("/api/v1/jobs/{}{rest}", id.as_str().unwrap())).problem(404, "not_found");
        let absent = other.get(&format!("/api/v1/jobs/999{rest}")).problem(404, "not_found");
        let same = |problem: &Value| problem.to_string().replace("999", id.as_str().unwrap());
        assert_eq!(same(&hidden), same(&absent), "{rest}");
    }
    for (hidden, absent) in [
        ("/api/v1/accounts/ocean", "/api/v1/accounts/nobody"),
        ("/api/v1/jobs?organization=ocean", "/api/v1/jobs?organization=nobody"),
        ("/api/v1/jobs?user=ocean-admin", "/api/v1/jobs?user=nobody"),
    ] {
        assert_eq!(other.get(hidden).status, 404);
        assert_eq!(other.get(absent).status, 404);
    }
    let on = |id: &str| json!({ "name": "b", "command": ["true"], "after": [id] });
    other.post("/api/v1/jobs", &on(id.as_str().unwrap())).problem(404, "not_found");
}

#[test]
fn developers_see_their_organization_and_touch_their_own() {
    let center = CenterInABox::start();
    let (administrator, developer) = (center.user("ocean-admin"), center.user("ocean-developer"));
    let id = administrator.post("/api/v1/jobs", &job("of the administrator")).expect(201).json()["id"].clone();
    let path = format!("/api/v1/jobs/{}", id.as_str().unwrap());
    let shown = developer.get(&path).expect(200).json();
    assert_eq!(shown["program"]["command"], json!(["true"]));
    assert!(shown["program"]["env"].is_null(), "environment variables may hold secrets: {shown}");
    assert_eq!(administrator.get(&path).json()["program"]["env"]["PASSWORD"], "hush");
    developer.get(&format!("{path}/logs")).problem(403, "forbidden");
    developer.get(&format!("{path}/shell")).problem(403, "forbidden");
    administrator.get(&format!("{path}/shell")).problem(400, "invalid_request");
    developer.post(&format!("{path}/cancel"), &Value::Null).problem(403, "forbidden");
    center.user("auditor").post(&format!("{path}/cancel"), &Value::Null).problem(403, "forbidden");
    center.user("auditor").get(&path).expect(200);
    assert_eq!(administrator.post(&format!("{path}/cancel"), &Value::Null).expect(200).json()["state"], "cancelled");
}

#[test]
fn the_document_is_openapi_3_1_and_every_reference_leads_somewhere() {
    let center = CenterInABox::start();
    let document = center.nobody().get("/api/openapi.json").expect(200).json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
    }
    assert_eq!(document["security"], json!([{ "token": [] }]));
}
