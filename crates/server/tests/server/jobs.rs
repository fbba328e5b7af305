//! Submitting, listing and showing jobs.

use serde_json::{Value, json};

use crate::center_in_a_box::{CenterInABox, eventually, job};

#[test]
fn a_job_is_accepted_shown_explained_and_cancelled() {
    let center = CenterInABox::start();
    let user = center.user("ocean-developer");
    let answer = user.post("/api/v1/jobs", &job("train")).expect(201);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), format!("/api/v1/jobs/{id}"));
    assert!(answer.header("x-haina-position").parse::<u64>().unwrap() > 0);
    assert_eq!(answer.json(), json!({ "id": id, "name": "train", "state": "waiting" }));

    let shown = user.get(&format!("/api/v1/jobs/{id}")).expect(200).json();
    for (field, value) in [
        ("name", json!("train")),
        ("state", json!("waiting")),
        ("organization", json!("ocean")),
        ("user", json!("ocean-developer")),
        ("pool", json!("public")),
        ("cards", json!(1.0)),
        ("memory_bytes", json!(1u64 << 30)),
        ("time_limit_seconds", json!(3600.0)),
        ("attempts", json!(0)),
        ("charged", json!({ "amount": "0.000000", "currency": "CNY" })),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    let why = user.get(&format!("/api/v1/jobs/{id}/why")).expect(200).json();
    assert_eq!(why["state"], "waiting");
    assert_eq!(why["waiting"]["code"], "capacity", "all nodes are draining: {why}");

    let ended = user.post(&format!("/api/v1/jobs/{id}/cancel"), &Value::Null).expect(200).json();
    assert_eq!((&ended["state"], &ended["elements"]["cancelled"]), (&json!("cancelled"), &json!(1)));
    let again = user.post(&format!("/api/v1/jobs/{id}/cancel"), &Value::Null).problem(409, "already_ended");
    assert_eq!(again["values"]["state"], "cancelled");
    assert_eq!(user.get(&format!("/api/v1/jobs/{id}/logs")).expect(200).text, "");
    assert_eq!(user.get(&format!("/api/v1/jobs/{id}/attempts")).expect(200).json(), json!({ "items": [] }));
}

#[test]
fn lists_go_page_by_page_and_filter() {
    let center = CenterInABox::start();
    let (ocean, harbour) = (center.user("ocean-developer"), center.user("harbour-developer"));
    let jobs: Vec<Value> = (0..25).map(|number| job(&format!("job-{number}"))).collect();
    let accepted = ocean.post("/api/v1/jobs/batch", &json!({ "jobs": jobs })).expect(201).json();
    assert_eq!(accepted["jobs"].as_array().unwrap().len(), 25);
    harbour.post("/api/v1/jobs", &job("other")).expect(201);
    let first = accepted["jobs"][0]["id"].as_str().unwrap();
    ocean.post(&format!("/api/v1/jobs/{first}/cancel"), &Value::Null).expect(200);

    let names = |caller: &crate::center_in_a_box::Caller, filter: &str| {
        let mut names = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = caller.get(&format!("/api/v1/jobs?limit=10{filter}{cursor}")).expect(200).json();
            names.extend(page["items"].as_array().unwrap().iter().map(|job| job["name"].as_str().unwrap().to_owned()));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return names,
            }
        }
    };
    let newest_first: Vec<String> = (1..25).rev().map(|number| format!("job-{number}")).collect();
    assert_eq!(names(&ocean, ""), newest_first);
    assert_eq!(names(&ocean, "&all=true").len(), 25);
    assert_eq!(names(&ocean, "&state=cancelled"), ["job-0"]);
    assert_eq!(names(&ocean, "&state=cancelled,waiting").len(), 25);
    assert_eq!(names(&ocean, "&user=ocean-admin").len(), 0);
    assert_eq!(names(&ocean, "&user=ocean-developer&organization=ocean").len(), 24);
    assert_eq!(names(&harbour, "&all=true"), ["other"]);
    assert_eq!(names(&center.operator(), "").len(), 25);
    assert_eq!(names(&center.operator(), "&organization=harbour"), ["other"]);
}

#[test]
fn asking_twice_with_one_key_does_it_once() {
    let center = CenterInABox::start();
    let user = center.user("ocean-developer").with("idempotency-key", "key-1");
    let first = user.post("/api/v1/jobs", &job("a")).expect(201);
    let second = user.post("/api/v1/jobs", &job("a")).expect(201);
    assert_eq!(first.json(), second.json());
    assert_eq!((first.header("idempotent-replayed"), second.header("idempotent-replayed")), ("", "true"));
    user.post("/api/v1/jobs", &job("b")).problem(409, "idempotency_mismatch");
    user.post("/api/v1/jobs/batch", &json!({ "jobs": [job("a")] })).problem(409, "idempotency_mismatch");
    let other = center.user("ocean-admin").with("idempotency-key", "key-1");
    assert_ne!(
        other.post("/api/v1/jobs", &job("a")).expect(201).json()["id"],
        first.json()["id"],
        "keys are a user's own"
    );
    center
        .user("ocean-admin")
        .with("idempotency-key", &"x".repeat(201))
        .post("/api/v1/jobs", &job("a"))
        .problem(422, "invalid_value");
    assert_eq!(center.operator().get("/api/v1/jobs").json()["items"].as_array().unwrap().len(), 2);
}

#[test]
fn arrays_have_elements() {
    let center = CenterInABox::start();
    let user = center.user("ocean-developer");
    let mut wish = job("array");
    wish["array"] = json!({ "count": 4, "concurrency": 2 });
    let id = user.post("/api/v1/jobs", &wish).expect(201).json()["id"].as_str().unwrap().to_owned();
    assert_eq!(user.get(&format!("/api/v1/jobs/{id}")).json()["array"], json!({ "count": 4, "concurrency": 2 }));
    user.get(&format!("/api/v1/jobs/{id}_3")).expect(200);
    user.get(&format!("/api/v1/jobs/{id}_4")).problem(404, "not_found");
    user.get(&format!("/api/v1/jobs/{id}/logs")).problem(422, "invalid_value");
    user.get(&format!("/api/v1/jobs/{id}/logs?element=3")).expect(200);
    user.get(&format!("/api/v1/jobs/{id}/logs?element=4")).problem(404, "not_found");
    user.get(&format!("/api/v1/jobs/{id}_0/logs?attempt=1")).problem(404, "not_found");
    assert_eq!(user.post(&format!("/api/v1/jobs/{id}_1/cancel"), &Value::Null).expect(200).json()["state"], "waiting");
    let ended = user.post(&format!("/api/v1/jobs/{id}/cancel"), &Value::Null).expect(200).json();
    assert_eq!(ended["elements"]["cancelled"], 4);
}

#[test]
fn a_workflow_names_its_own_jobs() {
    let center = CenterInABox::start();
    let user = center.user("ocean-developer");
    let after = |name: &str, on: Value| json!({ "name": name, "command": ["true"], "after": on });
    let jobs = json!({ "jobs": [job("prepare"), after("train", json!(["prepare"])), after("report", json!([{ "job": "train", "condition": "ended" }]))] });
    let accepted = user.post("/api/v1/jobs/batch", &jobs).expect(201).json();
    let id = |index: usize| accepted["jobs"][index]["id"].as_str().unwrap();
    let why = user.get(&format!("/api/v1/jobs/{}/why", id(1))).expect(200).json();
    assert_eq!((&why["waiting"]["code"], &why["waiting"]["values"]["on"]), (&json!("dependency"), &json!(id(0))));
    user.post(&format!("/api/v1/jobs/{}/cancel", id(0)), &Value::Null).expect(200);
    let train = user.get(&format!("/api/v1/jobs/{}", id(1))).json();
    assert_eq!((&train["state"], &train["cause"]), (&json!("cancelled"), &json!(id(0))));
    let report = user.get(&format!("/api/v1/jobs/{}", id(2))).json();
    assert_eq!(report["state"], "waiting", "it only waits for the end");
}

#[test]
fn what_an_attempt_used_over_time_is_shown_as_means_and_peaks() {
    let center = CenterInABox::start_with_endless_tasks();
    let owner = center.user("ocean-developer");
    let path = |id: &Value| format!("/api/v1/jobs/{}/metrics", id.as_str().unwrap());
    let array = json!({ "name": "a", "command": ["true"], "cards": 1, "array": { "count": 2 } });
    let id = owner.post("/api/v1/jobs", &array).expect(201).json()["id"].clone();
    owner.get(&path(&id)).problem(422, "invalid_value");
    owner.get(&format!("{}?element=2", path(&id))).problem(404, "not_found");
    owner.get(&format!("{}?element=1&attempt=9", path(&id))).problem(404, "not_found");
    let one = format!("{}?element=1", path(&id));
    eventually("it has its cards", || owner.get(&one).expect(200).json()["attempt"] == "1_1.1");
    assert_eq!(owner.get(&one).json()["nodes"], json!([]), "nothing runs yet");

    let point = |length: u64, cpu: u64, cpu_peak: u64, readings: u64, memory_sum: u64, memory_peak: u64| {
        json!({ "length": length, "cpu": cpu, "cpu_peak": cpu_peak, "readings": readings,
            "memory_sum": memory_sum, "memory_peak": memory_peak })
    };
    let usage = json!({ "interval": 10_000, "points": [point(10_000, 25_000, 4000, 2, 300, 200), point(5_000, 0, 0, 1, 7, 7)] });
    let series = json!({ "nodes": [{ "node": "node-2", "cpu": 4000, "memory": 1024, "usage": usage }] });
    let directory = center.engine_directory().join("attempts/1_1.1");
    eventually("its order is there", || directory.exists());
    std::fs::write(directory.join("series.json"), series.to_string()).unwrap();
    let shown = |offset: f64, seconds: f64, cpus: f64, cpus_peak: f64, memory: u64, peak: u64| {
        json!({ "offset_seconds": offset, "seconds": seconds, "cpus": cpus, "cpus_peak": cpus_peak,
            "memory_bytes": memory, "memory_peak_bytes": peak })
    };
    let points = [shown(0.0, 10.0, 2.5, 4.0, 150, 200), shown(10.0, 5.0, 0.0, 0.0, 7, 7)];
    let node =
        json!({ "node": "node-2", "cpus": 4.0, "memory_bytes": 1024, "interval_seconds": 10.0, "points": points });
    assert_eq!(owner.get(&one).expect(200).json()["nodes"], json!([node]));
}

#[test]
fn a_waiting_job_is_told_its_place_its_start_and_how_its_organization_stands() {
    let center = CenterInABox::start_with_endless_tasks();
    let (ocean, harbour) = (center.user("ocean-developer"), center.user("harbour-developer"));
    let set = json!({ "guaranteed": 8, "card_limit": 24 });
    center.operator().send("PUT", "/api/v1/organizations/ocean", Some(set.to_string().into())).expect(200);
    let wish = |nodes: u32, limit: &str| {
        json!({ "name": format!("w{limit}"), "command": ["true"], "nodes": nodes, "cards": 8, "time_limit": limit,
            "card_model": "ascend-910" })
    };
    let submit = |user: &crate::center_in_a_box::Caller, wish: Value| {
        user.post("/api/v1/jobs", &wish).expect(201).json()["id"].as_str().unwrap().to_owned()
    };
    let placed = |user: &crate::center_in_a_box::Caller, id: &str| {
        eventually("it has its cards", || user.get(&format!("/api/v1/jobs/{id}")).expect(200).json()["attempts"] == 1);
    };
    let why = |user: &crate::center_in_a_box::Caller, id: &str| {
        user.get(&format!("/api/v1/jobs/{id}/why")).expect(200).json()["waiting"].clone()
    };
    // Ocean holds 16 of the 32 cards, 8 of them beyond what is guaranteed to it; harbour the rest.
    let long = submit(&ocean, wish(2, "3h"));
    placed(&ocean, &long);
    let short = submit(&harbour, wish(2, "1h"));
    placed(&harbour, &short);
    let first = submit(&harbour, wish(1, "2h"));
    eventually("it is promised a start", || why(&harbour, &first)["promised"].is_object());
    let second = submit(&ocean, wish(1, "2h"));

    let told = why(&harbour, &first);
    let demand = json!({ "pool": "public", "nodes": 1, "cards": 8.0, "card_model": "ascend-910" });
    assert_eq!(told["demand"], demand);
    assert_eq!((&told["promised"]["after"], &told["promised"]["start"]), (&json!(short), &told["starts_by"]));
    let node = told["promised"]["nodes"][0].as_str().unwrap();
    let attempts = harbour.get(&format!("/api/v1/jobs/{short}/attempts")).expect(200).json();
    let nodes: Vec<&str> =
        attempts["items"][0]["nodes"].as_array().unwrap().iter().map(|node| node["node"].as_str().unwrap()).collect();
    assert!(nodes.contains(&node), "what ends first is promised: {told}");
    assert!(told["estimated_start"].as_str().unwrap() <= told["starts_by"].as_str().unwrap(), "{told}");
    let holds = json!({ "name": "harbour", "held": 16.0, "guaranteed": 0.0 });
    assert_eq!(told["organization"], holds);

    let told = why(&ocean, &second);
    assert_eq!((&told["in_line"], told["estimated_start"].is_string()), (&json!(2), true), "{told}");
    assert_eq!(told["organization"], json!({ "name": "ocean", "held": 16.0, "guaranteed": 8.0, "limit": 24.0 }));

    // A list tells it too, if it is asked.
    let list = |query: &str| {
        let page = harbour.get(&format!("/api/v1/jobs?organization=harbour{query}")).expect(200).json();
        page["items"].as_array().unwrap().clone()
    };
    let of = |items: &[Value], id: &str| items.iter().find(|item| item["id"] == id).unwrap()["estimated_start"].clone();
    let listed = list("&estimates=true");
    let starts_by = why(&harbour, &first)["starts_by"].clone();
    assert!(of(&listed, &first).as_str().unwrap() <= starts_by.as_str().unwrap(), "{listed:?}");
    assert_eq!(
        (of(&listed, &short), of(&list(""), &first)),
        (Value::Null, Value::Null),
        "one runs, one was not asked of"
    );
    let places = [why(&harbour, &first)["ahead"].clone(), told["ahead"].clone()];
    assert!(places == [json!(0), json!(1)] || places == [json!(1), json!(0)], "{places:?}");
    let operator = center.operator();
    assert_eq!(why(&operator, &first)["promised"]["after"], json!(short));
}

#[test]
fn a_dry_run_says_cost_and_earliest_start_and_submits_nothing() {
    let center = CenterInABox::start_with_endless_tasks();
    let admin = center.user("ocean-admin");
    let quote = |jobs: Value| admin.post("/api/v1/jobs/quote", &json!({ "jobs": jobs }));
    let mut half = job("half");
    (half["cards"], half["time_limit"], half["grace"]) = (json!(0.5), json!("30m"), json!("0s"));
    let mut whole = half.clone();
    (whole["name"], whole["cards"], whole["array"]) = (json!("whole"), json!(8), json!({ "count": 3 }));
    let mut after = half.clone();
    (after["name"], after["after"]) = (json!("after"), json!([{ "job": "half", "condition": "ended" }]));
    let account = admin.get("/api/v1/accounts/ocean").expect(200).json();
    let told = quote(json!([half, whole, after])).expect(200).json()["quotes"].clone();
    let micros = |amount: &Value| amount["amount"].as_str().unwrap().replace('.', "").parse::<i128>().unwrap();
    // Half an hour of half a card, and of eight.
    let price = micros(&told[0]["price_per_card_hour"]);
    assert!(price > 0, "{told}");
    assert_eq!((micros(&told[0]["cost_most"]), micros(&told[1]["cost_most"])), (price / 4, price * 4), "{told}");
    assert_eq!((&told[1]["elements"], &told[1]["available"]), (&json!(3), &account["available"]));
    assert!(told[0]["earliest_start"].is_string() && told[1]["earliest_start"].is_string(), "{told}");
    assert!(told[2].get("earliest_start").is_none(), "it waits for another: {told}");
    assert_eq!(admin.get("/api/v1/jobs?all=true").expect(200).json()["items"], json!([]), "nothing was submitted");

    // All nodes are taken: it cannot start for a while.
    let moment = |told: &Value| told["earliest_start"].as_str().unwrap().parse::<haina_api::Moment>().unwrap().0.0;
    let free = moment(&told[1]);
    let mut full = half.clone();
    (full["cards"], full["array"], full["organization"]) = (json!(8), json!({ "count": 4 }), json!("harbour"));
    center.operator().post("/api/v1/jobs", &full).expect(201);
    eventually("the center is full", || {
        let told = quote(json!([whole])).expect(200).json()["quotes"][0].clone();
        moment(&told) > free + 5_000_000
    });
    // What a submission would be refused with, and too many.
    let mut impossible = half.clone();
    impossible["cards"] = json!(64);
    quote(json!([impossible])).problem(422, "impossible_request");
    quote(json!(vec![half.clone(); 21])).problem(422, "invalid_value");
    center.nobody().post("/api/v1/jobs/quote", &json!({ "jobs": [half] })).problem(401, "unauthenticated");
    // Where no node takes work, no start is told.
    for node in 1..=4 {
        center.operator().post(&format!("/api/v1/nodes/node-{node}/drain"), &json!({ "reason": "x" })).expect(200);
    }
    assert!(quote(json!([half])).expect(200).json()["quotes"][0].get("earliest_start").is_none());
}
