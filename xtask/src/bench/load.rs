//! Many clients at once, each with a connection of its own that is kept alive.

use std::net::SocketAddr;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::measurements::percentile;
use crate::http::Client;

/// How much is asked, and how.
pub struct Load<'a> {
    /// Whom.
    pub address: SocketAddr,
    /// As whom.
    pub token: &'a str,
    /// By how many at once.
    pub clients: usize,
    /// For how long.
    pub length: Duration,
    /// Requests a second that all clients together begin, at even distances; as many as are answered if absent.
    pub rate: Option<f64>,
}

/// A request: method, path, body.
pub type Request = (&'static str, String, Vec<u8>);

/// How it went.
pub struct Pace {
    /// Requests that were answered.
    pub requests: u64,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// How long each took, in milliseconds, ascending. With a rate, from when it was due.
    pub times_ms: Vec<f64>,
}

impl Pace {
    /// Requests a second.
    pub fn per_second(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    /// Half took no longer.
    pub fn p50_ms(&self) -> f64 {
        percentile(&self.times_ms, 0.5)
    }

    /// Of a hundred, 99 took no longer.
    pub fn p99_ms(&self) -> f64 {
        percentile(&self.times_ms, 0.99)
    }
}

impl Load<'_> {
    /// Has all clients ask what `request` makes of a running number, until the time is over.
    ///
    /// # Errors
    /// Where an answer is not 200 or 201: a refused request would measure nothing.
    pub fn run(&self, request: &(impl Fn(u64) -> Request + Sync)) -> anyhow::Result<Pace> {
        let next = AtomicU64::new(0);
        let failed = AtomicBool::new(false);
        let ready = Barrier::new(self.clients + 1);
        std::thread::scope(|scope| {
            let client = || self.client(request, &next, &ready, &failed);
            let clients: Vec<_> = (0..self.clients).map(|_| scope.spawn(client)).collect();
            ready.wait();
            let begun = Instant::now();
            let mut pace = Pace { requests: 0, elapsed: Duration::ZERO, times_ms: Vec::new() };
            for client in clients {
                let times_ms = client.join().expect("a client does not panic")?;
                pace.requests += times_ms.len() as u64;
                pace.times_ms.extend(times_ms);
            }
            pace.elapsed = begun.elapsed();
            pace.times_ms.sort_by(f64::total_cmp);
            Ok(pace)
        })
    }

    fn client(
        &self,
        request: &impl Fn(u64) -> Request,
        next: &AtomicU64,
        ready: &Barrier,
        failed: &AtomicBool,
    ) -> anyhow::Result<Vec<f64>> {
        let mut client = Client::new(self.address, self.token);
        let connected = client.get("/api/v1/users/me");
        // The others wait here too, whatever happened to this one.
        ready.wait();
        connected?;
        let begun = Instant::now();
        let mut times_ms = Vec::new();
        while begun.elapsed() < self.length && !failed.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let (method, path, body) = request(number);
            let mut asked = Instant::now();
            if let Some(rate) = self.rate {
                asked = begun + Duration::from_secs_f64(number as f64 / rate);
                std::thread::sleep(asked.saturating_duration_since(Instant::now()));
            }
            let answer = client.send(method, &path, None, &body).with_context(|| format!("{method} {path}"));
            let answer = answer.inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
            if !matches!(answer.status, 200 | 201) {
                failed.store(true, Ordering::Relaxed);
                bail!("{method} {path}: {}", answer.text());
            }
            times_ms.push(asked.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(times_ms)
    }
}
