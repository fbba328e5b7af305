//! A center that lives as long as a value, and how to talk to it.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use haina_core::{Digest, JobTokens};
use haina_runtime::{StartOptions, start};
use haina_store::Location;
use serde_json::{Value, json};
use ureq::http::Request;
use ureq::{Agent, Body};

use crate::documented::{self, Answered};

const JOB_TOKEN_SECRET: [u8; 32] = [9; 32];

const OPERATOR: &str = "haina_the-operators-token-of-a-test";

const CENTER: &str = r#"
name = "A test's center"
[[card_models]]
name = "ascend-910"
vendor = "Huawei"
memory = "32GiB"
tflops_fp16 = 320
watts = 310
ring = 4
fractions = true
simulated = true
price_per_card_hour = "8.00"
[[pools]]
name = "public"
[[nodes]]
name = "node-[1-4]"
card_model = "ascend-910"
cards = 8
cpus = 192
memory = "768GiB"
[[organizations]]
name = "ocean"
title = "Ocean Institute SECRET"
opening_balance = "1000"
[[organizations]]
name = "harbour"
title = "Harbour Intelligence"
opening_balance = "1000"
[[users]]
name = "ocean-admin"
role = "tenant_admin"
organization = "ocean"
[[users]]
name = "ocean-developer"
role = "developer"
organization = "ocean"
[[users]]
name = "harbour-admin"
role = "tenant_admin"
organization = "harbour"
[[users]]
name = "harbour-developer"
role = "developer"
organization = "harbour"
[[users]]
name = "auditor"
role = "auditor"
[[users]]
name = "finance"
role = "finance"
"#;

/// The center.
pub struct CenterInABox {
    url: String,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    directory: tempfile::TempDir,
}

impl CenterInABox {
    /// One whose nodes take no work, so that jobs wait.
    pub fn start() -> CenterInABox {
        let center = CenterInABox::start_with("/bin/false");
        for node in 1..=4 {
            let path = format!("/api/v1/nodes/node-{node}/drain");
            center.operator().post(&path, &json!({ "reason": "so that jobs wait" })).expect(200);
        }
        center
    }

    /// One in which attempts that were given cards never get further: what stands for their supervisors waits for the end
    /// of this process.
    pub fn start_with_endless_tasks() -> CenterInABox {
        CenterInABox::start_with("exec tail --pid=$PPID -f /dev/null")
    }

    /// One with this shell command in the place of supervisors.
    fn start_with(supervisor: &str) -> CenterInABox {
        let directory = tempfile::tempdir().unwrap();
        let options = StartOptions {
            location: Location::Sqlite(directory.path().join("center.db")),
            engine_directory: directory.path().join("engine"),
            supervisor: ["/bin/sh", "-c", supervisor, "sh"].map(OsString::from).to_vec(),
            definition: Some(haina_api::parse_center_file(CENTER).unwrap()),
            operator_token: Digest::of(OPERATOR.as_bytes()),
            center_url: None,
            job_token_secret: JOB_TOKEN_SECRET,
            probe: None,
        };
        let (started, address) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async move {
                let running = start(options).await.unwrap_or_else(|error| panic!("{error}"));
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                started.send(listener.local_addr().unwrap()).unwrap();
                let told = async move { _ = stopped.await };
                haina_server::serve(listener, running.handle.clone(), told).await.unwrap();
                running.handle.stop().await;
            });
        });
        let url = format!("http://{}", address.recv().unwrap());
        CenterInABox { url, stop: Some(stop), thread: Some(thread), directory }
    }

    /// With the operator's token.
    pub fn operator(&self) -> Caller {
        self.caller(Some(OPERATOR.to_owned()))
    }

    /// Without a token.
    pub fn nobody(&self) -> Caller {
        self.caller(None)
    }

    /// With some token.
    pub fn with_token(&self, token: &str) -> Caller {
        self.caller(Some(token.to_owned()))
    }

    /// With a new token of a user.
    pub fn user(&self, name: &str) -> Caller {
        let token = self.operator().post(&format!("/api/v1/users/{name}/tokens"), &json!({ "label": "of a test" }));
        self.with_token(token.expect(201).json()["secret"].as_str().unwrap())
    }

    /// With the own token of an attempt, whether or not it runs.
    pub fn attempt(&self, attempt: &str) -> Caller {
        self.with_token(&self.attempt_token(attempt))
    }

    /// The engine's directory.
    pub fn engine_directory(&self) -> PathBuf {
        self.directory.path().join("engine")
    }

    /// The own token of an attempt.
    pub fn attempt_token(&self, attempt: &str) -> String {
        let center = std::fs::read(self.engine_directory().join("center")).unwrap();
        let tokens = JobTokens::new(&JOB_TOKEN_SECRET, serde_json::from_slice(&center).unwrap());
        tokens.token(attempt.parse().unwrap())
    }

    fn caller(&self, token: Option<String>) -> Caller {
        // A connection for each request: after a body that it refuses to read the server ends the connection.
        let config = Agent::config_builder().http_status_as_error(false).max_idle_connections(0).build();
        Caller { agent: config.into(), url: self.url.clone(), token, headers: Vec::new() }
    }
}

impl Drop for CenterInABox {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}

/// Somebody who asks.
#[derive(Clone)]
pub struct Caller {
    agent: Agent,
    url: String,
    token: Option<String>,
    headers: Vec<(String, String)>,
}

impl Caller {
    /// The same, with a header.
    pub fn with(mut self, name: &str, value: &str) -> Caller {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body.to_string().into_bytes()))
    }

    /// Every answer is held against the OpenAPI document.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, body: Option<Vec<u8>>) -> Answer {
        let answer = Answer::of(self.run(method, path, body.clone()));
        documented::check(&Answered {
            method,
            path,
            request: body.as_deref(),
            status: answer.status,
            content_type: answer.header("content-type"),
            body: &answer.text,
        });
        answer
    }

    /// The data of server-sent events, one by one.
    pub fn events(&self, path: &str) -> impl Iterator<Item = Value> + use<> {
        let response = self.clone().with("accept", "text/event-stream").run("GET", path, None);
        assert_eq!(response.status(), 200, "{path}");
        let lines = BufReader::new(response.into_body().into_reader()).lines();
        let data = lines.map_while(Result::ok);
        let events =
            data.filter_map(|line| line.strip_prefix("data:").map(|data| serde_json::from_str(data.trim()).unwrap()));
        events.inspect(documented::check_event)
    }

    fn run(&self, method: &str, path: &str, body: Option<Vec<u8>>) -> ureq::http::Response<Body> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        match body {
            Some(body) => self.agent.run(request.body(body).unwrap()),
            None => self.agent.run(request.body(()).unwrap()),
        }
        .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub text: String,
}

impl Answer {
    fn of(mut response: ureq::http::Response<Body>) -> Answer {
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.body_mut().read_to_string().unwrap(),
        }
    }

    /// Fails unless the status is this.
    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Fails unless it is a problem of this status and code; the problem.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Value {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.text);
        let problem = answer.json();
        for field in ["type", "title", "status", "detail", "code", "values", "hint"] {
            assert!(!problem[field].is_null(), "{field} of {problem}");
        }
        assert_eq!((problem["code"].as_str(), problem["status"].as_u64()), (Some(code), Some(status.into())));
        problem
    }
}

/// Looks until it is so.
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A small job of an organization.
pub fn job(name: &str) -> Value {
    json!({ "name": name, "command": ["true"], "cards": 1, "env": { "PASSWORD": "hush" } })
}
