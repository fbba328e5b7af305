//! One of the people outside: asks, is cut off, asks again with the same key, and remembers what was said.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::plan::{ORGANIZATIONS, Planner, Submission};
use super::record::Record;
use crate::http::{Answer, Client};
use crate::random::Random;

/// How long one request is repeated before that is a complaint.
const PATIENCE: Duration = Duration::from_secs(90);

/// A driver.
pub struct Driver<'a> {
    /// What all remember together.
    pub record: &'a Record,
    /// How it talks to the center.
    pub client: Client,
    /// Its own dice.
    pub random: Random,
    /// What it submits.
    pub planner: Planner,
    /// Jobs that were submitted last, with their organization where it is known.
    pub recent: Vec<(String, usize)>,
}

impl Driver<'_> {
    /// Asks until the test is over.
    pub fn run(&mut self) {
        let mut number = 0;
        while !self.record.stop.load(Ordering::Relaxed) {
            if self.record.pause.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            }
            number += 1;
            match self.random.below(100) {
                0..80 => self.submit(number),
                80..95 => self.cancel(),
                95..98 => self.top_up(number),
                _ => self.look(),
            }
            std::thread::sleep(Duration::from_millis(self.random.below(25)));
        }
    }

    fn submit(&mut self, number: u64) {
        let earlier = self.recent.get(self.random.below(64) as usize).cloned();
        let submission = self.planner.submission(&mut self.random, earlier.as_ref());
        if self.random.chance(5) {
            return self.submit_without_a_key(submission);
        }
        let key = format!("{}-{number}", self.planner.prefix);
        let Some(answer) = self.until_answered(submission.path, &key, &submission.body) else { return };
        let Some(ids) = ids(&answer) else {
            // The one refusal that depends on what has happened meanwhile.
            match is_in_vain(&answer) {
                true => self.remember_in_vain(&submission),
                false => self.record.complain(format!("a submission was refused: {}", answer.text())),
            }
            return;
        };
        if self.random.chance(10) {
            self.record.repeated.fetch_add(1, Ordering::Relaxed);
            if let Some(again) = self.until_answered(submission.path, &key, &submission.body)
                && ids_of(&again) != ids
            {
                self.record.complain(format!("key {key} gave {ids:?}, then {}", again.text()));
            }
        }
        self.remember(ids, submission);
    }

    fn submit_without_a_key(&mut self, submission: Submission) {
        let answer = self.change(submission.path, None, &submission.body);
        match answer.as_ref().ok().filter(|answer| answer.status != 503) {
            Some(answer) => match ids(answer) {
                Some(ids) => self.remember(ids, submission),
                None if is_in_vain(answer) => self.remember_in_vain(&submission),
                None => self.record.complain(format!("a submission was refused: {}", answer.text())),
            },
            None => {
                let jobs = submission.jobs.into_iter().map(|job| (job.name.clone(), job));
                self.record.told().unknown.extend(jobs);
            }
        }
    }

    fn remember(&mut self, ids: Vec<String>, submission: Submission) {
        if ids.len() != submission.jobs.len() {
            return self.record.complain(format!("{} jobs were submitted, and {ids:?} given", submission.jobs.len()));
        }
        let organization = organization_of(&submission.body);
        let mut told = self.record.told();
        for (id, planned) in ids.into_iter().zip(submission.jobs) {
            self.recent.push((id.clone(), organization));
            if let Some(other) = told.jobs.insert(id.clone(), planned) {
                self.record.complain(format!("id {id} was given twice, first to {}", other.name));
            }
        }
        let surplus = self.recent.len().saturating_sub(64);
        self.recent.drain(..surplus);
    }

    /// It was refused because what it waits for has not succeeded; the oracle asks whether that is so.
    fn remember_in_vain(&self, submission: &Submission) {
        let needed = submission.jobs.iter().filter_map(|job| job.depends.as_ref());
        let needed = needed.filter(|dependency| dependency.on_success).map(|dependency| dependency.on.clone());
        self.record.told().unsuccessful.extend(needed);
    }

    fn cancel(&mut self) {
        let Some((id, _)) = self.recent.get(self.random.below(64) as usize).cloned() else { return };
        // Before it is asked: if the answer is lost, it may have happened.
        self.record.told().cancelled.insert(id.clone());
        let path = format!("/api/v1/jobs/{id}/cancel");
        match self.change(&path, None, b"") {
            Ok(answer) if answer.status == 200 => _ = self.record.cancels.fetch_add(1, Ordering::Relaxed),
            Ok(answer) if matches!(answer.status, 503) || answer.json()["code"] == "already_ended" => {}
            Ok(answer) => self.record.complain(format!("{path}: {}", answer.text())),
            Err(_) => {}
        }
    }

    fn top_up(&mut self, number: u64) {
        let organization = self.random.below(ORGANIZATIONS.len() as u64) as usize;
        let micros = 1 + i128::from(self.random.below(5_000_000_000));
        let reference = format!("{}-transfer-{number}", self.planner.prefix);
        let amount = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
        let body = json!({ "amount": amount, "reference": reference }).to_string().into_bytes();
        let path = format!("/api/v1/accounts/{}/top-ups", ORGANIZATIONS[organization].0);
        let Some(answer) = self.until_answered(&path, &reference, &body) else { return };
        match answer.status {
            200 | 201 => _ = self.record.told().paid.insert(reference, (organization, micros)),
            _ => self.record.complain(format!("{path}: {}", answer.text())),
        }
    }

    /// A job that somebody was given is there, always.
    fn look(&mut self) {
        let Some((id, _)) = self.recent.get(self.random.below(64) as usize).cloned() else { return };
        if let Ok(answer) = self.client.send("GET", &format!("/api/v1/jobs/{id}"), None, b"")
            && !matches!(answer.status, 200 | 503)
        {
            self.record.complain(format!("job {id} was given and is not there: {}", answer.text()));
        }
    }

    /// Asks under a key until there is an answer that is not “later”. None where the test's patience ends.
    fn until_answered(&mut self, path: &str, key: &str, body: &[u8]) -> Option<Answer> {
        let begun = Instant::now();
        let mut first = true;
        while begun.elapsed() < PATIENCE && !self.record.abandoned.load(Ordering::Relaxed) {
            if !std::mem::take(&mut first) {
                self.record.repeated.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(10 + self.random.below(40)));
            }
            match self.change(path, Some(key), body) {
                Ok(answer) if answer.status == 503 => {}
                Ok(answer) => return Some(answer),
                Err(_) => {}
            }
        }
        self.record.complain(format!("{path} under key {key} was not answered for {} s", PATIENCE.as_secs()));
        None
    }

    /// One request that changes something.
    fn change(&mut self, path: &str, key: Option<&str>, body: &[u8]) -> std::io::Result<Answer> {
        let sent = Instant::now();
        let answer = self.client.send("POST", path, key, body);
        match &answer {
            Ok(answer) if answer.status == 503 => _ = self.record.unavailable.fetch_add(1, Ordering::Relaxed),
            Ok(_) => _ = self.record.answered.fetch_add(1, Ordering::Relaxed),
            // Nobody listens while the server is down: such a request never was under way.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
            Err(_) => self.record.was_cut_off(sent),
        }
        answer
    }
}

/// Whether a submission was refused because it waits for the success of what has not succeeded.
fn is_in_vain(answer: &Answer) -> bool {
    answer.json()["code"] == "dependency_unsatisfiable"
}

/// The ids of an answer that accepts.
fn ids(answer: &Answer) -> Option<Vec<String>> {
    matches!(answer.status, 200 | 201).then(|| ids_of(answer))
}

fn ids_of(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    let id = |job: &Value| job["id"].as_str().unwrap_or_default().to_owned();
    match body["jobs"].as_array() {
        Some(jobs) => jobs.iter().map(id).collect(),
        None => vec![id(&body)],
    }
}

/// The organization of the first job of a submission.
fn organization_of(body: &[u8]) -> usize {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let first = if body["jobs"].is_array() { &body["jobs"][0] } else { &body };
    ORGANIZATIONS.iter().position(|(name, _)| first["organization"] == *name).unwrap_or(0)
}
