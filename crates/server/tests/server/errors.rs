//! Every error is problem+json, with a stable code, in the caller's language.

use serde_json::{Value, json};

use crate::center_in_a_box::{CenterInABox, job};

#[test]
fn what_cannot_be_read_is_said_with_its_place() {
    let center = CenterInABox::start();
    let user = center.user("ocean-developer");
    user.get("/api/v1/nowhere").problem(404, "not_found");
    user.get("/").problem(404, "not_found");
    user.send("DELETE", "/api/v1/jobs", None).problem(405, "invalid_request");
    user.send("POST", "/healthz", None).problem(405, "invalid_request");
    for body in ["", "{", "[]", "null", "\"x\"", "{\"name\":\"a\"", "\u{0}"] {
        user.send("POST", "/api/v1/jobs", Some(body.into())).problem(400, "invalid_request");
    }
    user.send("POST", "/api/v1/jobs", Some(vec![0xff, 0xfe])).problem(400, "invalid_request");
    let problem = user.send("POST", "/api/v1/jobs", Some(b"{\"name\":\"a\",\n\"crads\":1}".to_vec()));
    let problem = problem.problem(400, "invalid_request");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("line 2, column 7: unknown field `crads`; the nearest known one is `cards`"),
        "{problem}"
    );
    for path in
        ["jobs?limit=0", "jobs?limit=1001", "jobs?cursor=x", "jobs?state=done", "nodes?limit=0", "events?after=x"]
    {
        user.get(&format!("/api/v1/{path}")).problem(422, "invalid_value");
    }
    for path in ["jobs?stat=waiting", "jobs?limit=-1", "jobs?limit=x", "jobs?all=maybe", "nodes?x=1"] {
        user.get(&format!("/api/v1/{path}")).problem(400, "invalid_request");
    }
    for id in ["0", "999999999", "x", "-1", "1.5", "1_", "%00", "%ff", "18446744073709551616", "1%2f2"] {
        user.get(&format!("/api/v1/jobs/{id}")).problem(404, "not_found");
    }
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let center = CenterInABox::start();
    let user = center.user("ocean-developer");
    let body = format!("{{\"name\":\"{}\"}}", "x".repeat(17 << 20)).into_bytes();
    user.send("POST", "/api/v1/jobs/batch", Some(body)).problem(413, "too_large");
    let large = json!({ "name": "a", "script": "x".repeat(2 << 20) });
    user.post("/api/v1/jobs", &large).problem(413, "too_large");
}

#[test]
fn values_that_no_job_could_have_are_refused_by_field() {
    let center = CenterInABox::start();
    let user = center.user("ocean-developer");
    for (field, value, code) in [
        ("cards", json!(-1), "invalid_value"),
        ("cards", json!(65), "invalid_value"),
        ("cards", json!(1e300), "invalid_value"),
        ("cpus", json!(1e30), "invalid_value"),
        ("memory", json!("99999999999999TiB"), "invalid_value"),
        ("nodes", json!(0), "invalid_value"),
        ("nodes", json!(5000), "invalid_value"),
        ("time_limit", json!("31d"), "invalid_value"),
        ("priority", json!(1001), "invalid_value"),
        ("name", json!(""), "invalid_value"),
        ("name", json!("a\nb"), "invalid_value"),
        ("nodes", json!(5), "impossible_request"),
        ("cards", json!(9), "impossible_request"),
        ("cpus", json!(193), "impossible_request"),
    ] {
        let mut wish = job("a");
        wish[field] = value.clone();
        let problem = user.post("/api/v1/jobs", &wish).problem(422, code);
        if code == "invalid_value" {
            assert_eq!(problem["values"]["field"], field, "{value}");
        }
    }
    let mut wish = job("a");
    wish["time_limit"] = json!("30d");
    let problem = user.post("/api/v1/jobs", &wish).problem(402, "insufficient_funds");
    assert_eq!(problem["values"]["available"], "1000.000000 CNY");
    for name in ["pool", "card_model"] {
        let mut wish = job("a");
        wish[name] = json!("nothing");
        user.post("/api/v1/jobs", &wish).problem(404, "not_found");
    }
}

#[test]
fn a_batch_is_refused_as_a_whole_with_the_job_that_cannot_be() {
    let center = CenterInABox::start();
    let user = center.user("ocean-developer");
    let mut bad = job("bad");
    bad["cards"] = json!(9);
    let problem =
        user.post("/api/v1/jobs/batch", &json!({ "jobs": [job("good"), bad] })).problem(422, "impossible_request");
    assert_eq!((&problem["values"]["job_name"], &problem["values"]["job_index"]), (&json!("bad"), &json!("1")));
    user.post("/api/v1/jobs/batch", &json!({ "jobs": [] })).problem(422, "invalid_value");
    let wait = |name: &str, on: &str| json!({ "name": name, "command": ["true"], "after": [on] });
    let circle = json!({ "jobs": [wait("a", "b"), wait("b", "a")] });
    let problem = user.post("/api/v1/jobs/batch", &circle).problem(422, "dependency_cycle");
    assert_eq!(problem["values"]["jobs"], "a, b");
    assert_eq!(user.get("/api/v1/jobs?all=true").json()["items"], json!([]), "nothing was accepted");
}

#[test]
fn problems_are_in_the_callers_language() {
    let center = CenterInABox::start();
    let problem = center.nobody().with("accept-language", "zh-CN,zh;q=0.9,en;q=0.8").get("/api/v1/jobs");
    assert_eq!(problem.header("content-language"), "zh-CN");
    assert_eq!(problem.header("www-authenticate"), "Bearer realm=\"haina\"");
    assert_eq!(problem.problem(401, "unauthenticated")["detail"], "需要有效的令牌。");
    let problem = center.nobody().get("/api/v1/jobs").problem(401, "unauthenticated");
    assert_eq!(problem["detail"], "This needs a valid token.");
    let why: Value = {
        let user = center.user("ocean-developer").with("accept-language", "zh");
        let id = user.post("/api/v1/jobs", &job("a")).expect(201).json()["id"].clone();
        user.get(&format!("/api/v1/jobs/{}/why", id.as_str().unwrap())).expect(200).json()
    };
    assert!(why["waiting"]["sentence"].as_str().unwrap().ends_with('。'), "{why}");
}

#[test]
fn a_chinese_sentence_is_chinese_to_its_end() {
    let center = CenterInABox::start();
    let user = |name: &str| center.user(name).with("accept-language", "zh");
    let id = center.user("ocean-admin").post("/api/v1/jobs", &job("a")).expect(201).json()["id"].clone();
    let path = format!("/api/v1/jobs/{}", id.as_str().unwrap());
    let wish = |field: &str, value: Value| {
        let mut wish = job("a");
        wish[field] = value;
        user("ocean-developer").post("/api/v1/jobs", &wish).json()["detail"].as_str().unwrap().to_owned()
    };
    assert_eq!(wish("nodes", json!(0)), "`nodes` 的值为 0，不符合要求：1 到 4096 之间。");
    assert_eq!(
        wish("nodes", json!(5)),
        "资源池 public 永远无法满足该作业：需要 5 个卡型号相同的节点，而其中足够大的只有 4 个。"
    );
    assert_eq!(wish("pool", json!("nothing")), "没有您可查看的资源池 nothing。");
    assert_eq!(wish("crads", json!(1)), "无法读取请求：第 1 行第 37 列，未知字段 `crads`；最接近的是 `cards`。");
    let detail = |problem: Value| problem["detail"].as_str().unwrap().to_owned();
    let forbidden = user("ocean-developer").post(&format!("{path}/cancel"), &Value::Null).problem(403, "forbidden");
    assert_eq!(detail(forbidden), "您的角色（开发人员）不允许此操作：取消该作业。");
    let unknown = user("ocean-admin").get("/api/v1/nothing").problem(404, "not_found");
    assert_eq!(detail(unknown), "没有您可查看的接口地址 /api/v1/nothing。");
    user("ocean-admin").post(&format!("{path}/cancel"), &Value::Null).expect(200);
    let ended = user("ocean-admin").post(&format!("{path}/cancel"), &Value::Null).problem(409, "already_ended");
    assert_eq!(detail(ended), "作业 1 已结束，状态为已取消。");
}
