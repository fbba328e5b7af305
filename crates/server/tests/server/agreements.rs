//! Agreements and vouchers over HTTP: who sees what, what is asked and refused, and the words in which.

use serde_json::{Value, json};

use crate::center_in_a_box::{Caller, CenterInABox, job};

fn send(caller: &Caller, method: &str, path: &str, body: &Value) -> crate::center_in_a_box::Answer {
    caller.send(method, path, Some(body.to_string().into_bytes()))
}

fn clerk(center: &CenterInABox) -> Caller {
    let operator = center.operator();
    operator.post("/api/v1/users", &json!({ "name": "clerk", "role": "finance" })).expect(201);
    let issued = operator.post("/api/v1/users/clerk/tokens", &json!({ "label": "desk" })).expect(201).json();
    center.with_token(issued["secret"].as_str().unwrap())
}

#[test]
fn an_agreement_is_drafted_amended_signed_and_paid() {
    let center = CenterInABox::start();
    let (operator, owner) = (center.operator(), center.user("ocean-admin"));
    let draft = |terms: Value| operator.post("/api/v1/agreements", &json!({ "organization": "ocean", "terms": terms }));
    for (missing, field) in [
        (json!({ "amount": "5", "ends": "2099-01-01T00:00:00Z" }), "title"),
        (json!({ "title": "x", "ends": "2099-01-01T00:00:00Z" }), "amount"),
        (json!({ "title": "x", "amount": "5" }), "ends"),
        (json!({ "title": "x", "card_hours": 5, "ends": "2099-01-01T00:00:00Z" }), "price_per_card_hour"),
        (json!({ "title": "x", "amount": "5", "at_end": "grace", "ends": "2099-01-01T00:00:00Z" }), "grace_days"),
        (json!({ "title": "x", "amount": "5", "grace_days": 5, "ends": "2099-01-01T00:00:00Z" }), "grace_days"),
        (json!({ "title": "x", "amount": "0", "ends": "2099-01-01T00:00:00Z" }), "amount"),
        (json!({ "title": "x", "amount": "5", "ends": "2020-01-01T00:00:00Z" }), "ends"),
    ] {
        let problem = draft(missing).problem(422, "invalid_value");
        assert_eq!(problem["values"]["field"], field, "{problem}");
    }
    draft(json!({ "title": "x", "amount": "5", "ends": "soon" })).problem(400, "invalid_request");
    draft(json!({ "title": "x", "amount": "5", "pool": "x", "ends": "2099-01-01T00:00:00Z" }))
        .problem(404, "not_found");

    let sha256 = "0".repeat(64);
    let terms = json!({
        "title": "HT-2026-001", "card_hours": 100, "price_per_card_hour": "6.50", "ends": "2099-01-01T00:00:00Z",
        "at_end": "grace", "grace_days": 30, "documents": [{ "title": "HT-2026-001.pdf", "sha256": sha256 }],
    });
    let drafted = draft(terms).expect(201).json();
    let path = format!("/api/v1/agreements/{}", drafted["id"].as_str().unwrap());
    assert_eq!((&drafted["state"], &drafted["amount"]["amount"]), (&json!("draft"), &json!("650.000000")));
    assert_eq!((&drafted["at_end"], &drafted["grace_days"]), (&json!("grace"), &json!(30)));
    assert_eq!(owner.get(&path).expect(200).json()["title"], "HT-2026-001");
    center.user("harbour-admin").get(&path).problem(404, "not_found");
    assert_eq!(center.user("harbour-admin").get("/api/v1/agreements").expect(200).json()["items"], json!([]));
    send(&owner, "POST", &format!("{path}/sign"), &json!({ "version": 1 })).problem(403, "forbidden");

    let amend = |version| json!({ "version": version, "reason": "less work", "terms": { "amount": "40" } });
    let amended = send(&operator, "PATCH", &path, &amend(1)).expect(200).json();
    assert_eq!((&amended["version"], &amended["title"]), (&json!(2), &json!("HT-2026-001")), "what is not said stays");
    let conflict = send(&operator, "PATCH", &path, &amend(1)).problem(409, "version_conflict");
    assert_eq!(conflict["values"]["version"], "2");
    let history = amended["history"].as_array().unwrap();
    assert_eq!((history.len(), &history[1]["by"], &history[1]["reason"]), (2, &json!("operator"), &json!("less work")));

    let signed = operator.post(&format!("{path}/sign"), &json!({ "version": 2 })).expect(200).json();
    assert_eq!(signed["state"], "begun");
    let account = || owner.get("/api/v1/accounts/ocean").expect(200).json();
    assert_eq!(account()["owed"]["amount"], "40.000000");
    let pay = json!({ "amount": "15", "reference": "transfer" });
    operator.post(&format!("{path}/payments"), &pay).expect(200);
    assert_eq!(account()["owed"]["amount"], "25.000000");
    let postings = owner.get("/api/v1/accounts/ocean/postings").expect(200).json();
    let kinds: Vec<_> = postings["items"].as_array().unwrap().iter().map(|posting| posting["kind"].clone()).collect();
    assert_eq!(kinds[..2], [json!("payment"), json!("commitment")]);
    assert_eq!(postings["items"][1]["total"]["amount"], "40.000000");

    // A dry run says who would pay.
    let quote = owner.post("/api/v1/jobs/quote", &json!({ "jobs": [job("x")] })).expect(200).json();
    let parts = quote["quotes"][0]["parts"].as_array().unwrap();
    assert_eq!(parts[0]["payer"], "agreement/1", "{quote}");
    let mut events = owner.events("/api/v1/events?after=0").filter(|event| event["kind"] == "agreement_signed");
    assert_eq!(events.next().unwrap()["sentence"], "Agreement 1 was signed.");
}

#[test]
fn a_voucher_is_claimed_by_a_tenant_and_issued_by_somebody_else() {
    let center = CenterInABox::start();
    let (operator, owner, clerk) = (center.operator(), center.user("ocean-admin"), clerk(&center));
    let rules = |version: u32| {
        json!({
            "version": version, "title": "Spark", "sponsor": "the city", "budget": "100", "share_of_charge": 300,
            "kinds": ["institute"], "qualifications": ["专精特新"], "unrelated": true,
            "opens": "2020-01-01T00:00:00+08:00", "closes": "2099-01-01T00:00:00+08:00", "valid_days": 30,
        })
    };
    let path = "/api/v1/voucher-programmes/spark";
    send(&owner, "PUT", path, &rules(0)).problem(403, "forbidden");
    let programme = send(&operator, "PUT", path, &rules(0)).expect(200).json();
    assert_eq!((&programme["rules"]["version"], &programme["granted"]["amount"]), (&json!(1), &json!("0.000000")));
    send(&operator, "PUT", path, &rules(0)).problem(409, "version_conflict");
    assert_eq!(owner.get("/api/v1/voucher-programmes").expect(200).json()["items"], json!([programme]));

    let claim = |unrelated: bool| json!({ "programme": "spark", "amount": "30", "purpose": "a model of the sea", "unrelated": unrelated });
    owner.post("/api/v1/vouchers", &claim(true)).problem(409, "claim_not_allowed");
    let held = json!([{ "name": "专精特新", "evidence": "GR2026001" }]);
    let set = json!({ "kind": "institute", "qualifications": held });
    let ocean = send(&operator, "PUT", "/api/v1/organizations/ocean", &set).expect(200).json();
    assert_eq!((&ocean["kind"], &ocean["qualifications"]), (&json!("institute"), &held));
    let refused = owner.post("/api/v1/vouchers", &claim(false)).problem(409, "claim_not_allowed");
    assert!(refused["detail"].as_str().unwrap().contains("not related"), "{refused}");
    let claimed = owner.post("/api/v1/vouchers", &claim(true)).expect(201).json();
    let path = format!("/api/v1/vouchers/{}", claimed["id"].as_str().unwrap());
    assert_eq!((&claimed["state"], &claimed["claimed_by"]), (&json!("claimed"), &json!("ocean-admin")));

    owner.post(&format!("{path}/issue"), &json!({})).problem(403, "forbidden");
    center.user("harbour-admin").get(&path).problem(404, "not_found");
    let issued = clerk.post(&format!("{path}/issue"), &json!({})).expect(200).json();
    assert_eq!((&issued["state"], &issued["left"]["amount"]), (&json!("issued"), &json!("30.000000")));
    clerk.post(&format!("{path}/reject"), &json!({ "reason": "late" })).problem(409, "wrong_stage");
    clerk.post(&format!("{path}/cash-out"), &json!({ "reference": "x" })).problem(409, "nothing_to_cash_out");
    let revoked = clerk.post(&format!("{path}/revoke"), &json!({ "reason": "moved away" })).expect(200).json();
    assert!(revoked["expires"].is_string());
    crate::center_in_a_box::eventually("what is left went back", || {
        owner.get(&path).expect(200).json()["state"] == "revoked"
    });
    let programme = owner.get("/api/v1/voucher-programmes").expect(200).json()["items"][0].clone();
    assert_eq!(programme["owed"]["amount"], "0.000000");
}
