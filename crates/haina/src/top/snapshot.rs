//! What `haina top` knows at one moment.

use anyhow::Result;
use haina_api::{Attempt, Center, Job, Moment, Node, User};
use serde::de::DeserializeOwned;

use crate::client::Client;
use crate::print;

/// Running jobs that are shown; each is asked for.
const RUNNING_MOST: usize = 20;
/// Waiting jobs that are counted.
const WAITING_MOST: usize = 1000;
/// Own jobs that are shown.
const OWN_MOST: usize = 10;

/// The center, as the user sees it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The center.
    pub center: Center,
    /// Its time, which moves on.
    pub now: Moment,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// Running jobs, newest first, and since when.
    pub running: Vec<(Job, Option<Moment>)>,
    /// Whether there are more.
    pub has_more_running: bool,
    /// Waiting jobs, newest first.
    pub waiting: Vec<Job>,
    /// Whether there are more.
    pub has_more_waiting: bool,
    /// Who looks.
    pub user: User,
    /// The user's own jobs, newest first, also ended ones.
    pub own: Vec<Job>,
}

impl Snapshot {
    /// Asks for all of it.
    pub fn read(client: &Client) -> Result<Snapshot> {
        let center: Center = client.get("/api/v1/center")?;
        let user: User = client.get("/api/v1/users/me")?;
        let (nodes, _) = list(client, "/api/v1/nodes", None)?;
        let (jobs, has_more_running) =
            list::<Job>(client, "/api/v1/jobs?state=starting,running,stopping", Some(RUNNING_MOST))?;
        let mut running = Vec::new();
        for job in jobs {
            // Elements of an array have no start in common.
            let started = if job.array.is_none() { started(client, &job)? } else { None };
            running.push((job, started));
        }
        let (waiting, has_more_waiting) = list(client, "/api/v1/jobs?state=waiting", Some(WAITING_MOST))?;
        let own = format!("/api/v1/jobs?all=true&user={}", crate::client::escaped(&user.name));
        let (own, _) = list(client, &own, Some(OWN_MOST))?;
        Ok(Snapshot { now: center.now, center, nodes, running, has_more_running, waiting, has_more_waiting, user, own })
    }

    /// The same, so many seconds later.
    pub fn later(&self, seconds: f64) -> Snapshot {
        let mut later = self.clone();
        later.now.0.0 += (seconds * 1e6) as i64;
        later
    }
}

fn started(client: &Client, job: &Job) -> Result<Option<Moment>> {
    let (attempts, _) = list::<Attempt>(client, &format!("/api/v1/jobs/{}/attempts", job.id), None)?;
    Ok(attempts.into_iter().filter(|attempt| attempt.ended.is_none()).find_map(|attempt| attempt.started))
}

fn list<T: DeserializeOwned>(client: &Client, path: &str, most: Option<usize>) -> Result<(Vec<T>, bool)> {
    let (items, more) = client.list(path, most)?;
    Ok((items.into_iter().map(print::read).collect::<Result<_>>()?, more))
}
