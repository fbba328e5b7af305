//! Asking a center over HTTP.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use haina_api::{Page, Problem};
use haina_core::Language;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::{Method, Request, Response};
use ureq::{Agent, Body};

use crate::language::{language, say};

/// How long a connection may take to come about.
const CONNECT_MOST: Duration = Duration::from_secs(5);
/// How long something that may or may not have been created is asked for again.
const UNKNOWN_MOST: Duration = Duration::from_secs(60);
/// How long a center that was never reached is waited for: it may be starting.
const ABSENT_MOST: Duration = Duration::from_secs(5);
const PAUSE_LEAST: Duration = Duration::from_millis(100);
const PAUSE_MOST: Duration = Duration::from_secs(2);

/// Why a request was not answered as hoped.
#[derive(Debug)]
pub enum ClientError {
    /// The center refused, and said why.
    Refused(Box<Problem>),
    /// Nothing answers there, or the connection broke.
    Unreachable {
        /// Where.
        url: String,
        /// What the network said.
        reason: String,
        /// Whether there was a connection, so that a request may have arrived.
        was_connected: bool,
    },
    /// Something else than a center answers there.
    NotACenter {
        /// Where.
        url: String,
        /// What it said.
        detail: String,
    },
}

impl std::fmt::Display for ClientError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ClientError::Refused(problem) => write!(f, "{} ({})", problem.detail, problem.code),
            ClientError::Unreachable { url, reason, .. } => write!(f, "no center answers at {url}: {reason}"),
            ClientError::NotACenter { url, detail } => write!(f, "what answers at {url} is no center: {detail}"),
        }
    }
}

impl std::error::Error for ClientError {}

/// A center, as one user sees it.
pub struct Client {
    agent: Agent,
    url: String,
    token: String,
}

impl Client {
    /// A client of the center at `url`, with a token; an empty token shows none.
    pub fn new(url: &str, token: &str) -> Client {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_MOST))
            .max_redirects(0)
            .proxy(None)
            .build();
        Client { agent: config.into(), url: url.trim_end_matches('/').to_owned(), token: token.to_owned() }
    }

    /// Where the center answers.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether the center takes work.
    #[allow(dead_code, reason = "for programs that start a center and wait for it")]
    pub fn is_ready(&self) -> bool {
        self.send(Method::GET, "/readyz", None, &[]).is_ok_and(|response| response.status() == 200)
    }

    /// Reads a thing.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.read(self.ask(Method::GET, path, None, &[])?)
    }

    /// Creates or changes a thing.
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        self.read(self.ask(Method::POST, path, Some(to_bytes(body)), &[])?)
    }

    /// Sets a thing.
    pub fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        self.read(self.ask(Method::PUT, path, Some(to_bytes(body)), &[])?)
    }

    /// Changes a part of a thing.
    pub fn patch<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        self.read(self.ask(Method::PATCH, path, Some(to_bytes(body)), &[])?)
    }

    /// Creates a thing once, also where it has to be asked for again: a center that is away while it restarts, or that
    /// cannot say what became of the request, is asked again with the same key, for a while.
    pub fn create<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        let key = random_key();
        let body = to_bytes(body);
        let began = Instant::now();
        let mut pause = PAUSE_LEAST;
        let mut may_have_arrived = false;
        loop {
            let answer = self.ask(Method::POST, path, Some(body.clone()), &[("idempotency-key", &key)]);
            let error = match answer.and_then(|answer| self.read(answer)) {
                Ok(thing) => return Ok(thing),
                Err(error) => error,
            };
            match &error {
                ClientError::Unreachable { was_connected, .. } => may_have_arrived |= was_connected,
                ClientError::Refused(problem) if problem.code == "unavailable" => may_have_arrived = true,
                _ => return Err(error),
            }
            let most = if may_have_arrived { UNKNOWN_MOST } else { ABSENT_MOST };
            if began.elapsed() + pause > most {
                return Err(error);
            }
            if pause == PAUSE_LEAST {
                let most = most.as_secs();
                eprintln!(
                    "{}",
                    say(
                        format!("{error}\nasking again for up to {most} s; the request is done at most once"),
                        format!("{error}\n将在最多 {most} 秒内重试；该请求至多执行一次"),
                    )
                );
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(PAUSE_MOST);
        }
    }

    /// Removes a thing.
    pub fn delete(&self, path: &str) -> Result<(), ClientError> {
        self.ask(Method::DELETE, path, None, &[]).map(drop)
    }

    /// Reads text.
    pub fn text(&self, path: &str) -> Result<String, ClientError> {
        let mut text = Vec::new();
        self.stream(path, "text/plain", &[])?.read_to_end(&mut text).map_err(|error| self.broken(&error))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Reads as it comes.
    pub fn stream(&self, path: &str, accept: &str, headers: &[(&str, &str)]) -> Result<impl Read + use<>, ClientError> {
        let headers: Vec<_> = headers.iter().copied().chain([("accept", accept)]).collect();
        let response = self.ask(Method::GET, path, None, &headers)?;
        Ok(response.into_body().into_with_config().limit(u64::MAX).reader())
    }

    /// Reads what a task wrote, as it comes; also from which byte on.
    pub fn output(&self, path: &str) -> Result<(u64, impl Read + use<>), ClientError> {
        let response = self.ask(Method::GET, path, None, &[("accept", "text/plain")])?;
        let begin = response.headers().get("x-haina-offset").and_then(|value| value.to_str().ok()?.parse().ok());
        Ok((begin.unwrap_or(0), response.into_body().into_with_config().limit(u64::MAX).reader()))
    }

    /// Makes a connection that speaks another protocol from then on.
    pub fn upgrade(&self, path: &str, protocol: &str) -> Result<BufReader<TcpStream>, ClientError> {
        let address = self.url.strip_prefix("http://").unwrap_or(&self.url);
        let (host, base) = address.find('/').map_or((address, ""), |at| address.split_at(at));
        let port = if host.rsplit(']').next().is_some_and(|end| end.contains(':')) { "" } else { ":80" };
        let stream = TcpStream::connect(format!("{host}{port}")).map_err(|error| ClientError::Unreachable {
            url: self.url.clone(),
            reason: error.to_string(),
            was_connected: false,
        })?;
        let tag = if language() == Language::Chinese { "zh-CN" } else { "en" };
        let head = format!(
            "GET {base}{path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\naccept-language: {tag}\r\n\
             connection: upgrade\r\nupgrade: {protocol}\r\n\r\n",
            self.token
        );
        (&stream).write_all(head.as_bytes()).map_err(|error| self.broken(&error))?;
        let mut reader = BufReader::new(stream);
        let mut line = || {
            let mut line = String::new();
            reader.read_line(&mut line).map(|_| line.trim_end().to_owned())
        };
        let status = line().map_err(|error| self.broken(&error))?;
        let mut length = 0;
        loop {
            let header = line().map_err(|error| self.broken(&error))?;
            match header.split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().unwrap_or(0);
                }
                Some(_) => {}
                None => break,
            }
        }
        if status.split(' ').nth(1) == Some("101") {
            return Ok(reader);
        }
        let mut body = Vec::new();
        reader.take(length).read_to_end(&mut body).map_err(|error| self.broken(&error))?;
        Err(match serde_json::from_slice(&body) {
            Ok(problem) => ClientError::Refused(Box::new(problem)),
            Err(_) => self.not_a_center(status),
        })
    }

    /// Reads a list page by page, at most `limit` things; whether there are more.
    pub fn list(&self, path: &str, limit: Option<usize>) -> Result<(Vec<Value>, bool), ClientError> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let mut items: Vec<Value> = Vec::new();
        let mut cursor = String::new();
        loop {
            let left = limit.map_or(usize::MAX, |limit| limit - items.len());
            let size = left.min(1000);
            let page: Page<Value> = self.get(&format!("{path}{separator}limit={size}{cursor}"))?;
            items.extend(page.items);
            match page.next_cursor {
                Some(next) if limit.is_none_or(|limit| items.len() < limit) => cursor = format!("&cursor={next}"),
                next => return Ok((items, next.is_some())),
            }
        }
    }

    fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        headers: &[(&str, &str)],
    ) -> Result<Response<Body>, ClientError> {
        let mut response = self.send(method, path, body, headers).map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let text = response.body_mut().read_to_string().map_err(|error| self.broken(&error))?;
        match serde_json::from_str(&text) {
            Ok(problem) => Err(ClientError::Refused(Box::new(problem))),
            Err(_) => Err(self.not_a_center(format!("status {status}"))),
        }
    }

    fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        headers: &[(&str, &str)],
    ) -> Result<Response<Body>, ureq::Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        let tag = if language() == Language::Chinese { "zh-CN" } else { "en" };
        request = request.header("accept-language", tag);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match body {
            Some(body) => self.agent.run(request.header("content-type", "application/json").body(body)?),
            None => self.agent.run(request.body(())?),
        }
    }

    fn read<T: DeserializeOwned>(&self, mut response: Response<Body>) -> Result<T, ClientError> {
        let mut body = Vec::new();
        let reader = response.body_mut().with_config().limit(u64::MAX).reader();
        { reader }.read_to_end(&mut body).map_err(|error| self.broken(&error))?;
        serde_json::from_slice(&body).map_err(|error| self.not_a_center(error))
    }

    fn unreachable(&self, error: &ureq::Error) -> ClientError {
        let was_connected = match error {
            ureq::Error::Io(error) => error.kind() != ErrorKind::ConnectionRefused,
            ureq::Error::ConnectionFailed | ureq::Error::HostNotFound => false,
            ureq::Error::Timeout(timeout) => *timeout != ureq::Timeout::Connect,
            _ => true,
        };
        ClientError::Unreachable { url: self.url.clone(), reason: error.to_string(), was_connected }
    }

    /// The connection broke while the answer came.
    fn broken(&self, reason: &impl std::fmt::Display) -> ClientError {
        ClientError::Unreachable { url: self.url.clone(), reason: reason.to_string(), was_connected: true }
    }

    fn not_a_center(&self, detail: impl std::fmt::Display) -> ClientError {
        ClientError::NotACenter { url: self.url.clone(), detail: detail.to_string() }
    }
}

fn to_bytes(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("requests are plain data")
}

fn random_key() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the kernel has random bytes");
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// A name as part of a path.
pub fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    name.bytes().fold(String::new(), |text, byte| match plain(byte) {
        true => text + &char::from(byte).to_string(),
        false => text + &format!("%{byte:02X}"),
    })
}
