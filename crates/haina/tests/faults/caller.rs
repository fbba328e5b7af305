//! Asks a center over HTTP as its operator.

use serde_json::{Value, json};
use ureq::http::Request;

use crate::program::{Center, wait};

/// An answer's status and JSON document.
pub type Answer = (u16, Value);

/// Somebody with the operator's token.
pub struct Caller {
    agent: ureq::Agent,
    url: String,
    token: String,
}

impl Caller {
    pub fn of(center: &Center) -> Caller {
        let token = std::fs::read_to_string(center.data().join("admin.token")).unwrap();
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Caller { agent, url: center.url().to_owned(), token: token.trim().to_owned() }
    }

    pub fn get(&self, path: &str) -> Answer {
        let request = Request::builder().uri(format!("{}{path}", self.url)).header("authorization", self.bearer());
        answer(self.agent.run(request.body(()).unwrap()))
    }

    pub fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        let request = Request::builder().method("POST").uri(format!("{}{path}", self.url));
        let request = request.header("authorization", self.bearer()).header("idempotency-key", key);
        answer(self.agent.run(request.body(body.to_string()).unwrap()))
    }

    /// Submits a job of the sample's first organization.
    pub fn submit(&self, key: &str, command: &[&str]) -> Answer {
        let job = json!({ "organization": "ocean-institute", "name": key, "command": command, "cards": 1 });
        self.post("/api/v1/jobs", key, &job)
    }

    /// Submits a job that is accepted; its id.
    #[track_caller]
    pub fn accepted(&self, key: &str, command: &[&str]) -> String {
        let (status, job) = self.submit(key, command);
        assert_eq!(status, 201, "{job}");
        job["id"].as_str().unwrap().to_owned()
    }

    /// Waits until `/readyz` has this status and a reason with this text, or any or none where it is empty.
    pub fn until_ready_is(&self, status: u16, reason: &str) {
        wait(&format!("/readyz to say {status} {reason}"), || {
            let (found, health) = self.get("/readyz");
            let reasons = health["reasons"].as_array().unwrap();
            let told = reason.is_empty() || reasons.iter().any(|text| text.as_str().unwrap().contains(reason));
            (found == status && told).then_some(())
        });
    }

    /// Waits until a job has ended; the job.
    pub fn until_ended(&self, id: &str) -> Value {
        wait(&format!("job {id} to end"), || {
            let (status, job) = self.get(&format!("/api/v1/jobs/{id}"));
            (status == 200 && job["ended"].is_string()).then_some(job)
        })
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

/// Fails unless the answer is a problem of this status and code.
#[track_caller]
pub fn expect_problem(answer: Answer, status: u16, code: &str) {
    assert_eq!((answer.0, answer.1["code"].as_str()), (status, Some(code)), "{}", answer.1);
}

fn answer(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut response = response.unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
}
