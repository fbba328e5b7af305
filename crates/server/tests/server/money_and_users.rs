//! Accounts, organizations, users, tokens, nodes, and the center as a whole.

use serde_json::json;

use crate::center_in_a_box::{CenterInABox, eventually, job};

#[test]
fn paying_in_is_posted_once() {
    let center = CenterInABox::start();
    let finance = center.user("finance").with("idempotency-key", "payment-1");
    let payment = json!({ "amount": "12.5", "reference": "invoice 7" });
    for _ in 0..2 {
        let account = finance.post("/api/v1/accounts/ocean/top-ups", &payment).expect(201).json();
        assert_eq!(account["balance"], json!({ "amount": "1012.500000", "currency": "CNY" }));
    }
    let postings = center.user("ocean-developer").get("/api/v1/accounts/ocean/postings").expect(200).json();
    let kinds: Vec<_> = postings["items"].as_array().unwrap().iter().map(|p| (&p["kind"], &p["reference"])).collect();
    assert_eq!(kinds, [(&json!("top_up"), &json!("invoice 7")), (&json!("top_up"), &json!("opening balance"))]);
    for amount in [json!("-1"), json!(0), json!("1.0000001"), json!("x"), json!(1e40), json!("NaN")] {
        let caller = center.user("finance");
        let payment = json!({ "amount": amount, "reference": "r" });
        caller.post("/api/v1/accounts/ocean/top-ups", &payment).problem(422, "invalid_value");
    }
    center.user("finance").post("/api/v1/accounts/nobody/top-ups", &payment).problem(404, "not_found");
}

#[test]
fn the_policy_is_changed_while_jobs_wait() {
    let center = CenterInABox::start_with_endless_tasks();
    let operator = center.operator();
    let shown = || center.user("ocean-developer").get("/api/v1/policy").expect(200).json();
    assert_eq!((&shown()["policy"], &shown()["backfill"]), (&json!("fair"), &json!("easy")));
    let submit = |_| center.user("ocean-developer").post("/api/v1/jobs", &job("a")).expect(201).json()["id"].clone();
    let jobs: Vec<_> = (0..5).map(submit).collect();
    let put = |body: serde_json::Value| operator.send("PUT", "/api/v1/policy", Some(body.to_string().into()));
    let set = put(json!({ "policy": "fifo" })).expect(200).json();
    assert_eq!((&set["policy"], &set["order"], &set["backfill"]), (&json!("fifo"), &json!("fifo"), &json!("none")));
    assert_eq!(shown(), set);
    for wrong in [json!({ "policy": "fastest" }), json!({ "policy": "FIFO" })] {
        put(wrong).problem(422, "invalid_value");
    }
    put(json!({})).problem(400, "invalid_request");
    put(json!({ "policy": "fifo", "weights": { "age": 5 } })).problem(422, "invalid_value");
    put(json!({ "policy": "multifactor", "weights": { "age": 0 } })).problem(422, "invalid_value");
    assert_eq!(shown(), set);
    let weights = json!({ "age": 5, "size": 1000, "fair_share": 0, "priority": 10_000, "max_age": 86_400 });
    let given = json!({ "age": 5, "fair_share": 0, "max_age": "1d" });
    let weighed = put(json!({ "policy": "multifactor", "weights": given })).expect(200).json();
    assert_eq!((&weighed["policy"], &weighed["weights"]), (&json!("multifactor"), &weights));
    assert_eq!(put(json!({ "policy": "multifactor", "weights": weights })).expect(200).json(), weighed);
    assert_eq!(shown(), weighed);
    assert_eq!(put(json!({ "policy": "fifo" })).expect(200).json(), set);
    for id in jobs {
        let state = operator.get(&format!("/api/v1/jobs/{}", id.as_str().unwrap())).expect(200).json()["state"].clone();
        assert!([json!("waiting"), json!("starting"), json!("running")].contains(&state), "job {id} is {state}");
    }
}

#[test]
fn organizations_are_set_and_suspended() {
    let center = CenterInABox::start();
    let operator = center.operator();
    let put =
        |body: serde_json::Value| operator.send("PUT", "/api/v1/organizations/ocean", Some(body.to_string().into()));
    let set = put(json!({ "card_limit": 2, "suspended": true })).expect(200).json();
    assert_eq!(
        (&set["card_limit"], &set["suspended"], &set["title"]),
        (&json!(2.0), &json!(true), &json!("Ocean Institute SECRET"))
    );
    center.user("ocean-admin").post("/api/v1/jobs", &job("a")).problem(403, "suspended");
    put(json!({ "suspended": false })).expect(200);
    let mut wish = job("a");
    wish["cards"] = json!(3);
    center.user("ocean-admin").post("/api/v1/jobs", &wish).problem(409, "quota_exceeded");
    put(json!({ "card_limit": -1 })).problem(422, "invalid_value");
    put(json!({ "limit": 1 })).problem(400, "invalid_request");
    operator.send("PUT", "/api/v1/organizations/a%20b", Some("{}".into())).problem(422, "invalid_value");
}

#[test]
fn users_are_added_and_tokens_issued_and_revoked() {
    let center = CenterInABox::start();
    let administrator = center.user("ocean-admin");
    let new = json!({ "name": "li", "role": "developer", "organization": "ocean" });
    assert_eq!(administrator.post("/api/v1/users", &new).expect(201).json()["name"], "li");
    administrator.post("/api/v1/users", &new).problem(409, "name_taken");
    administrator.post("/api/v1/users", &json!({ "name": "boss", "role": "operator" })).problem(403, "forbidden");
    administrator.post("/api/v1/users", &json!({ "name": "x", "role": "king" })).problem(400, "invalid_request");

    let issued = administrator.post("/api/v1/users/li/tokens", &json!({ "label": "laptop" })).expect(201).json();
    let li = center.with_token(issued["secret"].as_str().unwrap());
    let me = li.get("/api/v1/users/me").expect(200).json();
    assert_eq!((&me["name"], &me["tokens"][0]["label"]), (&json!("li"), &json!("laptop")));
    assert!(!me.to_string().contains(issued["secret"].as_str().unwrap()), "a secret is shown once");
    let path = format!("/api/v1/tokens/{}", issued["id"].as_str().unwrap());
    li.send("DELETE", &path, None).expect(204);
    li.get("/api/v1/users/me").problem(401, "unauthenticated");
    administrator.send("DELETE", &path, None).problem(404, "not_found");

    let expired = json!({ "expires": "2020-01-01T00:00:00Z" });
    let expired = administrator.post("/api/v1/users/li/tokens", &expired).expect(201).json();
    center.with_token(expired["secret"].as_str().unwrap()).get("/api/v1/users/me").problem(401, "unauthenticated");
    administrator.post("/api/v1/users/li/tokens", &json!({ "expires": "soon" })).problem(422, "invalid_value");
    administrator.send("POST", "/api/v1/users/li/tokens", None).expect(201);
}

#[test]
fn nodes_are_listed_drained_and_resumed() {
    let center = CenterInABox::start();
    let user = center.user("ocean-developer");
    let page = user.get("/api/v1/nodes?limit=3").expect(200).json();
    assert_eq!(page["items"].as_array().unwrap().len(), 3);
    let next = page["next_cursor"].as_str().unwrap();
    let rest = user.get(&format!("/api/v1/nodes?cursor={next}")).expect(200).json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &serde_json::Value::Null));
    let node = user.get("/api/v1/nodes/node-1").expect(200).json();
    assert_eq!((&node["state"], &node["simulated"], &node["cards"]), (&json!("draining"), &json!(true), &json!(8)));
    let resumed = center.operator().send("POST", "/api/v1/nodes/node-1/resume", None).expect(200).json();
    assert_eq!(resumed["state"], "available");
    user.get("/api/v1/nodes/nothing").problem(404, "not_found");
    center.operator().post("/api/v1/nodes/nothing/drain", &json!({ "reason": "" })).problem(404, "not_found");
}

#[test]
fn the_center_is_healthy_and_measured() {
    let center = CenterInABox::start();
    assert_eq!(center.nobody().get("/healthz").expect(200).text, "ok\n");
    assert_eq!(center.nobody().get("/readyz").expect(200).json()["ready"], true);
    center.user("ocean-developer").post("/api/v1/jobs", &job("a")).expect(201);
    let metrics = center.user("auditor").get("/metrics").expect(200).text;
    for line in
        ["haina_jobs_submitted_total 1", "haina_jobs_live 1", "haina_ready 1", "# TYPE haina_cards_installed gauge"]
    {
        assert!(metrics.lines().any(|known| known == line), "{line} in\n{metrics}");
    }
    let answered = r#"haina_http_request_duration_seconds_count{method="POST",route="/api/v1/jobs",status="201"} 1"#;
    assert!(metrics.contains(answered), "{metrics}");
    let shown = center.user("ocean-developer").get("/api/v1/center").expect(200).json();
    assert_eq!((&shown["nodes"], &shown["pools"][0]["cards_installed"]), (&json!(4), &json!(32.0)));
    let schema = center.user("ocean-developer").get("/api/v1/schema/job").expect(200).json();
    assert!(schema["$defs"]["JobSpec"].is_object());
}

#[test]
fn shares_tell_who_used_how_much_to_whom_it_concerns() {
    let center = CenterInABox::start_with_endless_tasks();
    let operator = center.operator();
    operator.send("PUT", "/api/v1/organizations/ocean", Some(json!({ "weight": 3 }).to_string().into())).expect(200);
    let listed = |caller: &crate::center_in_a_box::Caller, rest: &str| {
        let page = caller.get(&format!("/api/v1/shares{rest}")).expect(200).json();
        (page["items"].as_array().unwrap().clone(), page["next_cursor"].clone())
    };
    let names = |rows: &[serde_json::Value]| -> Vec<String> {
        rows.iter().map(|row| row["user"].as_str().or(row["organization"].as_str()).unwrap().to_owned()).collect()
    };
    let all = ["ocean", "ocean-admin", "ocean-developer", "harbour", "harbour-admin", "harbour-developer"];
    assert_eq!(names(&listed(&operator, "").0), all);
    assert_eq!(names(&listed(&center.user("auditor"), "").0), all);
    assert_eq!(names(&listed(&center.user("harbour-admin"), "").0), all[3..]);
    assert_eq!(names(&listed(&center.user("ocean-developer"), "").0), ["ocean", "ocean-developer"]);

    // Given a job that holds cards, its owner stands behind, and so does the other user of its organization.
    let id = center.user("ocean-developer").post("/api/v1/jobs", &job("a")).expect(201).json()["id"].clone();
    let state = || operator.get(&format!("/api/v1/jobs/{}", id.as_str().unwrap())).json()["state"].clone();
    eventually("the job has its cards", || state() == "starting");
    let rows = listed(&operator, "").0;
    let [ocean, admin, developer, _, other, _] = rows.as_slice() else { panic!("{rows:?}") };
    let shown = |row: &serde_json::Value, fields: [&str; 4]| fields.map(|field| row[field].clone());
    let parts = ["weight", "normalized_shares", "effective_use", "level_fair_share"];
    assert_eq!(shown(ocean, parts), [json!(3), json!(0.75), json!(1.0), json!(0.75)]);
    assert_eq!(shown(developer, parts), [json!(1), json!(0.5), json!(1.0), json!(0.5)]);
    assert_eq!(shown(admin, parts), [json!(1), json!(0.5), json!(0.0), json!(null)]);
    let places = ["user", "position", "fair_share", "classic_fair_share"];
    // 2^(-1/0.75) for the organization; its users used a half of that by their shares, and one all of it.
    assert_eq!(ocean["classic_fair_share"], json!(0.39685));
    assert_eq!(shown(developer, places), [json!("ocean-developer"), json!(4), json!(0.25), json!(0.15749)]);
    assert_eq!(shown(admin, places), [json!("ocean-admin"), json!(3), json!(0.5), json!(0.39685)]);
    assert_eq!(shown(other, places), [json!("harbour-admin"), json!(1), json!(1.0), json!(1.0)]);
    assert_ne!(developer["card_hours"], "0.000000");

    let (first, next) = listed(&operator, "?limit=4");
    let (rest, end) = listed(&operator, &format!("?limit=4&cursor={}", next.as_str().unwrap()));
    assert_eq!([names(&first), names(&rest)].concat(), all);
    assert!(end.is_null());
    operator.get("/api/v1/shares?cursor=x").problem(422, "invalid_value");
}

#[test]
fn an_account_is_adjusted_by_two_people() {
    let center = CenterInABox::start();
    let operator = center.operator();
    operator.post("/api/v1/users", &json!({ "name": "clerk", "role": "finance" })).expect(201);
    let issued = operator.post("/api/v1/users/clerk/tokens", &json!({ "label": "desk" })).expect(201).json();
    let clerk = center.with_token(issued["secret"].as_str().unwrap());
    let balance = || operator.get("/api/v1/accounts/ocean").expect(200).json()["balance"]["amount"].clone();
    let before = balance();
    let path = "/api/v1/accounts/ocean/adjustments";
    clerk.post(path, &json!({ "amount": "0", "reason": "x" })).problem(422, "invalid_value");
    clerk.post(path, &json!({ "amount": "-1.0000001", "reason": "x" })).problem(422, "invalid_value");
    clerk.post(path, &json!({ "amount": "1" })).problem(400, "invalid_request");
    clerk
        .post("/api/v1/accounts/nobody/adjustments", &json!({ "amount": "1", "reason": "x" }))
        .problem(404, "not_found");
    let proposed = clerk.post(path, &json!({ "amount": "-2.5", "reason": "node 3" })).expect(201).json();
    assert_eq!((&proposed["proposed_by"], &proposed["amount"]["amount"]), (&json!("clerk"), &json!("-2.500000")));
    assert_eq!(clerk.get("/api/v1/adjustments").expect(200).json()["items"], json!([proposed]));
    assert_eq!(center.user("auditor").get("/api/v1/adjustments").expect(200).json()["items"], json!([proposed]));
    assert_eq!(balance(), before);
    let approve = format!("/api/v1/adjustments/{}/approve", proposed["id"].as_str().unwrap());
    clerk.post(&approve, &json!({})).problem(409, "own_proposal");
    let after = operator.post(&approve, &json!({})).expect(200).json()["balance"]["amount"].clone();
    assert_eq!(balance(), after);
    operator.post(&approve, &json!({})).problem(404, "not_found");
    let postings = center.user("ocean-admin").get("/api/v1/accounts/ocean/postings").expect(200).json();
    let newest = &postings["items"][0];
    assert_eq!(
        (&newest["kind"], &newest["amount"]["amount"], &newest["reference"]),
        (&json!("adjustment"), &json!("-2.500000"), &json!("node 3"))
    );
    assert_eq!((&newest["proposed_by"], &newest["approved_by"]), (&json!("clerk"), &json!("operator")));
    center.user("auditor").send("DELETE", "/api/v1/adjustments/1", None).problem(403, "forbidden");

    let proposed = operator.post(path, &json!({ "amount": "1", "reason": "x" })).expect(201).json();
    let proposal = format!("/api/v1/adjustments/{}", proposed["id"].as_str().unwrap());
    operator.send("DELETE", &proposal, None).expect(204);
    operator.send("DELETE", &proposal, None).problem(404, "not_found");
    operator.send("DELETE", "/api/v1/adjustments/x", None).problem(404, "not_found");
    assert_eq!((balance(), clerk.get("/api/v1/adjustments").expect(200).json()["items"].clone()), (after, json!([])));
}
