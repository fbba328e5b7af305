//! Nobody reads or changes what their role does not allow: the table of routes is generated from the router, ids of
//! another tenant are tried on each, and a route that is not listed here fails.

use serde_json::{Value, json};

use crate::center_in_a_box::{CenterInABox, eventually, job};

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
        "submitJobs" | "quoteJobs" => {
            let job = json!({ "name": "x", "command": ["true"], "organization": "ocean" });
            (Hidden, Hidden, json!({ "jobs": [job] }))
        }
        "listJobs" => both(Own(200)),
        "getJob" | "explainJob" | "cancelJob" | "listAttempts" | "listJobEvents" | "readLogs" | "getJobMetrics"
        | "openShell" => both(Hidden),
        "listNodes" | "getNode" => both(Own(200)),
        "drainNode" => (Forbidden, Forbidden, json!({ "reason": "x" })),
        "resumeNode" => both(Forbidden),
        "listAccounts" | "listOrganizations" | "listShares" | "listUsers" | "getMe" => both(Own(200)),
        "getAccount" | "listPostings" | "getStatement" => both(Hidden),
        "listAdjustments" | "approveAdjustment" | "rejectAdjustment" => both(Forbidden),
        "proposeAdjustment" => (Forbidden, Forbidden, json!({ "amount": "1", "reason": "x" })),
        "topUp" => (Forbidden, Forbidden, json!({ "amount": "1", "reference": "x" })),
        "listAgreements" | "listVouchers" | "listProgrammes" => both(Own(200)),
        "getAgreement" | "getVoucher" => both(Hidden),
        "draftAgreement" => {
            let terms = json!({ "title": "x", "amount": "1", "ends": "2099-01-01T00:00:00Z" });
            (Forbidden, Forbidden, json!({ "organization": "ocean", "terms": terms }))
        }
        "amendAgreement" => (Forbidden, Forbidden, json!({ "version": 1, "reason": "x", "terms": { "title": "x" } })),
        "signAgreement" => (Forbidden, Forbidden, json!({ "version": 1 })),
        "payAgreement" => (Forbidden, Forbidden, json!({ "amount": "1", "reference": "x" })),
        "setProgramme" => (Forbidden, Forbidden, programme(0)),
        "claimVoucher" => {
            let claim = json!({ "programme": "spark", "organization": "ocean", "amount": "1", "purpose": "x" });
            (Hidden, Forbidden, claim)
        }
        "issueVoucher" | "rejectVoucher" | "revokeVoucher" => (Forbidden, Forbidden, json!({ "reason": "x" })),
        "cashOutVoucher" => (Forbidden, Forbidden, json!({ "reference": "x" })),
        "setOrganization" => (Forbidden, Forbidden, json!({ "title": "x" })),
        "addUser" => (Forbidden, Forbidden, json!({ "name": "spy", "role": "developer", "organization": "ocean" })),
        "issueToken" => (Forbidden, Forbidden, json!({})),
        "revokeToken" => both(Hidden),
        "followEvents" => both(Own(200)),
        "getCenter" | "getJobSchema" | "getPolicy" => both(Own(200)),
        "setPolicy" => (Forbidden, Forbidden, json!({ "policy": "fifo" })),
        "listQuotas" | "listProjects" => both(Own(200)),
        "setQuota" => (Hidden, Forbidden, json!({ "organization": "ocean", "user": "ocean-developer", "limit": 1 })),
        "addProject" => (Hidden, Forbidden, json!({ "name": "spies", "organization": "ocean" })),
        "getMetrics" | "listEnvironments" => both(Forbidden),
        "getHealth" | "getReadiness" | "getOpenApi" => both(Own(200)),
        _ => return None,
    })
}

/// Rules of vouchers.
fn programme(version: u32) -> Value {
    json!({
        "version": version,
        "title": "Spark",
        "sponsor": "the city",
        "budget": "100",
        "share_of_charge": 500,
        "opens": "2020-01-01T00:00:00Z",
        "closes": "2099-01-01T00:00:00Z",
        "valid_days": 30,
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

    // An agreement and a voucher of its own, with the ids that are tried.
    let terms = json!({ "title": "SECRET-agreement", "amount": "1", "ends": "2099-01-01T00:00:00Z" });
    let draft = json!({ "organization": "ocean", "terms": terms });
    let agreement = center.operator().post("/api/v1/agreements", &draft).expect(201).json()["id"].clone();
    center
        .operator()
        .send("PUT", "/api/v1/voucher-programmes/spark", Some(programme(0).to_string().into_bytes()))
        .expect(200);
    let claim = json!({ "programme": "spark", "amount": "1", "purpose": "SECRET-purpose" });
    let voucher = owner.post("/api/v1/vouchers", &claim).expect(201).json()["id"].clone();
    let (agreement, voucher) = (agreement.as_str().unwrap().to_owned(), voucher.as_str().unwrap().to_owned());

    let document = center.nobody().get("/api/openapi.json").expect(200).json();
    let (administrator, developer) = (center.user("harbour-admin"), center.user("harbour-developer"));
    let routes = routes(&document);
    assert!(routes.len() >= 50, "the table of routes is the router's");
    for Route { operation, method, path } in routes {
        let (for_administrator, for_developer, body) = expectation(&operation)
            .unwrap_or_else(|| panic!("{method} {path} ({operation}) is not listed in this test"));
        let name = match path.split('/').nth(3) {
            Some("nodes") => "node-1",
            Some("users") => "ocean-developer",
            _ => "ocean",
        };
        let own_id = match path.split('/').nth(3) {
            Some("agreements") => &agreement,
            Some("vouchers") => &voucher,
            _ if path.contains("/tokens/") => &token,
            _ => &id,
        };
        let path = path
            .replace("{id}", own_id)
            .replace("{name}", name)
            .replace("{organization}", "ocean")
            .replace("{month}", "2026-11");
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

/// What an attempt's own token is answered.
#[derive(Clone, Copy, Debug, PartialEq)]
enum OfAttempt {
    /// About its own job; other jobs do not exist for it.
    Reads,
    /// Not even about its own job; other jobs do not exist for it.
    Refused,
    /// It is told nothing.
    Forbidden,
    /// What no secret is in.
    Public,
}

/// For each operation: what an attempt's own token is answered, and a body where one is needed.
fn of_attempt(operation: &str) -> Option<(OfAttempt, Value)> {
    use OfAttempt::*;
    Some(match operation {
        "getJob" | "explainJob" | "listAttempts" | "listJobEvents" | "readLogs" | "getJobMetrics" => {
            (Reads, Value::Null)
        }
        "cancelJob" | "openShell" => (Refused, Value::Null),
        "submitJob" => (Forbidden, json!({ "name": "x", "command": ["true"] })),
        "submitJobs" | "quoteJobs" => (Forbidden, json!({ "jobs": [{ "name": "x", "command": ["true"] }] })),
        "listJobs" | "listNodes" | "getNode" | "resumeNode" | "listAccounts" | "getAccount" | "listPostings"
        | "getStatement" => (Forbidden, Value::Null),
        "listOrganizations" | "listShares" | "listUsers" | "getMe" | "followEvents" | "getCenter" | "getMetrics"
        | "listEnvironments" | "getPolicy" => (Forbidden, Value::Null),
        "listQuotas" | "listProjects" => (Forbidden, Value::Null),
        "setQuota" => (Forbidden, json!({ "organization": "ocean", "user": "ocean-developer", "limit": 1 })),
        "addProject" => (Forbidden, json!({ "name": "spies", "organization": "ocean" })),
        "setPolicy" => (Forbidden, json!({ "policy": "fifo" })),
        "drainNode" => (Forbidden, json!({ "reason": "x" })),
        "topUp" | "payAgreement" => (Forbidden, json!({ "amount": "1", "reference": "x" })),
        "listAgreements" | "listVouchers" | "listProgrammes" | "getAgreement" | "getVoucher" => {
            (Forbidden, Value::Null)
        }
        "draftAgreement" => {
            let terms = json!({ "title": "x", "amount": "1", "ends": "2099-01-01T00:00:00Z" });
            (Forbidden, json!({ "organization": "ocean", "terms": terms }))
        }
        "amendAgreement" => (Forbidden, json!({ "version": 1, "reason": "x", "terms": { "title": "x" } })),
        "signAgreement" => (Forbidden, json!({ "version": 1 })),
        "setProgramme" => (Forbidden, programme(0)),
        "claimVoucher" => (Forbidden, json!({ "programme": "spark", "amount": "1", "purpose": "x" })),
        "issueVoucher" | "rejectVoucher" | "revokeVoucher" => (Forbidden, json!({ "reason": "x" })),
        "cashOutVoucher" => (Forbidden, json!({ "reference": "x" })),
        "listAdjustments" | "approveAdjustment" | "rejectAdjustment" => (Forbidden, Value::Null),
        "proposeAdjustment" => (Forbidden, json!({ "amount": "1", "reason": "x" })),
        "setOrganization" => (Forbidden, json!({ "title": "x" })),
        "addUser" => (Forbidden, json!({ "name": "spy", "role": "developer", "organization": "ocean" })),
        "issueToken" => (Forbidden, json!({})),
        "revokeToken" => (Refused, Value::Null),
        "getJobSchema" => (Public, Value::Null),
        "getHealth" | "getReadiness" | "getOpenApi" => (Public, Value::Null),
        _ => return None,
    })
}

/// The client sends an absent body in pieces. Refused before it is read, it would end the connection, and the next request
/// on it: a body is sent wherever there may be one.
fn takes_body(method: &str) -> bool {
    ["POST", "PUT", "PATCH"].contains(&method)
}

#[test]
fn an_attempts_own_token_reads_its_job_until_it_ends_and_nothing_else() {
    let center = CenterInABox::start_with_endless_tasks();
    let owner = center.user("ocean-admin");
    let submitted = |name: &str| owner.post("/api/v1/jobs", &job(name)).expect(201).json()["id"].clone();
    let [own, sibling] = ["own", "sibling"].map(|name| submitted(name).as_str().unwrap().to_owned());
    let foreign = center.user("harbour-admin").post("/api/v1/jobs", &job("foreign")).expect(201).json()["id"].clone();
    let others = [&sibling, foreign.as_str().unwrap(), "999"];
    let token =
        owner.post("/api/v1/users/ocean-admin/tokens", &json!({ "label": "x" })).expect(201).json()["id"].clone();
    for id in [&own, &sibling] {
        let state = || owner.get(&format!("/api/v1/jobs/{id}")).expect(200).json()["state"].clone();
        eventually("the job has its cards", || state() == "starting");
    }
    let attempt = center.attempt(&format!("{own}.1"));

    let document = center.nobody().get("/api/openapi.json").expect(200).json();
    let routes = routes(&document);
    for Route { operation, method, path } in &routes {
        let (expected, body) =
            of_attempt(operation).unwrap_or_else(|| panic!("{method} {path} ({operation}) is not listed in this test"));
        let name = if path.contains("/nodes/") { "node-1" } else { "ocean" };
        let name = if path.contains("/users/") { "ocean-admin" } else { name };
        let is_token = path.contains("/tokens/");
        let filled = |id: &str| {
            path.replace("{id}", id)
                .replace("{name}", name)
                .replace("{organization}", "ocean")
                .replace("{month}", "2026-11")
        };
        let body = takes_body(method).then(|| body.to_string().into_bytes());
        let ask = |id: &str| attempt.send(method, &filled(id), body.clone());
        if is_token {
            ask(token.as_str().unwrap()).problem(404, "not_found");
            continue;
        }
        let answer = ask(&own);
        match expected {
            OfAttempt::Reads | OfAttempt::Public => _ = answer.expect(200),
            OfAttempt::Refused | OfAttempt::Forbidden => {
                let problem = answer.problem(403, "forbidden");
                assert!(problem["hint"].as_str().unwrap().contains("own token"), "{operation}: {problem}");
            }
        }
        let is_job = path.starts_with("/api/v1/jobs/");
        if path.contains("{id}") && is_job {
            for other in others {
                ask(other).problem(404, "not_found");
            }
        }
    }
    // Nobody is believed who only names an attempt that runs.
    let genuine = center.attempt_token(&format!("{own}.1"));
    let digest = genuine.rsplit_once('_').unwrap().1;
    for forged in
        [format!("haina_job_{sibling}.1_{digest}"), format!("haina_job_{own}.2_{digest}"), format!("{genuine}0")]
    {
        center.with_token(&forged).get(&format!("/api/v1/jobs/{own}")).problem(401, "unauthenticated");
    }
    center.attempt(&format!("{own}.2")).get(&format!("/api/v1/jobs/{own}")).problem(401, "unauthenticated");

    owner.post(&format!("/api/v1/jobs/{own}/cancel"), &Value::Null).expect(200);
    let state = || owner.get(&format!("/api/v1/jobs/{own}")).expect(200).json()["state"].clone();
    eventually("the job has ended", || state() == "cancelled");
    for Route { operation, method, path } in &routes {
        let path = path
            .replace("{id}", &own)
            .replace("{name}", "node-1")
            .replace("{organization}", "ocean")
            .replace("{month}", "2026-11");
        let answer = attempt.send(method, &path, takes_body(method).then(|| b"null".to_vec()));
        match OPEN.contains(&operation.as_str()) {
            true => _ = answer.expect(200),
            false => _ = answer.problem(401, "unauthenticated"),
        }
    }
}

#[test]
fn a_stream_that_an_attempt_reads_ends_with_the_attempt() {
    let center = CenterInABox::start_with_endless_tasks();
    let owner = center.user("ocean-admin");
    let array = json!({ "name": "a", "command": ["true"], "cards": 1, "array": { "count": 2 } });
    let id = owner.post("/api/v1/jobs", &array).expect(201).json()["id"].as_str().unwrap().to_owned();
    let state = || owner.get(&format!("/api/v1/jobs/{id}")).expect(200).json()["attempts"].clone();
    eventually("both elements have their cards", || state() == 2);
    let events = center.attempt(&format!("{id}_0.1")).events(&format!("/api/v1/jobs/{id}/events"));
    owner.post(&format!("/api/v1/jobs/{id}_0/cancel"), &Value::Null).expect(200);
    // The job goes on, and its events with it; the stream does not.
    let (ended, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || _ = ended.send(events.collect::<Vec<Value>>()));
    let seen = end.recv_timeout(std::time::Duration::from_secs(20)).expect("the stream ends");
    assert!(seen.iter().all(|event| event["kind"] != "job_ended"), "{seen:?}");
    center.attempt(&format!("{id}_1.1")).get(&format!("/api/v1/jobs/{id}")).expect(200);
}

#[test]
fn a_thing_of_another_tenant_is_answered_as_one_that_never_was() {
    let center = CenterInABox::start();
    let id = center.user("ocean-admin").post("/api/v1/jobs", &job("a")).expect(201).json()["id"].clone();
    let other = center.user("harbour-admin");
    for rest in ["", "/why", "/attempts", "/events", "/logs", "/metrics", "/shell"] {
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
