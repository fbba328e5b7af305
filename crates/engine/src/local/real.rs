//! The node that is this machine, while the engine is open: its cards are read every few seconds.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use haina_core::{CardReading, CardSlot, Health};
use tokio::sync::watch;

use crate::discovery::{OwnCards, Probe, RealNode};
use crate::engine::EngineError;
use crate::order::LaunchOrder;

/// Between two readings.
const EVERY: Duration = Duration::from_secs(5);

/// A driver that does not answer once is asked again; so many times in a row, and its cards take no more work.
const FAILURES_MOST: u32 = 3;

/// What was read longer ago says nothing about now: the driver does not answer.
const FRESH: Duration = Duration::from_secs(15);

/// This machine as a node.
pub struct Real {
    /// What it has.
    pub node: RealNode,
    probe: Probe,
    read: Mutex<Read>,
    /// Counts the readings.
    count: watch::Sender<u64>,
}

/// How the cards were, by index.
struct Read {
    readings: Vec<CardReading>,
    at: Instant,
}

impl Real {
    /// Reads the cards once.
    pub fn new(node: RealNode, probe: Probe) -> Real {
        let readings = match probe.readings() {
            Ok(read) => node.readings(&read),
            Err(reason) => all_unhealthy(&node, &reason),
        };
        let read = Mutex::new(Read { readings, at: Instant::now() });
        Real { node, probe, read, count: watch::Sender::new(1) }
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
        let mut failures = 0;
        while !self.node.cards.is_empty() {
            tokio::time::sleep(EVERY).await;
            let this = self.clone();
            let Ok(read) = tokio::task::spawn_blocking(move || this.probe.readings()).await else { return };
            let readings = match read {
                Ok(read) => {
                    failures = 0;
                    self.node.readings(&read)
                }
                Err(reason) => {
                    failures += 1;
                    tracing::warn!(failures, "the cards could not be read: {reason}");
                    if failures < FAILURES_MOST {
                        continue;
                    }
                    all_unhealthy(&self.node, &reason)
                }
            };
            *self.read() = Read { readings, at: Instant::now() };
            self.count.send_modify(|count| *count += 1);
        }
    }

    /// What a task gets for these cards, if it is on this node.
    pub fn own_cards(&self, node: &str, slots: &[CardSlot], alone: bool) -> OwnCards {
        if node == self.node.name { self.node.own_cards(slots, alone) } else { OwnCards::default() }
    }

    fn has(&self, slot: &CardSlot) -> bool {
        self.node.cards.get(usize::from(slot.index)).is_some_and(|card| !card.devices.is_empty())
    }
}

/// Refuses an order for real cards that are not here: gone, or of a node that this machine is no more.
pub fn check(real: Option<&Real>, order: &LaunchOrder) -> Result<(), EngineError> {
    for share in &order.launch.allocation.shares {
        let name = order.node_name(share);
        let is_real = order.nodes.iter().any(|node| node.id == share.node && node.real);
        let gone = match real.filter(|real| real.node.name == name) {
            Some(real) => share.cards.iter().find(|slot| !real.has(slot)),
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
