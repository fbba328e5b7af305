//! Waiting for jobs to end, with progress on standard error.

use std::time::Duration;

use haina_api::{Attempt, Job};
use haina_core::JobState;

use crate::client::{Client, ClientError};
use crate::complaint::FAILED;
use crate::event_lines::EventLines;
use crate::language::say;

/// How long a center may be away: jobs go on without it, and it may come back.
const AWAY_MOST: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(500);
/// Elements of one array whose starts and ends are told one by one.
const TOLD_MOST: u64 = 200;

/// Waits for the end of a job.
pub fn until_ended(client: &Client, id: &str) -> Result<Job, ClientError> {
    let mut last = "0".to_owned();
    let mut told = 0;
    let mut away = Duration::ZERO;
    loop {
        let seen = follow(client, id, &mut last, &mut told);
        let job = seen.and_then(|()| client.get::<Job>(&format!("/api/v1/jobs/{id}")));
        match job {
            Ok(job) if job.state.is_ended() => return Ok(job),
            // The server ended the stream, for example because it ends itself.
            Ok(_) => away = Duration::ZERO,
            Err(error) if !is_away(&error) || away >= AWAY_MOST => return Err(error),
            Err(_) if away.is_zero() => {
                eprintln!("{}", say("the center is away; waiting for it", "中心暂时离线，等待恢复"))
            }
            Err(_) => {}
        }
        std::thread::sleep(PAUSE);
        away += PAUSE;
    }
}

fn is_away(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { .. } => true,
        ClientError::Refused(problem) => problem.status == 503,
        ClientError::NotACenter { .. } => false,
    }
}

fn follow(client: &Client, id: &str, last: &mut String, told: &mut u64) -> Result<(), ClientError> {
    let path = format!("/api/v1/jobs/{id}/events?after={last}");
    let stream = client.stream(&path, "text/event-stream", &[])?;
    for event in EventLines::new(stream) {
        let Ok(event) = event else { return Ok(()) };
        *last = event.id;
        let of_attempt = event.kind.starts_with("attempt_");
        *told += u64::from(of_attempt);
        if !of_attempt || *told <= TOLD_MOST {
            eprintln!("{}", event.sentence);
        }
        if event.kind == "job_ended" {
            return Ok(());
        }
    }
    Ok(())
}

/// A job's own exit code: what its program exited with; 128 + the signal; 124 past its time limit; else 1.
pub fn exit_code(client: &Client, job: &Job) -> Result<u8, ClientError> {
    if job.state == JobState::Succeeded {
        return Ok(0);
    }
    if let Some(code) = job.exit_code.filter(|code| *code != 0) {
        return Ok(code);
    }
    let (attempts, _) = client.list(&format!("/api/v1/jobs/{}/attempts", job.id), None)?;
    let attempts = attempts.into_iter().filter_map(|value| serde_json::from_value::<Attempt>(value).ok());
    let bad = attempts.filter(|attempt| attempt.state != JobState::Succeeded).filter_map(|attempt| attempt.end);
    let code = bad.filter(|end| !end.retry).find_map(|end| match (end.signal, end.how.as_str()) {
        (Some(signal), _) => Some(128u8.saturating_add(signal)),
        (None, "timed_out") => Some(124),
        _ => None,
    });
    Ok(code.unwrap_or(FAILED))
}
