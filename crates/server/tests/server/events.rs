//! Events: listed, and streamed as they are committed.

use serde_json::{Value, json};

use crate::center_in_a_box::{CenterInABox, job};

#[test]
fn what_happened_to_a_job_is_listed_and_streamed_to_its_end() {
    let center = CenterInABox::start();
    let user = center.user("ocean-developer");
    let id = user.post("/api/v1/jobs", &job("a")).expect(201).json()["id"].as_str().unwrap().to_owned();
    let mut stream = user.events(&format!("/api/v1/jobs/{id}/events"));
    assert_eq!(stream.next().unwrap()["kind"], "job_submitted");
    user.post(&format!("/api/v1/jobs/{id}/cancel"), &Value::Null).expect(200);
    let kinds: Vec<Value> = stream.map(|event| event["kind"].clone()).collect();
    assert_eq!(kinds, [json!("job_cancelled"), json!("job_ended")], "and then the stream ends");

    let listed = user.get(&format!("/api/v1/jobs/{id}/events?limit=2")).expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    let after = listed["next_cursor"].as_str().unwrap();
    let rest = user.get(&format!("/api/v1/jobs/{id}/events?cursor={after}")).expect(200).json();
    assert_eq!(rest["items"][0]["sentence"], format!("Job {id} ended as cancelled."));
    let resumed = user.clone().with("last-event-id", after).events(&format!("/api/v1/jobs/{id}/events"));
    assert_eq!(resumed.map(|event| event["kind"].clone()).collect::<Vec<_>>(), [json!("job_ended")]);
}

#[test]
fn a_stream_of_everything_has_no_gap() {
    let center = CenterInABox::start();
    let user = center.user("ocean-developer");
    let mut stream = user.events("/api/v1/events");
    let jobs: Vec<Value> = (0..1200).map(|number| job(&format!("job-{number}"))).collect();
    user.post("/api/v1/jobs/batch", &json!({ "jobs": jobs })).expect(201);
    let mut last = 0;
    for number in 0..1200 {
        let event = stream.find(|event| event["kind"] == "job_submitted").unwrap();
        assert_eq!(event["values"]["name"], format!("job-{number}"));
        let position: u64 = event["id"].as_str().unwrap().parse().unwrap();
        assert!(position > last);
        last = position;
    }
}

#[test]
fn a_stream_ends_with_its_token() {
    let center = CenterInABox::start();
    let owner = center.user("ocean-admin");
    let id = owner.post("/api/v1/jobs", &job("a")).expect(201).json()["id"].as_str().unwrap().to_owned();
    let token = center.operator().post("/api/v1/users/ocean-developer/tokens", &json!({})).expect(201).json();
    let user = center.with_token(token["secret"].as_str().unwrap());
    let streams = [user.events("/api/v1/events"), user.events(&format!("/api/v1/jobs/{id}/events?after=999999"))];
    let revoke = format!("/api/v1/tokens/{}", token["id"].as_str().unwrap());
    center.operator().send("DELETE", &revoke, None).expect(204);
    owner.post("/api/v1/jobs", &job("of which the token hears nothing")).expect(201);
    for stream in streams {
        assert!(stream.into_iter().all(|event| event["kind"] != "job_submitted"));
    }
}

#[test]
fn a_server_that_ends_does_not_wait_for_followers() {
    let center = CenterInABox::start();
    let user = center.user("ocean-developer");
    let id = user.post("/api/v1/jobs", &job("a")).expect(201).json()["id"].as_str().unwrap().to_owned();
    let streams = [user.events("/api/v1/events"), user.events(&format!("/api/v1/jobs/{id}/events?after=999999"))];
    drop(center);
    assert!(streams.into_iter().all(|mut stream| stream.next().is_none()));
}
