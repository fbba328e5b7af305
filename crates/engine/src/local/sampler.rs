//! Reads now and then what running attempts use. One task for all of them; one that runs for less than [`INTERVAL`] costs
//! nothing.
//!
//! The series of what runs are in memory, and are written to a small file of the attempt at its end and now and then
//! before: a server that dies loses the points since, but not what was used in them.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use haina_core::{AttemptId, Bytes, CardMillis, CardReading, CardSlot, CpuMillis, Milliseconds, NodeShare, Timestamp};
use serde::{Deserialize, Serialize};

use super::Shared;
use super::real::Real;
use super::task::blocking;
use crate::card_series::CardSeries;
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

/// What an attempt used on one node.
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
    /// The cards that it holds there, if they are real: nothing is read of simulated ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cards: Vec<CardSeries>,
}

impl AttemptSeries {
    /// A version before wrote nothing of cards: they begin now.
    fn with_cards_of(mut self, begun: Vec<NodeSeries>) -> AttemptSeries {
        for (node, begun) in self.nodes.iter_mut().zip(begun) {
            if node.cards.is_empty() {
                node.cards = begun.cards;
            }
        }
        self
    }
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
            shared.sampler.round(&running.into_iter().collect(), &shared.layout, shared.real.as_deref());
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
    fn round(&self, running: &HashMap<AttemptId, Timestamp>, layout: &Layout, real: Option<&Real>) {
        let family = Family::default();
        let readings = real.and_then(Real::fresh_readings);
        let real = real.map(|real| OnRealNode { real, readings });
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
                match Watched::open(&layout.attempt(*attempt), age, real.as_ref()) {
                    Ok(of_it) => _ = watched.insert(*attempt, of_it),
                    Err(error) => tracing::debug!(%attempt, "what it uses cannot be read yet: {error}"),
                }
            }
        }
        for (attempt, of_it) in watched.iter_mut() {
            of_it.read(&family, real.as_ref());
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

/// The node that is this machine, and how its cards are, if they were read a moment ago.
struct OnRealNode<'a> {
    real: &'a Real,
    readings: Option<Vec<CardReading>>,
}

impl OnRealNode<'_> {
    /// Cards that an attempt begins to hold.
    fn cards(&self, share: &NodeShare) -> Vec<CardSeries> {
        let node = self.real.node();
        let series = |slot: &CardSlot| {
            let memory = node.cards.get(usize::from(slot.index)).map(|card| card.memory).unwrap_or_default();
            let (index, held) = (slot.index.into(), CardMillis(slot.millis.into()));
            CardSeries { index, held, memory, usage: Series::default() }
        };
        share.cards.iter().map(series).collect()
    }

    fn is(&self, node: &str) -> bool {
        self.real.node().name == node
    }

    fn reading(&self, index: u32) -> Option<&CardReading> {
        self.readings.as_ref()?.get(index as usize)
    }
}

impl Watched {
    /// Goes on where the last server ended, if one wrote what the attempt used until then. `age` is the attempt's.
    fn open(paths: &AttemptPaths, age: Milliseconds, real: Option<&OnRealNode>) -> io::Result<Watched> {
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
            let cards = real.filter(|real| real.is(&node)).map(|real| real.cards(share)).unwrap_or_default();
            nodes.push(NodeSeries { node, cpu: share.cpu, memory: share.memory, usage, cards });
        }
        // A file that cannot be read is of a power failure.
        let kept: Option<AttemptSeries> = durable::read(&paths.series()).unwrap_or_default();
        let series = match kept.filter(|kept| kept.nodes.len() == nodes.len()) {
            Some(kept) => kept.with_cards_of(nodes),
            None => AttemptSeries { nodes },
        };
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

    fn read(&mut self, family: &Family, real: Option<&OnRealNode>) {
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
            for card in &mut node.cards {
                let reading = real.filter(|real| real.is(&node.node)).and_then(|real| real.reading(card.index));
                card.advance(age, reading);
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// As it was written before cards were in it.
    const BEFORE_CARDS: &str = r#"{"nodes":[{"node":"node-1","cpu":1000,"memory":1073741824,"usage":{"interval":5000,
        "points":[{"length":5100,"cpu":420,"cpu_peak":82,"readings":1,"memory_sum":4096,"memory_peak":4096}]}}]}"#;

    #[test]
    fn series_of_versions_before_cards_are_read_and_their_cards_begin() {
        let kept: AttemptSeries = serde_json::from_str(BEFORE_CARDS).unwrap();
        assert_eq!((kept.nodes[0].usage.length(), &kept.nodes[0].cards[..]), (Milliseconds(5100), &[][..]));
        let card = CardSeries { index: 1, held: CardMillis(500), memory: Bytes(1 << 30), usage: Default::default() };
        let begun = NodeSeries { usage: Series::default(), cards: vec![card.clone()], ..kept.nodes[0].clone() };
        let mut goes_on = kept.with_cards_of(vec![begun.clone()]);
        assert_eq!((goes_on.nodes[0].usage.length(), &goes_on.nodes[0].cards[..]), (Milliseconds(5100), &[card][..]));
        goes_on.nodes[0].cards[0].advance(Milliseconds(5000), None);
        let again = goes_on.clone().with_cards_of(vec![begun]);
        assert_eq!(again, goes_on, "what was read of cards stays");
    }
}
