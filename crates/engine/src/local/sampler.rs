//! Reads now and then what running attempts use. One task for all of them; one that runs for less than [`INTERVAL`] costs
//! nothing.
//!
//! The series of what runs are in memory, and are written to a small file of the attempt at its end and now and then
//! before: a server that dies loses the points since, but not what was used in them.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use haina_core::{AttemptId, Bytes, CpuMillis, Milliseconds, Timestamp};
use serde::{Deserialize, Serialize};

use super::Shared;
use super::task::blocking;
use crate::layout::{AttemptPaths, Layout};
use crate::order::LaunchOrder;
use crate::records::TaskOrder;
use crate::series::{INTERVAL, Point, Series};
use crate::usage::{Family, Source};
use crate::{clock, durable};

/// Between two writings of a series, at first and at most; in between, a twentieth of what it covers.
const KEPT_EVERY: [Milliseconds; 2] = [Milliseconds::from_seconds(60), Milliseconds::from_seconds(600)];

/// What an attempt used on each of its nodes: `series.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct AttemptSeries {
    /// In the order of the allocation.
    nodes: Vec<NodeSeries>,
}

/// What an attempt used on one node. Readings of its cards have their place beside `usage`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSeries {
    /// The node's name.
    pub node: String,
    /// The share of processors that it holds there.
    pub cpu: CpuMillis,
    /// The share of memory that it holds there.
    pub memory: Bytes,
    /// Processors and memory over time.
    pub usage: Series,
}

/// The series of attempts that run.
#[derive(Default)]
pub struct Sampler {
    watched: Mutex<BTreeMap<AttemptId, Watched>>,
}

struct Watched {
    series: AttemptSeries,
    /// One for each of `series`.
    sources: Vec<Source>,
    /// Since the attempt's start, when it was seen first; and when that was.
    first_seen: (Milliseconds, Instant),
    /// What the series covered when it was written last.
    kept: Milliseconds,
}

/// Reads until the engine is gone.
pub async fn sample(shared: Weak<Shared>) {
    let mut ticks = tokio::time::interval(Duration::from_millis(INTERVAL.0));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        let running = shared.running();
        if running.is_empty() && shared.sampler.watched().is_empty() {
            continue;
        }
        let round = blocking(move || {
            shared.sampler.round(&running.into_iter().collect(), &shared.layout);
            Ok(())
        });
        if let Err(error) = round.await {
            tracing::warn!("what attempts use could not be read: {error}");
        }
    }
}

impl Sampler {
    fn watched(&self) -> MutexGuard<'_, BTreeMap<AttemptId, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what all attempts use that run, and lets go of those that have ended.
    fn round(&self, running: &HashMap<AttemptId, Timestamp>, layout: &Layout) {
        let family = Family::default();
        let mut watched = self.watched();
        watched.retain(|attempt, of_it| {
            let runs = running.contains_key(attempt);
            if !runs {
                of_it.keep(*attempt, &layout.attempt(*attempt));
            }
            runs
        });
        for (attempt, started) in running {
            let age = clock::now().since(*started);
            if age >= INTERVAL && !watched.contains_key(attempt) {
                match Watched::open(&layout.attempt(*attempt), age) {
                    Ok(of_it) => _ = watched.insert(*attempt, of_it),
                    Err(error) => tracing::debug!(%attempt, "what it uses cannot be read yet: {error}"),
                }
            }
        }
        for (attempt, of_it) in watched.iter_mut() {
            of_it.read(&family);
            if of_it.is_to_be_kept() {
                of_it.keep(*attempt, &layout.attempt(*attempt));
            }
        }
    }

    /// Writes all of them: the server ends.
    pub fn keep_all(&self, layout: &Layout) {
        for (attempt, of_it) in self.watched().iter_mut() {
            of_it.keep(*attempt, &layout.attempt(*attempt));
        }
    }

    /// The series of an attempt: as they are now if it runs, else as they were written at its end.
    pub fn of(&self, attempt: AttemptId, layout: &Layout) -> io::Result<Vec<NodeSeries>> {
        if let Some(watched) = self.watched().get(&attempt) {
            return Ok(watched.series.nodes.clone());
        }
        let kept: Option<AttemptSeries> = durable::read(&layout.attempt(attempt).series())?;
        Ok(kept.unwrap_or_default().nodes)
    }
}

impl Watched {
    /// Goes on where the last server ended, if one wrote what the attempt used until then. `age` is the attempt's.
    fn open(paths: &AttemptPaths, age: Milliseconds) -> io::Result<Watched> {
        let order: LaunchOrder = durable::read(&paths.order())?.ok_or(io::ErrorKind::NotFound)?;
        let per_node = order.launch.tasks_per_node;
        let mut sources = Vec::new();
        let mut nodes = Vec::new();
        for (node, share) in (0..).zip(&order.launch.allocation.shares) {
            let tasks: Vec<_> = (node * per_node..(node + 1) * per_node).map(|rank| paths.task(rank)).collect();
            let first = tasks.first().ok_or(io::ErrorKind::NotFound)?;
            let task: TaskOrder = durable::read(&first.order())?.ok_or(io::ErrorKind::NotFound)?;
            let groups = task.sandbox.map(|sandbox| sandbox.groups).unwrap_or_default();
            sources.push(Source { groups: groups.into_iter().map(|group| group.node).collect(), tasks });
            let (node, usage) = (order.node_name(share), Series::default());
            nodes.push(NodeSeries { node, cpu: share.cpu, memory: share.memory, usage });
        }
        // A file that cannot be read is of a power failure.
        let kept: Option<AttemptSeries> = durable::read(&paths.series()).unwrap_or_default();
        let series = kept.filter(|kept| kept.nodes.len() == nodes.len()).unwrap_or(AttemptSeries { nodes });
        let mut watched = Watched { series, sources, first_seen: (age, Instant::now()), kept: Milliseconds(0) };
        watched.kept = watched.length();
        // A wall clock that was set back makes no time negative.
        watched.first_seen.0 = age.max(watched.kept);
        Ok(watched)
    }

    /// What the series cover.
    fn length(&self) -> Milliseconds {
        self.series.nodes.iter().map(|node| node.usage.length()).max().unwrap_or_default()
    }

    fn read(&mut self, family: &Family) {
        let (age, since) = self.first_seen;
        let age = age + Milliseconds(u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX));
        for (node, source) in self.series.nodes.iter_mut().zip(&self.sources) {
            let length = age.0.saturating_sub(node.usage.length().0);
            // Seen late, and then at once again.
            let is_new = length >= INTERVAL.0 / 2;
            let Some(usage) = source.read(family).filter(|_| is_new) else { continue };
            // A process that ended without being waited for takes its use with it: that was used all the same.
            let cpu = usage.cpu.0.saturating_sub(node.usage.cpu().0);
            node.usage.push(Point::reading(Milliseconds(length), Milliseconds(cpu), usage.memory));
        }
    }

    fn is_to_be_kept(&self) -> bool {
        let length = self.length();
        let [least, most] = KEPT_EVERY;
        length.0.saturating_sub(self.kept.0) >= (length.0 / 20).clamp(least.0, most.0)
    }

    fn keep(&mut self, attempt: AttemptId, paths: &AttemptPaths) {
        let length = self.length();
        if length == self.kept {
            return;
        }
        match durable::write_atomically(&paths.series(), &self.series) {
            Ok(()) => self.kept = length,
            Err(error) => tracing::warn!(%attempt, "what it used could not be written: {error}"),
        }
    }
}
