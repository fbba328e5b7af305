//! A small HTTP/1.1 client with one connection that is kept alive.
//!
//! For load and for torment: it costs the measured machine little, and says exactly whether a request was answered.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

/// How long one answer may take. Generous: whether answers are fast is measured, not enforced.
const LONGEST: Duration = Duration::from_secs(60);

/// A client with one connection.
pub struct Client {
    address: SocketAddr,
    token: String,
    connection: Option<BufReader<TcpStream>>,
    request: Vec<u8>,
}

/// An answer.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// For complaints.
    pub fn text(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body).trim_end())
    }
}

impl Client {
    /// A client that has not connected yet.
    pub fn new(address: SocketAddr, token: &str) -> Client {
        Client { address, token: token.to_owned(), connection: None, request: Vec::new() }
    }

    /// Sends a request and takes its answer. After an error it is not known whether the request was acted upon; the
    /// next one uses a new connection.
    ///
    /// # Errors
    /// Where the server cannot be reached or the connection ends before the answer does.
    pub fn send(&mut self, method: &str, path: &str, key: Option<&str>, body: &[u8]) -> io::Result<Answer> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        self.request.clear();
        write!(
            self.request,
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n",
            self.address, self.token
        )?;
        if let Some(key) = key {
            write!(self.request, "idempotency-key: {key}\r\n")?;
        }
        if !body.is_empty() {
            write!(self.request, "content-type: application/json\r\n")?;
        }
        write!(self.request, "content-length: {}\r\n\r\n", body.len())?;
        self.request.extend_from_slice(body);
        connection.get_mut().write_all(&self.request)?;
        let (answer, keep) = read_answer(&mut connection)?;
        self.connection = keep.then_some(connection);
        Ok(answer)
    }

    fn connect(&self) -> io::Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LONGEST))?;
        Ok(BufReader::with_capacity(64 << 10, stream))
    }

    /// GETs JSON.
    ///
    /// # Errors
    /// Where the answer is not 200.
    pub fn get(&mut self, path: &str) -> anyhow::Result<Value> {
        let answer = self.send("GET", path, None, b"").with_context(|| format!("GET {path}"))?;
        if answer.status != 200 {
            bail!("GET {path}: {}", answer.text());
        }
        Ok(answer.json())
    }

    /// POSTs JSON.
    ///
    /// # Errors
    /// Where the answer is not 200 or 201.
    pub fn post(&mut self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let body = body.to_string();
        let answer = self.send("POST", path, None, body.as_bytes()).with_context(|| format!("POST {path}"))?;
        if !matches!(answer.status, 200 | 201) {
            bail!("POST {path}: {}", answer.text());
        }
        Ok(answer.json())
    }

    /// All items of a list, page by page.
    ///
    /// # Errors
    /// Where a page cannot be read.
    pub fn list(&mut self, path: &str) -> anyhow::Result<Vec<Value>> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let first = format!("{path}{separator}limit=1000");
        let mut items = Vec::new();
        let mut next = first.clone();
        loop {
            let mut page = self.get(&next)?;
            match page["items"].take() {
                Value::Array(more) => items.extend(more),
                _ => bail!("GET {next}: no `items`"),
            }
            match page["next_cursor"].as_str() {
                Some(cursor) => next = format!("{first}&cursor={cursor}"),
                None => return Ok(items),
            }
        }
    }

    /// The value of a metric without labels.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn metric(&mut self, name: &str) -> anyhow::Result<u64> {
        let answer = self.send("GET", "/metrics", None, b"").context("GET /metrics")?;
        let text = String::from_utf8_lossy(&answer.body);
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(|value| value.parse().ok()).with_context(|| format!("no metric {name}: {}", answer.status))
    }
}

fn read_answer(connection: &mut BufReader<TcpStream>) -> io::Result<(Answer, bool)> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut line = String::new();
    let mut status = None;
    let mut length = None;
    let mut keep = true;
    loop {
        line.clear();
        if connection.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = line.trim_end();
        if text.is_empty() {
            break;
        }
        match (status, text.split_once(':')) {
            (None, _) => {
                let code = text.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok());
                status = Some(code.ok_or_else(|| bad("no status"))?);
            }
            (_, Some((name, value))) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse::<usize>().ok();
            }
            (_, Some((name, value))) if name.eq_ignore_ascii_case("connection") => {
                keep = !value.trim().eq_ignore_ascii_case("close");
            }
            _ => {}
        }
    }
    let mut body = vec![0; length.ok_or_else(|| bad("no content-length"))?];
    connection.read_exact(&mut body)?;
    Ok((Answer { status: status.ok_or_else(|| bad("no status"))?, body }, keep))
}
