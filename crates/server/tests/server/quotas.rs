//! Projects and quotas of every level.

use serde_json::{Value, json};

use crate::center_in_a_box::{Caller, CenterInABox, job};

fn put(caller: &Caller, body: Value) -> crate::center_in_a_box::Answer {
    caller.send("PUT", "/api/v1/quotas", Some(body.to_string().into()))
}

#[test]
fn an_organization_divides_what_the_center_gives_it() {
    let center = CenterInABox::start_with_endless_tasks();
    let (operator, boss, developer) = (center.operator(), center.user("ocean-admin"), center.user("ocean-developer"));
    let given = json!({ "pool": "public", "organization": "ocean", "guaranteed": 4, "limit": 6, "lendable": 1 });
    let set = put(&operator, given.clone()).expect(200).json();
    for (name, value) in given.as_object().unwrap() {
        let is_number = value.is_number();
        assert!(if is_number { set[name].as_f64() == value.as_f64() } else { &set[name] == value }, "{name}: {set}");
    }
    put(&boss, given.clone()).problem(403, "forbidden");
    put(&developer, json!({ "organization": "ocean", "user": "ocean-developer", "limit": 9 }))
        .problem(403, "forbidden");

    let project = json!({ "name": "sonar", "organization": "ocean" });
    let added = boss.post("/api/v1/projects", &project).expect(201).json();
    assert_eq!(added["organization"], "ocean");
    boss.post("/api/v1/projects", &project).problem(409, "name_taken");
    let part = json!({ "name": "buoys", "organization": "ocean", "parent": "sonar" });
    assert_eq!(boss.post("/api/v1/projects", &part).expect(201).json()["parent"], "sonar");
    let listed = developer.get("/api/v1/projects").expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert_eq!(center.user("harbour-developer").get("/api/v1/projects").expect(200).json()["items"], json!([]));

    put(&boss, json!({ "organization": "ocean", "project": "sonar", "limit": 2 })).expect(200);
    let too_much =
        put(&boss, json!({ "pool": "public", "organization": "ocean", "project": "sonar", "guaranteed": 5 }));
    assert_eq!(too_much.problem(422, "invalid_value")["values"]["field"], "guaranteed");

    let mut wish = job("listens");
    wish["project"] = json!("buoys");
    wish["cards"] = json!(2);
    let submit = |wish: &Value| developer.post("/api/v1/jobs", wish).expect(201).json()["id"].clone();
    let (first, second) = (submit(&wish), submit(&wish));
    let shown = |id: &Value| developer.get(&format!("/api/v1/jobs/{}", id.as_str().unwrap())).expect(200).json();
    assert_eq!(shown(&first)["project"], "buoys");
    let why = developer.get(&format!("/api/v1/jobs/{}/why", second.as_str().unwrap())).expect(200).json();
    assert_eq!((&why["waiting"]["code"], &why["waiting"]["values"]["level"]), (&json!("quota"), &json!("project")));
    assert!(why["sentence"].as_str().unwrap().contains("its project holds 2 of the 2 that it may"), "{why}");
    wish["cards"] = json!(3);
    let refused = developer.post("/api/v1/jobs", &wish).problem(409, "quota_exceeded");
    assert!(refused["detail"].as_str().unwrap().contains("project sonar of ocean may hold 2"), "{refused}");
    wish["project"] = json!("none");
    developer.post("/api/v1/jobs", &wish).problem(404, "not_found");

    let seen = |caller: &Caller| caller.get("/api/v1/quotas").expect(200).json();
    let levels: Vec<String> =
        seen(&developer).as_array().unwrap().iter().map(|quota| quota["level"].as_str().unwrap().to_owned()).collect();
    assert_eq!(levels, ["project", "organization"], "by scope, from the widest");
    let sonar = &seen(&developer)[0];
    assert_eq!((&sonar["held"], &sonar["limit"]), (&json!(2.0), &json!(2.0)));
    assert_eq!(seen(&center.user("harbour-developer")), json!([]));
    let taken_away = json!({ "organization": "ocean", "project": "sonar" });
    put(&boss, taken_away).expect(200);
    assert_eq!(seen(&operator).as_array().unwrap().len(), 1);
}
