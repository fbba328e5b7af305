//! The node that is this machine, while the engine is open: its cards are read every few seconds, and those that were
//! gone or unfit come back by themselves.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use haina_core::{Card, CardReading, CardSlot, Health};
use tokio::sync::watch;

use super::recovery::Recovery;
use crate::discovery::{OwnCards, Probe, RealNode};
use crate::engine::EngineError;
use crate::order::LaunchOrder;

/// Between two readings.
const EVERY: Duration = Duration::from_secs(5);

/// A driver that does not answer once is asked again; so many times in a row, and its cards take no more work.
const FAILURES_MOST: u32 = 3;

/// Where a card is missing, what tells of cards is opened anew in one round of so many: it may take a driver seconds.
const ROUNDS_BEFORE_ANEW: u32 = 12;

/// What was read longer ago says nothing about now: the driver does not answer.
const FRESH: Duration = Duration::from_secs(15);

/// This machine as a node.
pub struct Real {
    node: Mutex<Arc<RealNode>>,
    reader: Mutex<Reader>,
    read: Mutex<Read>,
    /// Counts the readings.
    count: watch::Sender<u64>,
}

/// Reads the cards, one reading after the other.
struct Reader {
    probe: Probe,
    /// The driver did not answer so many times in a row.
    failures: u32,
    /// Rounds in a row in which a card was missing.
    lacking: u32,
    /// The ids of cards that are there and of which it is known where.
    placed: Vec<String>,
    recovery: Recovery,
}

/// How the cards were, by index.
struct Read {
    readings: Vec<CardReading>,
    at: Instant,
}

impl Real {
    /// Reads the cards once.
    pub fn new(node: RealNode, probe: Probe) -> Real {
        let there = node.cards.iter().filter(|card| !card.devices.is_empty());
        let reader = Reader {
            probe,
            // Nothing is known of the cards yet: the first failure counts.
            failures: FAILURES_MOST - 1,
            lacking: 0,
            placed: there.map(|card| card.id.clone()).collect(),
            recovery: Recovery::default(),
        };
        let real = Real {
            node: Mutex::new(Arc::new(node)),
            reader: Mutex::new(reader),
            read: Mutex::new(Read { readings: Vec::new(), at: Instant::now() }),
            count: watch::Sender::new(0),
        };
        real.round();
        real
    }

    /// What it has. Cards that come back may have other places than before; nothing else ever changes.
    pub fn node(&self) -> Arc<RealNode> {
        self.node.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How each card is, by index, as it was last read.
    pub fn readings(&self) -> Vec<CardReading> {
        self.read().readings.clone()
    }

    /// The same, if they were read a moment ago.
    pub fn fresh_readings(&self) -> Option<Vec<CardReading>> {
        let read = self.read();
        (read.at.elapsed() < FRESH).then(|| read.readings.clone())
    }

    fn read(&self) -> MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes with each reading.
    pub fn count(&self) -> watch::Receiver<u64> {
        self.count.subscribe()
    }

    /// Reads the cards until it is dropped with the engine; nothing where there are none.
    pub async fn sample(self: Arc<Self>) {
        while !self.node().cards.is_empty() {
            tokio::time::sleep(EVERY).await;
            let this = self.clone();
            if tokio::task::spawn_blocking(move || this.round()).await.is_err() {
                return;
            }
        }
    }

    /// Reads the cards, and finds the places of those that have come back.
    fn round(&self) {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let readings = match reader.probe.readings() {
            Ok(read) => {
                reader.failures = 0;
                reader.look_for_missing(&self.node(), &read);
                if let Some(node) = reader.place(&self.node(), &read) {
                    *self.node.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(node);
                }
                self.node().readings(&read)
            }
            Err(reason) => {
                reader.failures += 1;
                tracing::warn!(failures = reader.failures, "the cards could not be read: {reason}");
                reader.probe.open_anew();
                if reader.failures < FAILURES_MOST {
                    return;
                }
                // A driver that was loaded again may count its cards otherwise.
                reader.placed.clear();
                all_unhealthy(&self.node(), &reason)
            }
        };
        let readings = reader.recovery.count(readings);
        *self.read() = Read { readings, at: Instant::now() };
        self.count.send_modify(|count| *count += 1);
    }

    /// What a task gets for these cards, if it is on this node.
    pub fn own_cards(&self, node: &str, slots: &[CardSlot], alone: bool) -> OwnCards {
        let own = self.node();
        if node == own.name { own.own_cards(slots, alone) } else { OwnCards::default() }
    }
}

impl Reader {
    /// A card that its driver lost is found again by who asks anew, at the earliest in the next round.
    fn look_for_missing(&mut self, node: &RealNode, read: &[(String, CardReading)]) {
        let is_missing = |card: &Card| read.iter().all(|(there, _)| *there != card.id);
        self.lacking = if node.cards.iter().any(is_missing) { self.lacking + 1 } else { 0 };
        if self.lacking % ROUNDS_BEFORE_ANEW == 1 {
            self.probe.open_anew();
        }
    }

    /// The node with the places of cards that were not there before; none where all are where they were.
    fn place(&mut self, node: &RealNode, read: &[(String, CardReading)]) -> Option<RealNode> {
        let is_there = |id: &String| read.iter().any(|(there, _)| there == id);
        self.placed.retain(is_there);
        let is_fit = |reading: &CardReading| !matches!(reading.health, Health::Unhealthy(_));
        let has_come = |card: &Card| {
            let is_known = self.placed.contains(&card.id);
            !is_known && read.iter().any(|(there, reading)| *there == card.id && is_fit(reading))
        };
        if !node.cards.iter().any(has_come) {
            return None;
        }
        let machine = self.probe.machine();
        self.placed = machine.cards.iter().map(|card| card.id.clone()).filter(is_there).collect();
        Some(node.placed_by(&machine))
    }
}

fn has(node: &RealNode, slot: &CardSlot) -> bool {
    node.cards.get(usize::from(slot.index)).is_some_and(|card| !card.devices.is_empty())
}

/// Refuses an order for real cards that are not here: gone, or of a node that this machine is no more.
pub fn check(real: Option<&Real>, order: &LaunchOrder) -> Result<(), EngineError> {
    let real = real.map(Real::node);
    for share in &order.launch.allocation.shares {
        let name = order.node_name(share);
        let is_real = order.nodes.iter().any(|node| node.id == share.node && node.real);
        let gone = match real.as_ref().filter(|real| real.name == name) {
            Some(real) => share.cards.iter().find(|slot| !has(real, slot)),
            None => share.cards.first().filter(|_| is_real),
        };
        if let Some(slot) = gone {
            let what = format!("card {} of node {name} is not on this machine", slot.index);
            return Err(EngineError::BadOrder { attempt: order.launch.attempt, what });
        }
    }
    Ok(())
}

fn all_unhealthy(node: &RealNode, reason: &str) -> Vec<CardReading> {
    node.cards.iter().map(|_| CardReading::only(Health::Unhealthy(reason.to_owned()))).collect()
}
